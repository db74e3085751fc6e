//! A store before another: every call passes it, on its way there and on its way back.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{CanaryMark, Checkpoint, DestinationName, LeadId, ReferralId, SourceName};

use super::{
    AlarmStore, Arrival, Barred, CanaryStory, ClockFilter, ClockId, ClockRow, Custody, DeadLetter,
    DeadLetterAct, DeadLetterFilter, DestinationStatus, Ending, Expected, FinishOutcome, Follow, Footprint,
    ForgetOrder, Forward, Found, Heard, Identity, InboxId, KnownLead, LeadFilter, LeadKey, LeadRow,
    LeadStory, LeaseAsk, Leased, LeasedReports, Ledger, Listen, Listening, Noted, NoticesDue, Order,
    OrderedAgain, OutcomeFilter, OutcomeRow, Passed, Portion, Pruned, ReferralFilter, ReferralRow,
    ReferralStore, ReferralStory, ReferralTotals, Remembered, ReportAsk, ReportEnding, ReportLease,
    ReportStep, Rhythm, Settled, Settlement, Sighting, Silence, Spent, Store, StoreError, SurveyAsk,
    Surveyed, Told, Totals, TouchKey, Traces, Unreadable, Unsettled,
};

/// Stands before a store, lets calls pass or not, and is a store by that.
#[async_trait]
pub trait Around: Send + Sync {
    /// The store behind it. Asked anew for each call, after [`Self::before`].
    fn inner(&self) -> Arc<dyn Store>;

