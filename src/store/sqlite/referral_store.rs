//! SQLite's side of what is promised about referrals.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{DestinationName, ReferralId, SourceName};

use super::desk::Desk;
use super::queue::Line;
use super::report_endings::Done;
use super::{
    SqliteStore, clocks, codes, find, forwards, notices, referral_looks, report_endings, report_leases,
    reports,
};
use crate::store::{
    Arrival, ClockFilter, ClockId, ClockRow, FinishOutcome, Follow, Forward, Found, Heard, LeasedReports,
    NoticesDue, Order, Passed, ReferralFilter, ReferralRow, ReferralStore, ReferralStory, ReferralTotals,
    ReportAsk, ReportEnding, ReportLease, ReportStep, StoreError, Told,
};

#[async_trait]
impl ReferralStore for SqliteStore {
    async fn hear(&self, told: Vec<Told>) -> Result<Vec<Heard>, StoreError> {
        self.space.admit()?;
        let work = move |desk: &mut Desk| notices::hear(desk, &told);
        self.write(Line::Custody, 1, work).await
    }

    async fn notices(
        &self,
        source: &SourceName,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<NoticesDue, StoreError> {
        let source = source.clone();
        self.read(move |shelf| notices::due(shelf, &source, limit, now))
            .await
    }

    async fn follow(&self, source: &SourceName, followed: Vec<Follow>) -> Result<(), StoreError> {
        self.space.admit()?;
        let source = source.clone();
        let weight = followed.len();
        self.write(Line::Work, weight, move |desk| {
            notices::follow(desk, &source, &followed)
        })
        .await
    }

    async fn forwards(
        &self,
        source: &SourceName,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Forward>, Option<DateTime<Utc>>), StoreError> {
        let source = source.clone();
        self.read(move |shelf| forwards::due(shelf, &source, limit, now))
            .await
    }

    async fn passed(&self, passed: Vec<Passed>) -> Result<(), StoreError> {
        self.write(Line::Work, 1, move |desk| forwards::passed(desk, &passed))
            .await
    }

    async fn lease_reports(
        &self,
        sink: &DestinationName,
        ask: ReportAsk,
        now: DateTime<Utc>,
    ) -> Result<LeasedReports, StoreError> {
        let sink = sink.clone();
        self.write(Line::Work, ask.max, move |desk| {
            report_leases::lease(desk, &sink, ask, now)
        })
        .await
    }

    async fn note_step(
        &self,
        lease: &ReportLease,
        step: ReportStep,
        became: Option<Arrival>,
    ) -> Result<FinishOutcome, StoreError> {
        // Kept below the floor of free space too: what was done outside has to be known.
        let done = Done::of(lease, step, became);
        self.write(Line::Work, 1, move |desk| report_endings::note_step(desk, &done))
            .await
    }

    async fn finish_reports(
        &self,
        sink: &DestinationName,
        ending: ReportEnding,
        now: DateTime<Utc>,
    ) -> Result<Vec<FinishOutcome>, StoreError> {
        let sink = sink.clone();
        let work = move |desk: &mut Desk| report_endings::finish(desk, &sink, &ending, now);
        self.write(Line::Work, 1, work).await
    }

    async fn order(&self, referral: &ReferralId, order: Order) -> Result<bool, StoreError> {
        let referral = referral.clone();
        self.write(Line::Work, 1, move |desk| reports::order(desk, &referral, &order))
            .await
    }

    async fn link(
        &self,
        referral: &ReferralId,
        linked: bool,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let referral = referral.clone();
        let now = codes::millis(now);
        self.write(Line::Work, 1, move |desk| {
            reports::link(desk, &referral, linked, now)
        })
        .await
    }

    async fn clocks(&self, filter: ClockFilter) -> Result<Vec<ClockRow>, StoreError> {
        self.read(move |shelf| clocks::list(shelf, &filter)).await
    }

    async fn clocks_told(&self, told: Vec<(ClockId, u8, u8)>) -> Result<(), StoreError> {
        self.write(Line::Work, 1, move |desk| clocks::told(desk, &told))
            .await
    }

    async fn referrals(&self, filter: ReferralFilter) -> Result<Vec<ReferralRow>, StoreError> {
        self.read(move |shelf| referral_looks::list(shelf, &filter)).await
    }

    async fn referral(&self, id: &ReferralId) -> Result<Option<ReferralStory>, StoreError> {
        let id = id.clone();
        self.read(move |shelf| referral_looks::story(shelf, &id)).await
    }

    async fn find(&self, id: &str) -> Result<Vec<Found>, StoreError> {
        let id = id.to_owned();
        self.read(move |shelf| find::find(shelf, &id)).await
    }

    async fn referral_totals(&self) -> Result<ReferralTotals, StoreError> {
        self.read(referral_looks::totals).await
    }
}
