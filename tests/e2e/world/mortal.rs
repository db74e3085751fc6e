//! The store as a process sees it that may die before and after every call.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::{Clock, ManualClock};
use connector_kit::{Checkpoint, DestinationName, LeadId, SourceName};
use leadsync::runtime::Worker;
use leadsync::store::{
    Arrival, Custody, DeadLetter, DeadLetterAct, DeadLetterFilter, DestinationStatus, Ending, FinishOutcome,
    Identity, InboxId, KnownLead, LeadFilter, LeadKey, LeadRow, LeadStory, LeaseAsk, Leased, Ledger, Noted,
    OutcomeFilter, OutcomeRow, Settled, Settlement, Sighting, Spent, Store, StoreError, Totals, Unreadable,
    Unsettled,
};

use super::death::Death;

pub(crate) struct Mortal {
    floor: Mutex<Option<Arc<dyn Store>>>,
    death: Death,
    clock: ManualClock,
    sleep: Mutex<Option<TimeDelta>>,
    guest: Mutex<Option<Box<dyn Worker>>>,
}

impl Mortal {
    pub(crate) fn new(floor: Arc<dyn Store>, death: &Death, clock: &ManualClock) -> Self {
        Self {
            floor: Mutex::new(Some(floor)),
            death: death.clone(),
            clock: clock.clone(),
            sleep: Mutex::default(),
            guest: Mutex::default(),
        }
    }

    /// The process is stopped this long once the gate has answered.
    pub(crate) fn sleep_at_the_gate(&self, time: TimeDelta) {
        *self.sleep.lock().unwrap() = Some(time);
    }

    /// Lets go of the floor, so that the next process can step on it.
    pub(crate) fn end(&self) {
        self.floor.lock().unwrap().take();
    }

    /// Somebody else steps once before the gate answers.
    pub(crate) fn let_in_at_the_gate(&self, worker: Box<dyn Worker>) {
        *self.guest.lock().unwrap() = Some(worker);
    }

    fn floor(&self) -> Arc<dyn Store> {
        self.floor.lock().unwrap().clone().unwrap()
    }
}

/// Passes a call on, with a moment before and one after it.
macro_rules! through {
    ($self:ident.$call:ident($($with:expr),*)) => {{
        $self.death.moment().await;
        let done = $self.floor().$call($($with),*).await;
        $self.death.moment().await;
        done
    }};
}

#[async_trait]
impl Store for Mortal {
    async fn accept(
        &self,
        arrivals: Vec<Arrival>,
        checkpoint: Option<(SourceName, Checkpoint)>,
    ) -> Result<Vec<Custody>, StoreError> {
        through!(self.accept(arrivals, checkpoint))
    }

    async fn quarantine(&self, items: Vec<Unreadable>) -> Result<(), StoreError> {
        through!(self.quarantine(items))
    }

    async fn checkpoint(&self, source: &SourceName) -> Result<Option<Checkpoint>, StoreError> {
        through!(self.checkpoint(source))
    }

    async fn unsettled(&self, limit: usize) -> Result<Vec<Unsettled>, StoreError> {
        through!(self.unsettled(limit))
    }

    async fn mark_started(&self, ids: Vec<InboxId>) -> Result<(), StoreError> {
        through!(self.mark_started(ids))
    }

    async fn known(&self, identities: Vec<Identity>) -> Result<Vec<Option<KnownLead>>, StoreError> {
        through!(self.known(identities))
    }

    async fn settle(&self, settlement: Settlement, now: DateTime<Utc>) -> Result<Settled, StoreError> {
        through!(self.settle(settlement, now))
    }

    async fn lease(
        &self,
        destination: &DestinationName,
        ask: LeaseAsk,
        now: DateTime<Utc>,
    ) -> Result<Leased, StoreError> {
        through!(self.lease(destination, ask, now))
    }

    async fn forbidden(&self, leads: Vec<LeadKey>) -> Result<Vec<LeadKey>, StoreError> {
        let guest = self.guest.lock().unwrap().take();
        if let Some(mut guest) = guest {
            guest.step(self.clock.now()).await?;
        }
        let forbidden = through!(self.forbidden(leads));
        if let Some(time) = self.sleep.lock().unwrap().take() {
            self.clock.advance(time);
        }
        forbidden
    }

    async fn finish(
        &self,
        destination: &DestinationName,
        ending: Ending,
        now: DateTime<Utc>,
    ) -> Result<Vec<FinishOutcome>, StoreError> {
        through!(self.finish(destination, ending, now))
    }

    async fn watched_until(&self, source: &SourceName) -> Result<Option<Checkpoint>, StoreError> {
        through!(self.watched_until(source))
    }

    async fn observe(&self, sighting: Sighting, now: DateTime<Utc>) -> Result<Vec<Noted>, StoreError> {
        through!(self.observe(sighting, now))
    }

    async fn outcomes(&self, filter: OutcomeFilter) -> Result<Vec<OutcomeRow>, StoreError> {
        through!(self.outcomes(filter))
    }

    async fn spend(&self, connector: &DestinationName, spent: Spent) -> Result<(), StoreError> {
        through!(self.spend(connector, spent))
    }

    async fn ledger(&self, connector: &DestinationName) -> Result<Ledger, StoreError> {
        through!(self.ledger(connector))
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        through!(self.totals())
    }

    async fn destinations(&self, now: DateTime<Utc>) -> Result<Vec<DestinationStatus>, StoreError> {
        through!(self.destinations(now))
    }

    async fn leads(&self, filter: LeadFilter) -> Result<Vec<LeadRow>, StoreError> {
        through!(self.leads(filter))
    }

    async fn lead(&self, id: LeadId) -> Result<Option<LeadStory>, StoreError> {
        through!(self.lead(id))
    }

    async fn dead_letters(&self, filter: DeadLetterFilter) -> Result<Vec<DeadLetter>, StoreError> {
        through!(self.dead_letters(filter))
    }

    async fn settle_dead_letters(
        &self,
        which: DeadLetterFilter,
        act: DeadLetterAct,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        through!(self.settle_dead_letters(which, act, now))
    }

    async fn release(&self, destination: &DestinationName, now: DateTime<Utc>) -> Result<bool, StoreError> {
        through!(self.release(destination, now))
    }
}
