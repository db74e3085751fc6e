//! What the table holds of our leads: by partition and a span of keys, and everything written since a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{
    Batch, Census, Checkpoint, ConnectorError, ErrorKind, Held, HeldState, RecordRef, Sought,
};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::api::{Continuation, Failure, Page, Table};
use crate::entity::moment;
use crate::keys::Keys;

/// Rows the service gives at once, at most.
const PAGE: usize = 1000;
/// Rows asked for in one go: about a page of neighbours.
const AT_ONCE: usize = 500;

/// Counts rows.
pub(crate) struct RowCensus {
    pub(crate) table: Arc<Table>,
    pub(crate) keys: Keys,
    /// The column that holds the revision, where the mapping writes one.
    pub(crate) revision: Option<String>,
    /// The column that holds the address.
    pub(crate) email: Option<String>,
}

impl RowCensus {
    fn held(&self, row: &RawValue) -> Option<Held> {
        let columns: BTreeMap<String, Value> = serde_json::from_str(row.get()).ok()?;
        let text = |name: &str| columns.get(name).and_then(Value::as_str);
        let key = text("RowKey")?;
        let revision = self.revision.as_ref().and_then(|name| columns.get(name));
        let revision = revision.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
        let email = self
            .email
            .as_deref()
            .and_then(text)
            .filter(|email| !email.is_empty());
        Some(Held {
            key: key.to_owned(),
            record: RecordRef(format!("{}/{key}", text("PartitionKey")?)),
            state: HeldState::Open,
            revision: revision.and_then(|number| u32::try_from(number).ok()),
            person: email.map(str::to_lowercase),
        })
    }

    async fn page(&self, filter: &str, from: Option<&Continuation>) -> Result<Page, ConnectorError> {
        match self.table.query(Some(filter), PAGE, from).await {
            // Nothing was delivered yet, or somebody dropped it: there are no rows.
            Err(Failure::Refused(refusal)) if refusal.is("TableNotFound") => Ok(Page {
                rows: Vec::new(),
                next: None,
                at: None,
            }),
            page => page.map_err(|failure| failure.into_error(&self.table.doing("count rows of"))),
        }
    }

    /// The rows of a partition between two keys that are among those sought. Leads delivered one after the
    /// other have keys that stand together, so few other rows come along.
    async fn span(&self, partition: &str, keys: &BTreeSet<String>) -> Result<Vec<Held>, ConnectorError> {
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else {
            return Ok(Vec::new());
        };
        let filter = format!(
            "PartitionKey eq '{}' and RowKey ge '{first}' and RowKey le '{last}'",
            partition.replace('\'', "''")
        );
        let (mut found, mut from) = (Vec::new(), None);
        loop {
            let page = self.page(&filter, from.as_ref()).await?;
            let rows = page.rows.iter().filter_map(|row| self.held(row));
            found.extend(rows.filter(|held| keys.contains(&held.key)));
            match page.next {
                Some(next) if Some(&next) != from.as_ref() => from = Some(next),
                _ => return Ok(found),
            }
        }
    }
}

#[async_trait]
impl Census for RowCensus {
    fn at_once(&self) -> usize {
        AT_ONCE
    }

    async fn find(&self, sought: &[Sought]) -> Result<Vec<Held>, ConnectorError> {
        let mut partitions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for one in sought {
            let (partition, row) = self.keys.named(one.lead, one.record.as_ref());
            partitions.entry(partition).or_default().insert(row);
        }
        let mut found = Vec::new();
        for (partition, keys) in &partitions {
            found.extend(self.span(partition, keys).await?);
        }
        Ok(found)
    }

    async fn list(
        &self,
        since: DateTime<Utc>,
        after: Option<&Checkpoint>,
    ) -> Result<Batch<Held>, ConnectorError> {
        let from: Option<Continuation> = match after {
            None => None,
            Some(Checkpoint(text)) => Some(serde_json::from_str(text).map_err(|_| {
                ConnectorError::new(
                    ErrorKind::Broken,
                    "count rows: the place of the next page cannot be read",
                )
            })?),
        };
        let filter = format!("Timestamp ge datetime'{}'", moment(since));
        let page = self.page(&filter, from.as_ref()).await?;
        let rows = page.rows.iter().filter_map(|row| self.held(row));
        // Others may keep rows of theirs in the same table.
        let ours = rows.filter(|held| held.record.0.starts_with(self.keys.prefix()));
        let next = page.next.filter(|next| Some(next) != from.as_ref());
        Ok(Batch {
            items: ours.collect(),
            more: next.is_some(),
            next: next
                .and_then(|next| serde_json::to_string(&next).ok())
                .map(Checkpoint),
        })
    }
}
