//! Who is told of events: the registration interface and its test events (contract partner-center 8.1).

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use serde_json::{Map, Value, json};

use crate::entra::Bearer;

use super::answer::{Answer, Refusal};
use super::door::Call;
use super::ids::{self, Of};
use super::inspect::Kind;
use super::settings::{Casing, Envelope};
use super::store::Service;
use super::{events, moment};

/// The events an account of this kind can be told of.
pub(super) const EVENTS: [&str; 5] = [
    "referral-created",
    "referral-updated",
    "related-referral-created",
    "related-referral-updated",
    "test-created",
];
const BASE: &str = "/webhooks/v1/registration";
/// The account, by the id that validations name.
const ACCOUNT: &str = "00234d9d-8c2d-4ff5-8c18-39f8afc6f7f3";
/// So many test events a minute.
const A_MINUTE: usize = 2;
/// What became of a test event is known so long.
const KEPT: TimeDelta = TimeDelta::days(7);

/// Who registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// An id the service gave.
    pub subscriber: String,
    /// Where events go.
    pub url: String,
    /// Which ones.
    pub events: Vec<String>,
    /// Whether the signature comes in `x-ms-signature` instead of `Authorization`.
    pub by_own_header: bool,
}

/// The registration and the test events.
#[derive(Default)]
pub(super) struct Registrations {
    pub(super) current: Option<Registration>,
    validations: Vec<Validation>,
    asked: VecDeque<DateTime<Utc>>,
}

struct Validation {
    id: String,
    event: u64,
    url: String,
    at: DateTime<Utc>,
}

impl Registrations {
    pub(super) fn wants(&self, event: &str) -> bool {
        let events = self.current.as_ref().map(|current| current.events.as_slice());
        events.unwrap_or_default().iter().any(|name| name == event)
    }
}

/// What a request wants, and of which test event.
pub(super) fn meant<'a>(method: &Method, path: &'a str) -> Option<(Kind, &'a str)> {
    let rest = path.strip_prefix(BASE)?;
    match (method, rest.trim_start_matches('/')) {
        (&Method::GET, "") => Some((Kind::Registration, "")),
        (&Method::POST, "") => Some((Kind::Register, "")),
        (&Method::PUT, "") => Some((Kind::Reregister, "")),
        (&Method::GET, "events") => Some((Kind::Events, "")),
        (&Method::POST, "validationEvents") => Some((Kind::Validate, "")),
        (&Method::GET, more) => Some((Kind::Validation, more.strip_prefix("validationEvents/")?)),
        _ => None,
    }
}

impl Service {
    pub(super) fn registration(&mut self, call: &Call, bearer: &Bearer) -> Result<Answer, Refusal> {
        let admin = bearer.has("Referrals admin") || bearer.has("Global admin");
        if self.settings.registration_needs_admin && !admin {
            return Err(Refusal::denied("Only an administrator may register."));
        }
        match call.kind {
            Kind::Events => Ok(Answer::json(200, json!(EVENTS).to_string())),
            Kind::Registration => {
                let current = self.registrations.current.as_ref().ok_or_else(none)?;
                Ok(self.told(current))
            }
            Kind::Register if self.registrations.current.is_some() => Err(Refusal::center(
                409,
                "A registration exists already; update it instead.",
            )),
            Kind::Reregister if self.registrations.current.is_none() => Err(none()),
            Kind::Register | Kind::Reregister => {
                let registration = self.read(call)?;
                let answer = self.told(&registration);
                self.registrations.current = Some(registration);
                Ok(answer)
            }
            Kind::Validate => self.validate(),
            _ => self.validation(call.id),
        }
    }

