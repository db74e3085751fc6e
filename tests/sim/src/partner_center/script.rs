//! What is to happen at the next occasion, and the service's bad days as faults.

use std::collections::VecDeque;

use serde_json::Value;

use crate::faults::Fault;

use super::PartnerCenter;
use super::answer::{Cause, Refusal, fault};
use super::settings::Envelope;

/// Changes by others that come just before somebody's write.
#[derive(Default)]
pub(super) struct Script {
    pub(super) interferences: VecDeque<(String, Value)>,
}

impl PartnerCenter {
    /// Just before each of the next writes to referrals, somebody else sets this member of the same referral: whoever
    /// wrote with `If-Match` finds it changed.
    pub fn interfere_next(&self, times: usize, pointer: &str, value: &Value) {
        let change = (pointer.to_owned(), value.clone());
        let mut service = self.lock();
        service
            .script
            .interferences
            .extend(std::iter::repeat_n(change, times));
    }
}

/// 429 in one of its two forms.
pub fn throttled(envelope: Envelope, seconds: i64) -> Fault {
    fault(Refusal::throttled(envelope, seconds))
}

/// 503, with the time to wait or without.
pub fn unavailable(seconds: Option<i64>) -> Fault {
    let message = "The service is not available. Repeat the request later.";
    let mut fault = fault(Refusal::new(
        503,
        Cause::Throttled,
        "serviceNotAvailable",
        message,
    ));
    if let (Fault::Answer { headers, .. }, Some(seconds)) = (&mut fault, seconds) {
        headers.push(("retry-after", seconds.to_string()));
    }
    fault
}

/// 509, which means throttled too (contract partner-center 7).
pub fn over_bandwidth() -> Fault {
    let message = "The bandwidth limit is exceeded.";
    fault(Refusal::new(
        509,
        Cause::Throttled,
        "serviceNotAvailable",
        message,
    ))
}
