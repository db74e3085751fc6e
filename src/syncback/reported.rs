//! How far a report came, and who hears of it.

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{ConnectorError, LeadId, ReferralId, SourceName};

use super::preflight::Refusal;
use crate::store::{Agreed, ReportStep};

/// Hears what was done and refused; metrics and the demo listen.
pub trait Reporting: Send + Sync {
    /// A step was taken, or tried.
    fn stepped(&self, sink: &SourceName, referral: &ReferralId, step: &ReportStep);
    /// A report came to an end for now, so long after something was wanted.
    fn ended(&self, sink: &SourceName, referral: &ReferralId, ended: &Reported, took: TimeDelta);
}

/// Nobody listens.
pub struct Unreported;

impl Reporting for Unreported {
    fn stepped(&self, _: &SourceName, _: &ReferralId, _: &ReportStep) {}
    fn ended(&self, _: &SourceName, _: &ReferralId, _: &Reported, _: TimeDelta) {}
}

/// How far a report came.
#[derive(Clone, Debug)]
pub struct Reported {
    /// The lead it is about.
    pub lead: LeadId,
    /// What it came to.
    pub end: End,
    /// The steps of the last plan that had any, in words.
    pub plan: Vec<String>,
    /// What was done, in order.
    pub steps: Vec<ReportStep>,
    /// Why the operator's order was not carried out.
    pub order_refused: Option<Refusal>,
    /// The order needs no more looking at.
    pub order_done: bool,
    /// What both sides say now.
    pub agreed: Option<Agreed>,
    /// A rule decided against the CRM.
    pub remind_crm: bool,
}

/// What a report came to.
#[derive(Clone, Debug)]
pub enum End {
    /// Both sides agree.
    Settled,
    /// A person has to act.
    Refused(Refusal),
    /// Not before this moment.
    Waiting(DateTime<Utc>, &'static str),
    /// A call did not do what it should.
    Failed(ConnectorError),
    /// Somebody else holds the lease by now.
    LeaseLost,
}
