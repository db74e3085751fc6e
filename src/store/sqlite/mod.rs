//! The embedded store: one SQLite file, one writer, many commits in one flush.

mod alarm_store;
mod calls;
mod canaries;
mod clocks;
mod codes;
mod dead_letters;
mod deliveries;
mod desk;
mod destinations;
mod file;
mod find;
mod forwards;
mod inbox;
mod lanes;
mod leads;
mod leases;
mod look;
mod names;
mod notices;
mod open;
mod operator;
mod order;
mod outcomes;
mod queue;
mod reader;
mod referral_looks;
mod referral_store;
mod referrals;
mod report_endings;
mod report_leases;
mod reports;
mod rhythms;
mod schema;
mod space;
mod tally;
#[cfg(test)]
mod tests;
mod trouble;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{Checkpoint, DestinationName, LeadId, SourceName};

pub use file::LockError;
pub use look::{Glance, Room};
pub use open::{CommitWatcher, OpenError, Options, Unwatched};
pub use schema::SchemaError;
pub use space::SpaceFloor;

use super::{
    Arrival, Custody, DeadLetter, DeadLetterAct, DeadLetterFilter, DestinationStatus, Ending, FinishOutcome,
    Footprint, Identity, InboxId, KnownLead, LeadFilter, LeadKey, LeadRow, LeadStory, LeaseAsk, Leased,
    Ledger, Noted, OutcomeFilter, OutcomeRow, Settled, Settlement, Sighting, Spent, Store, StoreError,
    Totals, Unreadable, Unsettled,
};
use desk::Desk;
use file::DaemonLock;
use order::errand;
use queue::{Line, Queue};
use reader::{Readers, Shelf, one_state};
use space::Space;
use trouble::Trouble;
use writer::Writer;

/// A store in one SQLite file.
pub struct SqliteStore {
    executor: Executor,
    space: Arc<Space>,
    quarantine_limit: u64,
    _lock: Option<DaemonLock>,
}

/// Who does the work.
enum Executor {
    /// Threads of the store; the way the daemon runs.
    Threads {
        readers: Readers,
        queue: Arc<Queue>,
        _writer: Writer,
    },
    /// The caller, at once; the way a simulation runs, so that it can be repeated.
    Inline(Box<Mutex<(Desk, Shelf)>>),
}

impl SqliteStore {
    /// Why the store cannot be used any more, once it cannot: the daemon must end then.
    pub fn lost(&self) -> Option<String> {
        self.space.lost()
    }

    /// Ends when [`Self::lost`] has an answer.
    pub async fn until_lost(&self) -> String {
        self.space.until_lost().await
    }

    /// The newest arrival nobody has understood yet.
    pub async fn newest_unsettled(&self) -> Result<Option<InboxId>, StoreError> {
        self.read(|shelf| inbox::newest_unsettled(shelf)).await
    }

