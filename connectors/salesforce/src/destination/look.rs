//! Which records there are, by key or by id.

use std::collections::{BTreeMap, BTreeSet};

use connector_kit::{ConnectorError, ErrorKind, LeadId};
use serde_json::Value;

use super::row::{Row, Step};
use super::{Leads, places};
use crate::mapping::is_closed;
use crate::soql;

/// A lead record, as far as it decides what may be done with it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub id: String,
    /// Our key, when it has one of ours.
    pub key: Option<LeadId>,
    /// It has a key, ours or not.
    pub is_taken: bool,
    pub is_converted: bool,
    pub is_deleted: bool,
    pub master: Option<String>,
    pub contact: Option<String>,
    pub opportunity: Option<String>,
}

impl Found {
    fn read(record: &Value, key_field: &str) -> Option<Self> {
        let text = |name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
        let flag = |name: &str| record.get(name).and_then(Value::as_bool).unwrap_or_default();
        let key = text(key_field).filter(|key| !key.is_empty());
        Some(Self {
            id: text("Id")?,
            is_taken: key.is_some(),
            key: key.and_then(|key| key.parse().ok()),
            is_converted: flag("IsConverted"),
            is_deleted: flag("IsDeleted"),
            master: text("MasterRecordId"),
            contact: text("ConvertedContactId"),
            opportunity: text("ConvertedOpportunityId"),
        })
    }

    /// The key of this lead may be written to it.
    pub(super) fn is_free_for(&self, lead: LeadId) -> bool {
        !self.is_taken || self.key == Some(lead)
    }
}

impl Leads {
    /// Asks who has the keys of all rows in doubt, together.
    pub(super) async fn look_up(&self, rows: &mut [Row<'_>]) -> Result<(), ConnectorError> {
        let places = places(rows, |step| matches!(step, Step::LookUp));
        let mut by_key: BTreeMap<LeadId, Vec<Found>> = BTreeMap::new();
        for list in soql::lists(places.iter().map(|place| rows[*place].id().to_string())) {
            let soql = format!(
                "SELECT Id, IsConverted, {key} FROM Lead WHERE {key} IN {list}",
                key = self.shape.key_field
            );
            for found in self.found(&soql, false).await? {
                if let Some(key) = found.key {
                    by_key.entry(key).or_default().push(found);
                }
            }
        }
        for place in places {
            let row = &mut rows[place];
            row.step = match by_key.get(&row.id()).map(Vec::as_slice) {
                None | Some([]) if is_closed(row.delivery) => {
                    Step::Done(Ok(connector_kit::Receipt::default()))
                }
                None | Some([]) => Step::Create { allow_save: false },
                Some([one]) if one.is_converted => Step::Converted(one.id.clone()),
                Some([one]) => Step::Update(one.id.clone()),
                Some(several) => Step::Done(Err(not_unique(several))),
            };
        }
        Ok(())
    }

    /// The records of these ids, the deleted ones too, by id.
    pub(super) async fn records(
        &self,
        ids: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Found>, ConnectorError> {
        let mut records = BTreeMap::new();
        for list in soql::lists(ids) {
            let soql = format!(
                "SELECT Id, IsDeleted, MasterRecordId, IsConverted, ConvertedContactId, ConvertedOpportunityId, {} \
                 FROM Lead WHERE Id IN {list}",
                self.shape.key_field
            );
            let found = self.found(&soql, true).await?;
            records.extend(
                found
                    .into_iter()
                    .map(|found| (short(&found.id).to_owned(), found)),
            );
        }
        Ok(records)
    }

    async fn found(&self, soql: &str, with_deleted: bool) -> Result<Vec<Found>, ConnectorError> {
        let doing = "look up leads";
        let page = if with_deleted {
            self.api.query_all::<Value>(soql, doing).await?
        } else {
            self.api.query::<Value>(soql, doing).await?
        };
        if !page.done {
            let text = format!("{doing}: the answer comes in parts although few were asked for");
            return Err(ConnectorError::new(ErrorKind::Broken, text));
        }
        let read = |record: &Value| Found::read(record, &self.shape.key_field);
        Ok(page.records.iter().filter_map(read).collect())
    }
}

/// An id without the three characters that only check the case of the others.
pub(super) fn short(id: &str) -> &str {
    id.get(..15).unwrap_or(id)
}

fn not_unique(several: &[Found]) -> ConnectorError {
    let ids: Vec<&str> = several.iter().map(|found| found.id.as_str()).collect();
    ConnectorError::new(
        ErrorKind::Rejected,
        format!("write lead: several records carry its key: {}", ids.join(", ")),
    )
    .hint("merge them and make the key field unique, then requeue")
}
