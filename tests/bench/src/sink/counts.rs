//! What the sink counts while it answers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::far_end::Call;

/// Counters that only grow.
#[derive(Default)]
pub(super) struct Counters {
    done: AtomicU64,
    throttled: AtomicU64,
    failed: AtomicU64,
    held: AtomicU64,
    busy_us: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Calls that were done.
    pub(crate) done: u64,
    /// Calls refused because a limit was met.
    pub(crate) throttled: u64,
    /// Calls refused for any other reason.
    pub(crate) failed: u64,
    /// Calls turned away while the sink was shut.
    pub(crate) held: u64,
    /// Microseconds spent on answers, waits included.
    pub(crate) busy_us: u64,
}

impl Counters {
    pub(super) fn turned_away(&self) {
        self.held.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn answered(&self, call: Call, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.busy_us.fetch_add(micros, Ordering::Relaxed);
        let counter = match call {
            Call::Free => return,
            Call::Done => &self.done,
            Call::Throttled => &self.throttled,
            Call::Failed => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            done: read(&self.done),
            throttled: read(&self.throttled),
            failed: read(&self.failed),
            held: read(&self.held),
            busy_us: read(&self.busy_us),
        }
    }
}

impl Counts {
    /// Every call that was let in and counts.
    pub(crate) fn calls(self) -> u64 {
        self.done + self.throttled + self.failed
    }

    /// What came since an earlier moment.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            done: self.done - before.done,
            throttled: self.throttled - before.throttled,
            failed: self.failed - before.failed,
            held: self.held - before.held,
            busy_us: self.busy_us - before.busy_us,
        }
    }
}