    async fn write<T: Send + 'static>(
        &self,
        line: Line,
        weight: usize,
        work: impl FnMut(&mut Desk) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (order, answer) = errand(work);
        match &self.executor {
            Executor::Threads { queue, .. } => {
                queue.push(line, weight, order).map_err(|_| StoreError::Busy)?;
            }
            Executor::Inline(desk) => {
                desk.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
                    .commit(vec![order]);
            }
        }
        answer
            .await
            .map_err(|_| StoreError::Failed("the writer ended".into()))?
    }

    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Shelf) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.executor {
            Executor::Threads { readers, .. } => readers.ask(question).await,
            Executor::Inline(desk) => one_state(
                &mut desk.lock().unwrap_or_else(PoisonError::into_inner).1,
                question,
            ),
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn accept(
        &self,
        arrivals: Vec<Arrival>,
        checkpoint: Option<(SourceName, Checkpoint)>,
    ) -> Result<Vec<Custody>, StoreError> {
        self.space.admit()?;
        let work = move |desk: &mut Desk| inbox::accept(desk, &arrivals, checkpoint.as_ref());
        self.write(Line::Custody, 1, work).await
    }

    async fn quarantine(&self, items: Vec<Unreadable>) -> Result<(), StoreError> {
        self.space.admit()?;
        let limit = self.quarantine_limit;
        self.write(Line::Custody, 1, move |desk| {
            inbox::quarantine(desk, &items, limit)
        })
        .await
    }

    async fn checkpoint(&self, source: &SourceName) -> Result<Option<Checkpoint>, StoreError> {
        let source = source.clone();
        self.read(move |shelf| inbox::checkpoint(shelf, &source)).await
    }

    async fn unsettled(&self, limit: usize) -> Result<Vec<Unsettled>, StoreError> {
        self.read(move |shelf| inbox::unsettled(shelf, limit)).await
    }

    async fn mark_started(&self, ids: Vec<InboxId>) -> Result<(), StoreError> {
        self.write(Line::Work, ids.len(), move |desk| inbox::mark_started(desk, &ids))
            .await
    }

    async fn known(&self, identities: Vec<Identity>) -> Result<Vec<Option<KnownLead>>, StoreError> {
        self.read(move |shelf| leads::known(shelf, &identities)).await
    }

    async fn settle(&self, settlement: Settlement, now: DateTime<Utc>) -> Result<Settled, StoreError> {
        let now = codes::millis(now);
        let weight = settlement.arrivals.len();
        let bodies = leads::bodies(&settlement)?;
        let work = move |desk: &mut Desk| leads::settle(desk, &settlement, &bodies, now);
        match self.write(Line::Work, weight, work).await {
            Ok(()) => Ok(Settled::Done),
            Err(StoreError::Stale) => Ok(Settled::Stale),
            Err(error) => Err(error),
        }
    }

    async fn lease(
        &self,
        destination: &DestinationName,
        ask: LeaseAsk,
        now: DateTime<Utc>,
    ) -> Result<Leased, StoreError> {
        let destination = destination.clone();
        self.write(Line::Work, ask.max / 4, move |desk| {
            leases::lease(desk, &destination, ask, now)
        })
        .await
    }

    async fn forbidden(&self, leads: Vec<LeadKey>) -> Result<Vec<LeadKey>, StoreError> {
        self.read(move |shelf| deliveries::forbidden(shelf, &leads)).await
    }

    async fn finish(
        &self,
        destination: &DestinationName,
        ending: Ending,
        now: DateTime<Utc>,
    ) -> Result<Vec<FinishOutcome>, StoreError> {
        let destination = destination.clone();
        let work = move |desk: &mut Desk| deliveries::finish(desk, &destination, &ending, now);
        self.write(Line::Work, 1, work).await
    }

    async fn watched_until(&self, source: &SourceName) -> Result<Option<Checkpoint>, StoreError> {
        let source = source.clone();
        self.read(move |shelf| outcomes::watched_until(shelf, &source))
            .await
    }

    async fn observe(&self, sighting: Sighting, now: DateTime<Utc>) -> Result<Vec<Noted>, StoreError> {
        let weight = sighting.outcomes.len();
        let now = codes::millis(now);
        self.write(Line::Work, weight, move |desk| {
            outcomes::observe(desk, &sighting, now)
        })
        .await
    }

    async fn outcomes(&self, filter: OutcomeFilter) -> Result<Vec<OutcomeRow>, StoreError> {
        self.read(move |shelf| outcomes::list(shelf, &filter)).await
    }

    async fn spend(&self, connector: &DestinationName, spent: Spent) -> Result<(), StoreError> {
        let connector = connector.clone();
        self.write(Line::Work, 1, move |desk| calls::spend(desk, &connector, &spent))
            .await
    }

    async fn ledger(&self, connector: &DestinationName) -> Result<Ledger, StoreError> {
        let connector = connector.clone();
        self.read(move |shelf| calls::ledger(shelf, &connector)).await
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        self.read(operator::totals).await
    }

    async fn destinations(&self, _now: DateTime<Utc>) -> Result<Vec<DestinationStatus>, StoreError> {
        self.read(destinations::all).await
    }

    async fn footprint(&self) -> Result<Footprint, StoreError> {
        let space = Arc::clone(&self.space);
        self.read(move |_| Ok(space.footprint())).await
    }

    async fn leads(&self, filter: LeadFilter) -> Result<Vec<LeadRow>, StoreError> {
        self.read(move |shelf| operator::leads(shelf, &filter)).await
    }

    async fn lead(&self, id: LeadId) -> Result<Option<LeadStory>, StoreError> {
        self.read(move |shelf| operator::lead(shelf, id)).await
    }

    async fn dead_letters(&self, filter: DeadLetterFilter) -> Result<Vec<DeadLetter>, StoreError> {
        self.read(move |shelf| dead_letters::list(shelf, &filter)).await
    }

    async fn settle_dead_letters(
        &self,
        which: DeadLetterFilter,
        act: DeadLetterAct,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let now = codes::millis(now);
        self.write(Line::Work, 1, move |desk| {
            dead_letters::settle(desk, &which, act, now)
        })
        .await
    }

    async fn release(&self, destination: &DestinationName, _now: DateTime<Utc>) -> Result<bool, StoreError> {
        let destination = destination.clone();
        self.write(Line::Work, 1, move |desk| {
            destinations::release(desk, &destination)
        })
        .await
    }
}
