//! Lines that would come too thick: beyond a rate they are counted, and the count is told instead.
//!
//! journald takes 10,000 lines of a service in 30 seconds and throws away the rest (`RateLimitBurst=`
//! in `journald.conf(5)`), whatever they say. Lines that tell of one lead among many give way first;
//! lines a person has to see are never counted away.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

use super::catalogue;
use crate::runtime::Ticks;

/// How many lines about single leads are told in a second: 6,000 of the 10,000 in 30 seconds.
const TOLD_IN_A_SECOND: u32 = 200;

/// Counts what it does not let through.
#[derive(Clone)]
pub(super) struct Crowd {
    ticks: Ticks,
    turn: Arc<Mutex<Turn>>,
}

/// The second that runs, and what was not told.
#[derive(Default)]
struct Turn {
    second: u64,
    told: u32,
    counted: BTreeMap<(&'static str, String), (u64, u64)>,
}

/// So many lines of one kind, at one system, were not told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) event: &'static str,
    /// The destination, source or sink.
    pub(super) system: String,
    pub(super) lines: u64,
    pub(super) leads: u64,
}

impl Crowd {
    pub(super) fn new(ticks: Ticks) -> Self {
        Self {
            ticks,
            turn: Arc::default(),
        }
    }

    /// What was counted since the last time.
    pub(super) fn take(&self) -> Vec<Sum> {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = std::mem::take(&mut turn.counted).into_iter();
        let sum = |((event, system), (lines, leads))| Sum {
            event,
            system,
            lines,
            leads,
        };
        counted.map(sum).collect()
    }

    fn lets_through(&self, event: &Event<'_>) -> bool {
        let Some(entry) = catalogue::named_by(event).filter(|entry| entry.gives_way) else {
            return true;
        };
        let now = self.ticks.now().as_secs();
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if turn.second != now {
            (turn.second, turn.told) = (now, 0);
        }
        if turn.told < TOLD_IN_A_SECOND {
            turn.told += 1;
            return true;
        }
        let mut about = About::default();
        event.record(&mut about);
        let (lines, leads) = turn.counted.entry((entry.name, about.system)).or_default();
        *lines += 1;
        *leads += about.leads.unwrap_or(1);
        false
    }
}

impl<S: Subscriber> Filter<S> for Crowd {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.lets_through(event)
    }
}

/// Whom a line is about.
#[derive(Default)]
struct About {
    system: String,
    leads: Option<u64>,
}

impl Visit for About {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "leads" {
            self.leads = Some(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if matches!(field.name(), "destination" | "source" | "sink") {
            self.system = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests;
