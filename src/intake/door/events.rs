//! `POST /v1/{connector}/events`: the other side tells that something changed, proves that it is
//! the one who tells, and hears 200 once that is kept.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use connector_kit::event::Tee;
use connector_kit::ids::AccountName;
use connector_kit::{ConnectorError, ErrorKind, EventVerifier, Notice, Refused, SourceName};
use futures_util::FutureExt;
use http::HeaderMap;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Door;
use crate::admin::metrics::{DoorMeter, EventMeter};
use crate::admin::{Metrics, Poke};
use crate::intake::limits::IntakeLimits;
use crate::intake::refusal::Refusal;
use crate::store::{Copy, Heard, ReferralStore, Told};

/// The path as it may be logged.
pub(super) const ROUTE: &str = "/v1/{connector}/events";

/// Events of one connector that are looked at together. A look may wait for a certificate: whoever
/// comes beyond that comes again.
const LOOKS: usize = 16;
/// When a sender comes again whose event could not be looked at.
const COME_AGAIN: Duration = Duration::from_secs(5);
/// So long nothing more is said of refused events: whoever sends them must not fill the log.
const SILENCE: Duration = Duration::from_mins(10);

/// A connector that tells of changes by itself.
#[derive(Clone)]
pub struct EventSource {
    /// The publisher it belongs to.
    pub account: AccountName,
    /// Its name, which is part of the path.
    pub name: SourceName,
    /// Believes its events, or does not.
    pub verifier: Arc<dyn EventVerifier>,
    /// Keeps them.
    pub store: Arc<dyn ReferralStore>,
    /// Wakes whoever follows them.
    pub on_kept: Poke,
    /// Wakes whoever passes them on.
    pub on_copied: Poke,
}

impl EventSource {
    /// Where its events are posted to.
    pub fn path(name: &str) -> String {
        ROUTE.replace("{connector}", name)
    }
}

/// Every connector that tells of changes.
pub(super) struct Entrances(BTreeMap<String, Arc<Entrance>>);

/// One such connector, ready to be heard.
pub(super) struct Entrance {
    pub(super) source: EventSource,
    tee: Option<Arc<dyn Tee>>,
    looks: Semaphore,
    pub(super) door: DoorMeter,
    meter: EventMeter,
    /// When a refusal was last told, by its kind.
    told: Mutex<BTreeMap<&'static str, Duration>>,
}

impl Entrances {
    pub(super) fn new(metrics: &Metrics, sources: Vec<EventSource>) -> Self {
        let entrances = sources.into_iter().map(|source| {
            let entrance = Entrance {
                tee: source.verifier.tee(),
                looks: Semaphore::new(LOOKS),
                door: metrics.door(&source.name),
                meter: metrics.events(&source.name),
                told: Mutex::default(),
                source,
            };
            (entrance.source.name.as_str().to_owned(), Arc::new(entrance))
        });
        Self(entrances.collect())
    }

    /// The connector the path names.
    pub(super) fn find(&self, path: &str) -> Option<Arc<Entrance>> {
        let connector = path.strip_prefix("/v1/")?.strip_suffix("/events")?;
        self.0.get(connector).map(Arc::clone)
    }
}

impl Entrance {
    /// Looks whether the event is believed; never for longer than `patience`.
    async fn verify(&self, headers: &HeaderMap, body: &Bytes, patience: Duration) -> Result<Notice, Refused> {
        let undecided = |kind, doing: &str| Err(Refused::Undecided(ConnectorError::new(kind, doing)));
        let Ok(_look) = self.looks.try_acquire() else {
            return undecided(ErrorKind::Throttled, "verify an event: too many are looked at");
        };
        let look = AssertUnwindSafe(self.source.verifier.verify(headers, body)).catch_unwind();
        match timeout(patience, look).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(_)) => undecided(ErrorKind::Broken, "verify an event: the connector failed inside"),
            Err(_) => undecided(ErrorKind::Unreachable, "verify an event: it took too long"),
        }
    }

    /// Counts a refusal, and tells of it now and then.
    fn refuse(&self, refused: &Refused, now: Duration) -> Refusal {
        let (result, reason, refusal) = match refused {
            Refused::Malformed(reason) => ("malformed", *reason, Refusal::NoEvent(reason)),
            Refused::Forged(reason) => ("forged", *reason, Refusal::Unproven),
            Refused::Undecided(error) => (
                "undecided",
                error.kind().as_str(),
                Refusal::Undecided(error.wait().unwrap_or(COME_AGAIN)),
            ),
        };
        self.meter.refused(result, reason);
        if self.is_news(result, now) {
            let name = &self.source.name;
            let hint = match refused {
                Refused::Undecided(error) => error.hint_text().unwrap_or_default(),
                _ => "",
            };
            tracing::warn!(event = "event_refused", source = %name, result, reason = %refused, hint, "an event for {name} was refused; the numbers tell of further ones");
        }
        refusal
    }

    fn is_news(&self, result: &'static str, now: Duration) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let news = told.get(result).is_none_or(|at| now >= *at + SILENCE);
        if news {
            told.insert(result, now);
        }
        news
    }

    /// The request, for whoever else is to get it.
    fn copy(&self, headers: &HeaderMap, body: &Bytes) -> Option<Copy> {
        let tee = self.tee.as_ref()?;
        let carried = headers.iter().filter(|(name, _)| tee.carries(name));
        let headers = carried.filter_map(|(name, value)| {
            let value = value.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        });
        Some(Copy {
            headers: headers.collect(),
            body: body.to_vec(),
        })
    }
}

impl Door {
    /// Keeps a verified event; the sender hears 200 whether it is new or not.
    pub(super) async fn take_event(
        &self,
        limits: &IntakeLimits,
        entrance: &Entrance,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<(), Refusal> {
        let deadline = self.parts.ticks.now() + limits.answer_deadline;
        let left = || deadline.saturating_sub(self.parts.ticks.now());
        let notice = entrance
            .verify(headers, body, left())
            .await
            .map_err(|refused| entrance.refuse(&refused, self.parts.ticks.now()))?;
        let source = entrance.source.clone();
        let told = Told {
            account: source.account,
            source: source.name,
            received_at: self.parts.clock.now(),
            notice,
            copy: entrance.copy(headers, body),
        };
        let copied = told.copy.is_some();
        let meter = entrance.meter.clone();
        let work = async move {
            for heard in source.store.hear(vec![told]).await? {
                meter.heard(heard);
                if heard == Heard::Kept {
                    (source.on_kept)();
                }
                if copied && heard != Heard::Known {
                    (source.on_copied)();
                }
            }
            Ok(())
        };
        self.see_through(left(), work).await
    }
}
