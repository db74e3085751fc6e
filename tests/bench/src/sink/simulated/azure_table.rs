//! Azure Table storage: transactions of 100 rows, all or nothing.

use axum::Router;
use chrono::DateTime;
use http::StatusCode;
use leadsync_sim::azure_table::AzureTable;

use super::super::upstream::{is_free, part_status};
use super::{Asked, Call, System, number_in};
use crate::clock;
use crate::lead::markers;
use crate::subject::{AZURE_ACCOUNT, AZURE_KEY, AZURE_TABLE};

pub(super) struct AzureTables(AzureTable);

impl AzureTables {
    pub(super) fn new() -> Self {
        let now = DateTime::from_timestamp_millis(clock::unix_millis()).unwrap_or_default();
        Self(AzureTable::new(AZURE_ACCOUNT, AZURE_KEY, now))
    }
}

impl System for AzureTables {
    fn router(&self) -> Router {
        self.0.router()
    }

    fn judge(&self, asked: &Asked, status: StatusCode, answer: &[u8]) -> (Call, Vec<u64>) {
        if is_free(&asked.method, &asked.path) {
            return (Call::Free, Vec::new());
        }
        match part_status(status, answer) {
            done if done.is_success() => (Call::Done, markers(&asked.body)),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => (Call::Throttled, Vec::new()),
            _ => (Call::Failed, Vec::new()),
        }
    }

    fn records(&self) -> Vec<u64> {
        let rows = self.0.rows(AZURE_TABLE);
        let columns = rows.into_iter().map(|(_, _, columns)| columns);
        columns
            .filter_map(|columns| number_in(&serde_json::Value::Object(columns).to_string()))
            .collect()
    }
}
