//! What goes over the store's counter.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use connector_kit::ids::AccountName;
use connector_kit::{DestinationName, ErrorKind, Lead, LeadId, RawLead, RecordRef, SourceName};
use thiserror::Error;

/// The store could not do it. Nothing of the call took effect, except for [`StoreError::Unknown`].
#[derive(Debug, Clone, Error)]
pub enum StoreError {
    /// More work is queued than the store takes: answer 503 and let the sender come again.
    #[error("the store is busy")]
    Busy,
    /// The disk is full, or below the configured floor.
    #[error("the disk is full")]
    Full,
    /// The database file was removed or replaced while open, or cannot be trusted any more.
    #[error("the store is lost: {0}")]
    Lost(String),
    /// What the decision was based on has changed; nothing was written.
    #[error("the ground of the decision has moved")]
    Stale,
    /// The commit was called and nobody knows whether it took: repeat by key.
    #[error("the commit's outcome is unknown: {0}")]
    Unknown(String),
    /// Something else; the words of the database.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// The number of an arrival; counts up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InboxId(pub i64);

/// The number of a lead inside the store; the public id is [`LeadId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeadKey(pub i64);

/// Who a lead is, hashed: account, person and, where so configured, offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(pub [u8; 16]);

/// What a touch is about, hashed: offer and action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TouchKey(pub [u8; 16]);

/// A raw lead and how it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The publisher its source belongs to.
    pub account: AccountName,
    /// The source it came through.
    pub source: SourceName,
    /// When we took it.
    pub received_at: DateTime<Utc>,
    /// What came.
    pub raw: RawLead,
}

/// What became of an arrival at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Custody {
    /// It is ours now.
    Kept(InboxId),
    /// Its reference was here before.
    Known,
}

/// Bytes nobody could read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The publisher its source belongs to.
    pub account: AccountName,
    /// The source it came through.
    pub source: SourceName,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// Why it cannot be read, without the content.
    pub reason: String,
    /// The bytes, cut at the body limit.
    pub body: Bytes,
}

/// An arrival waiting to be understood.
#[derive(Clone, Debug)]
pub struct Unsettled {
    /// Its number.
    pub id: InboxId,
    /// What came, and how.
    pub arrival: Arrival,
    /// How often work on it began without an end.
    pub starts: u8,
}

/// A run of the same touch, each within the window of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TouchSpan {
    /// What it is about.
    pub key: TouchKey,
    /// The first of the run.
    pub first_at: DateTime<Utc>,
    /// The last of the run.
    pub last_at: DateTime<Utc>,
    /// How many there were.
    pub count: u32,
}

/// A lead as the store holds it.
#[derive(Clone, Debug)]
pub struct KnownLead {
    /// Its number.
    pub key: LeadKey,
    /// The lead.
    pub lead: Lead,
    /// Its revision.
    pub revision: u32,
    /// All runs of its touches.
    pub spans: Vec<TouchSpan>,
    /// Why it goes nowhere.
    pub suppression: Option<Suppression>,
}

/// Why a lead goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suppression {
    /// `MSFT_TEST_..`, and the config does not forward those.
    TestLead,
    /// The customer must not be contacted.
    DoNotContact,
    /// No route chose a destination.
    NoRoute,
}

impl Suppression {
    /// The rule's name as shown and stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TestLead => "test lead",
            Self::DoNotContact => "do not contact",
            Self::NoRoute => "no route",
        }
    }
}

/// Which deliveries go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// The customer waits for a call, or bought.
    Hot,
    /// A new lead.
    Live,
    /// A change to a lead already delivered.
    Update,
    /// Work that has time.
    Backfill,
}

/// What to write about one lead.
#[derive(Clone, Debug)]
pub struct LeadChange {
    /// The lead after the change.
    pub lead: Arc<Lead>,
    /// Who it is; none for a lead that is never merged.
    pub identity: Option<Identity>,
    /// The lead as read before the decision: its number and revision. None for a new lead.
    pub before: Option<(LeadKey, u32)>,
    /// The revision after the change; the same as before when nothing a destination sees changed.
    pub revision: u32,
    /// Runs of touches to remove (two runs became one), by key and first moment.
    pub spans_gone: Vec<(TouchKey, DateTime<Utc>)>,
    /// Runs of touches to insert or replace.
    pub spans: Vec<TouchSpan>,
    /// Why it goes nowhere.
    pub suppression: Option<Suppression>,
    /// Where it goes. Destinations that already have a delivery keep it and want the new revision.
    pub routes: Vec<(DestinationName, Lane)>,
}

/// What became of an arrival when it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Understood {
    /// It began a lead.
    New(LeadId),
    /// It added a touch to a lead.
    Merged(LeadId),
    /// It was the same touch again.
    Repeat(LeadId),
    /// It cannot be understood; the bytes stay, with the reason.
    Quarantined(String),
}

