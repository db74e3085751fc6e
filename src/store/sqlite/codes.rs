//! Numbers written into rows. They are for ever: a new meaning gets a new number.

use chrono::{DateTime, Utc};
use connector_kit::referral::Phase;
use connector_kit::{ErrorKind, RawFormat, ReferralState, Stage, Subject};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::trouble::Trouble;
use crate::store::{ClockKind, Lane, Link, Suppression};

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

/// How a report stands.
pub(super) mod report {
    /// May be leased now.
    pub(crate) const DUE: i64 = 0;
    /// Somebody makes it, until `at`.
    pub(crate) const LEASED: i64 = 1;
    /// It is looked at again at `at`.
    pub(crate) const WAITING: i64 = 2;
    /// Both sides agree, since `at`.
    pub(crate) const SETTLED: i64 = 3;
    /// It cannot be made, since `at`; a person has to do something.
    pub(crate) const REFUSED: i64 = 4;

    /// The word for it.
    pub(crate) fn word(state: i64) -> &'static str {
        match state {
            DUE => "due",
            LEASED => "leased",
            WAITING => "waiting",
            SETTLED => "settled",
            _ => "refused",
        }
    }
}

/// How a referral stands, as it is counted and looked for; its body has the exact words.
pub(super) mod standing {
    pub(crate) const NEW: i64 = 0;
    pub(crate) const ACTIVE: i64 = 1;
    pub(crate) const WON: i64 = 2;
    pub(crate) const LOST: i64 = 3;
    pub(crate) const DECLINED: i64 = 4;
    pub(crate) const EXPIRED: i64 = 5;
    /// Closed in another way.
    pub(crate) const CLOSED: i64 = 6;
    /// In no phase that is documented.
    pub(crate) const UNKNOWN: i64 = 7;
}

/// How a clock ended.
pub(super) mod ended {
    pub(crate) const RUNNING: i64 = 0;
    pub(crate) const MET: i64 = 1;
    pub(crate) const MISSED: i64 = 2;
}

/// What an arrival became.
pub(super) mod understood {
    pub(crate) const NEW: i64 = 1;
    pub(crate) const MERGED: i64 = 2;
    pub(crate) const REPEAT: i64 = 3;
    pub(crate) const QUARANTINED: i64 = 4;
    pub(crate) const FORGOTTEN: i64 = 5;
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

pub(super) fn standing(state: &ReferralState) -> i64 {
    match (state.phase(), state) {
        (Phase::New, _) => standing::NEW,
        (Phase::Active, _) => standing::ACTIVE,
        (Phase::Closed, ReferralState::Won) => standing::WON,
        (Phase::Closed, ReferralState::Lost) => standing::LOST,
        (Phase::Closed, ReferralState::Declined) => standing::DECLINED,
        (Phase::Closed, ReferralState::Expired) => standing::EXPIRED,
        (Phase::Closed, _) => standing::CLOSED,
        (Phase::Unknown, _) => standing::UNKNOWN,
    }
}

pub(super) fn link(link: Link) -> i64 {
    match link {
        Link::Own => 1,
        Link::Matched => 2,
        Link::ByHand => 3,
        Link::OtherReferral => 4,
        Link::KnownBefore => 5,
        Link::UnlinkedByHand => 6,
    }
}

pub(super) fn link_from(code: i64) -> Link {
    match code {
        1 => Link::Own,
        2 => Link::Matched,
        3 => Link::ByHand,
        4 => Link::OtherReferral,
        5 => Link::KnownBefore,
        _ => Link::UnlinkedByHand,
    }
}

pub(super) fn clock(kind: ClockKind) -> i64 {
    match kind {
        ClockKind::FollowUp => 1,
        ClockKind::DirectContact => 2,
        ClockKind::Answer => 3,
    }
}

pub(super) fn clock_from(code: i64) -> ClockKind {
    match code {
        2 => ClockKind::DirectContact,
        3 => ClockKind::Answer,
        _ => ClockKind::FollowUp,
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

/// The suppression of a lead of which nothing is left but its id.
pub(super) const FORGOTTEN: i64 = 6;

pub(super) fn suppression(suppression: Option<Suppression>) -> i64 {
    match suppression {
        None => 0,
        Some(Suppression::TestLead) => 1,
        Some(Suppression::DoNotContact) => 2,
        Some(Suppression::NoRoute) => 3,
        Some(Suppression::ClosedReferral) => 4,
        Some(Suppression::OwnReferral) => 5,
        Some(Suppression::Forgotten) => FORGOTTEN,
    }
}

pub(super) fn suppression_from(code: i64) -> Option<Suppression> {
    match code {
        1 => Some(Suppression::TestLead),
        2 => Some(Suppression::DoNotContact),
        3 => Some(Suppression::NoRoute),
        4 => Some(Suppression::ClosedReferral),
        5 => Some(Suppression::OwnReferral),
        FORGOTTEN => Some(Suppression::Forgotten),
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

/// Versions of a referral may lie 100 ns apart (contract partner-center 0.15): their moments are stored
/// as nanoseconds since 1970. One outside the years 1677 to 2262 becomes their edge.
pub(super) fn nanos(at: DateTime<Utc>) -> i64 {
    let edge = if at < DateTime::UNIX_EPOCH {
        i64::MIN
    } else {
        i64::MAX
    };
    at.timestamp_nanos_opt().unwrap_or(edge)
}

/// A moment stored as nanoseconds.
pub(super) fn moment_of_nanos(nanos: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(nanos)
}

/// A value as it is stored where a row holds more than columns.
pub(super) fn text(value: &impl Serialize) -> Result<String, Trouble> {
    serde_json::to_string(value).map_err(|error| Trouble::Unreadable(error.to_string()))
}

/// Reads back what was stored so. The position helps, the content must not show.
pub(super) fn read_back<T: DeserializeOwned>(stored: &[u8], what: &str) -> Result<T, Trouble> {
    serde_json::from_slice(stored).map_err(|error| {
        let (class, column) = (error.classify(), error.column());
        Trouble::Unreadable(format!(
            "a stored {what} cannot be read ({class:?} at column {column})"
        ))
    })
}
