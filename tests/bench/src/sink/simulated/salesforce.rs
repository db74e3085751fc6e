//! Salesforce: a day of API calls, and results per record (contract salesforce 5, 13).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use leadsync_sim::salesforce::Salesforce;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::window::Window;
use super::{Asked, Call, Limits, Manners, System, number_in};
use crate::clock;
use crate::lead::{POISON, markers};
use crate::subject::{CLIENT_ID, CLIENT_SECRET, SinkKind};

/// An Enterprise organisation without counting licences.
const CALLS_A_DAY: u64 = 100_000;

/// What is said when a limit is met.
const LIMIT: &str = "REQUEST_LIMIT_EXCEEDED";

pub(super) struct Org {
    salesforce: Salesforce,
    window: Option<Mutex<Window>>,
}

#[derive(Deserialize)]
struct Collection<'a> {
    #[serde(borrow)]
    records: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Saved {
    success: bool,
}

impl Org {
    pub(super) fn new(manners: Manners, address: SocketAddr) -> Self {
        let salesforce = Salesforce::new(Arc::new(|| clock::unix_millis() / 1000));
        salesforce.add_app(CLIENT_ID, CLIENT_SECRET);
        salesforce.set_instance_url(&format!("http://{address}"));
        let key = json!({
            "label": "Marketplace Lead Id", "type": "Text", "length": 80, "required": false,
            "externalId": true, "unique": true, "caseSensitive": true,
        });
        salesforce.add_field("Lead.Marketplace_Lead_Id__c", &key);
        salesforce.set_daily_limit(match manners.limits {
            Limits::None => u64::MAX,
            Limits::Published | Limits::Stricter(_) => CALLS_A_DAY,
        });
        if manners.poison {
            salesforce.add_validation("Lead", SinkKind::Salesforce.refusal(), |lead| {
                let address = lead.get("Email").and_then(|value| value.as_str());
                !address.is_some_and(|address| address.contains(POISON))
            });
        }
        let window = match manners.limits {
            Limits::Stricter(calls) => Some(Mutex::new(Window::new(calls))),
            Limits::Published | Limits::None => None,
        };
        Self { salesforce, window }
    }
}

impl System for Org {
    fn router(&self) -> Router {
        self.salesforce.router()
    }

    /// Salesforce publishes no limit on calls in a short time; where we want one, it is met like the
    /// one on calls at the same time.
    fn refuse(&self, asked: &Asked) -> Option<Response<Bytes>> {
        let window = self.window.as_ref().filter(|_| !is_free(&asked.path))?;
        let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.admits(Instant::now()) {
            return None;
        }
        let told = json!([{ "message": "ConcurrentPerOrgLongTxn Limit exceeded.", "errorCode": LIMIT }]);
        let mut refusal = Response::new(Bytes::from(told.to_string()));
        *refusal.status_mut() = StatusCode::FORBIDDEN;
        Some(refusal)
    }

    fn judge(&self, asked: &Asked, status: StatusCode, answer: &[u8]) -> (Call, Vec<u64>) {
        if is_free(&asked.path) {
            return (Call::Free, Vec::new());
        }
        let limited = status == StatusCode::SERVICE_UNAVAILABLE
            || status == StatusCode::FORBIDDEN && String::from_utf8_lossy(answer).contains(LIMIT);
        match status {
            _ if limited => (Call::Throttled, Vec::new()),
            _ if !status.is_success() => (Call::Failed, Vec::new()),
            _ if asked.path.contains("/jobs/") => (Call::Done, markers(&asked.body)),
            _ => (Call::Done, written(asked, answer)),
        }
    }

    fn records(&self) -> Vec<u64> {
        let leads = self.salesforce.records("Lead");
        let addresses = leads.iter().filter_map(|row| row.get("Email")?.as_str());
        addresses.filter_map(number_in).collect()
    }
}

/// Tokens and the list of versions.
fn is_free(path: &str) -> bool {
    path.starts_with("/services/oauth2/") || path.trim_end_matches('/') == "/services/data"
}

/// The leads of a collection that were saved.
fn written(asked: &Asked, answer: &[u8]) -> Vec<u64> {
    if asked.method == Method::GET || !asked.path.contains("/composite/sobjects") {
        return Vec::new();
    }
    let asked: Result<Collection<'_>, _> = serde_json::from_slice(&asked.body);
    let saved: Result<Vec<Saved>, _> = serde_json::from_slice(answer);
    let (Ok(asked), Ok(saved)) = (asked, saved) else {
        return Vec::new();
    };
    asked
        .records
        .iter()
        .zip(saved)
        .filter(|(_, saved)| saved.success)
        .filter_map(|(record, _)| number_in(record.get()))
        .collect()
}
