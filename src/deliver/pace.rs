//! How often a system may be called.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::Clock;

use super::restraint::Restraint;

/// How long a look at the system lets deliveries go first.
const LOOK_PATIENCE: TimeDelta = TimeDelta::seconds(30);

/// A bucket of tokens that fills at a steady rate, and may be overdrawn.
///
/// A call may take more requests than the one it drew for: they are taken out afterwards, and the
/// next call waits until the bucket holds a token again. So in any window of length W at most
/// `burst + rate * W` requests pass, and what the last call of each worker took beyond its own.
/// When the system refuses calls, they come less often for a while, and no longer in bursts.
pub struct Pace {
    clock: Arc<dyn Clock>,
    /// Tokens the bucket holds.
    size: i32,
    bucket: Mutex<Bucket>,
}

struct Bucket {
    /// The time one token takes to come.
    restraint: Restraint,
    /// When it is full again; what it holds now follows from that.
    full_at: DateTime<Utc>,
    /// The clock when it was last looked at.
    seen: DateTime<Utc>,
    /// Tokens drawn but not used: 0 or 1.
    drawn: u32,
    /// Calls under way.
    out: u64,
    /// Requests that were told although their own call is still under way.
    ahead: u64,
    /// Since when somebody wants to look.
    looking_since: Option<DateTime<Utc>>,
}

impl Pace {
    /// `per_second` calls in the long run, `burst` at once. Zero means one.
    pub fn new(per_second: u32, burst: u32, clock: Arc<dyn Clock>) -> Self {
        let now = clock.now();
        // A drawn token may be used late, so the bucket holds one less.
        let size = i32::try_from(burst.saturating_sub(1)).unwrap_or(i32::MAX).max(1);
        Self {
            size,
            bucket: Mutex::new(Bucket {
                restraint: Restraint::new(TimeDelta::nanoseconds(
                    1_000_000_000 / i64::from(per_second.max(1)),
                )),
                full_at: now,
                seen: now,
                drawn: 0,
                out: 0,
                ahead: 0,
                looking_since: None,
            }),
            clock,
        }
    }

    /// Draws a token for one call, or tells when there will be one.
    pub fn draw(&self) -> Result<Token<'_>, DateTime<Utc>> {
        let mut bucket = self.look();
        if bucket.drawn > 0 && self.holds(&bucket, 0).is_ok() {
            bucket.drawn -= 1;
        } else {
            self.holds(&bucket, 1)?;
            Self::take_out(&mut bucket, 1);
        }
        Ok(self.token())
    }

    /// Draws a token for a call that has time: one is left for a delivery that may come. After half
    /// a minute it stands in line like any other.
    pub fn draw_behind(&self) -> Result<Token<'_>, DateTime<Utc>> {
        let mut bucket = self.look();
        let now = bucket.seen;
        let waits = now - *bucket.looking_since.get_or_insert(now);
        let is_alone = bucket.drawn > 0 || self.size(&bucket) == 1 || waits >= LOOK_PATIENCE;
        self.holds(&bucket, if is_alone { 1 } else { 2 })?;
        Self::take_out(&mut bucket, 1);
        bucket.looking_since = None;
        Ok(self.token())
    }

    /// A call has told how many requests were made since the last one told.
    pub fn made(&self, requests: u64) {
        let mut bucket = self.look();
        bucket.out = bucket.out.saturating_sub(1);
        match requests.checked_sub(1) {
            Some(beyond) => {
                Self::take_out(&mut bucket, i32::try_from(beyond).unwrap_or(i32::MAX));
                bucket.ahead = bucket.ahead.saturating_add(beyond);
            }
            // Another call told this one's request, and paid for it.
            None if bucket.ahead > 0 => {
                bucket.ahead -= 1;
                let period = bucket.restraint.period();
                bucket.full_at -= period;
            }
            None => {}
        }
        bucket.ahead = bucket.ahead.min(bucket.out);
    }

    /// The system refused a call because there were too many. True when that is news.
    pub fn refused(&self) -> bool {
        let mut bucket = self.look();
        let now = bucket.seen;
        bucket.restraint.refused(now)
    }

    fn size(&self, bucket: &Bucket) -> i32 {
        if bucket.restraint.is_on() { 1 } else { self.size }
    }

    /// Whether the bucket holds so many tokens, or when it will.
    fn holds(&self, bucket: &Bucket, tokens: i32) -> Result<(), DateTime<Utc>> {
        let at = bucket.full_at - bucket.restraint.period() * (self.size(bucket) - tokens);
        if at <= bucket.seen { Ok(()) } else { Err(at) }
    }

    fn take_out(bucket: &mut Bucket, tokens: i32) {
        let filled = bucket.full_at.max(bucket.seen);
        let longer = bucket.restraint.period().checked_mul(tokens);
        bucket.full_at = longer
            .and_then(|longer| filled.checked_add_signed(longer))
            .unwrap_or(filled);
        let now = bucket.seen;
        bucket.restraint.called(u32::try_from(tokens).unwrap_or(0), now);
    }

    fn token(&self) -> Token<'_> {
        Token {
            pace: self,
            used: false,
        }
    }

    fn look(&self) -> MutexGuard<'_, Bucket> {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        // A clock that is set back must not empty the bucket.
        let back = bucket.seen - now;
        if back > TimeDelta::zero() {
            bucket.full_at -= back;
        }
        bucket.seen = now;
        bucket
    }
}