    /// The call of this name comes by. The number given goes with it to [`Self::after`].
    async fn before(&self, call: &'static str) -> Result<u64, StoreError>;

    /// The call is done. An error takes the place of its answer.
    async fn after(&self, call: &'static str, number: u64) -> Result<(), StoreError>;
}

/// Passes a call on, with a moment before and one after it.
macro_rules! pass {
    ($self:ident.$call:ident($($with:expr),*)) => {{
        let number = $self.before(stringify!($call)).await?;
        let answer = $self.inner().$call($($with),*).await?;
        $self.after(stringify!($call), number).await?;
        Ok(answer)
    }};
}

#[async_trait]
impl<A: Around> Store for A {
    async fn accept(
        &self,
        arrivals: Vec<Arrival>,
        checkpoint: Option<(SourceName, Checkpoint)>,
    ) -> Result<Vec<Custody>, StoreError> {
        pass!(self.accept(arrivals, checkpoint))
    }

    async fn quarantine(&self, items: Vec<Unreadable>) -> Result<(), StoreError> {
        pass!(self.quarantine(items))
    }

    async fn checkpoint(&self, source: &SourceName) -> Result<Option<Checkpoint>, StoreError> {
        pass!(self.checkpoint(source))
    }

    async fn unsettled(&self, limit: usize) -> Result<Vec<Unsettled>, StoreError> {
        pass!(self.unsettled(limit))
    }

    async fn mark_started(&self, ids: Vec<InboxId>) -> Result<(), StoreError> {
        pass!(self.mark_started(ids))
    }

    async fn known(&self, identities: Vec<Identity>) -> Result<Vec<Option<KnownLead>>, StoreError> {
        pass!(self.known(identities))
    }

    async fn settle(&self, settlement: Settlement, now: DateTime<Utc>) -> Result<Settled, StoreError> {
        pass!(self.settle(settlement, now))
    }

    async fn lease(
        &self,
        destination: &DestinationName,
        ask: LeaseAsk,
        now: DateTime<Utc>,
    ) -> Result<Leased, StoreError> {
        pass!(self.lease(destination, ask, now))
    }

    async fn barred(&self, leads: Vec<LeadKey>) -> Result<Vec<(LeadKey, Barred)>, StoreError> {
        pass!(self.barred(leads))
    }

    async fn forgotten(&self, asked: Vec<(Identity, TouchKey)>) -> Result<Vec<Remembered>, StoreError> {
        pass!(self.forgotten(asked))
    }

    async fn prune(&self, portion: Portion) -> Result<Pruned, StoreError> {
        pass!(self.prune(portion))
    }

    async fn forget(&self, order: ForgetOrder, now: DateTime<Utc>) -> Result<Traces, StoreError> {
        pass!(self.forget(order, now))
    }

    async fn finish(
        &self,
        destination: &DestinationName,
        ending: Ending,
        now: DateTime<Utc>,
    ) -> Result<Vec<FinishOutcome>, StoreError> {
        pass!(self.finish(destination, ending, now))
    }

    async fn watched_until(&self, source: &SourceName) -> Result<Option<Checkpoint>, StoreError> {
        pass!(self.watched_until(source))
    }

    async fn observe(&self, sighting: Sighting, now: DateTime<Utc>) -> Result<Vec<Noted>, StoreError> {
        pass!(self.observe(sighting, now))
    }

    async fn outcomes(&self, filter: OutcomeFilter) -> Result<Vec<OutcomeRow>, StoreError> {
        pass!(self.outcomes(filter))
    }

    async fn spend(&self, connector: &DestinationName, spent: Spent) -> Result<(), StoreError> {
        pass!(self.spend(connector, spent))
    }

    async fn ledger(&self, connector: &DestinationName) -> Result<Ledger, StoreError> {
        pass!(self.ledger(connector))
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        pass!(self.totals())
    }

    async fn destinations(&self, now: DateTime<Utc>) -> Result<Vec<DestinationStatus>, StoreError> {
        pass!(self.destinations(now))
    }

    async fn footprint(&self) -> Result<Footprint, StoreError> {
        pass!(self.footprint())
    }

    async fn leads(&self, filter: LeadFilter) -> Result<Vec<LeadRow>, StoreError> {
        pass!(self.leads(filter))
    }

    async fn lead(&self, id: LeadId) -> Result<Option<LeadStory>, StoreError> {
        pass!(self.lead(id))
    }

    async fn dead_letters(&self, filter: DeadLetterFilter) -> Result<Vec<DeadLetter>, StoreError> {
        pass!(self.dead_letters(filter))
    }

    async fn settle_dead_letters(
        &self,
        which: DeadLetterFilter,
        act: DeadLetterAct,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        pass!(self.settle_dead_letters(which, act, now))
    }

    async fn survey(&self, ask: SurveyAsk) -> Result<Vec<Surveyed>, StoreError> {
        pass!(self.survey(ask))
    }

    async fn order_again(
        &self,
        destination: &DestinationName,
        leads: Vec<LeadKey>,
        now: DateTime<Utc>,
    ) -> Result<OrderedAgain, StoreError> {
        pass!(self.order_again(destination, leads, now))
    }

    async fn known_references(
        &self,
        source: &SourceName,
        references: Vec<String>,
    ) -> Result<Vec<bool>, StoreError> {
        pass!(self.known_references(source, references))
    }

    async fn arrived_since(&self, source: &SourceName, since: DateTime<Utc>) -> Result<u64, StoreError> {
        pass!(self.arrived_since(source, since))
    }

    async fn release(&self, destination: &DestinationName, now: DateTime<Utc>) -> Result<bool, StoreError> {
        pass!(self.release(destination, now))
    }
}

#[async_trait]
impl<A: Around> ReferralStore for A {
    async fn hear(&self, told: Vec<Told>) -> Result<Vec<Heard>, StoreError> {
        pass!(self.hear(told))
    }

    async fn notices(
        &self,
        source: &SourceName,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<NoticesDue, StoreError> {
        pass!(self.notices(source, limit, now))
    }

    async fn follow(&self, source: &SourceName, followed: Vec<Follow>) -> Result<(), StoreError> {
        pass!(self.follow(source, followed))
    }

    async fn forwards(
        &self,
        source: &SourceName,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Forward>, Option<DateTime<Utc>>), StoreError> {
        pass!(self.forwards(source, limit, now))
    }

    async fn passed(&self, passed: Vec<Passed>) -> Result<(), StoreError> {
        pass!(self.passed(passed))
    }

    async fn lease_reports(
        &self,
        sink: &DestinationName,
        ask: ReportAsk,
        now: DateTime<Utc>,
    ) -> Result<LeasedReports, StoreError> {
        pass!(self.lease_reports(sink, ask, now))
    }

    async fn note_step(
        &self,
        lease: &ReportLease,
        step: ReportStep,
        became: Option<Arrival>,
    ) -> Result<FinishOutcome, StoreError> {
        pass!(self.note_step(lease, step, became))
    }

    async fn finish_reports(
        &self,
        sink: &DestinationName,
        ending: ReportEnding,
        now: DateTime<Utc>,
    ) -> Result<Vec<FinishOutcome>, StoreError> {
        pass!(self.finish_reports(sink, ending, now))
    }

    async fn order(&self, referral: &ReferralId, order: Order) -> Result<bool, StoreError> {
        pass!(self.order(referral, order))
    }

    async fn link(
        &self,
        referral: &ReferralId,
        linked: bool,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        pass!(self.link(referral, linked, now))
    }

    async fn clocks(&self, filter: ClockFilter) -> Result<Vec<ClockRow>, StoreError> {
        pass!(self.clocks(filter))
    }

    async fn clocks_told(&self, told: Vec<(ClockId, u8, u8)>) -> Result<(), StoreError> {
        pass!(self.clocks_told(told))
    }

    async fn referrals(&self, filter: ReferralFilter) -> Result<Vec<ReferralRow>, StoreError> {
        pass!(self.referrals(filter))
    }

    async fn referral(&self, id: &ReferralId) -> Result<Option<ReferralStory>, StoreError> {
        pass!(self.referral(id))
    }

    async fn find(&self, id: &str) -> Result<Vec<Found>, StoreError> {
        pass!(self.find(id))
    }

    async fn referral_totals(&self) -> Result<ReferralTotals, StoreError> {
        pass!(self.referral_totals())
    }
}

#[async_trait]
impl<A: Around> AlarmStore for A {
    async fn listen(&self, ask: Listen) -> Result<Listening, StoreError> {
        pass!(self.listen(ask))
    }

    async fn rhythms(&self) -> Result<Vec<Rhythm>, StoreError> {
        pass!(self.rhythms())
    }

    async fn listening_since(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        pass!(self.listening_since())
    }

    async fn note_silence(&self, source: &SourceName, silence: Option<Silence>) -> Result<(), StoreError> {
        pass!(self.note_silence(source, silence))
    }

    async fn expect(&self, expected: Expected) -> Result<(), StoreError> {
        pass!(self.expect(expected))
    }

    async fn expected(
        &self,
        marks: Vec<(CanaryMark, SourceName)>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Option<Vec<DestinationName>>>, StoreError> {
        pass!(self.expected(marks, now))
    }

    async fn canaries(&self) -> Result<Vec<CanaryStory>, StoreError> {
        pass!(self.canaries())
    }

    async fn recall(&self, mark: CanaryMark, now: DateTime<Utc>) -> Result<(), StoreError> {
        pass!(self.recall(mark, now))
    }

    async fn forget_canary(&self, mark: CanaryMark) -> Result<bool, StoreError> {
        pass!(self.forget_canary(mark))
    }
}
