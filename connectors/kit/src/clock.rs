//! The one place that asks the machine for the time.

use std::sync::{Arc, Mutex, PoisonError};

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

/// Tells the time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> DateTime<Utc>;

    /// Waits within one call, for something the other side works on (a bulk job, a key being
    /// built). Waits between calls are not a connector's business.
    async fn rest(&self, time: Duration);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the front door all others are sent to"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    async fn rest(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// A clock that moves when a test turns it.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<DateTime<Utc>>>);

impl ManualClock {
    /// Stands at `start`.
    pub fn new(start: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(start)))
    }

    /// Moves forward, or back with a negative step.
    pub fn advance(&self, step: TimeDelta) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += step;
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Turns itself forward: whoever rests has nothing else to do.
    async fn rest(&self, time: Duration) {
        self.advance(TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX / 2));
        tokio::task::yield_now().await;
    }
}
