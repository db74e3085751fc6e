//! One person, one lead: whatever arrives, in whatever order, the lead is the same.
//!
//! The room is pure. A lead is a set of registers and a few runs of touches; joining them is
//! commutative, associative and idempotent, so batches, daemons and late rows may come as they like.

// 1. Who it is, and what it is about.
mod key;

// 2. How views of a lead become one, and when a touch is only a repeat.
mod merge;
mod span;

// 3. What to write about a whole batch.
mod plan;

#[cfg(test)]
mod tests;

use chrono::TimeDelta;

pub use key::{identity, referral_identity, touch_key};
pub use merge::{changed, merge};
pub use plan::plan;
pub use span::{Placement, place};

/// What makes two leads the same lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DedupeBy {
    /// The person.
    #[default]
    Person,
    /// The person and the offer.
    PersonAndOffer,
}

/// What the operator decided about duplicates.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A touch this long after the same touch is a repeat.
    pub window: TimeDelta,
    /// Test leads go where other leads go.
    pub forward_test_leads: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            window: TimeDelta::hours(24),
            forward_test_leads: false,
        }
    }
}
