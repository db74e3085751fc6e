//! What goes over the counter about the fate of leads in a CRM.

use chrono::{DateTime, Utc};
use connector_kit::ids::AccountName;
use connector_kit::{Checkpoint, LeadId, Outcome, SourceName, Stage};

/// One page of a look at a CRM.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The connector that looked.
    pub source: SourceName,
    /// The publisher it belongs to; leads of others are strangers to it.
    pub account: AccountName,
    /// What it saw.
    pub outcomes: Vec<Outcome>,
    /// Where the look left off.
    pub checkpoint: Option<Checkpoint>,
}

/// What an outcome was to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noted {
    /// It says something new.
    News,
    /// It says what we know, or what is overtaken.
    Known,
    /// No lead of ours.
    Stranger,
}

/// An outcome as it was kept.
#[derive(Clone, Debug)]
pub struct OutcomeRow {
    /// The lead.
    pub lead: LeadId,
    /// The connector that saw it.
    pub source: SourceName,
    /// What the record says.
    pub outcome: Outcome,
    /// When we saw it.
    pub seen_at: DateTime<Utc>,
    /// It is what holds for this lead in this CRM; the others are its history.
    pub holds: bool,
}

/// Which outcomes.
#[derive(Clone, Debug, Default)]
pub struct OutcomeFilter {
    /// All that was ever said of this lead, oldest first; otherwise what holds, newest first.
    pub lead: Option<LeadId>,
    /// Only of this stage.
    pub stage: Option<Stage>,
    /// At most this many; 0 is all.
    pub limit: usize,
}

/// Leads by what holds for them, over all CRMs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeTotals {
    /// See [`Stage::Open`].
    pub open: u64,
    /// See [`Stage::Accepted`].
    pub accepted: u64,
    /// See [`Stage::Declined`].
    pub declined: u64,
    /// See [`Stage::Won`].
    pub won: u64,
    /// See [`Stage::Lost`].
    pub lost: u64,
    /// See [`Stage::Gone`].
    pub gone: u64,
}

impl OutcomeTotals {
    /// Each stage and its leads.
    pub fn by_stage(&self) -> [(Stage, u64); 6] {
        [
            (Stage::Open, self.open),
            (Stage::Accepted, self.accepted),
            (Stage::Declined, self.declined),
            (Stage::Won, self.won),
            (Stage::Lost, self.lost),
            (Stage::Gone, self.gone),
        ]
    }
}
