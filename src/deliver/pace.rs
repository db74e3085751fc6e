//! How often a destination may be called.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::Clock;
use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

/// Our clock in governor's words.
#[derive(Clone)]
struct Watch(Arc<dyn Clock>);

impl GovernorClock for Watch {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let nanos = self.0.now().timestamp_nanos_opt().unwrap_or(0);
        Nanos::from(u64::try_from(nanos).unwrap_or(0))
    }
}

/// A token bucket, and the one token that was drawn but not used yet.
///
/// In any window of length W at most `burst + rate * W` calls pass.
pub struct Pace {
    bucket: RateLimiter<NotKeyed, InMemoryState, Watch, NoOpMiddleware<Nanos>>,
    watch: Watch,
    drawn: Mutex<u32>,
}

impl Pace {
    /// `per_second` calls in the long run, `burst` at once. Zero means one.
    pub fn new(per_second: u32, burst: u32, clock: Arc<dyn Clock>) -> Self {
        let at_least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        // A drawn token may be used late, so the bucket holds one less.
        let quota =
            Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst.saturating_sub(1)));
        let watch = Watch(clock);
        Self {
            bucket: RateLimiter::direct_with_clock(quota, watch.clone()),
            watch,
            drawn: Mutex::new(0),
        }
    }

    /// Draws a token for one call, or tells when there will be one.
    pub fn draw(&self) -> Result<Token<'_>, DateTime<Utc>> {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if *drawn > 0 {
            *drawn -= 1;
            return Ok(Token {
                pace: self,
                used: false,
            });
        }
        match self.bucket.check() {
            Ok(()) => Ok(Token {
                pace: self,
                used: false,
            }),
            Err(not_yet) => {
                let wait = not_yet.wait_time_from(self.watch.now());
                Err(self.watch.0.now() + TimeDelta::from_std(wait).unwrap_or(TimeDelta::seconds(1)))
            }
        }
    }
}

/// Leave to make one call; goes back when it is not used.
#[must_use]
pub struct Token<'a> {
    pace: &'a Pace,
    used: bool,
}

impl Token<'_> {
    /// The call is made.
    pub fn spend(mut self) {
        self.used = true;
    }
}

impl Drop for Token<'_> {
    fn drop(&mut self) {
        if !self.used {
            let mut drawn = self.pace.drawn.lock().unwrap_or_else(PoisonError::into_inner);
            *drawn = (*drawn + 1).min(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use connector_kit::clock::ManualClock;

    use super::*;

    #[test]
    fn no_window_holds_more_calls_than_burst_and_rate_allow() {
        let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let pace = Pace::new(5, 10, Arc::new(clock.clone()));
        let mut calls = 0;
        for _ in 0..2_000 {
            if let Ok(token) = pace.draw() {
                token.spend();
                calls += 1;
            }
            clock.advance(TimeDelta::milliseconds(10));
        }
        assert!(calls <= 10 + 5 * 20, "{calls} calls in 20 s");
        assert!(calls >= 100, "{calls} calls in 20 s");
    }

    #[test]
    fn a_token_that_is_not_used_is_there_for_the_next_call() {
        let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let pace = Pace::new(1, 1, Arc::new(clock));
        drop(pace.draw().ok().unwrap());
        pace.draw().ok().unwrap().spend();
        assert!(pace.draw().is_err());
    }
}