    fn read(&mut self, call: &Call) -> Result<Registration, Refusal> {
        let text = call.body.as_deref().ok_or_else(Refusal::too_large)?;
        let body: Map<String, Value> =
            serde_json::from_slice(text).map_err(|_| Refusal::center(400, "The body is no JSON object."))?;
        let member = |name: &str| {
            let mut named = body.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
            named.next().map_or(&Value::Null, |(_, value)| value)
        };
        let url = member("WebhookUrl").as_str().unwrap_or_default();
        let plain = self.settings.plain_callbacks && url.starts_with("http://");
        let host = url.split_once("://").map_or("", |(_, rest)| rest);
        if !(url.starts_with("https://") || plain) || host.is_empty() || host.starts_with('/') {
            return Err(Refusal::center(400, "The WebhookUrl has to be an https address."));
        }
        let events: Option<Vec<String>> = member("WebhookEvents").as_array().and_then(|events| {
            let known = |event: &Value| {
                let name = event.as_str().filter(|name| EVENTS.contains(name));
                name.map(str::to_owned)
            };
            events.iter().map(known).collect()
        });
        let events = events.filter(|events| !events.is_empty());
        let events = events.ok_or_else(|| Refusal::center(400, "The WebhookEvents are not known."))?;
        let former = self.registrations.current.as_ref();
        let subscriber = former.map(|former| former.subscriber.clone());
        Ok(Registration {
            subscriber: subscriber.unwrap_or_else(|| {
                let serial = self.serial();
                ids::guid(Of::Subscriber, serial)
            }),
            url: url.to_owned(),
            events,
            by_own_header: member("SignatureTokenToMsSignatureHeader") == &Value::Bool(true),
        })
    }

    fn told(&self, registration: &Registration) -> Answer {
        let names = match self.settings.casing {
            Casing::Pascal => ["SubscriberId", "WebhookUrl", "WebhookEvents"],
            Casing::Camel => ["subscriberId", "webhookUrl", "webhookEvents"],
        };
        let body = json!({
            names[0]: registration.subscriber,
            names[1]: registration.url,
            names[2]: registration.events,
        });
        Answer::json(200, body.to_string())
    }

    fn validate(&mut self) -> Result<Answer, Refusal> {
        let now = self.now;
        let asked = &mut self.registrations.asked;
        asked.retain(|at| now - *at < TimeDelta::minutes(1));
        if asked.len() >= A_MINUTE {
            let rest = asked
                .front()
                .map_or(60, |first| 60 - (now - *first).num_seconds());
            return Err(Refusal::throttled(Envelope::Gateway, rest.max(1)));
        }
        asked.push_back(now);
        let Some(current) = &self.registrations.current else {
            return Err(none());
        };
        let url = current.url.clone();
        if !self.registrations.wants("test-created") {
            return Err(Refusal::center(
                400,
                "The registration does not include test-created.",
            ));
        }
        let serial = self.serial();
        let id = ids::guid(Of::Correlation, serial);
        // Plain http, as the documented event has it.
        let origin = self.center_origin.replacen("https://", "http://", 1);
        let at = self.tick();
        let uri = format!("{origin}{BASE}/validationEvents/{id}");
        let event = self.events.raise("test-created", &uri, None, at, now);
        let answer = Answer::json(200, json!({ "correlationId": id }).to_string());
        self.registrations
            .validations
            .push(Validation { id, event, url, at });
        Ok(answer)
    }

    fn validation(&mut self, id: &str) -> Result<Answer, Refusal> {
        let now = self.now;
        let validations = &mut self.registrations.validations;
        validations.retain(|validation| now - validation.at < KEPT);
        let found = validations
            .iter()
            .find(|validation| validation.id.eq_ignore_ascii_case(id));
        let found = found.ok_or_else(|| Refusal::center(404, "There is no such validation."))?;
        let event = self.events.find(found.event);
        let attempts = event.map(|event| event.attempts.as_slice()).unwrap_or_default();
        let results: Vec<Value> = attempts.iter().map(result).collect();
        let done = attempts.last().and_then(|last| last.status);
        let status = match done {
            Some(200..300) => "completed",
            _ if self.events.offline.iter().any(|event| event.id == found.event) => "failed",
            _ => "pending",
        };
        let body = json!({
            "correlationId": found.id,
            "partnerId": ACCOUNT,
            "status": status,
            "callbackUrl": found.url,
            "results": results,
        });
        Ok(Answer::json(200, body.to_string()))
    }
}

/// As the service tells of one attempt: the status by its name.
fn result(attempt: &events::Attempt) -> Value {
    let code = attempt
        .status
        .and_then(|status| http::StatusCode::from_u16(status).ok());
    let name = code.and_then(|code| code.canonical_reason()).unwrap_or_default();
    json!({
        "responseCode": name.replace(' ', ""),
        "responseMessage": if code.is_some() { "" } else { "The endpoint did not answer in time." },
        "systemError": code.is_none(),
        "dateTimeUtc": moment::plain(attempt.at),
    })
}

fn none() -> Refusal {
    Refusal::center(404, "There is no registration.")
}
