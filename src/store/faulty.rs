//! A store that fails on command, so that every promise can be tried at every step.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{Checkpoint, DestinationName, LeadId, SourceName};

use super::{
    Arrival, Custody, DeadLetter, DeadLetterAct, DeadLetterFilter, DestinationStatus, Ending, FinishOutcome,
    Identity, InboxId, KnownLead, LeadFilter, LeadKey, LeadRow, LeadStory, LeaseAsk, Leased, Ledger, Noted,
    OutcomeFilter, OutcomeRow, Settled, Settlement, Sighting, Spent, Store, StoreError, Totals, Unreadable,
    Unsettled,
};

/// How the chosen call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// Nothing was done.
    Before,
    /// It was done, and the caller is told it was not known.
    After,
}

/// Wraps a store and fails its n-th call, once.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    calls: AtomicU64,
    nth: u64,
    failing: Failing,
}

impl FaultyStore {
    /// Fails call number `nth`, counted from 1.
    pub fn failing(inner: Arc<dyn Store>, nth: u64, failing: Failing) -> Self {
        Self {
            inner,
            calls: AtomicU64::new(0),
            nth,
            failing,
        }
    }

    /// Calls made so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    async fn call<T: Send>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match self.failing {
            Failing::Before if number == self.nth => Err(StoreError::Failed("planned failure".into())),
            Failing::After if number == self.nth => {
                call.await?;
                Err(StoreError::Unknown("planned failure after the commit".into()))
            }
            _ => call.await,
        }
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn accept(
        &self,
        arrivals: Vec<Arrival>,
        checkpoint: Option<(SourceName, Checkpoint)>,
    ) -> Result<Vec<Custody>, StoreError> {
        self.call(self.inner.accept(arrivals, checkpoint)).await
    }

    async fn quarantine(&self, items: Vec<Unreadable>) -> Result<(), StoreError> {
        self.call(self.inner.quarantine(items)).await
    }

    async fn checkpoint(&self, source: &SourceName) -> Result<Option<Checkpoint>, StoreError> {
        self.call(self.inner.checkpoint(source)).await
    }

    async fn unsettled(&self, limit: usize) -> Result<Vec<Unsettled>, StoreError> {
        self.call(self.inner.unsettled(limit)).await
    }

    async fn mark_started(&self, ids: Vec<InboxId>) -> Result<(), StoreError> {
        self.call(self.inner.mark_started(ids)).await
    }

    async fn known(&self, identities: Vec<Identity>) -> Result<Vec<Option<KnownLead>>, StoreError> {
        self.call(self.inner.known(identities)).await
    }

    async fn settle(&self, settlement: Settlement, now: DateTime<Utc>) -> Result<Settled, StoreError> {
        self.call(self.inner.settle(settlement, now)).await
    }

    async fn lease(
        &self,
        destination: &DestinationName,
        ask: LeaseAsk,
        now: DateTime<Utc>,
    ) -> Result<Leased, StoreError> {
        self.call(self.inner.lease(destination, ask, now)).await
    }

    async fn forbidden(&self, leads: Vec<LeadKey>) -> Result<Vec<LeadKey>, StoreError> {
        self.call(self.inner.forbidden(leads)).await
    }

    async fn finish(
        &self,
        destination: &DestinationName,
        ending: Ending,
        now: DateTime<Utc>,
    ) -> Result<Vec<FinishOutcome>, StoreError> {
        self.call(self.inner.finish(destination, ending, now)).await
    }

    async fn watched_until(&self, source: &SourceName) -> Result<Option<Checkpoint>, StoreError> {
        self.call(self.inner.watched_until(source)).await
    }

    async fn observe(&self, sighting: Sighting, now: DateTime<Utc>) -> Result<Vec<Noted>, StoreError> {
        self.call(self.inner.observe(sighting, now)).await
    }

    async fn outcomes(&self, filter: OutcomeFilter) -> Result<Vec<OutcomeRow>, StoreError> {
        self.call(self.inner.outcomes(filter)).await
    }

    async fn spend(&self, connector: &DestinationName, spent: Spent) -> Result<(), StoreError> {
        self.call(self.inner.spend(connector, spent)).await
    }

    async fn ledger(&self, connector: &DestinationName) -> Result<Ledger, StoreError> {
        self.call(self.inner.ledger(connector)).await
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        self.call(self.inner.totals()).await
    }

    async fn destinations(&self, now: DateTime<Utc>) -> Result<Vec<DestinationStatus>, StoreError> {
        self.call(self.inner.destinations(now)).await
    }

    async fn leads(&self, filter: LeadFilter) -> Result<Vec<LeadRow>, StoreError> {
        self.call(self.inner.leads(filter)).await
    }

    async fn lead(&self, id: LeadId) -> Result<Option<LeadStory>, StoreError> {
        self.call(self.inner.lead(id)).await
    }

    async fn dead_letters(&self, filter: DeadLetterFilter) -> Result<Vec<DeadLetter>, StoreError> {
        self.call(self.inner.dead_letters(filter)).await
    }

    async fn settle_dead_letters(
        &self,
        which: DeadLetterFilter,
        act: DeadLetterAct,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        self.call(self.inner.settle_dead_letters(which, act, now)).await
    }

    async fn release(&self, destination: &DestinationName, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.call(self.inner.release(destination, now)).await
    }
}
