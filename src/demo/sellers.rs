//! People in the CRMs who work on what Partner Center referred.

use leadsync_sim::dataverse::Dataverse;
use leadsync_sim::salesforce::Salesforce;
use serde_json::{Value, json};

use super::DemoError;
use super::crms::{CANNOT_CONTACT, Crms, DYNAMICS_KEY, SALESFORCE_KEY};
use super::customers::{ALL, Customer, Fate};

/// How an opportunity is lost: somebody else was cheaper, or better.
const OUT_SOLD: i64 = 5;
/// When every deal closes.
const CLOSES_ON: &str = "2026-12-31";
/// What the deal is worth while somebody works on it, and in the end.
const HOPED: f64 = 48_000.0;
const SOLD: f64 = 52_000.0;

/// What Partner Center must hold of the deal in the end: what it is worth, and in which currency.
pub const DEAL: (&str, &str) = ("52000.0", "EUR");
/// Why Partner Center must say that these ended as they did.
pub const REASONS: [(Fate, &str); 2] = [(Fate::Declined, "Cannot Contact"), (Fate::Lost, "Out-Sold")];

impl Crms {
    /// Both know everybody who was referred.
    pub fn know_everybody(&self) -> bool {
        let knows = |customer: &Customer| {
            in_salesforce(&self.salesforce, customer.email).is_some()
                && in_dynamics(&self.dynamics, customer.email).is_some()
        };
        ALL.iter().all(knows)
    }

    /// People take up what came. In Salesforce two leads become deals, and only one of them says what it is
    /// worth; in Dynamics 365 one is not worth a call, and one is lost to a competitor.
    pub fn take_up(&self) -> Result<(), DemoError> {
        for customer in &ALL {
            match customer.fate {
                Fate::Won => {
                    let lead = self.convert(customer)?;
                    self.say_of_deal(&lead, &json!({ "Amount": HOPED, "CloseDate": CLOSES_ON }))?;
                }
                Fate::Refused => {
                    self.convert(customer)?;
                }
                Fate::Declined => {
                    let lead = self.dynamics_lead(customer)?;
                    self.dynamics.disqualify(&lead, CANNOT_CONTACT);
                }
                Fate::Lost => {
                    let deal = self.dynamics.qualify(&self.dynamics_lead(customer)?);
                    let says = json!({ "estimatedvalue": 18_000.0, "estimatedclosedate": CLOSES_ON });
                    self.dynamics.change("opportunity", &deal, &says);
                    self.dynamics.lose(&deal, OUT_SOLD);
                }
                Fate::Expired => {}
            }
        }
        Ok(())
    }

    /// The deal is made.
    pub fn sell(&self) -> Result<(), DemoError> {
        let says = json!({ "StageName": "Closed Won", "Amount": SOLD, "CloseDate": CLOSES_ON });
        for customer in ALL.iter().filter(|customer| customer.fate == Fate::Won) {
            let lead = in_salesforce(&self.salesforce, customer.email);
            self.say_of_deal(&lead.ok_or_else(|| stuck("a lead is gone"))?, &says)?;
        }
        Ok(())
    }

    fn convert(&self, customer: &Customer) -> Result<String, DemoError> {
        let lead = in_salesforce(&self.salesforce, customer.email);
        let lead = lead.ok_or_else(|| stuck("a referral did not arrive in Salesforce"))?;
        self.salesforce
            .convert(&lead, true)
            .ok_or_else(|| stuck("a lead cannot be converted"))?;
        Ok(lead)
    }

    fn say_of_deal(&self, lead: &str, says: &Value) -> Result<(), DemoError> {
        if self.salesforce.change_opportunity(lead, says) {
            return Ok(());
        }
        Err(stuck("an opportunity cannot be changed"))
    }

    fn dynamics_lead(&self, customer: &Customer) -> Result<String, DemoError> {
        let lead = in_dynamics(&self.dynamics, customer.email);
        lead.ok_or_else(|| stuck("a referral did not arrive in Dynamics 365"))
    }
}

/// The key of the lead with this address.
fn in_salesforce(org: &Salesforce, email: &str) -> Option<String> {
    let leads = org.leads_by(SALESFORCE_KEY).into_iter();
    let mut found = leads.filter(|(_, row)| row.get("Email").is_some_and(|held| held == email));
    found.next().map(|(key, _)| key)
}

/// The key of the lead with this address.
fn in_dynamics(environment: &Dataverse, email: &str) -> Option<String> {
    let leads = environment.leads_by(DYNAMICS_KEY).into_iter();
    let mut found = leads.filter(|(_, row)| row.get("emailaddress1").is_some_and(|held| held == email));
    found.next().map(|(key, _)| key)
}

fn stuck(what: &str) -> DemoError {
    DemoError::while_doing("work in its CRMs")(what.to_owned())
}
