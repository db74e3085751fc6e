//! What goes over the counter about referrals: how they stand, and which lead each is about.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use connector_kit::ids::AccountName;
use connector_kit::{LeadId, Referral, ReferralId, SourceName};
use serde::Serialize;

use super::{ClockRow, OutcomeRow, ReportRow, ReportStep};

/// The number of a referral inside the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReferralKey(pub i64);

/// Whether what becomes of the lead is what becomes of the referral.
///
/// Decided once, when the referral is first seen; only an operator changes it. A person has one record
/// in a CRM, but may have several referrals: a wrong report can never be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// The referral made the lead.
    Own,
    /// The only inquiry of this person within a day of the referral, about nothing else.
    Matched,
    /// An operator said so.
    ByHand,
    /// No: the person has another referral that is linked, or this is the other side of one.
    OtherReferral,
    /// No: the person was known before, for something else or at another time.
    KnownBefore,
    /// No: an operator said so.
    UnlinkedByHand,
}

impl Link {
    /// Outcomes of the lead are reported for the referral.
    pub fn is_linked(self) -> bool {
        matches!(self, Self::Own | Self::Matched | Self::ByHand)
    }

    /// The word in commands and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Matched => "matched",
            Self::ByHand => "linked by hand",
            Self::OtherReferral => "unlinked: the person has another referral",
            Self::KnownBefore => "unlinked: the person was known before",
            Self::UnlinkedByHand => "unlinked by hand",
        }
    }
}

/// A referral seen in a batch, about the lead of its change.
#[derive(Clone, Debug)]
pub struct ReferralNote {
    /// The connector it came through, and that is reported to.
    pub source: SourceName,
    /// How it stands. Kept when it is newer than what is known; see [`Referral::newer`].
    pub referral: Arc<Referral>,
    /// Whether it is linked, should it be new to the store. A referral stays with the lead it was first
    /// seen with, and an older version changes nothing.
    pub link: Link,
}

/// Which referrals.
#[derive(Clone, Debug, Default)]
pub struct ReferralFilter {
    /// Only of this lead.
    pub lead: Option<LeadId>,
    /// Only those that are not closed.
    pub open: bool,
    /// Only those whose report was refused and waits for a person.
    pub refused: bool,
    /// At most this many; 0 is all.
    pub limit: usize,
}

/// One referral as the store holds it.
#[derive(Clone, Debug)]
pub struct ReferralRow {
    /// Its number; see [`super::ReportAsk::only`].
    pub key: ReferralKey,
    /// The connector it came through.
    pub source: SourceName,
    /// The publisher it belongs to.
    pub account: AccountName,
    /// How it stands, as last seen.
    pub referral: Referral,
    /// The lead.
    pub lead: LeadId,
    /// Whether outcomes of the lead are its own.
    pub link: Link,
    /// When we first saw it.
    pub seen_at: DateTime<Utc>,
}

/// Everything known of one referral.
#[derive(Clone, Debug)]
pub struct ReferralStory {
    /// The referral.
    pub row: ReferralRow,
    /// Every version seen, oldest first: its moment, its state, when it came.
    pub versions: Vec<(DateTime<Utc>, String, DateTime<Utc>)>,
    /// Its report, where there is one.
    pub report: Option<ReportRow>,
    /// Everything done about it, oldest first.
    pub steps: Vec<ReportStep>,
    /// What the CRMs say of the lead, oldest first.
    pub outcomes: Vec<OutcomeRow>,
    /// Its clocks.
    pub clocks: Vec<ClockRow>,
    /// Events that told of it and wait to be followed.
    pub notices_waiting: u64,
}

/// What an id names; see [`crate::store::ReferralStore::find`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A lead, by its own id, by a record of a CRM, or by a delivery of it.
    Lead(LeadId),
    /// A referral.
    Referral(SourceName, ReferralId),
}

/// Referrals and reports at a glance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReferralTotals {
    /// `New/*`
    pub new: u64,
    /// `Active/*`
    pub active: u64,
    /// `Closed/Won`
    pub won: u64,
    /// `Closed/Lost`
    pub lost: u64,
    /// `Closed/Declined`
    pub declined: u64,
    /// `Closed/Expired`
    pub expired: u64,
    /// Anything else.
    pub other: u64,
    /// Reports on their way: due, leased, waiting.
    pub reporting: u64,
    /// Reports that were refused and wait for a person.
    pub refused: u64,
    /// Events not followed yet.
    pub notices: u64,
}
