//! What is in the org, and what was asked of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Salesforce;
use super::org::{Assigned, Seen};
use super::store::{Row, is_deleted};

impl Salesforce {
    /// The records of an object that are not deleted, in the order they were made.
    pub fn records(&self, object: &str) -> Vec<Row> {
        self.look(|org| {
            let rows = org.store.rows(object).filter(|(_, row)| !is_deleted(row));
            rows.map(|(_, row)| row.clone()).collect()
        })
    }

    /// A record by its id, deleted or not, or the live one that holds this key.
    pub fn record(&self, object: &str, id_or_key: &str) -> Option<Row> {
        self.look(|org| {
            let id = org.find(object, id_or_key)?;
            org.store.get(object, &id).cloned()
        })
    }

    /// The live leads by the text in this field.
    pub fn leads_by(&self, field: &str) -> BTreeMap<String, Row> {
        let leads = self.records("Lead").into_iter();
        leads
            .filter_map(|row| Some((row.get(field)?.as_str()?.to_owned(), row)))
            .collect()
    }

    /// How often a record was made for each text in this field, deleted ones too: more than once is a duplicate.
    pub fn creations_by(&self, object: &str, field: &str) -> BTreeMap<String, usize> {
        self.look(|org| {
            let mut counts = BTreeMap::new();
            for (_, row) in org.store.rows(object) {
                if let Some(key) = row.get(field).and_then(Value::as_str) {
                    *counts.entry(key.to_owned()).or_default() += 1;
                }
            }
            counts
        })
    }

    /// Every request that reached the org, in the order of arrival.
    pub fn requests(&self) -> Vec<Seen> {
        self.look(|org| org.requests.clone())
    }

    /// How many requests reached the org, token requests included.
    pub fn request_count(&self) -> usize {
        self.look(|org| org.requests.len())
    }

    /// How many requests were counted in the last day, those of others included.
    pub fn usage(&self) -> u64 {
        self.look(|org| {
            let now = org.now();
            org.allowance.used(now)
        })
    }

    /// How many requests were refused because the day was used up.
    pub fn refused_by_limit(&self) -> u64 {
        self.look(|org| org.allowance.refused)
    }

    /// How many tokens were asked for, and how many were issued.
    pub fn tokens(&self) -> (u64, u64) {
        self.look(|org| (org.doors.asked, org.doors.issued))
    }

    /// How many bulk jobs there are.
    pub fn jobs(&self) -> usize {
        self.look(|org| org.jobs.count())
    }

    /// Every time an assignment rule ran.
    pub fn assigned(&self) -> Vec<Assigned> {
        self.look(|org| org.assigned.clone())
    }

    /// The id of the user the connector writes as.
    pub fn integration_user(&self) -> String {
        self.look(|org| org.integration_user.clone())
    }

    /// The id of the org.
    pub fn org_id(&self) -> String {
        self.look(|org| org.organization.clone())
    }
}
