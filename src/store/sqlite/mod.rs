//! The embedded store: one SQLite file, one writer, many commits in one flush.

mod again;
mod alarm_store;
mod backup;
mod calls;
mod canaries;
mod check;
mod clocks;
mod codes;
mod dead_letters;
mod deliveries;
mod desk;
mod destinations;
mod file;
mod find;
mod forget;
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
mod prune;
mod queue;
mod reader;
mod referral_looks;
mod referral_store;
mod referrals;
mod report_endings;
mod report_leases;
mod reports;
mod restore;
mod rhythms;
mod schema;
mod space;
mod survey;
mod tally;
#[cfg(test)]
mod tests;
mod trouble;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{Checkpoint, DestinationName, LeadId, SourceName};

pub use again::Origin;
pub use backup::{BackupError, BackupFacts, backup, examine};
pub use check::{FileSystem, file_system};
pub use file::LockError;
pub use look::{Glance, Room};
pub use open::{CommitWatcher, OpenError, Options, Unwatched};
pub use restore::{IsListed, RestoreError, Restored, SeekerOf, restore};
pub use schema::SchemaError;
pub use space::SpaceFloor;

use super::{
    Arrival, Barred, Custody, DeadLetter, DeadLetterAct, DeadLetterFilter, DestinationStatus, Ending,
    Erasure, FinishOutcome, Footprint, ForgetOrder, Identity, InboxId, KnownLead, LeadFilter, LeadKey,
    LeadRow, LeadStory, LeaseAsk, Leased, Ledger, Noted, OrderedAgain, OutcomeFilter, OutcomeRow, Portion,
    Pruned, Remembered, Settled, Settlement, Sighting, Spent, Store, StoreError, SurveyAsk, Surveyed, Totals,
    TouchKey, Traces, Unreadable, Unsettled,
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
    list: forget::List,
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

    /// Each time somebody was forgotten, the newest first, at most `limit`.
    pub async fn erasures(&self, limit: usize) -> Result<Vec<Erasure>, StoreError> {
        self.read(move |shelf| forget::history(shelf, limit)).await
    }

    /// Lets arrivals that cannot be understood wait to be read once more: one, or all. Tells how many.
    pub async fn give_back_quarantined(&self, only: Option<InboxId>) -> Result<u64, StoreError> {
        let work = move |desk: &mut Desk| again::give_back_quarantined(desk, only);
        self.write(Line::Work, 96, work).await
    }

    /// How many arrivals that cannot be understood could be read once more.
    pub async fn count_quarantined(&self, only: Option<InboxId>) -> Result<u64, StoreError> {
        self.read(move |shelf| again::count_quarantined(shelf, only))
            .await
    }

    /// A portion of the bodies refused at the door, behind row `after`, each as an arrival.
    pub async fn refused(&self, after: i64) -> Result<Vec<(i64, Arrival)>, StoreError> {
        self.read(move |shelf| again::refused(shelf, after)).await
    }

    /// Takes a body that was refused at the door into the inbox after all. False when it is gone.
    pub async fn take_refused(&self, row: i64, arrival: Arrival) -> Result<bool, StoreError> {
        let work = move |desk: &mut Desk| again::take_refused(desk, row, &arrival);
        self.write(Line::Work, 1, work).await
    }

    /// A portion of leads, behind number `after`, of which something came since `since`.
    pub async fn leads_since(
        &self,
        after: i64,
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<(i64, LeadId)>, StoreError> {
        self.read(move |shelf| again::leads_since(shelf, after, since))
            .await
    }

    /// A lead and all it came from. None when it is not there, or forgotten.
    pub async fn origin(&self, id: LeadId) -> Result<Option<Origin>, StoreError> {
        self.read(move |shelf| again::origin(shelf, id)).await
    }

    async fn leads_known_as(
        &self,
        is_listed: Arc<dyn Fn(Identity) -> bool + Send + Sync>,
    ) -> Result<Vec<LeadId>, StoreError> {
        self.read(move |shelf| forget::known_as(shelf, &*is_listed)).await
    }

    async fn remember_hashes(&self, hashes: Vec<forget::Hash>, at: i64) -> Result<(), StoreError> {
        self.write(Line::Work, 1, move |desk| {
            Ok(restore::remember(&desk.connection, &hashes, at)?)
        })
        .await
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

    async fn barred(&self, leads: Vec<LeadKey>) -> Result<Vec<(LeadKey, Barred)>, StoreError> {
        self.read(move |shelf| deliveries::barred(shelf, &leads)).await
    }

    async fn forgotten(&self, asked: Vec<(Identity, TouchKey)>) -> Result<Vec<Remembered>, StoreError> {
        let list = self.list.clone();
        self.read(move |shelf| forget::remembered(shelf, &list, &asked))
            .await
    }

    async fn prune(&self, portion: Portion) -> Result<Pruned, StoreError> {
        self.write(Line::Work, 96, move |desk| prune::prune(desk, portion))
            .await
    }

    async fn forget(&self, order: ForgetOrder, now: DateTime<Utc>) -> Result<Traces, StoreError> {
        forget::forget(self, order, now).await
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

    async fn survey(&self, ask: SurveyAsk) -> Result<Vec<Surveyed>, StoreError> {
        self.read(move |shelf| survey::survey(shelf, &ask)).await
    }

    async fn order_again(
        &self,
        destination: &DestinationName,
        leads: Vec<LeadKey>,
        now: DateTime<Utc>,
    ) -> Result<OrderedAgain, StoreError> {
        let (destination, now) = (destination.clone(), codes::millis(now));
        self.write(Line::Work, leads.len(), move |desk| {
            survey::order_again(desk, &destination, &leads, now)
        })
        .await
    }

    async fn known_references(
        &self,
        source: &SourceName,
        references: Vec<String>,
    ) -> Result<Vec<bool>, StoreError> {
        let source = source.clone();
        self.read(move |shelf| inbox::known_references(shelf, &source, &references))
            .await
    }

    async fn arrived_since(&self, source: &SourceName, since: DateTime<Utc>) -> Result<u64, StoreError> {
        let source = source.clone();
        self.read(move |shelf| survey::arrived_since(shelf, &source, since))
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
