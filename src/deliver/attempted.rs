//! What became of each delivery of a call, for those who count and watch.

use chrono::TimeDelta;
use connector_kit::{DestinationName, ErrorKind, LeadId};

use crate::store::{DeliveryResult, DestinationGate, FinishOutcome};

/// What became of one delivery of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempted {
    /// The lead; none when the stored bytes could not be read.
    pub lead: Option<LeadId>,
    /// The revision that was sent.
    pub revision: u32,
    /// What became of it.
    pub fate: AttemptFate,
    /// Who has to change, when it failed.
    pub error: Option<ErrorKind>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttemptFate {
    /// The destination holds the revision.
    Delivered,
    /// The destination holds the lead in a record that takes no more changes.
    Closed,
    /// The do-not-contact gate stopped it.
    Withheld,
    /// It failed and comes again by its schedule.
    Retried,
    /// It ended as a dead letter.
    Dead,
    /// The destination was at fault; it waits uncounted.
    Returned,
    /// Somebody else holds it by now.
    LeaseLost,
    /// The person was forgotten meanwhile.
    Forgotten {
        /// A call went out: the destination may have a record.
        written: bool,
    },
}

impl AttemptFate {
    /// The word in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Closed => "closed",
            Self::Withheld => "withheld",
            Self::Retried => "retried",
            Self::Dead => "dead",
            Self::Returned => "returned",
            Self::LeaseLost => "lease lost",
            Self::Forgotten { .. } => "forgotten",
        }
    }

    /// The destination confirmed that it holds the lead.
    pub fn is_confirmed(self) -> bool {
        matches!(self, Self::Delivered | Self::Closed)
    }

    /// The fate a result means, once the store has answered.
    pub(super) fn of(result: &DeliveryResult) -> Self {
        match result {
            DeliveryResult::Delivered(_) => Self::Delivered,
            DeliveryResult::Closed(_) => Self::Closed,
            DeliveryResult::Suppressed => Self::Withheld,
            DeliveryResult::Retry(..) => Self::Retried,
            DeliveryResult::Dead(_) => Self::Dead,
            DeliveryResult::Returned { .. } => Self::Returned,
        }
    }

    /// The same, unless the lease was lost or the person was forgotten.
    pub(super) fn unless_lost(self, outcome: FinishOutcome) -> Self {
        match outcome {
            FinishOutcome::Done => self,
            FinishOutcome::LeaseLost => Self::LeaseLost,
            FinishOutcome::Forgotten => Self::Forgotten {
                written: self != Self::Withheld,
            },
        }
    }
}

/// Hears what becomes of deliveries; metrics and the demo listen.
pub trait Observer: Send + Sync {
    /// One call ended: how long it took and what became of each delivery.
    fn called(&self, destination: &DestinationName, took: TimeDelta, attempted: &[Attempted]);

    /// A call decided whether the next may be made.
    fn gated(&self, _destination: &DestinationName, _gate: &DestinationGate) {}
}

/// Nobody listens.
pub struct Unobserved;

impl Observer for Unobserved {
    fn called(&self, _: &DestinationName, _: TimeDelta, _: &[Attempted]) {}
}
