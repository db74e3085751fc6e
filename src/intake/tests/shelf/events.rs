//! The shelf's side for events: each is kept once, by its reference.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{DestinationName, ReferralId, SourceName};

use super::{Shelf, elsewhere, open};
use crate::store::*;

#[async_trait]
impl ReferralStore for Shelf {
    async fn hear(&self, told: Vec<Told>) -> Result<Vec<Heard>, StoreError> {
        self.asked.send_modify(|asked| *asked += 1);
        self.decide().await?;
        let mut kept = open(&self.told);
        let mut heard = Vec::new();
        for one in told {
            let is_known = kept
                .iter()
                .any(|old| old.notice.reference == one.notice.reference);
            heard.push(match (is_known, &one.notice.referral) {
                (true, _) => Heard::Known,
                (false, Some(_)) => Heard::Kept,
                (false, None) => Heard::Noted,
            });
            if !is_known {
                kept.push(one);
            }
        }
        Ok(heard)
    }

    async fn referral_totals(&self) -> Result<ReferralTotals, StoreError> {
        self.decide().await?;
        Ok(*open(&self.referrals))
    }

    async fn notices(&self, _: &SourceName, _: usize, _: DateTime<Utc>) -> Result<NoticesDue, StoreError> {
        elsewhere()
    }

    async fn follow(&self, _: &SourceName, _: Vec<Follow>) -> Result<(), StoreError> {
        elsewhere()
    }

    async fn forwards(
        &self,
        _: &SourceName,
        _: usize,
        _: DateTime<Utc>,
    ) -> Result<(Vec<Forward>, Option<DateTime<Utc>>), StoreError> {
        elsewhere()
    }

    async fn passed(&self, _: Vec<Passed>) -> Result<(), StoreError> {
        elsewhere()
    }

    async fn lease_reports(
        &self,
        _: &DestinationName,
        _: ReportAsk,
        _: DateTime<Utc>,
    ) -> Result<LeasedReports, StoreError> {
        elsewhere()
    }

    async fn note_step(
        &self,
        _: &ReportLease,
        _: ReportStep,
        _: Option<Arrival>,
    ) -> Result<FinishOutcome, StoreError> {
        elsewhere()
    }

    async fn finish_reports(
        &self,
        _: &DestinationName,
        _: ReportEnding,
        _: DateTime<Utc>,
    ) -> Result<Vec<FinishOutcome>, StoreError> {
        elsewhere()
    }

    async fn order(&self, _: &ReferralId, _: Order) -> Result<bool, StoreError> {
        elsewhere()
    }

    async fn link(&self, _: &ReferralId, _: bool, _: DateTime<Utc>) -> Result<bool, StoreError> {
        elsewhere()
    }

    async fn clocks(&self, _: ClockFilter) -> Result<Vec<ClockRow>, StoreError> {
        elsewhere()
    }

    async fn clocks_told(&self, _: Vec<(ClockId, u8, u8)>) -> Result<(), StoreError> {
        elsewhere()
    }

    async fn referrals(&self, _: ReferralFilter) -> Result<Vec<ReferralRow>, StoreError> {
        elsewhere()
    }

    async fn referral(&self, _: &ReferralId) -> Result<Option<ReferralStory>, StoreError> {
        elsewhere()
    }

    async fn find(&self, _: &str) -> Result<Vec<Found>, StoreError> {
        elsewhere()
    }
}