/// One batch of understanding.
#[derive(Clone, Debug, Default)]
pub struct Settlement {
    /// Leads made or changed, each at most once.
    pub leads: Vec<LeadChange>,
    /// One entry per arrival of the batch.
    pub arrivals: Vec<(InboxId, Understood)>,
}

/// The answer to [`super::Store::settle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Written.
    Done,
    /// A lead or an arrival changed since it was read; nothing was written.
    Stale,
}

/// What a worker asks for.
#[derive(Clone, Copy, Debug)]
pub struct LeaseAsk {
    /// Nothing is handed out when fewer are due.
    pub min: usize,
    /// No more than this.
    pub max: usize,
    /// When others may take what was not finished.
    pub until: DateTime<Utc>,
}

/// A delivery this worker alone may attempt, until the lease ends.
///
/// Not `Clone`: it is finished once or not at all.
#[derive(Debug)]
#[must_use = "a lease that is not finished blocks its delivery until it expires"]
pub struct Lease {
    /// The lead's number.
    pub lead: LeadKey,
    /// Grows with every lease of this delivery; a stale one is refused.
    pub token: i64,
    /// The lead as of `revision`, as stored.
    pub body: Vec<u8>,
    /// The revision to deliver.
    pub revision: u32,
    /// When that revision came to be.
    pub revised_at: DateTime<Utc>,
    /// The revision the destination confirmed; 0 when none.
    pub held: u32,
    /// The destination may hold a record although it confirmed none: a call was cut.
    pub uncertain: bool,
    /// The lead must not be contacted.
    pub dnc: bool,
    /// Counted attempts of this revision so far.
    pub attempt: u32,
    /// The record the destination named.
    pub record: Option<RecordRef>,
}

/// The answer to [`super::Store::lease`].
#[derive(Debug)]
pub struct Leased {
    /// Whether the destination may be called at all. Leases are empty when it may not.
    pub gate: DestinationGate,
    /// What to deliver.
    pub leases: Vec<Lease>,
    /// When something becomes due, when nothing is now.
    pub next_at: Option<DateTime<Utc>>,
}

/// Whether a destination may be called.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum DestinationGate {
    /// Yes.
    #[default]
    Open,
    /// Not before `until`; then one probing call decides.
    Held {
        /// The moment of the probe.
        until: DateTime<Utc>,
        /// Holds in a row, which lengthen the rest.
        holds: u32,
        /// Why, without personal data.
        reason: String,
    },
    /// Not before an operator releases it.
    Parked {
        /// Why, without personal data.
        reason: String,
        /// What to do.
        hint: String,
    },
}

/// What went wrong with one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Who has to change.
    pub kind: ErrorKind,
    /// What we were doing and what came back.
    pub what: String,
    /// What a person should do.
    pub hint: String,
    /// The first part of the answer, secrets masked.
    pub answer: Option<String>,
}

/// What became of one leased delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryResult {
    /// The destination holds the revision.
    Delivered(Option<RecordRef>),
    /// The gate closed and nothing was written.
    Suppressed,
    /// Again at this time; counts an attempt.
    Retry(DateTime<Utc>, Failure),
    /// Never again, unless a person says so.
    Dead(Failure),
    /// Back to the queue; the destination was at fault. `uncertain` when the call may have been applied.
    Returned {
        /// The call may have been applied.
        uncertain: bool,
    },
}

/// A lease and what became of it.
#[derive(Debug)]
pub struct Finished {
    /// The lease.
    pub lease: Lease,
    /// What became of it.
    pub result: DeliveryResult,
}

/// The answer to one [`Finished`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishOutcome {
    /// Written.
    Done,
    /// Somebody else holds the lease by now; nothing was written.
    LeaseLost,
}

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
    /// See [`Suppression::DoNotContact`].
    pub suppressed_dnc: u64,
    /// See [`Suppression::NoRoute`].
    pub suppressed_no_route: u64,
    /// Unreadable bodies refused at the door.
    pub refused: u64,
    /// Arrivals that cannot be understood.
    pub quarantined: u64,
    /// Arrivals waiting to be understood.
    pub unsettled: u64,
    /// Deliveries whose destination holds the newest revision.
    pub delivered: u64,
    /// Deliveries on their way.
    pub pending: u64,
    /// Deliveries that were stopped by the gate.
    pub withheld: u64,
    /// Dead letters.
    pub dead: u64,
    /// Confirmed writes, updates included.
    pub receipts: u64,
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
    /// When the oldest due delivery was wanted.
    pub oldest_due: Option<DateTime<Utc>>,
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
    /// `due`, `leased`, `waiting`, `delivered`, `withheld`, `dead`, `discarded`.
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
