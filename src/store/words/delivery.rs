//! A lead is delivered: what the workers of a destination take, and what they bring back.

use chrono::{DateTime, Utc};
use connector_kit::{ErrorKind, RecordRef};

use super::{Lane, LeadKey, Spent};

/// What a worker asks for.
#[derive(Clone, Copy, Debug)]
pub struct LeaseAsk {
    /// Nothing is handed out when fewer are due.
    pub min: usize,
    /// No more than this.
    pub max: usize,
    /// Nothing of a lane behind this one.
    pub lowest: Lane,
    /// Takes from the end of the line, nothing hot, and nothing at all while something hot is due.
    pub bulk: bool,
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
    /// When an operator ordered what was confirmed to be delivered again.
    pub again: Option<DateTime<Utc>>,
}

/// The answer to [`crate::store::Store::lease`].
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
    /// The destination holds the lead in a record that takes no more changes.
    Closed(Option<RecordRef>),
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

/// How a call ended.
#[derive(Debug, Default)]
pub struct Ending {
    /// What became of its deliveries.
    pub results: Vec<Finished>,
    /// Whether the destination may be called from now on, where that changes.
    pub gate: Option<DestinationGate>,
    /// What it cost; nothing when no call was made.
    pub spent: Option<Spent>,
}

impl Ending {
    /// Deliveries that ended without a word about their destination.
    pub fn of(results: Vec<Finished>) -> Self {
        Self {
            results,
            ..Self::default()
        }
    }
}

/// The answer to one [`Finished`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishOutcome {
    /// Written.
    Done,
    /// Somebody else holds the lease by now; nothing was written.
    LeaseLost,
    /// The person was forgotten meanwhile; nothing was written.
    Forgotten,
}
