//! How long a system that fails is left alone before it is asked again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use chrono::TimeDelta;
use connector_kit::ConnectorError;

/// The longest rest after failures in a row.
const LONGEST: Duration = Duration::from_mins(15);

/// The rests of something that is asked again and again; each longer than the one before.
pub struct Rests {
    every: Duration,
    growing: ExponentialBackoff,
}

impl Rests {
    /// `every` is the usual pause; the first rest is twice that.
    pub fn of(every: Duration) -> Self {
        Self {
            every,
            growing: growing(every),
        }
    }

    /// The pause when all is well. Forgets past failures.
    pub fn well(&mut self) -> TimeDelta {
        self.growing = growing(self.every);
        span(self.every)
    }

    /// The rest after a failure: never shorter than the other side asked for.
    pub fn after(&mut self, error: &ConnectorError) -> TimeDelta {
        let own = self.growing.next().unwrap_or(LONGEST);
        span(own.max(error.wait().unwrap_or_default()))
    }
}

/// From twice the usual pause, doubling.
fn growing(every: Duration) -> ExponentialBackoff {
    let longest = LONGEST.max(every);
    ExponentialBuilder::default()
        .with_min_delay(every.saturating_mul(2).min(longest))
        .with_max_delay(longest)
        .without_max_times()
        .build()
}

fn span(time: Duration) -> TimeDelta {
    TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_asked_more_and_more_rarely_but_never_given_up() {
        for (every_minutes, expected_minutes) in [(1, [2, 4, 8, 15, 15]), (10, [15; 5]), (60, [60; 5])] {
            let rests = growing(Duration::from_mins(every_minutes));
            let minutes: Vec<u64> = rests.take(5).map(|rest| rest.as_secs() / 60).collect();
            assert_eq!(minutes, expected_minutes, "asked every {every_minutes} min");
        }
        assert_eq!(growing(Duration::from_mins(1)).take(100_000).count(), 100_000);
    }
}
