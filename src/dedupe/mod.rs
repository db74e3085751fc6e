//! One person, one lead: whatever arrives, in whatever order, the lead is the same.
//!
//! The room is pure. A lead is a set of registers and a few runs of touches; joining them is
//! commutative, associative and idempotent, so batches, daemons and late rows may come as they like.

// 1. Who it is, and what it is about.
mod key;

// 2. How views of a lead become one, and when a touch is only a repeat.
mod merge;
mod referrals;
mod span;

// 3. Where it goes, whose outcome it is, and what begins to run.
mod clocks;
mod fate;
mod forgotten;
mod link;

// 4. What to write about a whole batch.
mod draft;
mod plan;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use connector_kit::ids::AccountName;

pub use forgotten::is_forgotten;
pub use key::{address_identity, identity, lead_id, referral_identity, touch_key};
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
#[derive(Clone, Debug)]
pub struct Rules {
    /// A touch this long after the same touch is a repeat.
    pub window: TimeDelta,
    /// Test leads go where other leads go.
    pub forward_test_leads: bool,
    /// Accounts whose new leads have a day to be followed up: those where a CRM is watched that could
    /// tell that they were.
    pub follow_up_leads: BTreeSet<AccountName>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            window: TimeDelta::hours(24),
            forward_test_leads: false,
            follow_up_leads: BTreeSet::new(),
        }
    }
}
