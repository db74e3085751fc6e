//! The answers of one call become results of its deliveries and the gate of its destination.

use chrono::{DateTime, Utc};
use connector_kit::{ConnectorError, ErrorKind, Receipt};

use super::disposition::{Disposition, Patience, Situation, dispose};
use crate::store::{DeliveryResult, DestinationGate, Failure};

/// What one call means for its destination.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// The harshest gate an answer asked for.
    gate: Option<DestinationGate>,
    /// At least one delivery got an answer of its own: the destination works.
    answered: bool,
    /// Everything that failed was the destination breaking.
    broken: usize,
}

/// Where the decision stands.
pub(super) struct Scales<'a> {
    pub(super) patience: &'a Patience,
    pub(super) holds: u32,
    pub(super) now: DateTime<Utc>,
    pub(super) chance: &'a dyn Fn() -> f64,
}

impl Scales<'_> {
    /// Decides about one delivery and remembers what it means for the destination.
    pub(super) fn weigh(
        &self,
        verdict: &mut Verdict,
        attempts: u32,
        answer: Result<Receipt, ConnectorError>,
    ) -> DeliveryResult {
        let error = match answer {
            Ok(receipt) => {
                verdict.answered = true;
                return if receipt.closed {
                    DeliveryResult::Closed(receipt.record)
                } else {
                    DeliveryResult::Delivered(receipt.record)
                };
            }
            Err(error) => error,
        };
        let situation = Situation {
            attempts,
            holds: self.holds,
            chance: (self.chance)(),
            now: self.now,
        };
        match dispose(&error, self.patience, situation) {
            Disposition::Hold(until) => {
                verdict.rest(until, self.holds + 1, &error);
                DeliveryResult::Returned {
                    uncertain: may_have_been_applied(&error),
                }
            }
            Disposition::Park(hint) => {
                verdict.gate = Some(DestinationGate::Parked {
                    reason: error.to_string(),
                    hint,
                });
                DeliveryResult::Returned { uncertain: false }
            }
            Disposition::Retry(at) => {
                verdict.broken += usize::from(error.kind() == ErrorKind::Broken);
                DeliveryResult::Retry(at, failure(&error, "none needed: it is tried again"))
            }
            Disposition::DeadLetter(hint) => {
                verdict.answered |= error.kind() == ErrorKind::Rejected;
                DeliveryResult::Dead(failure(&error, &hint))
            }
        }
    }
}

fn may_have_been_applied(error: &ConnectorError) -> bool {
    error.kind() == ErrorKind::Unreachable
}

fn failure(error: &ConnectorError, hint: &str) -> Failure {
    Failure {
        kind: error.kind(),
        what: error.to_string(),
        hint: error.hint_text().unwrap_or(hint).to_owned(),
        answer: error.answer_text().map(str::to_owned),
    }
}

impl Verdict {
    fn rest(&mut self, until: DateTime<Utc>, holds: u32, error: &ConnectorError) {
        match &mut self.gate {
            Some(DestinationGate::Parked { .. }) => {}
            Some(DestinationGate::Held { until: longest, .. }) => *longest = (*longest).max(until),
            gate => {
                *gate = Some(DestinationGate::Held {
                    until,
                    holds,
                    reason: error.to_string(),
                });
            }
        }
    }

    /// Every delivery of the call failed because the destination broke.
    pub(super) fn only_broken(&self) -> bool {
        self.broken > 0 && !self.answered && self.gate.is_none()
    }

    /// The gate to write: what was asked for, or open again after a rest that is over.
    pub(super) fn gate(self, was: &DestinationGate) -> Option<DestinationGate> {
        match (self.gate, was) {
            (Some(gate), _) => Some(gate),
            (None, DestinationGate::Open) => None,
            (None, _) => Some(DestinationGate::Open),
        }
    }
}
