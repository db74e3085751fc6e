//! What goes over the counter when an outcome is reported: what is wanted, what was done, what was refused.

use chrono::{DateTime, NaiveDate, Utc};
use connector_kit::outcome::Amount;
use connector_kit::{Lead, Referral, ReferralChange, ReferralState};
use serde::{Deserialize, Serialize};

use super::{DestinationGate, Failure, Link, OutcomeRow, ReferralKey, Spent};

/// What an operator ordered; wins over what the CRM says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What is to be written.
    pub change: ReferralChange,
    /// When it was ordered.
    pub at: DateTime<Utc>,
}

/// What each side said of the fields both may change, when they last agreed or a rule decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Agreed {
    /// What the CRM said.
    pub crm: Terms,
    /// What the referral said.
    pub referral: Terms,
}

/// The fields both sides may change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// What the deal is worth.
    pub value: Option<Amount>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// The day it closes.
    pub closes_on: Option<NaiveDate>,
}

/// Which reports a worker asks for.
#[derive(Clone, Copy, Debug)]
pub struct ReportAsk {
    /// No more than this.
    pub max: usize,
    /// When others may take what was not finished.
    pub until: DateTime<Utc>,
    /// Only of this referral, whatever the gate and however its report stands, unless somebody makes it
    /// now: an operator waits for it.
    pub only: Option<ReferralKey>,
}

/// A report this worker alone may make, until the lease ends.
///
/// Not `Clone`: it is finished once or not at all.
#[derive(Debug)]
#[must_use = "a lease that is not finished blocks its report until it expires"]
pub struct ReportLease {
    /// The referral's number.
    pub key: ReferralKey,
    /// Grows with every lease of this report; a stale one is refused.
    pub token: i64,
    /// Grows whenever something the report depends on changes.
    pub wanted: i64,
    /// The referral as last seen.
    pub referral: Referral,
    /// Whether outcomes of the lead are its own.
    pub link: Link,
    /// The lead.
    pub lead: Lead,
    /// What holds for the lead, one per CRM.
    pub outcomes: Vec<OutcomeRow>,
    /// What the sides last said.
    pub agreed: Option<Agreed>,
    /// What an operator ordered.
    pub order: Option<Order>,
    /// Counted attempts so far.
    pub attempt: u32,
    /// Since when something is wanted.
    pub since: DateTime<Utc>,
}

/// The answer to [`crate::store::ReferralStore::lease_reports`].
#[derive(Debug)]
pub struct LeasedReports {
    /// Whether the sink may be called at all. Leases are empty when it may not.
    pub gate: DestinationGate,
    /// What to report.
    pub leases: Vec<ReportLease>,
    /// When something becomes due, when nothing is now.
    pub next_at: Option<DateTime<Utc>>,
}

/// One thing that was done, or found, about a referral; kept for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportStep {
    /// When.
    pub at: DateTime<Utc>,
    /// `accept`, `win`, `edit`, .., or `kept` when a rule decided between two values.
    pub step: String,
    /// The fields written; their values stand in the referral.
    pub fields: Vec<String>,
    /// How it ended: `done`, `conflict`, `refused`, `unknown`, `ordered`.
    pub result: String,
    /// In words, without personal data.
    pub detail: String,
    /// How the referral stood after it.
    pub state: Option<ReferralState>,
}

/// How one report ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportResult {
    /// Both sides agree.
    Settled,
    /// It cannot be reported, and a person has to do something.
    Refused {
        /// Why.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// Not before this moment, for a reason that is nobody's fault.
    Waiting {
        /// When it is looked at again.
        until: DateTime<Utc>,
        /// Why.
        reason: String,
    },
    /// Again at this time; counts an attempt.
    Retry(DateTime<Utc>, Failure),
    /// Back to the queue: the sink was at fault.
    Returned,
}

/// A lease and what became of it.
#[derive(Debug)]
pub struct ReportFinished {
    /// The lease.
    pub lease: ReportLease,
    /// What became of it.
    pub result: ReportResult,
    /// What the sides said last, where that was looked at.
    pub agreed: Option<Agreed>,
    /// The plan in words, one line per step.
    pub plan: Vec<String>,
    /// The order was carried out or refused: it is done with.
    pub order_done: bool,
    /// A rule decided against the CRM: its records of the lead are to be written once more.
    pub remind_crm: bool,
}

/// How a call ended.
#[derive(Debug, Default)]
pub struct ReportEnding {
    /// What became of the reports.
    pub results: Vec<ReportFinished>,
    /// Whether the sink may be called from now on, where that changes.
    pub gate: Option<DestinationGate>,
    /// What it cost.
    pub spent: Option<Spent>,
}

/// How a report stands.
#[derive(Clone, Debug)]
pub struct ReportRow {
    /// `due`, `leased`, `waiting`, `settled`, `refused`.
    pub state: &'static str,
    /// When it was wanted, tried or ended.
    pub at: DateTime<Utc>,
    /// Counted attempts.
    pub attempt: u32,
    /// The plan in words, one line per step.
    pub plan: Vec<String>,
    /// Why it waits or was refused.
    pub reason: String,
    /// What to do.
    pub hint: String,
    /// What an operator ordered and is not done.
    pub order: Option<Order>,
    /// From the last news (an outcome, an order, the referral itself) to both sides agreeing, in milliseconds.
    pub lag_ms: Option<i64>,
}
