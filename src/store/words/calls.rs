//! Calls are counted: what a system was asked, and what it says is left.

use chrono::{DateTime, Utc};
use connector_kit::Quota;

/// Calls made of a system since they were last written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// How many.
    pub calls: u64,
    /// The beginning of the day they belong to, as the budget counts days.
    pub day: DateTime<Utc>,
    /// What the system said last of what is left.
    pub quota: Option<Quota>,
}

/// What is written down of a system's calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The beginning of the newest day with calls.
    pub day: Option<DateTime<Utc>>,
    /// Calls on that day.
    pub spent: u64,
    /// Calls ever.
    pub total: u64,
    /// What the system said last of what is left.
    pub quota: Option<Quota>,
}

impl Ledger {
    /// Calls on the day that begins then.
    pub fn spent_on(&self, day: DateTime<Utc>) -> u64 {
        if self.day == Some(day) { self.spent } else { 0 }
    }
}
