//! What people do at the screen, while nobody's API is looking (contract salesforce 11).

use serde_json::{Value, json};

use super::Salesforce;
use super::call::Manner;
use super::org::Org;
use super::store::Row;
use super::value;

/// What a conversion made of a lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// The account.
    pub account: String,
    /// The contact.
    pub contact: String,
    /// The opportunity, if the person wanted one.
    pub opportunity: Option<String>,
}

/// How far ahead a new opportunity is expected to close, in seconds.
const QUARTER: i64 = 90 * 24 * 60 * 60;

impl Salesforce {
    /// Converts a lead, by its id or key: it freezes, and an account, a contact and maybe an
    /// opportunity stand in its place. `None` when there is no such lead, or not any more.
    pub fn convert(&self, lead: &str, with_opportunity: bool) -> Option<Conversion> {
        self.at_the_screen(|org| {
            let id = org.find("Lead", lead)?;
            let mut row = org.store.live("Lead", &id).filter(|row| row["IsConverted"] != json!(true))?.clone();
            let name = |field: &str| row.get(field).cloned().unwrap_or(Value::Null);
            let account = json!({ "Name": name("Company"), "Phone": name("Phone"), "OwnerId": org.person });
            let account = org.seed("Account", account);
            let contact = org.seed("Contact", json!({
                "AccountId": account, "FirstName": name("FirstName"), "LastName": name("LastName"), "Name": name("Name"),
                "Email": name("Email"), "Phone": name("Phone"), "OwnerId": org.person,
            }));
            let opportunity = with_opportunity.then(|| {
                let title = format!("{}-", row["Company"].as_str().unwrap_or_default());
                let close = value::date(org.now() + QUARTER);
                let stage = json!({ "Name": title, "AccountId": account, "ContactId": contact, "CloseDate": close,
                    "StageName": "Prospecting", "LeadSource": name("LeadSource"), "OwnerId": org.person });
                org.make("Opportunity", &stage)
            });
            for (field, value) in [
                ("IsConverted", json!(true)),
                ("Status", json!("Closed - Converted")),
                ("ConvertedDate", json!(value::date(org.now()))),
                ("ConvertedAccountId", json!(account)),
                ("ConvertedContactId", json!(contact)),
                ("ConvertedOpportunityId", json!(opportunity.clone().flatten())),
            ] {
                row.insert(field.to_owned(), value);
            }
            org.touch(&mut row, false);
            org.store.put("Lead", &id, row);
            Some(Conversion {
                account,
                contact,
                opportunity: opportunity.flatten(),
            })
        })
    }

    /// Closes the opportunity a lead became, won or lost. False when there is none.
    pub fn close_opportunity(&self, lead: &str, won: bool, amount: f64, closes_on: &str) -> bool {
        let stage = if won { "Closed Won" } else { "Closed Lost" };
        let fields = json!({ "StageName": stage, "Amount": amount, "CloseDate": closes_on });
        self.change_opportunity(lead, &fields)
    }

    /// Changes fields of the opportunity a lead became. False when there is none, or the values are refused.
    pub fn change_opportunity(&self, lead: &str, fields: &Value) -> bool {
        let opportunity = self.look(|org| {
            let id = org.find("Lead", lead)?;
            Some(
                org.store
                    .get("Lead", &id)?
                    .get("ConvertedOpportunityId")?
                    .as_str()?
                    .to_owned(),
            )
        });
        opportunity.is_some_and(|id| self.change("Opportunity", &id, fields))
    }

    /// Changes fields of any record, by its id or key. False when there is none, or the values are refused.
    pub fn change(&self, object: &str, record: &str, fields: &Value) -> bool {
        self.at_the_screen(|org| {
            let id = org.find(object, record)?;
            let object = org.object(object).ok()?;
            org.update(&object, &id, fields.as_object()?, &Manner::default())
                .ok()
        })
        .is_some()
    }

    /// A user of this name owns a lead, by its id or key, from now on; the user is made when nobody has the
    /// name. False when there is no such lead, or not any more.
    pub fn assign(&self, lead: &str, person: &str) -> bool {
        let owner = self.look(|org| org.named("User", person));
        self.change("Lead", lead, &json!({ "OwnerId": owner }))
    }

    /// A queue of this name owns a lead from now on. False when there is no such lead, or not any more.
    pub fn give_to_queue(&self, lead: &str, queue: &str) -> bool {
        let owner = self.look(|org| org.named("Group", queue));
        self.change("Lead", lead, &json!({ "OwnerId": owner }))
    }

    /// Makes a record the way the stock screens do, and tells its id; `None` when it is refused.
    pub fn make(&self, object: &str, fields: &Value) -> Option<String> {
        self.at_the_screen(|org| org.make(object, fields))
    }

    /// Deletes a record, by its id or key. False when there is none.
    pub fn delete(&self, object: &str, record: &str) -> bool {
        self.at_the_screen(|org| {
            let id = org.find(object, record)?;
            let object = org.object(object).ok()?;
            org.delete(&object, &id).ok()
        })
        .is_some()
    }

    /// Merges one lead into another: the loser is deleted and remembers the winner. False when one is missing.
    pub fn merge(&self, loser: &str, winner: &str) -> bool {
        self.at_the_screen(|org| {
            let (loser, winner) = (org.find("Lead", loser)?, org.find("Lead", winner)?);
            let mut gone = org.store.live("Lead", &loser)?.clone();
            let mut kept = org.store.live("Lead", &winner)?.clone();
            gone.insert("IsDeleted".to_owned(), json!(true));
            gone.insert("MasterRecordId".to_owned(), json!(winner));
            for (id, row) in [(&loser, &mut gone), (&winner, &mut kept)] {
                org.touch(row, false);
                org.store.put("Lead", id, row.clone());
            }
            Some(())
        })
        .is_some()
    }

    /// Adds a stage of opportunities, with any label.
    pub fn add_stage(&self, label: &str, closed: bool, won: bool) {
        self.look(|org| org.add_stage(label, closed, won));
    }

    /// Lets a person, not the integration user, do something.
    fn at_the_screen<T>(&self, act: impl FnOnce(&mut Org) -> T) -> T {
        self.look(|org| {
            let user = std::mem::replace(&mut org.actor, org.person.clone());
            let done = act(org);
            org.actor = user;
            done
        })
    }
}

impl Org {
    /// A record by its id, or the live one that holds this key.
    pub(super) fn find(&self, object: &str, record: &str) -> Option<String> {
        let id = super::id::read(record).filter(|id| self.store.get(object, id).is_some());
        id.or_else(|| self.store.holders_of_any(object, record).into_iter().next())
    }

    /// The record of this name, made when there is none.
    fn named(&mut self, object: &str, name: &str) -> String {
        let is_it = |row: &Row| row.get("Name") == Some(&json!(name));
        let found = self.store.rows(object).find(|(_, row)| is_it(row));
        let found = found.map(|(id, _)| id.to_owned());
        found.unwrap_or_else(|| self.seed(object, json!({ "Name": name, "IsActive": true })))
    }

    fn make(&mut self, object: &str, fields: &Value) -> Option<String> {
        let object = self.object(object).ok()?;
        let given: Row = fields.as_object()?.clone();
        self.create(&object, &given, &Manner::default()).ok()
    }
}
