//! Workers: one that understands, one per polled source, a few per destination.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use connector_kit::ids::AccountName;
use connector_kit::{DestinationName, OutcomeSource, SourceName};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::build::Blueprint;
use super::observers::{Counting, Ears};
use crate::admin::Metrics;
use crate::config::ConnectorFile;
use crate::deliver::{DeliveryWorker, Patience, Purse, Room};
use crate::intake::poll::PollWorker;
use crate::runtime::{Bell, Bells, Pulse, Worker, run};
use crate::settle::{SettleParts, SettleWorker};
use crate::store::sqlite::SqliteStore;
use crate::store::{InboxId, Store};
use crate::syncback::{WatchParts, WatchWorker};

/// Makes the workers.
pub(super) struct Hiring {
    store: Arc<dyn Store>,
    counting: Arc<Counting>,
    pub(super) bells: Bells,
}

impl Hiring {
    pub(super) fn new(
        blueprint: &Blueprint,
        store: &Arc<SqliteStore>,
        metrics: &Metrics,
        ears: Arc<dyn Ears>,
    ) -> Self {
        let destinations = blueprint.destinations();
        let counting = Arc::new(Counting::new(metrics, &destinations, &blueprint.watched(), ears));
        let mut bells = Bells::default();
        for (file, connector) in &blueprint.connectors {
            if connector.destination.is_some() {
                let workers = (0..file.concurrency.max(1)).map(|_| Bell::default()).collect();
                bells.deliver.insert(DestinationName::new(&file.name), workers);
            }
            if connector.source.is_some() {
                bells.poll.push(Bell::default());
            }
            if connector.outcome_source.is_some() {
                bells.watch.push(Bell::default());
            }
        }
        Self {
            store: store.clone(),
            counting,
            bells,
        }
    }

    pub(super) fn put_to_work(
        self,
        blueprint: &Blueprint,
        suspicious: Option<InboxId>,
        stop: &CancellationToken,
        back: &Handle,
    ) -> (Vec<JoinHandle<()>>, Vec<(String, Pulse)>) {
        let mut tasks = Vec::new();
        let mut pulses = Vec::new();
        let mut hire = |worker: Box<dyn Worker>, bell: Bell| {
            let pulse = Pulse::of(&*worker);
            pulses.push((worker.name().to_owned(), pulse.clone()));
            let clock = Arc::clone(&blueprint.outside.clock);
            tasks.push(back.spawn(run(worker, bell, clock, pulse, stop.clone())));
        };
        hire(
            Box::new(self.settle_worker(blueprint, suspicious)),
            self.bells.settle.clone(),
        );
        let mut poll_bells = self.bells.poll.iter();
        for (file, connector) in &blueprint.connectors {
            if let Some(source) = &connector.source
                && let Some(bell) = poll_bells.next()
            {
                let account = AccountName::new(&file.account);
                let with = (
                    Arc::clone(&self.store),
                    Arc::clone(&blueprint.outside.clock),
                    self.bells.clone(),
                );
                let name = SourceName::new(&file.name);
                let worker = PollWorker::new(name, account, Arc::clone(source), file.poll_every, with);
                hire(Box::new(worker), bell.clone());
            }
        }
        let mut watch_bells = self.bells.watch.iter();
        for (file, connector) in &blueprint.connectors {
            if let Some(source) = &connector.outcome_source
                && let Some(bell) = watch_bells.next()
                && let Some(purse) = blueprint.purse(&file.name)
            {
                let worker = self.watch_worker(file, Arc::clone(source), purse);
                hire(Box::new(worker), bell.clone());
            }
        }
        for room in self.rooms(blueprint) {
            for (number, bell) in room.bells.iter().enumerate() {
                let outside = &blueprint.outside;
                let (clock, dice) = (Arc::clone(&outside.clock), outside.dice.clone());
                let worker =
                    DeliveryWorker::new(Arc::clone(&room), number, Arc::clone(&self.store), clock, dice);
                hire(Box::new(worker), bell.clone());
            }
        }
        (tasks, pulses)
    }

    fn settle_worker(&self, blueprint: &Blueprint, suspicious: Option<InboxId>) -> SettleWorker {
        let parts = SettleParts {
            store: Arc::clone(&self.store),
            reader: Arc::clone(&blueprint.reader),
            router: blueprint.router(),
            rules: blueprint.dedupe_rules(),
            dice: blueprint.outside.dice.clone(),
            bells: self.bells.clone(),
            watcher: self.counting.clone(),
        };
        SettleWorker::new(parts, suspicious)
    }

    fn watch_worker(
        &self,
        file: &ConnectorFile,
        source: Arc<dyn OutcomeSource>,
        purse: Arc<Purse>,
    ) -> WatchWorker {
        WatchWorker::new(WatchParts {
            name: SourceName::new(&file.name),
            account: AccountName::new(&file.account),
            source,
            purse,
            store: Arc::clone(&self.store),
            onlooker: self.counting.clone(),
            every: file.watch_every,
        })
    }

    fn rooms(&self, blueprint: &Blueprint) -> Vec<Arc<Room>> {
        let mut rooms = Vec::new();
        for (file, connector) in &blueprint.connectors {
            let name = DestinationName::new(&file.name);
            let (Some(destination), Some(bells), Some(purse)) = (
                &connector.destination,
                self.bells.deliver.get(&name),
                blueprint.purse(&file.name),
            ) else {
                continue;
            };
            let room = Room {
                purse,
                patience: Patience {
                    schedule: file.retry.schedule.clone(),
                    jitter: file.retry.jitter,
                    first_rest: file.hold.first,
                    longest_rest: file.hold.max,
                },
                lease: file.lease,
                bells: bells.clone(),
                destination: Arc::clone(destination),
                broken_calls: AtomicU32::new(0),
                observer: self.counting.clone(),
                name,
            };
            rooms.push(Arc::new(room));
        }
        rooms
    }
}
