//! `QualifyLead`, `WinOpportunity`, `LoseOpportunity` and the small ones (contract dynamics365 12.4).

use serde_json::{Map, Value, json};

use super::Environment;
use super::answer::{Answer, Refusal};
use super::call::Call;
use super::schema::IndexStatus;
use super::store::{Link, Row};
use super::value::written;
use super::write::Target;

/// What `QualifyLead` may be told.
const QUALIFY: &[&str] = &[
    "CreateAccount",
    "CreateContact",
    "CreateOpportunity",
    "Status",
    "OpportunityCurrencyId",
    "OpportunityCustomerId",
    "SourceCampaignId",
    "ProcessInstanceId",
    "SuppressDuplicateDetection",
];

impl Environment {
    /// An action of one row.
    pub(super) fn bound(
        &mut self,
        table: &'static str,
        target: &Target,
        action: &str,
        call: &Call,
    ) -> Result<Answer, Refusal> {
        if (table, action) != ("lead", "QualifyLead") {
            return Err(Refusal::no_resource(action));
        }
        let asked = call.object()?;
        if let Some(name) = asked.keys().find(|name| !QUALIFY.contains(&name.as_str())) {
            return Err(Refusal::payload(format!(
                "The parameter '{name}' in the request payload is not a valid parameter for the operation '{action}'."
            )));
        }
        let lead = self.existing(self.table(table)?, target)?;
        let wants = |name: &str| {
            asked
                .get(name)
                .and_then(Value::as_bool)
                .ok_or_else(|| missing(name))
        };
        let wanted = [
            wants("CreateAccount")?,
            wants("CreateContact")?,
            wants("CreateOpportunity")?,
        ];
        match asked.get("Status").and_then(Value::as_i64) {
            Some(-1 | 3) => {}
            Some(other) => return Err(wrong_status(other, "LeadState.Qualified", "lead", &lead)),
            None => return Err(missing("Status")),
        }
        let created = self.qualify(&lead, wanted, call)?;
        let value: Vec<Value> = created
            .iter()
            .map(|link| {
                json!({
                    "@odata.type": format!("#Microsoft.Dynamics.CRM.{}", link.table),
                    format!("{}id", link.table): link.id,
                })
            })
            .collect();
        let context = self.context(&call.version, "Collection(Microsoft.Dynamics.CRM.crmbaseentity)");
        Ok(Answer::json(
            200,
            &json!({ "@odata.context": context, "value": value }),
        ))
    }

    /// Makes what is wanted of account, contact and opportunity, and closes the lead as qualified.
    pub(super) fn qualify(
        &mut self,
        lead: &str,
        wanted: [bool; 3],
        call: &Call,
    ) -> Result<Vec<Link>, Refusal> {
        let row = self.store.row("lead", lead).cloned();
        let row = row.ok_or_else(|| Refusal::no_row("lead", lead))?;
        if row.values.get("statecode").is_some_and(|state| *state != 0) {
            return Err(Refusal::argument("The lead is already closed."));
        }
        let mut created = Vec::new();
        for (table, wanted) in ["account", "contact", "opportunity"].into_iter().zip(wanted) {
            if wanted {
                let body = offspring(table, &row);
                let id = self.create(table, None, &body, call)?.id;
                let mut child = self.store.row(table, &id).cloned().unwrap_or_default();
                let origin = Link {
                    table: "lead",
                    id: lead.to_owned(),
                };
                child.links.insert("originatingleadid".to_owned(), origin);
                for column in HANDED_ON {
                    let link = row.links.get(*column).cloned();
                    child.links.extend(link.map(|link| ((*column).to_owned(), link)));
                }
                for link in &created {
                    relate(table, &mut child, link);
                }
                self.store.put(table, &id, child);
                created.push(Link { table, id });
            }
        }
        let mut row = row;
        if let Some(opportunity) = created.iter().find(|link| link.table == "opportunity") {
            row.links
                .insert("qualifyingopportunityid".to_owned(), opportunity.clone());
        }
        row.values.insert("statecode".to_owned(), 1.into());
        row.values.insert("statuscode".to_owned(), 3.into());
        row.modified = self.now;
        self.store.put("lead", lead, row);
        Ok(created)
    }

    /// An action of nobody in particular.
    pub(super) fn unbound(&mut self, action: &str, call: &Call) -> Result<Answer, Refusal> {
        match action {
            "WinOpportunity" => self.close_by_request(1, call),
            "LoseOpportunity" => self.close_by_request(2, call),
            "ReactivateEntityKey" => self.reactivate_key(call),
            "PublishAllXml" | "PublishXml" => Ok(Answer::nothing()),
            other => Err(Refusal::no_resource(other)),
        }
    }

