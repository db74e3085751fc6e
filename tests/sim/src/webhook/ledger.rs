//! What the receiver remembers: requests as they came, and the newest word on each lead.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::request::Parts;
use serde_json::Value;

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// `POST`
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Headers in their order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The exact bytes.
    pub body: Bytes,
}

impl Recorded {
    pub(super) fn new(head: &Parts, body: Bytes) -> Self {
        let headers = head.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        Self {
            method: head.method.to_string(),
            target: head.uri.to_string(),
            headers: headers.collect(),
            body,
        }
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(n, _)| n == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// The newest word on one lead.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Its id.
    pub id: String,
    /// Its revision, where the format says.
    pub revision: u64,
    /// How often it was delivered.
    pub deliveries: u32,
    /// The event's data.
    pub data: Value,
}

/// Everything the receiver remembers.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Requests in the order of arrival.
    pub requests: Vec<Recorded>,
    /// What was wrong with them.
    pub complaints: Vec<String>,
    /// Leads by id.
    pub leads: BTreeMap<String, Held>,
    bodies: BTreeMap<String, Bytes>,
}

impl Ledger {
    /// Writes the request down.
    pub(super) fn remember(&mut self, request: &Recorded) {
        if let Some(id) = request.header("webhook-id") {
            self.bodies
                .entry(id.to_owned())
                .or_insert_with(|| request.body.clone());
        }
        self.requests.push(request.clone());
    }

    /// The body that first came with this id.
    pub(super) fn first_body(&self, id: &str) -> Option<&Bytes> {
        self.bodies.get(id)
    }

    /// Keeps every lead of the request; an older revision never replaces a newer one.
    pub(super) fn keep(&mut self, request: &Recorded) {
        let body = request.json();
        for event in events(&body) {
            let data = event.get("data").unwrap_or(event);
            let Some(id) = lead_id(event).filter(|_| !is_alert(request, event)) else {
                continue;
            };
            let revision = data.get("revision").and_then(Value::as_u64).unwrap_or_default();
            if kind(request, event).is_some_and(|kind| kind.ends_with("lead.withdrawn")) {
                self.leads.remove(id);
                continue;
            }
            let held = self.leads.entry(id.to_owned()).or_insert_with(|| Held {
                id: id.to_owned(),
                revision,
                deliveries: 0,
                data: Value::Null,
            });
            held.deliveries += 1;
            if revision >= held.revision {
                held.revision = revision;
                held.data = data.clone();
            }
        }
    }
}

/// It tells of a clock, not of a lead: `clock.due`, `clock.overdue`, with or without a prefix.
fn is_alert(request: &Recorded, event: &Value) -> bool {
    kind(request, event).is_some_and(|name| name.split('.').rev().nth(1) == Some("clock"))
}

/// What an event says it is, with or without a prefix.
fn kind<'a>(request: &'a Recorded, event: &'a Value) -> Option<&'a str> {
    let named = event.get("type").and_then(Value::as_str);
    named.or(request.header("ce-type"))
}

/// The id of the lead an event is about.
pub(super) fn lead_id(event: &Value) -> Option<&str> {
    event
        .get("data")
        .unwrap_or(event)
        .get("leadId")
        .and_then(Value::as_str)
}

/// The events of a body: one, a JSON array of them, or a `leads.batch`.
pub(super) fn events(body: &Value) -> Vec<&Value> {
    match (body, body.get("data")) {
        (Value::Array(list), _) | (_, Some(Value::Array(list))) => list.iter().collect(),
        _ => vec![body],
    }
}
