//! What the org holds of our leads: by key, and everything with a key that changed since a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::mapping::field_of;
use connector_kit::{Batch, Census, Checkpoint, ConnectorError, Held, HeldState, LeadId, RecordRef, Sought};
use serde_json::Value;

use crate::api::{Api, Page};
use crate::config::is_record_id;
use crate::mapping::Shape;
use crate::soql;

/// Rows Salesforce gives at once, at most.
const PAGE: usize = 2_000;
/// As many keys as one list of a query surely holds (contract salesforce 1).
const AT_ONCE: usize = 200;

/// Counts leads.
pub(crate) struct Leads {
    pub(crate) api: Arc<Api>,
    pub(crate) shape: Arc<Shape>,
}

impl Leads {
    /// What is read of a record.
    fn fields(&self) -> String {
        let mut fields = vec![
            "Id",
            "IsDeleted",
            "MasterRecordId",
            "IsConverted",
            &self.shape.key_field,
        ];
        fields.extend(self.revision());
        fields.extend(self.email());
        fields.join(", ")
    }

    fn revision(&self) -> Option<&str> {
        field_of(&self.shape.rules, "revision")
    }

    fn email(&self) -> Option<&str> {
        field_of(&self.shape.rules, "person.email")
    }

    /// All records of a query, deleted ones included.
    async fn all(&self, condition: &str) -> Result<Page<Value>, ConnectorError> {
        let soql = format!("SELECT {} FROM Lead WHERE {condition}", self.fields());
        Ok(self.api.query_all::<Value>(&soql, "count leads").await?)
    }

    fn held(&self, record: &Value) -> Option<Held> {
        let text = |name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
        let flag = |name: &str| record.get(name).and_then(Value::as_bool).unwrap_or_default();
        let state = match (flag("IsDeleted"), text("MasterRecordId")) {
            (true, Some(master)) => HeldState::Merged(Some(RecordRef(master))),
            (true, None) => HeldState::Deleted,
            (false, _) if flag("IsConverted") => HeldState::Closed,
            (false, _) => HeldState::Open,
        };
        let revision = self.revision().and_then(|name| record.get(name));
        Some(Held {
            key: text(&self.shape.key_field).unwrap_or_default(),
            record: RecordRef(text("Id")?),
            state,
            revision: revision.and_then(as_revision),
            person: self.email().and_then(text).map(|email| email.to_lowercase()),
        })
    }
}

#[async_trait]
impl Census for Leads {
    fn at_once(&self) -> usize {
        AT_ONCE
    }

    /// By key first; whoever is not there by key is asked for by the id it had.
    async fn find(&self, sought: &[Sought]) -> Result<Vec<Held>, ConnectorError> {
        let key = &self.shape.key_field;
        let mut found = Vec::new();
        for list in soql::lists(sought.iter().map(|one| one.lead.to_string())) {
            let page = self.all(&format!("{key} IN {list}")).await?;
            found.extend(page.records.iter().filter_map(|record| self.held(record)));
        }
        let there: BTreeSet<LeadId> = found
            .iter()
            .filter(|held| matches!(held.state, HeldState::Open | HeldState::Closed))
            .filter_map(Held::lead)
            .collect();
        let lost: BTreeMap<&str, LeadId> = sought
            .iter()
            .filter(|one| !there.contains(&one.lead))
            .filter_map(|one| Some((one.record.as_ref()?.0.as_str(), one.lead)))
            .filter(|(id, _)| is_record_id(id))
            .collect();
        for list in soql::lists(lost.keys()) {
            let page = self.all(&format!("Id IN {list}")).await?;
            for mut held in page.records.iter().filter_map(|record| self.held(record)) {
                // A merged record may have lost its key: it is told under the lead it was.
                let lead = lost.iter().find(|(id, _)| short(id) == short(&held.record.0));
                if let Some((_, lead)) = lead
                    && !matches!(held.state, HeldState::Open | HeldState::Closed)
                {
                    held.key = lead.to_string();
                    found.push(held);
                }
            }
        }
        Ok(found)
    }

    async fn list(
        &self,
        since: DateTime<Utc>,
        after: Option<&Checkpoint>,
    ) -> Result<Batch<Held>, ConnectorError> {
        let key = &self.shape.key_field;
        let behind = after.map_or(String::new(), |Checkpoint(id)| {
            format!(" AND Id > {}", soql::literal(id))
        });
        let since = soql::moment_literal(since);
        let condition = format!(
            "{key} != null AND SystemModstamp >= {since} AND IsDeleted = false{behind} ORDER BY Id LIMIT {PAGE}"
        );
        let page = self.all(&condition).await?;
        let items: Vec<Held> = page
            .records
            .iter()
            .filter_map(|record| self.held(record))
            .collect();
        // A page may hold fewer than were asked for: only an empty one is the last.
        let next = items.last().map(|held| Checkpoint(held.record.0.clone()));
        Ok(Batch {
            more: next.is_some(),
            items,
            next,
        })
    }
}

/// A number, or a text field that holds one.
fn as_revision(value: &Value) -> Option<u32> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    format!("{number:.0}").parse().ok()
}

fn short(id: &str) -> &str {
    id.get(..15).unwrap_or(id)
}
