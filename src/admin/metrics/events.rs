//! The numbers of events: heard, followed, passed on.

use std::time::Duration;

use chrono::TimeDelta;
use connector_kit::SourceName;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::Metrics;
use super::named::Named;
use crate::store::{Heard, ReferralTotals};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Judged {
    source: String,
    result: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    source: String,
    result: &'static str,
}

/// All numbers of events.
pub(super) struct EventNumbers {
    heard: Named<Judged>,
    followed: Named<Ended>,
    forwarded: Named<Ended>,
    custody: Histogram,
    waiting: Gauge,
}

/// What hearing the events of one connector counts.
#[derive(Clone)]
pub struct EventMeter {
    source: String,
    all: Named<Judged>,
    kept: Counter,
    known: Counter,
    noted: Counter,
}

/// What following the events of one connector counts.
#[derive(Clone)]
pub struct FollowMeter {
    accepted: Counter,
    read: Counter,
    custody: Histogram,
    /// Referrals that were not to be had yet.
    pub later: Counter,
    /// Referrals that were not to be had.
    pub given_up: Counter,
    /// Looks the other side did not let happen.
    pub failed: Counter,
}

/// What passing on the events of one connector counts.
#[derive(Clone)]
pub struct ForwardMeter {
    /// Events that were passed on.
    pub done: Counter,
    /// Events to be passed on later.
    pub later: Counter,
    /// Events nobody takes.
    pub given_up: Counter,
}

impl EventNumbers {
    pub(super) fn new() -> Self {
        Self {
            heard: Named::default(),
            followed: Named::default(),
            forwarded: Named::default(),
            custody: Histogram::new(exponential_buckets(0.01, 2.0, 18)),
            waiting: Gauge::default(),
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "events",
            "Events at the door, by what they were to us, and why they were refused",
            self.heard.family(),
        );
        registry.register(
            "events_followed",
            "Looks at what events tell of, by what came of them",
            self.followed.family(),
        );
        registry.register(
            "events_forwarded",
            "Attempts to pass events on, by what came of them",
            self.forwarded.family(),
        );
        let help = "From an event's arrival to the custody of what it tells of";
        registry.register_with_unit("events_custody", help, Unit::Seconds, self.custody.clone());
        registry.register(
            "events_waiting",
            "Events that are not followed yet",
            self.waiting.clone(),
        );
    }
}

impl EventNumbers {
    /// Events of this connector are heard no more.
    pub(super) fn forget(&self, source: &str) {
        self.heard.forget(source);
        self.followed.forget(source);
        self.forwarded.forget(source);
    }
}

impl Metrics {
    /// Takes over what the store says of referrals.
    pub(super) fn show_referrals(&self, totals: &ReferralTotals) {
        self.events.waiting.set(totals.notices.cast_signed());
        self.reports.show(totals);
    }

    /// The handles of a connector's events at the door.
    pub fn events(&self, name: &SourceName) -> EventMeter {
        let source = name.as_str().to_owned();
        let of = |result| {
            let judged = Judged {
                source: source.clone(),
                result,
                reason: "",
            };
            self.events.heard.of(&source, judged)
        };
        EventMeter {
            kept: of("kept"),
            known: of("known"),
            noted: of("noted"),
            all: self.events.heard.clone(),
            source,
        }
    }

    /// The handles of those who follow a connector's events.
    pub fn follow(&self, name: &SourceName) -> FollowMeter {
        let of = |result| ended(&self.events.followed, name, result);
        FollowMeter {
            accepted: self.accepted_from(name),
            read: of("read"),
            later: of("later"),
            given_up: of("given up"),
            failed: of("failed"),
            custody: self.events.custody.clone(),
        }
    }

    /// The handles of whoever passes a connector's events on.
    pub fn forward(&self, name: &SourceName) -> ForwardMeter {
        let of = |result| ended(&self.events.forwarded, name, result);
        ForwardMeter {
            done: of("done"),
            later: of("later"),
            given_up: of("given up"),
        }
    }
}

fn ended(counters: &Named<Ended>, name: &SourceName, result: &'static str) -> Counter {
    let source = name.as_str().to_owned();
    counters.of(name.as_str(), Ended { source, result })
}

impl EventMeter {
    /// Counts an event that was believed.
    pub fn heard(&self, heard: Heard) {
        match heard {
            Heard::Kept => self.kept.inc(),
            Heard::Known => self.known.inc(),
            Heard::Noted => self.noted.inc(),
        };
    }

    /// Counts an event that was refused. Both words come from fixed lists, never from the event.
    pub fn refused(&self, result: &'static str, reason: &'static str) {
        let source = self.source.clone();
        let judged = Judged {
            source,
            result,
            reason,
        };
        self.all.of(&self.source, judged).inc();
    }
}

impl FollowMeter {
    /// Counts a referral that was read, so long after the first event about it came.
    pub fn read(&self, after: TimeDelta) {
        self.accepted.inc();
        self.read.inc();
        let after = after.to_std().unwrap_or(Duration::ZERO);
        self.custody.observe(after.as_secs_f64());
    }
}
