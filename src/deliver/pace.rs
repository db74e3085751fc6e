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
    bucket: Mutex<Bucket>,
}

struct Bucket {
    /// Tokens it holds while nobody was refused.
    size: i32,
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
        Self {
            bucket: Mutex::new(Bucket {
                size: size(burst),
                restraint: Restraint::new(period(per_second)),
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

    /// Goes on at another rate. What the bucket holds or owes stays, so no burst is granted on top of
    /// one that was used; what refusals taught is forgotten.
    pub fn retune(&self, per_second: u32, burst: u32) {
        let mut bucket = self.look();
        let (was, is) = (bucket.restraint.period(), period(per_second));
        let owed = (bucket.full_at - bucket.seen).max(TimeDelta::zero());
        let missing = nanos(owed) * nanos(is) / nanos(was).max(1);
        let grown = nanos(is) * i128::from(size(burst) - bucket.size());
        let until_full = i64::try_from((missing + grown).max(0)).unwrap_or(i64::MAX / 2);
        let full_at = bucket.seen.checked_add_signed(TimeDelta::nanoseconds(until_full));
        bucket.full_at = full_at.unwrap_or(bucket.full_at);
        bucket.size = size(burst);
        bucket.restraint = Restraint::new(is);
    }

    /// Draws a token for one call, or tells when there will be one.
    pub fn draw(&self) -> Result<Token<'_>, DateTime<Utc>> {
        let mut bucket = self.look();
        if bucket.drawn > 0 && bucket.holds(0).is_ok() {
            bucket.drawn -= 1;
        } else {
            bucket.holds(1)?;
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
        let is_alone = bucket.drawn > 0 || bucket.size() == 1 || waits >= LOOK_PATIENCE;
        bucket.holds(if is_alone { 1 } else { 2 })?;
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

impl Bucket {
    fn size(&self) -> i32 {
        if self.restraint.is_on() { 1 } else { self.size }
    }

    /// Whether it holds so many tokens, or when it will.
    fn holds(&self, tokens: i32) -> Result<(), DateTime<Utc>> {
        let at = self.full_at - self.restraint.period() * (self.size() - tokens);
        if at <= self.seen { Ok(()) } else { Err(at) }
    }
}

/// A drawn token may be used late, so the bucket holds one less than may be called at once.
fn size(burst: u32) -> i32 {
    i32::try_from(burst.saturating_sub(1)).unwrap_or(i32::MAX).max(1)
}

/// The time one token takes to come.
fn period(per_second: u32) -> TimeDelta {
    TimeDelta::nanoseconds(1_000_000_000 / i64::from(per_second.max(1)))
}

fn nanos(span: TimeDelta) -> i128 {
    span.num_nanoseconds().unwrap_or(i64::MAX).into()
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
mod tests;
