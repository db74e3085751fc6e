//! Marketo: 100 calls in 20 seconds, and failures inside HTTP 200 (contract marketo A2, A4).

use std::sync::Arc;

use axum::Router;
use http::{Method, StatusCode};
use leadsync_sim::marketo::Marketo;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Asked, Call, Limits, Manners, System, number_in};
use crate::clock;
use crate::lead::POISON;
use crate::subject::{CLIENT_ID, CLIENT_SECRET};

/// What `leadsync provision` makes for the shipped mapping.
const FIELDS: [&str; 6] = [
    "msLeadId",
    "msActionCode",
    "msOfferTitle",
    "msOfferId",
    "msLeadSource",
    "msReceivedAt",
];

/// The code of a record that is refused for what is in it.
const REFUSAL: &str = "1003";

/// The codes of a quota: too many calls in 20 seconds, in a day, at the same time.
const QUOTA: [&str; 3] = ["606", "607", "615"];

pub(super) struct Instance(Marketo);

#[derive(Deserialize)]
struct Order<'a> {
    #[serde(borrow)]
    input: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    success: bool,
    #[serde(borrow, default)]
    errors: Vec<Trouble<'a>>,
    #[serde(borrow, default)]
    result: Vec<Outcome<'a>>,
}

#[derive(Deserialize)]
struct Trouble<'a> {
    code: &'a str,
}

#[derive(Deserialize)]
struct Outcome<'a> {
    status: Option<&'a str>,
}

impl Instance {
    pub(super) fn new(manners: Manners) -> Self {
        let instance = Marketo::new(CLIENT_ID, CLIENT_SECRET, Arc::new(clock::unix_millis));
        instance.set_limits(|limits| match manners.limits {
            Limits::Published => {}
            Limits::Stricter(calls) => limits.in_window = usize::try_from(calls).unwrap_or(usize::MAX),
            Limits::None => {
                limits.in_window = usize::MAX;
                limits.at_once = usize::MAX;
                limits.per_day = u64::MAX;
            }
        });
        for name in FIELDS {
            instance.add_field(
                name,
                if name == "msReceivedAt" {
                    "datetime"
                } else {
                    "string"
                },
            );
        }
        if manners.poison {
            instance.skip_containing(POISON, REFUSAL);
        }
        Self(instance)
    }
}

impl System for Instance {
    fn router(&self) -> Router {
        self.0.router()
    }

    fn judge(&self, asked: &Asked, status: StatusCode, answer: &[u8]) -> (Call, Vec<u64>) {
        if asked.path.starts_with("/identity/") {
            return (Call::Free, Vec::new());
        }
        let read: Result<Answer<'_>, _> = serde_json::from_slice(answer);
        let read = match read {
            Ok(read) if status == StatusCode::OK => read,
            _ => return (Call::Failed, Vec::new()),
        };
        if !read.success {
            let quota = read.errors.iter().any(|trouble| QUOTA.contains(&trouble.code));
            return (if quota { Call::Throttled } else { Call::Failed }, Vec::new());
        }
        (Call::Done, written(asked, &read))
    }

    fn records(&self) -> Vec<u64> {
        let people = self.0.leads();
        let addresses = people.iter().filter_map(|fields| fields.get("email")?.as_str());
        addresses.filter_map(number_in).collect()
    }
}

/// The leads of the order that were not skipped.
fn written(asked: &Asked, answer: &Answer<'_>) -> Vec<u64> {
    if asked.method != Method::POST || asked.path != "/rest/v1/leads.json" {
        return Vec::new();
    }
    let Ok(Order { input }) = serde_json::from_slice(&asked.body) else {
        return Vec::new();
    };
    input
        .iter()
        .zip(&answer.result)
        .filter(|(_, outcome)| matches!(outcome.status, Some("created" | "updated")))
        .filter_map(|(record, _)| number_in(record.get()))
        .collect()
}
