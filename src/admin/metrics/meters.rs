//! The handles each room counts with: one atomic addition, no label looked up.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use connector_kit::{ErrorKind, Stage};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::runtime::Ticks;
use crate::store::sqlite::CommitWatcher;
use crate::store::{ClockKind, DestinationGate, Suppression, Understood};
use crate::syncback::clocks::ClockState;

/// What the door counts for one source.
#[derive(Clone)]
pub struct DoorMeter {
    pub(super) answers: [(u16, Counter); ANSWERS.len()],
    /// Leads whose bytes are on disk.
    pub accepted: Counter,
    /// Bodies nobody could read.
    pub refused: Counter,
    /// From the end of the head to the decision.
    pub answer_time: Histogram,
}

/// What understanding counts.
#[derive(Clone)]
pub struct SettleMeter {
    /// Arrivals that began a lead.
    pub new: Counter,
    /// Arrivals that added to a lead.
    pub merged: Counter,
    /// Arrivals that were the same touch again.
    pub repeats: Counter,
    /// Arrivals that cannot be understood.
    pub quarantined: Counter,
    pub(super) suppressed: [(Suppression, Counter); 6],
}

/// What looking at one CRM counts.
#[derive(Clone)]
pub struct OutcomeMeter {
    pub(super) stages: [(Stage, Counter); STAGES.len()],
    pub(super) lag: Histogram,
}

impl OutcomeMeter {
    /// One outcome that was news, so long after it came to be.
    pub fn seen(&self, stage: Stage, after: TimeDelta) {
        let counter = self.stages.iter().find(|(of, _)| *of == stage);
        if let Some((_, counter)) = counter {
            counter.inc();
        }
        self.lag
            .observe(after.to_std().unwrap_or(Duration::ZERO).as_secs_f64());
    }
}

/// How many clocks run, and how they stand.
#[derive(Clone)]
pub struct ClockMeter {
    pub(super) running: [(ClockKind, [(ClockState, Gauge); CLOCK_STATES.len()]); CLOCKS.len()],
}

impl ClockMeter {
    /// All clocks that run, as they stand now.
    pub fn show(&self, running: &BTreeMap<(ClockKind, ClockState), i64>) {
        for (clock, states) in &self.running {
            for (state, gauge) in states {
                gauge.set(running.get(&(*clock, *state)).copied().unwrap_or_default());
            }
        }
    }
}

/// What the worker of one destination counts.
#[derive(Clone)]
pub struct DestinationMeter {
    /// Confirmed writes.
    pub delivered: Counter,
    /// Deliveries the do-not-contact gate stopped.
    pub withheld: Counter,
    pub(super) failed: [(ErrorKind, Counter); KINDS.len()],
    /// Deliveries that ended as dead letters.
    pub dead: Counter,
    pub(super) held: Counter,
    pub(super) parked: Counter,
}

/// What the store's writer counts.
#[derive(Clone, Debug)]
pub struct StoreMeter {
    pub(super) ticks: Ticks,
    /// Seconds from the first write of a group to the end of its fsync.
    pub commit: Histogram,
    /// How many calls shared one commit.
    pub group: Histogram,
    /// Commits that failed.
    pub errors: Counter,
}

pub(super) const ANSWERS: [u16; 10] = [200, 400, 401, 404, 405, 408, 413, 415, 429, 503];

pub(super) const KINDS: [ErrorKind; 7] = [
    ErrorKind::Throttled,
    ErrorKind::Unreachable,
    ErrorKind::Broken,
    ErrorKind::Conflict,
    ErrorKind::Rejected,
    ErrorKind::Unauthorized,
    ErrorKind::Misconfigured,
];

impl CommitWatcher for StoreMeter {
    fn now(&self) -> Duration {
        self.ticks.now()
    }

    fn committed(&self, took: Duration, calls: usize) {
        self.commit.observe(took.as_secs_f64());
        self.group
            .observe(f64::from(u32::try_from(calls).unwrap_or(u32::MAX)));
    }

    fn failed(&self) {
        self.errors.inc();
    }
}

impl DoorMeter {
    /// Counts an answer.
    pub fn answered(&self, status: u16, took: Duration) {
        if let Some((_, counter)) = self.answers.iter().find(|(known, _)| *known == status) {
            counter.inc();
        }
        self.answer_time.observe(took.as_secs_f64());
    }
}

impl SettleMeter {
    /// Counts what became of an arrival.
    pub fn understood(&self, understood: &Understood) {
        match understood {
            Understood::New(_) => drop(self.new.inc()),
            Understood::Merged(_) => drop(self.merged.inc()),
            Understood::Repeat(_) => drop(self.repeats.inc()),
            Understood::Quarantined(_) => drop(self.quarantined.inc()),
            Understood::Forgotten => self.suppressed(Suppression::Forgotten),
        }
    }

    /// Counts a lead that goes nowhere.
    pub fn suppressed(&self, why: Suppression) {
        if let Some((_, counter)) = self.suppressed.iter().find(|(rule, _)| *rule == why) {
            counter.inc();
        }
    }
}

impl DestinationMeter {
    /// Counts an attempt that failed.
    pub fn failed(&self, kind: ErrorKind) {
        if let Some((_, counter)) = self.failed.iter().find(|(known, _)| *known == kind) {
            counter.inc();
        }
    }

    /// Counts that it was sent to rest.
    pub fn gated(&self, gate: &DestinationGate) {
        match gate {
            DestinationGate::Open => {}
            DestinationGate::Held { .. } => drop(self.held.inc()),
            DestinationGate::Parked { .. } => drop(self.parked.inc()),
        }
    }
}

/// Every clock there is.
pub(super) const CLOCKS: [ClockKind; 3] = [ClockKind::FollowUp, ClockKind::DirectContact, ClockKind::Answer];

/// How a clock that runs may stand.
pub(super) const CLOCK_STATES: [ClockState; 3] = [ClockState::Ok, ClockState::Due, ClockState::Overdue];

/// Every stage of an outcome.
pub(super) const STAGES: [Stage; 6] = [
    Stage::Open,
    Stage::Accepted,
    Stage::Declined,
    Stage::Won,
    Stage::Lost,
    Stage::Gone,
];
