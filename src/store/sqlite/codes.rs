//! Numbers written into rows. They are for ever: a new meaning gets a new number.

use chrono::{DateTime, Utc};
use connector_kit::{ErrorKind, RawFormat, Stage, Subject};

use super::trouble::Trouble;
use crate::store::{Lane, Suppression};

/// How a delivery stands.
pub(super) mod state {
    /// May be leased now.
    pub(crate) const DUE: i64 = 0;
    /// Somebody attempts it, until `at`.
    pub(crate) const LEASED: i64 = 1;
    /// Its next attempt is at `at`.
    pub(crate) const WAITING: i64 = 2;
    /// The destination holds the revision wanted, since `at`.
    pub(crate) const DELIVERED: i64 = 3;
    /// The gate closed before anything was written.
    pub(crate) const WITHHELD: i64 = 4;
    /// A dead letter, since `at`.
    pub(crate) const DEAD: i64 = 5;
    /// A dead letter an operator gave up.
    pub(crate) const DISCARDED: i64 = 6;
    /// The destination holds the lead in a record that takes no more changes, since `at`.
    pub(crate) const CLOSED: i64 = 7;

    /// The word for it.
    pub(crate) fn word(state: i64) -> &'static str {
        match state {
            DUE => "due",
            LEASED => "leased",
            WAITING => "waiting",
            DELIVERED => "delivered",
            WITHHELD => "withheld",
            DEAD => "dead",
            CLOSED => "closed",
            _ => "discarded",
        }
    }
}

/// What an arrival became.
pub(super) mod understood {
    pub(crate) const NEW: i64 = 1;
    pub(crate) const MERGED: i64 = 2;
    pub(crate) const REPEAT: i64 = 3;
    pub(crate) const QUARANTINED: i64 = 4;
}

pub(super) fn subject(subject: Subject) -> i64 {
    match subject {
        Subject::Lead => 1,
        Subject::Deal => 2,
    }
}

pub(super) fn subject_from(code: i64) -> Subject {
    match code {
        2 => Subject::Deal,
        _ => Subject::Lead,
    }
}

pub(super) fn stage(stage: Stage) -> i64 {
    match stage {
        Stage::Open => 0,
        Stage::Accepted => 1,
        Stage::Declined => 2,
        Stage::Won => 3,
        Stage::Lost => 4,
        Stage::Gone => 5,
    }
}

pub(super) fn stage_from(code: i64) -> Stage {
    match code {
        1 => Stage::Accepted,
        2 => Stage::Declined,
        3 => Stage::Won,
        4 => Stage::Lost,
        5 => Stage::Gone,
        _ => Stage::Open,
    }
}

pub(super) fn lane(lane: Lane) -> i64 {
    match lane {
        Lane::Hot => 0,
        Lane::Live => 1,
        Lane::Update => 2,
        Lane::Backfill => 3,
    }
}

pub(super) fn suppression(suppression: Option<Suppression>) -> i64 {
    match suppression {
        None => 0,
        Some(Suppression::TestLead) => 1,
        Some(Suppression::DoNotContact) => 2,
        Some(Suppression::NoRoute) => 3,
        Some(Suppression::ClosedReferral) => 4,
        Some(Suppression::OwnReferral) => 5,
    }
}

pub(super) fn suppression_from(code: i64) -> Option<Suppression> {
    match code {
        1 => Some(Suppression::TestLead),
        2 => Some(Suppression::DoNotContact),
        3 => Some(Suppression::NoRoute),
        4 => Some(Suppression::ClosedReferral),
        5 => Some(Suppression::OwnReferral),
        _ => None,
    }
}

pub(super) fn format(format: RawFormat) -> i64 {
    match format {
        RawFormat::MarketplaceJson => 1,
        RawFormat::MarketplaceRow => 2,
        RawFormat::Referral => 3,
    }
}

pub(super) fn format_from(code: i64) -> Result<RawFormat, Trouble> {
    match code {
        1 => Ok(RawFormat::MarketplaceJson),
        2 => Ok(RawFormat::MarketplaceRow),
        3 => Ok(RawFormat::Referral),
        other => Err(Trouble::Unreadable(format!("unknown format {other}"))),
    }
}

pub(super) fn kind(kind: ErrorKind) -> i64 {
    match kind {
        ErrorKind::Throttled => 1,
        ErrorKind::Unreachable => 2,
        ErrorKind::Broken => 3,
        ErrorKind::Conflict => 4,
        ErrorKind::Rejected => 5,
        ErrorKind::Unauthorized => 6,
        ErrorKind::Misconfigured => 7,
    }
}

pub(super) fn kind_from(code: i64) -> ErrorKind {
    match code {
        1 => ErrorKind::Throttled,
        2 => ErrorKind::Unreachable,
        4 => ErrorKind::Conflict,
        5 => ErrorKind::Rejected,
        6 => ErrorKind::Unauthorized,
        7 => ErrorKind::Misconfigured,
        _ => ErrorKind::Broken,
    }
}

/// Moments are stored as milliseconds since 1970.
pub(super) fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// A moment as stored; one outside the calendar becomes its edge.
pub(super) fn moment(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
