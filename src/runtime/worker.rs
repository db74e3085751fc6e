//! The one loop that waits, so that no worker has to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::Clock;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::bell::Bell;
use super::ticks::Ticks;
use crate::store::StoreError;

/// No worker rests longer than this without looking.
pub const LONGEST_REST: TimeDelta = TimeDelta::seconds(60);
/// No step of a worker that calls nobody takes longer than this.
pub const LONGEST_STEP: Duration = Duration::from_secs(90);
/// The same for one who calls other systems: some calls, each as long as the way out allows.
pub const LONGEST_TALK: Duration = Duration::from_mins(30);
/// The rest after the store failed.
const AFTER_FAILURE: TimeDelta = TimeDelta::seconds(1);

/// One stage of the pipeline.
#[async_trait]
pub trait Worker: Send {
    /// Its name in logs.
    fn name(&self) -> &str;

    /// How long a step may take before its worker counts as stuck: [`LONGEST_STEP`], or [`LONGEST_TALK`]
    /// where it waits for other systems. A dead one is no reason to count as stuck.
    fn longest_step(&self) -> Duration;

    /// Does one bounded piece of work, led only by what the store says at `now`.
    async fn step(&mut self, now: DateTime<Utc>) -> Result<Next, StoreError>;
}

/// When a worker wants to work again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At once: there is more.
    Again,
    /// At this time, or when poked.
    At(DateTime<Utc>),
    /// When poked.
    Idle,
}

/// When a worker's loop last turned, for the watchdog. The wall clock may jump and changes nothing.
#[derive(Clone, Debug)]
pub struct Pulse {
    /// In milliseconds of the ticks; [`NEVER`] before the first.
    last: Arc<AtomicU64>,
    longest: Duration,
    ticks: Ticks,
}

const NEVER: u64 = u64::MAX;

impl Pulse {
    /// The pulse of a worker that has not begun.
    pub fn of(worker: &dyn Worker, ticks: Ticks) -> Self {
        let rest = LONGEST_REST.to_std().unwrap_or_default();
        Self {
            last: Arc::new(AtomicU64::new(NEVER)),
            longest: rest.saturating_add(worker.longest_step()),
            ticks,
        }
    }

    fn beat(&self) {
        let now = self.ticks.now().as_millis();
        self.last
            .store(u64::try_from(now).unwrap_or(NEVER), Ordering::Relaxed);
    }

    /// True when the loop has begun and not turned for longer than a rest and a step take.
    pub fn is_late(&self) -> bool {
        let last = self.last.load(Ordering::Relaxed);
        last != NEVER && self.ticks.now().saturating_sub(Duration::from_millis(last)) > self.longest
    }
}

/// Runs a worker until it is told to stop; the piece of work in hand is finished first.
pub async fn run(
    mut worker: Box<dyn Worker>,
    bell: Bell,
    clock: Arc<dyn Clock>,
    pulse: Pulse,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        let now = clock.now();
        pulse.beat();
        let next = match worker.step(now).await {
            Ok(next) => next,
            Err(error) => {
                warn!(event = "store_silent", worker = worker.name(), error = %error, "the store did not answer; trying again soon");
                Next::At(now + AFTER_FAILURE)
            }
        };
        let rest = match next {
            Next::Again => continue,
            Next::At(at) => (at - clock.now()).clamp(TimeDelta::zero(), LONGEST_REST),
            Next::Idle => LONGEST_REST,
        };
        let rest = rest.to_std().unwrap_or(Duration::ZERO);
        tokio::select! {
            () = stop.cancelled() => {}
            () = bell.heard() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}