/// Leave to make one call; goes back when it is not used.
#[must_use]
pub struct Token<'a> {
    pace: &'a Pace,
    used: bool,
}

impl Token<'_> {
    /// The call is made; [`Pace::made`] tells what it took.
    pub fn spend(mut self) {
        self.used = true;
        self.pace.look().out += 1;
    }
}

impl Drop for Token<'_> {
    fn drop(&mut self) {
        if !self.used {
            let mut bucket = self.pace.look();
            bucket.drawn = (bucket.drawn + 1).min(1);
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

    /// Minutes of calls as fast as they may go, to a system that grants `most` in 20 seconds and whose
    /// refusals are waited out; calls made, and those refused.
    fn called(minutes: i64, most: usize) -> (u32, u32) {
        let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let pace = Pace::new(2, 5, Arc::new(clock.clone()));
        let end = clock.now() + TimeDelta::minutes(minutes);
        let (mut granted, mut made, mut refused) = (std::collections::VecDeque::new(), 0, 0);
        while clock.now() < end {
            match pace.draw() {
                Ok(token) => token.spend(),
                Err(at) => {
                    clock.advance(at - clock.now());
                    continue;
                }
            }
            made += 1;
            let now = clock.now();
            granted.retain(|at| now - *at < TimeDelta::seconds(20));
            if granted.len() < most {
                granted.push_back(now);
            } else {
                refused += 1;
                pace.refused();
                clock.advance(TimeDelta::seconds(20));
            }
        }
        (made, refused)
    }

    #[test]
    fn a_system_that_grants_less_than_configured_refuses_less_than_one_call_in_a_hundred() {
        for most in [1, 4, 10, 20, 30, 39] {
            let (made, refused) = called(600, most);
            let granted = 30 * 60 * u32::try_from(most).unwrap();
            assert!(
                refused * 100 <= made,
                "{refused} of {made} refused, {most} granted"
            );
            assert!(made * 2 >= granted, "{made} made of {granted} granted");
        }
        assert_eq!(called(600, 45).1, 0);
    }

    #[test]
    fn a_token_that_is_not_used_is_there_for_the_next_call() {
        let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let pace = Pace::new(1, 1, Arc::new(clock));
        drop(pace.draw().ok().unwrap());
        pace.draw().ok().unwrap().spend();
        assert!(pace.draw().is_err());
    }

    /// Requests per moment: some calls take more than one.
    struct Log(Vec<DateTime<Utc>>);

    impl Log {
        fn most_within(&self, window: TimeDelta) -> usize {
            let from = |first: usize| {
                let ends = self.0[first] + window;
                self.0[first..].iter().take_while(|at| **at < ends).count()
            };
            (0..self.0.len()).map(from).max().unwrap_or(0)
        }
    }

    #[test]
    fn what_a_call_takes_beyond_its_token_is_paid_before_the_next() {
        for extras in [0, 1, 7, 30] {
            let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
            let pace = Pace::new(5, 10, Arc::new(clock.clone()));
            let mut log = Log(Vec::new());
            for _ in 0..6_000 {
                if let Ok(token) = pace.draw() {
                    token.spend();
                    let taken = 1 + extras;
                    log.0.extend(std::iter::repeat_n(clock.now(), taken));
                    pace.made(taken as u64);
                }
                clock.advance(TimeDelta::milliseconds(10));
            }
            for seconds in [1, 5, 20] {
                let most = log.most_within(TimeDelta::seconds(seconds));
                let allowed = 10 + 5 * usize::try_from(seconds).unwrap() + extras;
                assert!(
                    most <= allowed,
                    "{most} of {allowed} in {seconds} s, {extras} extras"
                );
            }
            assert!(log.0.len() >= 290, "{} requests in a minute", log.0.len());
        }
    }

    #[test]
    fn a_moment_that_is_named_is_one_at_which_a_call_may_go() {
        let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let pace = Pace::new(5, 10, Arc::new(clock.clone()));
        pace.draw().ok().unwrap().spend();
        pace.made(40);
        let at = pace.draw().err().unwrap();
        clock.advance(at - clock.now());
        assert!(pace.draw().is_ok());
    }

    #[test]
    fn a_call_without_requests_saves_nothing_up() {
        let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let pace = Pace::new(5, 10, Arc::new(clock.clone()));
        for _ in 0..5 {
            pace.draw().ok().unwrap().spend();
            pace.made(0);
        }
        pace.draw().ok().unwrap().spend();
        pace.made(20);
        assert!(pace.draw().is_err());
    }

    #[test]
    fn two_calls_at_a_time_owe_what_they_took_together() {
        let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let pace = Pace::new(1, 4, Arc::new(clock));
        pace.draw().ok().unwrap().spend();
        pace.draw().ok().unwrap().spend();
        // The first to come back tells the requests of both.
        pace.made(2);
        pace.made(0);
        assert!(pace.draw().is_ok());
    }

    #[test]
    fn a_look_leaves_a_token_for_a_lead() {
        let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let pace = Pace::new(1, 4, Arc::new(clock.clone()));
        let mut looks = 0;
        while let Ok(token) = pace.draw_behind() {
            token.spend();
            pace.made(1);
            looks += 1;
        }
        assert_eq!(looks, 2);
        pace.draw().ok().unwrap().spend();
    }

    #[test]
    fn a_look_waits_half_a_minute_for_deliveries_and_no_longer() {
        let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let pace = Pace::new(1, 4, Arc::new(clock.clone()));
        let mut looked_at = None;
        for second in 0..120 {
            while let Ok(token) = pace.draw() {
                token.spend();
                pace.made(1);
            }
            clock.advance(TimeDelta::seconds(1));
            if looked_at.is_none()
                && pace.draw_behind().is_ok_and(|token| {
                    token.spend();
                    pace.made(1);
                    true
                })
            {
                looked_at = Some(second);
            }
        }
        assert_eq!(looked_at, Some(30));
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nobody() {
        let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let pace = Pace::new(1, 3, Arc::new(clock.clone()));
        for _ in 0..2 {
            pace.draw().ok().unwrap().spend();
            pace.made(1);
        }
        clock.advance(TimeDelta::hours(-1));
        let at = pace.draw().err().unwrap();
        assert_eq!(at - clock.now(), TimeDelta::seconds(1));
    }
}
