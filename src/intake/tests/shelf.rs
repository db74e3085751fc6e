//! A store that keeps in memory, and can be told to fail or to hold its answer.

mod alarms;
mod events;

use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{Checkpoint, DestinationName, LeadId, SourceName};
use tokio::sync::watch;

use crate::store::*;

/// What the shelf does when something is put on it.
#[derive(Clone, Debug)]
pub(crate) enum Mood {
    Keeps,
    Fails(StoreError),
    /// Answers nobody until the mood changes.
    Holds,
}

/// The double.
pub(crate) struct Shelf {
    mood: watch::Sender<Mood>,
    asked: watch::Sender<usize>,
    count: watch::Sender<usize>,
    kept: Mutex<Vec<Arrival>>,
    aside: Mutex<Vec<Unreadable>>,
    told: Mutex<Vec<Told>>,
    pub(crate) referrals: Mutex<ReferralTotals>,
    pub(crate) totals: Mutex<Totals>,
    pub(crate) destinations: Mutex<Vec<DestinationStatus>>,
    pub(crate) footprint: Mutex<Footprint>,
}

fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl Shelf {
    pub(crate) fn new() -> Self {
        Self {
            mood: watch::Sender::new(Mood::Keeps),
            asked: watch::Sender::new(0),
            count: watch::Sender::new(0),
            kept: Mutex::default(),
            aside: Mutex::default(),
            told: Mutex::default(),
            referrals: Mutex::default(),
            totals: Mutex::default(),
            destinations: Mutex::default(),
            footprint: Mutex::default(),
        }
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    pub(crate) fn kept(&self) -> Vec<Arrival> {
        open(&self.kept).clone()
    }

    pub(crate) fn bodies(&self) -> Vec<Vec<u8>> {
        open(&self.kept)
            .iter()
            .map(|arrival| arrival.raw.body.to_vec())
            .collect()
    }

    pub(crate) fn aside(&self) -> Vec<Unreadable> {
        open(&self.aside).clone()
    }

    /// Events that are kept, oldest first.
    pub(crate) fn told(&self) -> Vec<Told> {
        open(&self.told).clone()
    }

    /// Waits until something was brought so often.
    pub(crate) async fn was_asked(&self, times: usize) {
        self.asked
            .subscribe()
            .wait_for(|asked| *asked >= times)
            .await
            .unwrap();
    }

    /// Waits until so many arrivals are kept.
    pub(crate) async fn holds(&self, arrivals: usize) {
        self.count
            .subscribe()
            .wait_for(|count| *count >= arrivals)
            .await
            .unwrap();
    }

    async fn decide(&self) -> Result<(), StoreError> {
        let mut mood = self.mood.subscribe();
        let mood = mood.wait_for(|mood| !matches!(mood, Mood::Holds)).await.unwrap();
        match &*mood {
            Mood::Fails(error) => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

fn elsewhere<T>() -> Result<T, StoreError> {
    Err(StoreError::Failed(
        "this double is asked about what comes in only".into(),
    ))
}

#[async_trait]
impl Store for Shelf {
    async fn accept(
        &self,
        arrivals: Vec<Arrival>,
        _: Option<(SourceName, Checkpoint)>,
    ) -> Result<Vec<Custody>, StoreError> {
        self.asked.send_modify(|asked| *asked += 1);
        self.decide().await?;
        let custody = arrivals.iter().map(|_| Custody::Kept(InboxId(1))).collect();
        let mut kept = open(&self.kept);
        kept.extend(arrivals);
        self.count.send_replace(kept.len());
        Ok(custody)
    }

    async fn quarantine(&self, items: Vec<Unreadable>) -> Result<(), StoreError> {
        self.decide().await?;
        open(&self.aside).extend(items);
        Ok(())
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        self.decide().await?;
        Ok(*open(&self.totals))
    }

    async fn destinations(&self, _: DateTime<Utc>) -> Result<Vec<DestinationStatus>, StoreError> {
        self.decide().await?;
        Ok(open(&self.destinations).clone())
    }

    async fn footprint(&self) -> Result<Footprint, StoreError> {
        Ok(*open(&self.footprint))
    }

    async fn checkpoint(&self, _: &SourceName) -> Result<Option<Checkpoint>, StoreError> {
        elsewhere()
    }

    async fn unsettled(&self, _: usize) -> Result<Vec<Unsettled>, StoreError> {
        elsewhere()
    }

    async fn mark_started(&self, _: Vec<InboxId>) -> Result<(), StoreError> {
        elsewhere()
    }

    async fn known(&self, _: Vec<Identity>) -> Result<Vec<Option<KnownLead>>, StoreError> {
        elsewhere()
    }

    async fn settle(&self, _: Settlement, _: DateTime<Utc>) -> Result<Settled, StoreError> {
        elsewhere()
    }

    async fn lease(&self, _: &DestinationName, _: LeaseAsk, _: DateTime<Utc>) -> Result<Leased, StoreError> {
        elsewhere()
    }

    async fn barred(&self, _: Vec<LeadKey>) -> Result<Vec<(LeadKey, Barred)>, StoreError> {
        elsewhere()
    }

    async fn forgotten(&self, _: Vec<(Identity, TouchKey)>) -> Result<Vec<Remembered>, StoreError> {
        elsewhere()
    }

    async fn forget(&self, _: ForgetOrder, _: DateTime<Utc>) -> Result<Traces, StoreError> {
        elsewhere()
    }

    async fn prune(&self, _: Portion) -> Result<Pruned, StoreError> {
        elsewhere()
    }

    async fn finish(
        &self,
        _: &DestinationName,
        _: Ending,
        _: DateTime<Utc>,
    ) -> Result<Vec<FinishOutcome>, StoreError> {
        elsewhere()
    }

    async fn spend(&self, _: &DestinationName, _: Spent) -> Result<(), StoreError> {
        elsewhere()
    }

    async fn ledger(&self, _: &DestinationName) -> Result<Ledger, StoreError> {
        Ok(Ledger::default())
    }

    async fn watched_until(&self, _: &SourceName) -> Result<Option<Checkpoint>, StoreError> {
        elsewhere()
    }

    async fn observe(&self, _: Sighting, _: DateTime<Utc>) -> Result<Vec<Noted>, StoreError> {
        elsewhere()
    }

    async fn outcomes(&self, _: OutcomeFilter) -> Result<Vec<OutcomeRow>, StoreError> {
        elsewhere()
    }

    async fn leads(&self, _: LeadFilter) -> Result<Vec<LeadRow>, StoreError> {
        elsewhere()
    }

    async fn lead(&self, _: LeadId) -> Result<Option<LeadStory>, StoreError> {
        elsewhere()
    }

    async fn dead_letters(&self, _: DeadLetterFilter) -> Result<Vec<DeadLetter>, StoreError> {
        elsewhere()
    }

    async fn settle_dead_letters(
        &self,
        _: DeadLetterFilter,
        _: DeadLetterAct,
        _: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        elsewhere()
    }

    async fn survey(&self, _: SurveyAsk) -> Result<Vec<Surveyed>, StoreError> {
        elsewhere()
    }

    async fn order_again(
        &self,
        _: &DestinationName,
        _: Vec<LeadKey>,
        _: DateTime<Utc>,
    ) -> Result<OrderedAgain, StoreError> {
        elsewhere()
    }

    async fn known_references(&self, _: &SourceName, _: Vec<String>) -> Result<Vec<bool>, StoreError> {
        elsewhere()
    }

    async fn arrived_since(&self, _: &SourceName, _: DateTime<Utc>) -> Result<u64, StoreError> {
        elsewhere()
    }

    async fn release(&self, _: &DestinationName, _: DateTime<Utc>) -> Result<bool, StoreError> {
        elsewhere()
    }
}
