//! The calls of one connector: when the next may be made, by its pace, its budget and its own word.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use connector_kit::{CallBook, DestinationName};
use tracing::info;

use super::budget::{self, Allowance, Budget};
use super::pace::{Pace, Token};
use crate::store::{Ledger, Spent, Store, StoreError};

/// What everybody who calls one connector shares: its pace, its budget, and its book of calls.
pub struct Purse {
    name: DestinationName,
    pace: Pace,
    budget: Mutex<Option<Budget>>,
    calls: CallBook,
    booked: Mutex<Booked>,
}

/// How far the book of calls is written down.
#[derive(Debug, Default)]
struct Booked {
    /// Calls of the book that were taken.
    taken: u64,
    /// Calls that were taken and could not be written down.
    owed: u64,
}

impl Purse {
    /// A full purse.
    pub fn new(name: DestinationName, pace: Pace, budget: Option<Budget>, calls: CallBook) -> Self {
        Self {
            name,
            pace,
            budget: Mutex::new(budget),
            calls,
            booked: Mutex::default(),
        }
    }

    /// Other terms from now on, and no call forgotten: neither by the pace nor by the budget.
    pub fn renew(&self, (per_second, burst): (u32, u32), budget: Option<Budget>) {
        self.pace.retune(per_second, burst);
        *self.budget.lock().unwrap_or_else(PoisonError::into_inner) = budget;
    }

    fn budget(&self) -> Option<Budget> {
        *self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the connector notes its calls.
    pub fn book(&self) -> CallBook {
        self.calls.clone()
    }

    /// Leave to make one call for a delivery, or when there will be one.
    pub(super) fn draw(&self) -> Result<Token<'_>, DateTime<Utc>> {
        self.pace.draw()
    }

    /// The system refused a call because there were too many: they come less often from now on.
    pub(crate) fn refused(&self) {
        if self.pace.refused() {
            let name = &self.name;
            info!(event = "destination_slower", destination = %name, "{name} refuses calls as too many; it is called less often for now");
        }
    }

    /// Leave to look at the system once, or when to ask again: deliveries go first, and what is kept
    /// for new leads is not looked away.
    pub async fn draw_to_look(
        &self,
        store: &dyn Store,
        now: DateTime<Utc>,
    ) -> Result<Result<Token<'_>, DateTime<Utc>>, StoreError> {
        match self.allowance(store, now).await? {
            Allowance::All => Ok(self.pace.draw_behind()),
            Allowance::LiveOnly { until, .. } | Allowance::Nothing { until, .. } => Ok(Err(until)),
        }
    }

    /// Leave to read what an event tells of, or when to ask again. What it tells of is often a new lead:
    /// it may spend what is kept for those, and waits for no delivery.
    pub async fn draw_to_follow(
        &self,
        store: &dyn Store,
        now: DateTime<Utc>,
    ) -> Result<Result<Token<'_>, DateTime<Utc>>, StoreError> {
        match self.allowance(store, now).await? {
            Allowance::All | Allowance::LiveOnly { .. } => Ok(self.pace.draw()),
            Allowance::Nothing { until, .. } => Ok(Err(until)),
        }
    }

    /// What may be sent now.
    pub(super) async fn allowance(
        &self,
        store: &dyn Store,
        now: DateTime<Utc>,
    ) -> Result<Allowance, StoreError> {
        let said = self.calls.quota();
        let budget = self.budget();
        let written = match budget {
            Some(_) => store.ledger(&self.name).await?,
            None => Ledger::default(),
        };
        let ledger = Ledger {
            quota: said.or(written.quota),
            ..written
        };
        Ok(budget::allow(budget.as_ref(), &ledger, now))
    }

    /// Takes the calls made since the last time, to be written down. A call by a connector that
    /// keeps no book counts as one.
    pub(crate) fn take(&self, now: DateTime<Utc>) -> Spent {
        let mut booked = self.booked.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = match self.calls.made() {
            0 => 1,
            made => made - std::mem::replace(&mut booked.taken, made),
        };
        self.pace.made(calls);
        Spent {
            calls: calls + std::mem::take(&mut booked.owed),
            day: budget::day_of(self.budget().as_ref(), now),
            quota: self.calls.quota(),
        }
    }

    /// They could not be written down: the next one takes them along.
    pub(crate) fn give_back(&self, spent: &Spent) {
        let mut booked = self.booked.lock().unwrap_or_else(PoisonError::into_inner);
        booked.owed = booked.owed.saturating_add(spent.calls);
    }

    /// A look is over: writes down what it cost.
    pub async fn looked(&self, store: &dyn Store, now: DateTime<Utc>) -> Result<(), StoreError> {
        let spent = self.take(now);
        let written = store.spend(&self.name, spent).await;
        if written.is_err() {
            self.give_back(&spent);
        }
        written
    }
}