    fn close_by_request(&mut self, state: i64, call: &Call) -> Result<Answer, Refusal> {
        let asked = call.object()?;
        let status = asked.get("Status").and_then(Value::as_i64);
        let status = status.ok_or_else(|| missing("Status"))?;
        let close = asked.get("OpportunityClose").and_then(Value::as_object);
        let close = close.ok_or_else(|| missing("OpportunityClose"))?;
        let url = close.get("opportunityid@odata.bind").and_then(Value::as_str);
        let link = self.link(url.ok_or_else(|| missing("opportunityid"))?, &call.references)?;
        let known = [
            "subject",
            "description",
            "actualrevenue",
            "actualend",
            "opportunityid@odata.bind",
        ];
        if let Some(name) = close.keys().find(|name| !known.contains(&name.as_str())) {
            let of = "Microsoft.Dynamics.CRM.opportunityclose";
            return Err(Refusal::no_property(name, of));
        }
        let revenue = close.get("actualrevenue").cloned();
        let day = close.get("actualend").and_then(Value::as_str);
        self.close(&link.id, state, status, revenue, day)?;
        Ok(Answer::nothing())
    }

    /// Closes an opportunity as won (1) or lost (2).
    pub(super) fn close(
        &mut self,
        id: &str,
        state: i64,
        status: i64,
        revenue: Option<Value>,
        day: Option<&str>,
    ) -> Result<(), Refusal> {
        let table = self.table("opportunity")?;
        let words = table.state(state).ok_or_else(|| missing("State"))?;
        if !words.has(status) {
            let name = format!("OpportunityState.{}", words.name);
            return Err(wrong_status(status, &name, "opportunity", id));
        }
        let row = self.store.row("opportunity", id).cloned();
        let mut row = row.ok_or_else(|| Refusal::no_row("opportunity", id))?;
        if row.values.get("statecode").is_some_and(|state| *state != 0) {
            return Err(Refusal::argument("The opportunity is already closed."));
        }
        let estimated = row.values.get("estimatedvalue").cloned();
        if let Some(value) = revenue.or(estimated).filter(|_| state == 1) {
            row.values.insert("actualvalue".to_owned(), value);
        }
        let today = written(self.now);
        let day = day.unwrap_or(&today).get(..10).unwrap_or_default().to_owned();
        row.values.insert("actualclosedate".to_owned(), day.into());
        row.values.insert("statecode".to_owned(), state.into());
        row.values.insert("statuscode".to_owned(), status.into());
        row.modified = self.now;
        self.store.put("opportunity", id, row);
        Ok(())
    }

    fn reactivate_key(&mut self, call: &Call) -> Result<Answer, Refusal> {
        let asked = call.object()?;
        let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
        let (now, takes) = (self.now, self.settings.key_takes);
        let table = self.schema.table_mut(text("EntityLogicalName"));
        let key = table.and_then(|table| {
            let name = text("EntityKeyLogicalName");
            table.keys.iter_mut().find(|key| key.name == name)
        });
        let key = key.ok_or_else(|| Refusal::odata("Could not find the entity key."))?;
        if key.status != IndexStatus::Failed {
            let message = "Reactivate entity key is only supported for failed job";
            return Err(Refusal::new(400, "0x80060897", message));
        }
        key.status = IndexStatus::Building(now, now + takes);
        Ok(Answer::nothing())
    }
}

/// Lookups a lead hands on to all that grows from it.
const HANDED_ON: &[&str] = &["ownerid", "transactioncurrencyid"];

/// What a lead hands on.
fn offspring(table: &str, lead: &Row) -> Map<String, Value> {
    let columns: &[(&str, &str)] = match table {
        "account" => &[
            ("companyname", "name"),
            ("telephone1", "telephone1"),
            ("websiteurl", "websiteurl"),
        ],
        "contact" => &[
            ("firstname", "firstname"),
            ("lastname", "lastname"),
            ("emailaddress1", "emailaddress1"),
            ("telephone1", "telephone1"),
        ],
        _ => &[
            ("subject", "name"),
            ("description", "description"),
            ("estimatedamount", "estimatedvalue"),
            ("estimatedclosedate", "estimatedclosedate"),
        ],
    };
    let value = |(from, to): &(&str, &str)| Some(((*to).to_owned(), lead.values.get(*from)?.clone()));
    columns.iter().filter_map(value).collect()
}

/// The opportunity belongs to the new account, the contact as well.
fn relate(table: &str, child: &mut Row, to: &Link) {
    let column = match (table, to.table) {
        ("opportunity", "account") => "parentaccountid",
        ("opportunity", "contact") => "parentcontactid",
        ("contact", "account") => "parentcustomerid",
        _ => return,
    };
    child.links.insert(column.to_owned(), to.clone());
}

fn missing(name: &str) -> Refusal {
    Refusal::argument(format!("The parameter '{name}' is required."))
}

fn wrong_status(status: i64, state: &str, table: &str, id: &str) -> Refusal {
    let message =
        format!("{status} is not a valid status code for state code {state} on {table} with Id {id}.");
    Refusal::new(400, "0x80048408", message)
}
