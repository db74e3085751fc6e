//! A lead is understood: what the settle worker reads, and what it writes.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use connector_kit::{CanaryMark, DestinationName, Lead, LeadId};

use super::{Arrival, ClockStart, InboxId, ReferralNote};

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

/// Who a lead is, hashed: account, person and, where so configured, offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(pub [u8; 16]);

/// The number of a lead inside the store; the public id is [`LeadId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeadKey(pub i64);

/// What a touch is about, hashed: offer and action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TouchKey(pub [u8; 16]);

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
    /// All there is of it are referrals that were closed when they were first seen.
    ClosedReferral,
    /// All there is of it are referrals we sent ourselves, or those and closed ones.
    OwnReferral,
    /// The person was forgotten; nothing of them is left.
    Forgotten,
}

impl Suppression {
    /// The rule's name as shown and stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TestLead => "test lead",
            Self::DoNotContact => "do not contact",
            Self::NoRoute => "no route",
            Self::ClosedReferral => "referral closed before it was seen",
            Self::OwnReferral => "our own referral",
            Self::Forgotten => "forgotten",
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

impl Lane {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Hot, Self::Live, Self::Update, Self::Backfill];

    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Live => "live",
            Self::Update => "update",
            Self::Backfill => "backfill",
        }
    }
}

/// What to write about one lead.
#[derive(Clone, Debug)]
pub struct LeadChange {
    /// The lead after the change.
    pub lead: Arc<Lead>,
    /// Ways it may be found again from now on; none for a lead that is never merged. A new lead must be
    /// the first to claim each; a known one takes what nobody claimed.
    pub identities: Vec<Identity>,
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
    /// The mark of the canary it is: let through because it was announced, and written only while it still is.
    pub canary: Option<CanaryMark>,
    /// Where it goes. Destinations that already have a delivery keep it and want the new revision.
    pub routes: Vec<(DestinationName, Lane)>,
    /// Referrals of the batch that are about it.
    pub referrals: Vec<ReferralNote>,
    /// Clocks that begin with it.
    pub clocks: Vec<ClockStart>,
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
    /// It tells once more of a person who was forgotten; the bytes go.
    Forgotten,
}

/// One batch of understanding.
#[derive(Clone, Debug, Default)]
pub struct Settlement {
    /// Leads made or changed, each at most once.
    pub leads: Vec<LeadChange>,
    /// One entry per arrival of the batch.
    pub arrivals: Vec<(InboxId, Understood)>,
}

/// The answer to [`crate::store::Store::settle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Written.
    Done,
    /// A lead or an arrival changed since it was read; nothing was written.
    Stale,
}
