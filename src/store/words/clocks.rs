//! What goes over the counter about the times Microsoft sets (contract partner-center 6.3).

use chrono::{DateTime, Utc};
use connector_kit::ids::AccountName;
use connector_kit::{LeadId, ReferralId};

/// What runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClockKind {
    /// Somebody works on it within a day.
    FollowUp,
    /// The customer asked to be called: within 72 hours.
    DirectContact,
    /// Accepted or declined before it expires.
    Answer,
}

impl ClockKind {
    /// The word in commands, metrics and alerts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FollowUp => "follow-up",
            Self::DirectContact => "direct-contact",
            Self::Answer => "answer",
        }
    }
}

/// A clock to be started, once: one that runs or ran already is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockStart {
    /// What runs.
    pub kind: ClockKind,
    /// The referral it is about; none for a lead without one.
    pub referral: Option<ReferralId>,
    /// When it began.
    pub starts_at: DateTime<Utc>,
    /// When the time is over.
    pub due_at: DateTime<Utc>,
}

/// The number of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClockId(pub i64);

/// How a clock ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockEnd {
    /// What it waits for happened, in time or late.
    Met(DateTime<Utc>),
    /// It never happened and no longer can: the referral expired or was closed without it.
    Missed(DateTime<Utc>),
}

/// One clock.
#[derive(Clone, Debug)]
pub struct ClockRow {
    /// Its number.
    pub id: ClockId,
    /// What runs.
    pub kind: ClockKind,
    /// The publisher concerned.
    pub account: AccountName,
    /// The lead.
    pub lead: LeadId,
    /// The referral, where there is one.
    pub referral: Option<ReferralId>,
    /// When it began.
    pub starts_at: DateTime<Utc>,
    /// When the time is over.
    pub due_at: DateTime<Utc>,
    /// How it ended; none while it runs.
    pub end: Option<ClockEnd>,
    /// How many of the moments worth telling were told.
    pub told: u8,
    /// How many of them were told to whoever wants alerts.
    pub alerted: u8,
}

/// Which clocks.
#[derive(Clone, Debug, Default)]
pub struct ClockFilter {
    /// Only of this lead.
    pub lead: Option<LeadId>,
    /// Ended ones too.
    pub ended: bool,
    /// Only those behind this one, by their end and their number: the last of the page before.
    pub after: Option<(DateTime<Utc>, ClockId)>,
    /// At most this many, those that are over first first; 0 is all.
    pub limit: usize,
}
