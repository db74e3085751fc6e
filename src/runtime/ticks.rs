//! Time that only moves forward, for pace and patience; the wall clock may jump (F69).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::nanos::Nanos;

/// Counts the time since some beginning.
#[derive(Clone)]
pub struct Ticks(Arc<dyn Fn() -> Duration + Send + Sync>);

/// Turns a hand-turned [`Ticks`] forward.
#[derive(Clone, Debug)]
pub struct Crank(Arc<AtomicU64>);

impl Ticks {
    /// The machine's monotonic clock.
    pub fn machine() -> Self {
        let beginning = Instant::now();
        Self(Arc::new(move || beginning.elapsed()))
    }

    /// Stands still until the crank is turned.
    pub fn by_hand() -> (Self, Crank) {
        let nanos = Arc::new(AtomicU64::new(0));
        let crank = Crank(Arc::clone(&nanos));
        let ticks = Self(Arc::new(move || {
            Duration::from_nanos(nanos.load(Ordering::Acquire))
        }));
        (ticks, crank)
    }

    /// How long it has been.
    pub fn now(&self) -> Duration {
        (self.0)()
    }
}

impl std::fmt::Debug for Ticks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Ticks").field(&self.now()).finish()
    }
}

impl governor::clock::Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Ticks::now(self).into()
    }
}

impl Crank {
    /// Lets time pass.
    pub fn advance(&self, step: Duration) {
        let nanos = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::AcqRel);
    }
}
