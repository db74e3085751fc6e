//! Events on their way: ten attempts, then the offline queue (contract partner-center 8.2 to 8.5).

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::moment;
use super::registration::Registration;
use super::signer::Signer;

/// When the attempts are made, in seconds after the event.
const ATTEMPTS: [i64; 10] = [0, 10, 30, 60, 120, 240, 480, 960, 1800, 3600];

/// Who does not answer within so many seconds did not answer.
const PATIENCE: TimeDelta = TimeDelta::seconds(10);

/// An event to be posted to whoever registered, once.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// To be named in [`super::PartnerCenter::answered`].
    pub id: u64,
    /// Which event; it stays the same for all attempts.
    pub event: u64,
    /// Counted from 1.
    pub attempt: u32,
    /// Such as `referral-updated`.
    pub name: &'static str,
    /// The referral the event points to.
    pub referral: Option<Arc<str>>,
    /// Where it goes.
    pub url: String,
    /// The exact bytes that are signed.
    pub body: Bytes,
    certificate_url: String,
    by_own_header: bool,
    signer: Option<Sealed>,
    signature: Arc<OnceLock<String>>,
}

/// A signer that shows nothing of itself.
#[derive(Clone)]
struct Sealed(Arc<Signer>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

impl Delivery {
    /// The headers it comes with. It is signed when this is asked for the first time.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let signature = self.signature.get_or_init(|| {
            let signer = self
                .signer
                .as_ref()
                .map_or_else(Signer::usual, |sealed| Arc::clone(&sealed.0));
            format!("Signature {}", signer.sign(&self.body))
        });
        let name = if self.by_own_header {
            "x-ms-signature"
        } else {
            "authorization"
        };
        vec![
            ("content-type", "application/json".to_owned()),
            (name, signature.clone()),
            ("x-ms-certificate-url", self.certificate_url.clone()),
            ("x-ms-signature-algorithm", "rsa-sha256".to_owned()),
        ]
    }
}

/// One attempt to deliver, after it came to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: DateTime<Utc>,
    /// The answer; none came in time when this is `None`.
    pub status: Option<u16>,
}

/// An event and what became of it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Which one.
    pub id: u64,
    /// Such as `referral-updated`.
    pub name: &'static str,
    /// The referral it points to.
    pub referral: Option<Arc<str>>,
    /// When it happened.
    pub raised: DateTime<Utc>,
    /// The exact bytes.
    pub body: Bytes,
    /// Every attempt so far.
    pub attempts: Vec<Attempt>,
    due: DateTime<Utc>,
    /// The delivery nobody answered yet, and when it left.
    out: Option<(u64, DateTime<Utc>)>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Events {
    serial: u64,
    pub(super) waiting: VecDeque<Event>,
    pub(super) delivered: Vec<Event>,
    pub(super) offline: Vec<Event>,
    /// Who signs; the usual one until told otherwise.
    pub(super) signer: Option<Arc<Signer>>,
}

impl Events {
    /// Something happened, and the service noticed at the same time or later; the number of the event. A change's own
    /// time may be some ticks ahead of the clock, which the first attempt does not wait for.
    pub(super) fn raise(
        &mut self,
        name: &'static str,
        uri: &str,
        referral: Option<Arc<str>>,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> u64 {
        let resource = if referral.is_some() { "referral" } else { "test" };
        let body = json!({
            "EventName": name,
            "ResourceUri": uri,
            "ResourceName": resource,
            "AuditUri": null,
            "ResourceChangeUtcDate": moment::write_with_offset(at),
        });
        self.serial += 1;
        self.waiting.push_back(Event {
            id: self.serial,
            name,
            referral,
            raised: at.min(now),
            body: Bytes::from(body.to_string()),
            attempts: Vec::new(),
            due: at.min(now),
            out: None,
        });
        self.serial
    }

    /// What has to be posted now, oldest first. Without a registration everything goes to the offline queue.
    pub(super) fn due(
        &mut self,
        now: DateTime<Utc>,
        registration: Option<&Registration>,
        certificate_url: &str,
    ) -> Vec<Delivery> {
        self.give_up_on_the_silent(now);
        let Some(registration) = registration else {
            self.offline.extend(self.waiting.drain(..));
            return Vec::new();
        };
        let mut due = Vec::new();
        let ready = |event: &&mut Event| event.out.is_none() && event.due <= now;
        for event in self.waiting.iter_mut().filter(ready) {
            self.serial += 1;
            event.out = Some((self.serial, now));
            due.push(Delivery {
                id: self.serial,
                event: event.id,
                attempt: event.tries() + 1,
                name: event.name,
                referral: event.referral.clone(),
                url: registration.url.clone(),
                body: event.body.clone(),
                certificate_url: certificate_url.to_owned(),
                by_own_header: registration.by_own_header,
                signer: self.signer.clone().map(Sealed),
                signature: Arc::default(),
            });
        }
        due
    }

    fn give_up_on_the_silent(&mut self, now: DateTime<Utc>) {
        let silent = |event: &Event| {
            let out = event.out.filter(|(_, left)| now >= *left + PATIENCE);
            out.map(|(delivery, _)| delivery)
        };
        let silent: Vec<u64> = self.waiting.iter().filter_map(silent).collect();
        for delivery in silent {
            self.answered(delivery, None, now);
        }
    }

    /// Whether this delivery was waited for.
    pub(super) fn answered(&mut self, delivery: u64, status: Option<u16>, now: DateTime<Utc>) -> bool {
        let out = |event: &Event| event.out.is_some_and(|(out, _)| out == delivery);
        let Some(place) = self.waiting.iter().position(out) else {
            return false;
        };
        let Some(event) = self.waiting.get_mut(place) else {
            return false;
        };
        let at = event.out.take().map_or(now, |(_, left)| left);
        event.attempts.push(Attempt { at, status });
        let done = status.is_some_and(|status| (200..300).contains(&status));
        match ATTEMPTS.get(event.attempts.len()) {
            Some(seconds) if !done => {
                event.due = now.max(event.raised + TimeDelta::seconds(*seconds));
            }
            _ => {
                let kept = if done {
                    &mut self.delivered
                } else {
                    &mut self.offline
                };
                kept.extend(self.waiting.remove(place));
            }
        }
        true
    }

    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        let when = |event: &Event| event.out.map_or(event.due, |(_, left)| left + PATIENCE);
        self.waiting.iter().map(when).min()
    }

    /// An event, wherever it is.
    pub(super) fn find(&self, id: u64) -> Option<&Event> {
        let all = self.waiting.iter().chain(&self.delivered).chain(&self.offline);
        all.into_iter().find(|event| event.id == id)
    }
}

impl Event {
    fn tries(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }
}
