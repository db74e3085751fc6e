//! Which of Microsoft's times begin to run (contract partner-center 6.3).

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::Referral;
use connector_kit::referral::Phase;

use crate::store::{ClockKind, ClockStart};

/// Within which somebody is to begin to work on it.
const FOLLOW_UP: TimeDelta = TimeDelta::hours(24);
/// Within which a customer who asked for it is to be called.
const DIRECT_CONTACT: TimeDelta = TimeDelta::hours(72);

/// What runs for a referral: all of it while it waits for our answer, and nothing otherwise.
pub(super) fn of_referral(referral: &Referral) -> Vec<ClockStart> {
    if !referral.is_open_to_us() || referral.state.phase() != Phase::New {
        return Vec::new();
    }
    let after = |time| referral.created_at.checked_add_signed(time);
    let called = after(DIRECT_CONTACT).filter(|_| referral.wants_contact);
    [
        (ClockKind::FollowUp, after(FOLLOW_UP)),
        (ClockKind::DirectContact, called),
        (ClockKind::Answer, Some(referral.answer_due())),
    ]
    .into_iter()
    .filter_map(|(kind, due_at)| {
        Some(ClockStart {
            kind,
            referral: Some(referral.id.clone()),
            starts_at: referral.created_at,
            due_at: due_at?,
        })
    })
    .collect()
}

/// What runs for somebody who asked at a marketplace.
pub(super) fn of_lead(asked_at: DateTime<Utc>) -> Option<ClockStart> {
    Some(ClockStart {
        kind: ClockKind::FollowUp,
        referral: None,
        starts_at: asked_at,
        due_at: asked_at.checked_add_signed(FOLLOW_UP)?,
    })
}

/// Whether the time was already over when the lead came: then nobody could have kept it, and a table
/// read for the first time would set off an alarm for each of its old rows.
pub(super) fn came_too_late(asked_at: DateTime<Utc>, received_at: DateTime<Utc>) -> bool {
    received_at.signed_duration_since(asked_at) > FOLLOW_UP
}

#[cfg(test)]
mod tests;
