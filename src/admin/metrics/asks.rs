//! The numbers of systems that have to be asked: how often, with what result, and since when in vain.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use connector_kit::{ErrorKind, SourceName};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::Metrics;
use super::meters::KINDS;
use crate::runtime::Ticks;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
struct Asking {
    source: String,
    role: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    source: String,
    role: &'static str,
    result: &'static str,
}

/// The role in which a system is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedAs {
    /// For leads.
    Source,
    /// For what became of them.
    OutcomeSource,
}

/// All numbers of systems that have to be asked.
#[derive(Default)]
pub(super) struct AskNumbers {
    asked: Family<Asked, Counter>,
    age: Family<Asking, Gauge>,
    /// When each was last asked to its end, in milliseconds of the ticks.
    ends: Mutex<BTreeMap<Asking, Arc<AtomicU64>>>,
}

/// What asking one system counts.
#[derive(Clone)]
pub struct AskMeter {
    ticks: Ticks,
    end: Arc<AtomicU64>,
    answered: Counter,
    failed: [(ErrorKind, Counter); KINDS.len()],
}

/// What polling one source counts.
#[derive(Clone)]
pub struct PollMeter {
    /// Leads whose bytes are on disk.
    pub accepted: Counter,
    /// What came of asking.
    pub asks: AskMeter,
}

impl AskedAs {
    fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::OutcomeSource => "outcome-source",
        }
    }
}

impl AskNumbers {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "source_asks",
            "Times a system was asked for leads or outcomes, by what came of it",
            self.asked.clone(),
        );
        registry.register_with_unit(
            "checkpoint_age",
            "Since when a system was not asked successfully for all it had, or since the start",
            Unit::Seconds,
            self.age.clone(),
        );
    }

    pub(super) fn show(&self, now: std::time::Duration) {
        self.age.clear();
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody asks any more, such as after a reload that took the role away.
        ends.retain(|_, end| Arc::strong_count(end) > 1);
        for (asking, end) in &*ends {
            let then = std::time::Duration::from_millis(end.load(Ordering::Relaxed));
            let age = now.saturating_sub(then).as_secs();
            self.age
                .get_or_create(asking)
                .set(i64::try_from(age).unwrap_or(i64::MAX));
        }
    }
}

impl Metrics {
    /// The handles of whoever polls a source.
    pub fn polls(&self, name: &SourceName) -> PollMeter {
        PollMeter {
            accepted: self.accepted_from(name),
            asks: self.asks(name, AskedAs::Source),
        }
    }

    /// The handles of whoever asks a system. The age of its checkpoint counts from now on, unless it is
    /// counted already.
    pub fn asks(&self, name: &SourceName, role: AskedAs) -> AskMeter {
        let (source, role) = (name.as_str().to_owned(), role.as_str());
        let of = |result| {
            let source = source.clone();
            self.asks
                .asked
                .get_or_create_owned(&Asked { source, role, result })
        };
        let asking = Asking {
            source: source.clone(),
            role,
        };
        let mut ends = self.asks.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let end = ends
            .entry(asking)
            .or_insert_with(|| Arc::new(AtomicU64::new(millis(&self.ticks))));
        AskMeter {
            ticks: self.ticks.clone(),
            end: Arc::clone(end),
            answered: of("answered"),
            failed: KINDS.map(|kind| (kind, of(kind.as_str()))),
        }
    }

    /// A connector is asked no more.
    pub(super) fn forget_asks(&self, name: &str) {
        for role in [AskedAs::Source, AskedAs::OutcomeSource].map(AskedAs::as_str) {
            for result in KINDS.map(ErrorKind::as_str).into_iter().chain(["answered"]) {
                let source = name.to_owned();
                self.asks.asked.remove(&Asked { source, role, result });
            }
        }
    }
}

fn millis(ticks: &Ticks) -> u64 {
    u64::try_from(ticks.now().as_millis()).unwrap_or(u64::MAX)
}

impl AskMeter {
    /// It answered, and what it said is kept; `to_the_end` when it had no more.
    pub fn answered(&self, to_the_end: bool) {
        self.answered.inc();
        if to_the_end {
            self.end.store(millis(&self.ticks), Ordering::Relaxed);
        }
    }

    /// It did not answer, or not as it should.
    pub fn failed(&self, kind: ErrorKind) {
        if let Some((_, counter)) = self.failed.iter().find(|(known, _)| *known == kind) {
            counter.inc();
        }
    }
}
