//! The one loop that waits, so that no worker has to.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::Clock;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::bell::Bell;
use crate::store::StoreError;

/// No worker rests longer than this without looking.
pub const LONGEST_REST: TimeDelta = TimeDelta::seconds(60);
/// No step takes longer than this, unless its worker says so: the longest call, and some.
pub const LONGEST_STEP: Duration = Duration::from_secs(90);
/// The rest after the store failed.
const AFTER_FAILURE: TimeDelta = TimeDelta::seconds(1);

/// One stage of the pipeline.
#[async_trait]
pub trait Worker: Send {
    /// Its name in logs.
    fn name(&self) -> &str;

    /// How long a step may take before its worker counts as stuck.
    fn longest_step(&self) -> Duration {
        LONGEST_STEP
    }

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

/// When a worker's loop last turned, for the watchdog.
#[derive(Clone, Debug)]
pub struct Pulse {
    /// In milliseconds since 1970; 0 before the first.
    last: Arc<AtomicI64>,
    longest: TimeDelta,
}

impl Pulse {
    /// The pulse of a worker that has not begun.
    pub fn of(worker: &dyn Worker) -> Self {
        let step = TimeDelta::from_std(worker.longest_step()).unwrap_or(TimeDelta::MAX / 2);
        Self {
            last: Arc::default(),
            longest: LONGEST_REST + step,
        }
    }

    fn beat(&self, now: DateTime<Utc>) {
        self.last.store(now.timestamp_millis(), Ordering::Relaxed);
    }

    /// True when the loop has begun and not turned for longer than a rest and a step take.
    pub fn is_late(&self, now: DateTime<Utc>) -> bool {
        let last = self.last.load(Ordering::Relaxed);
        last != 0 && now.timestamp_millis() - last > self.longest.num_milliseconds()
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
        pulse.beat(now);
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
