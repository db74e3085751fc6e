//! The ledger is held against what other systems hold; every difference is named, with a remedy.
//!
//! Both sides are walked page by page. What is kept in memory is what differs, up to a bound.

mod call;
mod destination;
mod source;

use chrono::{DateTime, Utc};
use connector_kit::{ConnectorError, LeadId};

pub use call::Caller;
pub use destination::destination;
pub use source::source;

use crate::store::StoreError;

/// So many differences of one system are named; more are counted.
const NAMED: usize = 1_000;

/// What was found at one system, in one role.
#[derive(Debug, Default)]
pub struct Audited {
    /// How many of each.
    pub tally: Tally,
    /// The first of them, by name.
    pub differences: Vec<Difference>,
    /// What an operator should know of this count.
    pub notes: Vec<String>,
    /// Why it could not be counted to the end.
    pub unanswered: Option<ConnectorError>,
}

/// Counts of one system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// In the ledger: leads delivered there, or arrivals from there.
    pub ledger: u64,
    /// Of these, there.
    pub there: u64,
    /// Of these, not there as they should be: gone, deleted, or merged into another.
    pub missing: u64,
    /// There, and not in the ledger.
    pub strangers: u64,
    /// There in an older revision.
    pub older: u64,
    /// There twice.
    pub doubled: u64,
}

impl Tally {
    /// How many differences that makes.
    pub fn differences(&self) -> u64 {
        self.missing + self.strangers + self.older + self.doubled
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `missing`, `deleted`, `merged`, `older`, `doubled`, `stranger`, `unheard`.
    pub what: &'static str,
    /// The lead it is about, where it is about one of ours.
    pub lead: Option<LeadId>,
    /// The record, or the row, over there.
    pub record: Option<String>,
    /// When it was delivered, or happened.
    pub at: Option<DateTime<Utc>>,
    /// The difference in words.
    pub words: String,
    /// What to do.
    pub remedy: String,
}

impl Audited {
    /// Names a difference, as long as there is room.
    fn differs(&mut self, difference: Difference) {
        if self.differences.len() < NAMED {
            self.differences.push(difference);
        }
    }

    /// How many differences are counted and not named.
    pub fn unnamed(&self) -> u64 {
        self.tally
            .differences()
            .saturating_sub(self.differences.len() as u64)
    }
}

/// Why counting ended before its end.
#[derive(Debug)]
enum Stop {
    /// The other side; the rest may be counted.
    Unanswered(ConnectorError),
    /// Our own floor.
    Store(StoreError),
}

impl From<ConnectorError> for Stop {
    fn from(error: ConnectorError) -> Self {
        Self::Unanswered(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Stop {
    /// The count as far as it came; an error of the store ends the command.
    fn end(ended: Result<(), Self>, mut audited: Audited) -> Result<Audited, StoreError> {
        match ended {
            Ok(()) => Ok(audited),
            Err(Self::Store(error)) => Err(error),
            Err(Self::Unanswered(error)) => {
                audited.unanswered = Some(error);
                Ok(audited)
            }
        }
    }
}

#[cfg(test)]
mod tests;
