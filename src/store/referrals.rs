//! The part of the floor that referrals stand on: events, reports, clocks.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{DestinationName, ReferralId, SourceName};

use super::{
    Arrival, ClockFilter, ClockId, ClockRow, FinishOutcome, Follow, Forward, Found, Heard, LeasedReports,
    NoticesDue, Order, Passed, ReferralFilter, ReferralRow, ReferralStory, ReferralTotals, ReportAsk,
    ReportEnding, ReportLease, ReportStep, StoreError, Told,
};

/// Keeps what is known of referrals, in the order of their way: told, reported, timed, looked at.
///
/// Referrals themselves come in as arrivals and are written by [`super::Store::settle`]; outcomes by
/// [`super::Store::observe`]. Both make reports due in the same transaction.
#[async_trait]
pub trait ReferralStore: Send + Sync {
    // --- the other side tells ----------------------------------------------------------------

    /// Keeps verified events. When this returns `Ok`, they are on disk.
    async fn hear(&self, told: Vec<Told>) -> Result<Vec<Heard>, StoreError>;

    /// Events of this connector that are to be followed now.
    async fn notices(
        &self,
        source: &SourceName,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<NoticesDue, StoreError>;

    /// Writes what came of following events; arrivals and the end of their events share one commit.
    async fn follow(&self, source: &SourceName, followed: Vec<Follow>) -> Result<(), StoreError>;

    /// Requests of this connector that are to be passed on now.
    async fn forwards(
        &self,
        source: &SourceName,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Forward>, Option<DateTime<Utc>>), StoreError>;

    /// Writes what came of passing on.
    async fn passed(&self, passed: Vec<Passed>) -> Result<(), StoreError>;

    // --- outcomes are reported -----------------------------------------------------------------

    /// Hands out reports that are due, those that are wanted longest first, each to one holder alone.
    async fn lease_reports(
        &self,
        sink: &DestinationName,
        ask: ReportAsk,
        now: DateTime<Utc>,
    ) -> Result<LeasedReports, StoreError>;

    /// Notes at once what was done under a lease, and takes custody of what the referral became: should
    /// the process die now, nobody does it twice. When that version comes back from the other side, it
    /// makes no report due.
    ///
    /// What was done stays noted, once, even when the answer is [`FinishOutcome::LeaseLost`]; but then
    /// the version is anybody's.
    async fn note_step(
        &self,
        lease: &ReportLease,
        step: ReportStep,
        became: Option<Arrival>,
    ) -> Result<FinishOutcome, StoreError>;

    /// Writes how reports ended. A report whose ground changed under its lease is due again at once. Where
    /// `remind_crm` is set, delivered deliveries of its lead are due again at the revision they hold.
    async fn finish_reports(
        &self,
        sink: &DestinationName,
        ending: ReportEnding,
        now: DateTime<Utc>,
    ) -> Result<Vec<FinishOutcome>, StoreError>;

    /// Notes what an operator wants done, and makes its report due, however it stands; one that is being
    /// made is due again when its holder is done. False when there is no such referral.
    async fn order(&self, referral: &ReferralId, order: Order) -> Result<bool, StoreError>;

    /// Links or unlinks a referral by hand, and makes its report due. False when there is none.
    async fn link(&self, referral: &ReferralId, linked: bool, now: DateTime<Utc>)
    -> Result<bool, StoreError>;

    // --- clocks run ----------------------------------------------------------------------------

    /// Clocks, those that are over first first.
    async fn clocks(&self, filter: ClockFilter) -> Result<Vec<ClockRow>, StoreError>;

    /// Notes what was told of running clocks: number, moments told, moments alerted.
    async fn clocks_told(&self, told: Vec<(ClockId, u8, u8)>) -> Result<(), StoreError>;

    // --- the operator looks ----------------------------------------------------------------------

    /// Referrals, the newest first.
    async fn referrals(&self, filter: ReferralFilter) -> Result<Vec<ReferralRow>, StoreError>;

    /// Everything known of one referral.
    async fn referral(&self, id: &ReferralId) -> Result<Option<ReferralStory>, StoreError>;

    /// What this id names: a lead, a referral, a CRM's record, or a delivery (`<lead>-<revision>`).
    async fn find(&self, id: &str) -> Result<Vec<Found>, StoreError>;

    /// Referrals and reports at a glance; cheap at any size.
    async fn referral_totals(&self) -> Result<ReferralTotals, StoreError>;
}
