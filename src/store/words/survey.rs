//! The ledger is read page by page, to be compared; and what it confirms is ordered again.

use chrono::{DateTime, Utc};
use connector_kit::{DestinationName, Lead, LeadId, RecordRef};

use super::{LeadKey, Suppression};

/// Leads, by how they stand with one destination.
#[derive(Clone, Debug)]
pub struct SurveyAsk {
    /// The destination.
    pub destination: DestinationName,
    /// Which of them.
    pub which: SurveyOf,
    /// Only those behind this one; none for the first page.
    pub after: Option<LeadKey>,
    /// At most so many.
    pub limit: usize,
}

/// Which leads a survey is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SurveyOf {
    /// Those the destination confirmed since then, closed records included.
    Delivered(DateTime<Utc>),
    /// Those it was never meant to get, revised since then, and which no rule keeps from going anywhere.
    Never(DateTime<Utc>),
    /// These; those the store does not know are left out. Neither `after` nor `limit` count.
    These(Vec<LeadId>),
}

/// A lead, and how it stands with the destination.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// Its number.
    pub key: LeadKey,
    /// The lead.
    pub lead: Lead,
    /// Its revision.
    pub revision: u32,
    /// When that came to be.
    pub revised_at: DateTime<Utc>,
    /// Why it goes nowhere.
    pub suppression: Option<Suppression>,
    /// Its delivery; none when it was never meant to go there.
    pub delivery: Option<Standing>,
}

impl Surveyed {
    /// Whether no rule keeps it from going anywhere. Without a route is no rule: it may have one now.
    pub fn may_go(&self) -> bool {
        !self.lead.dnc && matches!(self.suppression, None | Some(Suppression::NoRoute))
    }
}

/// How one delivery stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// `due`, `leased`, `waiting`, `delivered`, `closed`, `withheld`, `dead`, `discarded`.
    pub state: &'static str,
    /// The revision the destination confirmed; 0 when none.
    pub held: u32,
    /// The destination may hold a record although it confirmed none.
    pub uncertain: bool,
    /// The record it named.
    pub record: Option<RecordRef>,
    /// When it was confirmed, where it is; else of no meaning to others.
    pub at: DateTime<Utc>,
}

/// What became of an order to deliver again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderedAgain {
    /// Confirmed ones that are due again.
    pub again: u64,
    /// New ones.
    pub new: u64,
    /// Left as they are: on their way, dead, given up, withheld, closed there, or of a lead that goes nowhere.
    pub left: u64,
}

impl std::ops::AddAssign for OrderedAgain {
    fn add_assign(&mut self, other: Self) {
        self.again += other.again;
        self.new += other.new;
        self.left += other.left;
    }
}
