//! Whether a person owns a record: no team, not whoever made a lead for us, and not we.

use connector_kit::{ConnectorError, Subject};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::api::Dataverse;
use crate::operation::Operation;
use crate::record::Record;

/// Tells people from the user we are, who is asked for when somebody has to know.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    us: OnceCell<Option<Uuid>>,
}

impl Owners {
    /// Whether the owner of the record is a person.
    pub(crate) async fn is_a_person(
        &self,
        dataverse: &Dataverse,
        subject: Subject,
        record: &Record,
    ) -> Result<bool, ConnectorError> {
        let Some(owner) = likely_person(subject, record) else {
            return Ok(false);
        };
        let us = self.us.get_or_try_init(|| who_we_are(dataverse)).await?;
        Ok(Some(owner) != *us)
    }
}

/// The owner, where it is a user who did not make the lead: that was done for us, maybe by a user we no longer
/// are. Who qualifies a lead makes its opportunity, and is a person all the same.
fn likely_person(subject: Subject, record: &Record) -> Option<Uuid> {
    let is_user = record.table("_ownerid_value").as_deref() == Some("systemuser");
    let owner = record.id("_ownerid_value").filter(|_| is_user)?;
    let made_it = subject == Subject::Lead && record.id("_createdby_value") == Some(owner);
    (!made_it).then_some(owner)
}

async fn who_we_are(dataverse: &Dataverse) -> Result<Option<Uuid>, ConnectorError> {
    let doing = "ask who we are";
    let answer = dataverse.send(&Operation::get("WhoAmI"), doing).await;
    let answer = answer.map_err(|failure| failure.into_error(doing))?;
    let said: Option<Record> = serde_json::from_slice(answer.body()).ok();
    Ok(said.and_then(|said| said.id("UserId")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_and_whoever_made_the_lead_are_nobody() {
        let (ola, us) = (
            "75c2dd85-e89e-e711-8122-000d3aa2331c",
            "a17c4f10-5a6f-ee11-9ae7-000d3a993550",
        );
        for (subject, owner, table, made_by, person) in [
            (Subject::Lead, ola, "systemuser", us, true),
            (Subject::Lead, ola, "team", us, false),
            (Subject::Lead, us, "systemuser", us, false),
            (Subject::Deal, ola, "systemuser", ola, true),
            (Subject::Deal, ola, "team", ola, false),
            (Subject::Lead, ola, "", us, false),
        ] {
            let record = format!(
                r#"{{"_ownerid_value":"{owner}","_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname":"{table}",
                    "_createdby_value":"{made_by}"}}"#
            );
            let record: Record = serde_json::from_str(&record).unwrap();
            let expected = person.then(|| owner.parse().unwrap());
            assert_eq!(
                likely_person(subject, &record),
                expected,
                "{subject:?} {owner} {table}"
            );
        }
    }
}
