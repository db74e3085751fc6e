//! An operator looks and acts.

use chrono::{DateTime, Utc};
use connector_kit::{DestinationName, Lead, LeadId, RecordRef, SourceName};

use super::{DestinationGate, Failure, InboxId, Lane, Ledger, OutcomeTotals, Suppression, TouchSpan};

/// Totals since the store was made, and what waits now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Arrivals kept.
    pub accepted: u64,
    /// Arrivals that were the same touch again.
    pub repeats: u64,
    /// Arrivals that added to a lead.
    pub merged: u64,
    /// Leads.
    pub leads: u64,
    /// Leads that go nowhere, by rule.
    pub suppressed_test: u64,
    /// See [`super::Suppression::DoNotContact`].
    pub suppressed_dnc: u64,
    /// See [`super::Suppression::NoRoute`].
    pub suppressed_no_route: u64,
    /// See [`super::Suppression::ClosedReferral`].
    pub suppressed_closed: u64,
    /// See [`super::Suppression::OwnReferral`].
    pub suppressed_own: u64,
    /// See [`super::Suppression::Forgotten`].
    pub suppressed_forgotten: u64,
    /// Unreadable bodies refused at the door.
    pub refused: u64,
    /// Arrivals that cannot be understood.
    pub quarantined: u64,
    /// Arrivals that told once more of a person who was forgotten.
    pub forgotten: u64,
    /// Arrivals waiting to be understood.
    pub unsettled: u64,
    /// Deliveries whose destination holds the newest revision.
    pub delivered: u64,
    /// Deliveries whose record takes no more changes.
    pub closed: u64,
    /// Deliveries on their way.
    pub pending: u64,
    /// Deliveries that were stopped by the gate.
    pub withheld: u64,
    /// Dead letters.
    pub dead: u64,
    /// Confirmed writes, updates included.
    pub receipts: u64,
    /// Leads by what holds for them in the CRMs.
    pub outcomes: OutcomeTotals,
}

impl Totals {
    /// How many leads each rule keeps from going anywhere.
    pub fn suppressed(&self) -> [(Suppression, u64); 6] {
        [
            (Suppression::TestLead, self.suppressed_test),
            (Suppression::DoNotContact, self.suppressed_dnc),
            (Suppression::NoRoute, self.suppressed_no_route),
            (Suppression::ClosedReferral, self.suppressed_closed),
            (Suppression::OwnReferral, self.suppressed_own),
            (Suppression::Forgotten, self.suppressed_forgotten),
        ]
    }
}

/// One destination at a glance.
#[derive(Clone, Debug)]
pub struct DestinationStatus {
    /// Its name.
    pub name: DestinationName,
    /// Whether it may be called.
    pub gate: DestinationGate,
    /// Deliveries that are due now or leased.
    pub due: u64,
    /// Deliveries that wait for their next attempt.
    pub waiting: u64,
    /// Dead letters.
    pub dead: u64,
    /// Deliveries whose newest revision is held.
    pub delivered: u64,
    /// Deliveries whose record takes no more changes.
    pub closed: u64,
    /// When the oldest due delivery was wanted.
    pub oldest_due: Option<DateTime<Utc>>,
    /// What is due, by lane; what is leased belongs to none.
    pub lanes: [LaneQueue; Lane::ALL.len()],
    /// Since when it rests; none while it does not, or where nobody noted it.
    pub resting_since: Option<DateTime<Utc>>,
    /// Its calls.
    pub calls: Ledger,
}

impl DestinationStatus {
    /// Open, and nothing ever went there.
    pub fn idle(name: DestinationName) -> Self {
        Self {
            name,
            gate: DestinationGate::Open,
            due: 0,
            waiting: 0,
            dead: 0,
            delivered: 0,
            closed: 0,
            oldest_due: None,
            lanes: <[LaneQueue; Lane::ALL.len()]>::default(),
            resting_since: None,
            calls: Ledger::default(),
        }
    }
}

/// What is due in one lane of a destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneQueue {
    /// How much.
    pub due: u64,
    /// When the oldest of it was wanted.
    pub oldest: Option<DateTime<Utc>>,
}

/// What the store takes of its disk, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// The database file.
    pub database: u64,
    /// The log of what is not in the database file yet (SQLite's WAL).
    pub log: u64,
    /// What an ordinary process may still write on that disk.
    pub free: u64,
    /// The size of that disk.
    pub disk: u64,
    /// Nothing is accepted while less is free.
    pub floor: u64,
}

/// Which leads to show.
#[derive(Clone, Debug, Default)]
pub struct LeadFilter {
    /// At most this many.
    pub limit: usize,
    /// Only those whose fate begins with this word.
    pub fate: Option<String>,
}

/// One line about a lead.
#[derive(Clone, Debug)]
pub struct LeadRow {
    /// The lead.
    pub lead: Lead,
    /// Its revision.
    pub revision: u32,
    /// Its one fate.
    pub fate: String,
    /// When its newest revision came to be.
    pub revised_at: DateTime<Utc>,
}

/// Everything known of one lead.
#[derive(Clone, Debug)]
pub struct LeadStory {
    /// The lead and its fate.
    pub row: LeadRow,
    /// Every run of touches.
    pub spans: Vec<TouchSpan>,
    /// Every arrival behind it: number, source, moment, what became of it.
    pub arrivals: Vec<(InboxId, SourceName, DateTime<Utc>, String)>,
    /// One entry per destination.
    pub deliveries: Vec<DeliveryStory>,
}

/// How one delivery stands.
#[derive(Clone, Debug)]
pub struct DeliveryStory {
    /// Where to.
    pub destination: DestinationName,
    /// `due`, `leased`, `waiting`, `delivered`, `closed`, `withheld`, `dead`, `discarded`.
    pub state: String,
    /// The revision wanted.
    pub wanted: u32,
    /// The revision held.
    pub held: u32,
    /// The record's name there.
    pub record: Option<RecordRef>,
    /// When it was confirmed, or is tried again.
    pub at: Option<DateTime<Utc>>,
    /// Counted attempts that failed, oldest first: moment and failure.
    pub failures: Vec<(DateTime<Utc>, Failure)>,
}

/// Which dead letters.
#[derive(Clone, Debug, Default)]
pub struct DeadLetterFilter {
    /// Only of this lead.
    pub lead: Option<LeadId>,
    /// Only of this destination.
    pub destination: Option<DestinationName>,
    /// At most this many; 0 is all.
    pub limit: usize,
}

/// A delivery that ended badly.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The lead.
    pub lead: LeadId,
    /// Where it did not go.
    pub destination: DestinationName,
    /// When it ended.
    pub died_at: DateTime<Utc>,
    /// Counted attempts.
    pub attempts: u32,
    /// The last failure, with its hint.
    pub failure: Failure,
}

/// What to do with dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterAct {
    /// Try again from the first attempt.
    Requeue,
    /// Leave it undelivered for good.
    Discard,
}
