//! How fast, how many at once, and how many a day: the quota belongs to all integrations of the
//! instance, and we leave the others their share (contract marketo A2).

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use connector_kit::clock::Clock;
use connector_kit::{CallBook, ConnectorError, ErrorKind};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::central;

/// What the operator grants us of the instance's quota.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Allowance {
    /// Calls in any 20 seconds.
    pub(crate) in_window: usize,
    /// Calls at the same time.
    pub(crate) at_once: usize,
    /// Calls of ours from midnight to midnight, US Central.
    pub(crate) per_day: u64,
    /// Of what all integrations have left at the day's first look, we take at most this share.
    pub(crate) share: f64,
    /// What the instance grants to all.
    pub(crate) quota: u64,
}

/// Lets calls out no faster than allowed.
pub(crate) struct Pace {
    allowance: Allowance,
    seats: Semaphore,
    /// Knows what was made today, also before the last reload.
    book: CallBook,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    window: VecDeque<DateTime<Utc>>,
    day: Option<NaiveDate>,
    most: u64,
    look_at: u64,
}

const WINDOW: TimeDelta = TimeDelta::seconds(20);
/// So often a day we look what is left for all.
const LOOKS: u64 = 10;

impl Pace {
    pub(crate) fn new(allowance: Allowance, book: CallBook) -> Self {
        Self {
            seats: Semaphore::new(allowance.at_once),
            allowance,
            book,
            state: Mutex::default(),
        }
    }

    /// Waits for a seat and for room in the window; the call may go as long as the permit lives.
    /// When the day's calls are spent, nothing goes until midnight.
    pub(crate) async fn enter(
        &self,
        clock: &dyn Clock,
    ) -> Result<Option<SemaphorePermit<'_>>, ConnectorError> {
        // The semaphore is never closed.
        let seat = self.seats.acquire().await.ok();
        loop {
            let Some(wait) = self.try_enter(clock.now())? else {
                return Ok(seat);
            };
            clock.rest(wait).await;
        }
    }

    fn try_enter(&self, now: DateTime<Utc>) -> Result<Option<Duration>, ConnectorError> {
        let mut state = self.lock();
        let made = self.turn_page(&mut state, now);
        if made >= state.most {
            return Err(spent(made, now));
        }
        while state.window.front().is_some_and(|at| now - *at >= WINDOW) {
            state.window.pop_front();
        }
        match state.window.front() {
            Some(oldest) if state.window.len() >= self.allowance.in_window => {
                let wait = WINDOW - (now - *oldest).max(TimeDelta::zero());
                Ok(Some(wait.to_std().unwrap_or_default()))
            }
            _ => {
                state.window.push_back(now);
                self.book.note_on(central::day(now));
                Ok(None)
            }
        }
    }

    /// The last call was free.
    pub(crate) fn give_back(&self) {
        if let Some(day) = self.lock().day {
            self.book.give_back_on(day);
        }
    }

    /// Whether it is time to look what all integrations have left.
    pub(crate) fn should_look(&self, now: DateTime<Utc>) -> bool {
        let mut state = self.lock();
        let made = self.turn_page(&mut state, now);
        let due = made >= state.look_at;
        if due {
            state.look_at = made + (self.allowance.per_day / LOOKS).max(1);
        }
        due
    }

    /// All integrations together have used so many calls today; answers what is left of the quota.
    pub(crate) fn learn(&self, used: u64, now: DateTime<Utc>) -> u64 {
        let left = self.allowance.quota.saturating_sub(used);
        let mut state = self.lock();
        let made = self.turn_page(&mut state, now);
        let others = left - part(left, self.allowance.share);
        // The others keep the rest of what was left at the day's first look.
        let reserve = self.book.reserve_on(central::day(now), others);
        let ours = made.saturating_add(left.saturating_sub(reserve));
        state.most = ours.min(self.allowance.per_day);
        left
    }

    /// What the instance grants to all.
    pub(crate) fn quota(&self) -> u64 {
        self.allowance.quota
    }

    /// Begins the day, if it is a new one; gives the calls made on it.
    fn turn_page(&self, state: &mut State, now: DateTime<Utc>) -> u64 {
        let day = central::day(now);
        if state.day != Some(day) {
            state.day = Some(day);
            state.most = self.allowance.per_day;
            state.look_at = (self.allowance.per_day / LOOKS).max(1);
        }
        self.book.made_on(day)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A share of whole calls.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the share is from 0 to 1 and no quota comes near 2^52"
)]
fn part(left: u64, share: f64) -> u64 {
    (left as f64 * share) as u64
}

fn spent(made: u64, now: DateTime<Utc>) -> ConnectorError {
    let wait = (central::next_midnight(now) - now).to_std().unwrap_or_default();
    ConnectorError::new(
        ErrorKind::Throttled,
        format!("keep within the day's calls: {made} are made, and the rest is for other integrations"),
    )
    .hint(
        "raise daily_calls, or daily_quota where the instance grants more; it goes on at midnight US Central",
    )
    .retry_after(Some(wait))
}

#[cfg(test)]
#[path = "pace/tests.rs"]
mod tests;
