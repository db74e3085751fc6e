//! Workers: one that understands, one per polled source, a few per destination, and those about
//! referrals.

mod referrals;
mod reports;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use connector_kit::ids::AccountName;
use connector_kit::{Connector, DestinationName, SourceName};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::build::{Blueprint, patience};
use super::observers::{Counting, Ears};
use super::reporting::is_sink;
use super::upkeep::{UpkeepParts, UpkeepWorker};
use crate::admin::{Metrics, Noticeboard};
use crate::config::ConnectorFile;
use crate::deliver::{DeliveryWorker, Room};
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
    metrics: Arc<Metrics>,
    pub(super) bells: Bells,
    pub(super) upkeep: Noticeboard,
}

/// A worker and what wakes it.
type Hired = (Box<dyn Worker>, Bell);

impl Hiring {
    pub(super) fn new(
        blueprint: &Blueprint,
        store: &Arc<SqliteStore>,
        metrics: &Arc<Metrics>,
        ears: Arc<dyn Ears>,
    ) -> Self {
        let destinations = blueprint.destinations();
        let (watched, sinks) = (blueprint.watched(), reports::sinks(blueprint));
        let counting = Arc::new(Counting::new(metrics, &destinations, &watched, &sinks, ears));
        Self {
            bells: bells(blueprint),
            store: store.clone(),
            metrics: Arc::clone(metrics),
            upkeep: Noticeboard::default(),
            counting,
        }
    }

    pub(super) fn put_to_work(
        self,
        blueprint: &Blueprint,
        suspicious: Option<InboxId>,
        stop: &CancellationToken,
        back: &Handle,
    ) -> (Vec<JoinHandle<()>>, Vec<(String, Pulse)>) {
        let mut crew = vec![self.settling(blueprint, suspicious)];
        crew.extend(self.polling(blueprint));
        crew.extend(self.watching(blueprint));
        crew.extend(self.delivering(blueprint));
        crew.extend(self.about_referrals(blueprint));
        crew.push(self.watching_clocks(blueprint));
        crew.extend(self.reporting(blueprint));
        crew.extend(self.upkeeping(blueprint));
        let mut tasks = Vec::new();
        let mut pulses = Vec::new();
        for (worker, bell) in crew {
            let pulse = Pulse::of(&*worker);
            pulses.push((worker.name().to_owned(), pulse.clone()));
            let clock = Arc::clone(&blueprint.outside.clock);
            tasks.push(back.spawn(run(worker, bell, clock, pulse, stop.clone())));
        }
        (tasks, pulses)
    }

    fn settling(&self, blueprint: &Blueprint, suspicious: Option<InboxId>) -> Hired {
        let parts = SettleParts {
            store: Arc::clone(&self.store),
            reader: Arc::clone(&blueprint.reader),
            router: blueprint.router(),
            rules: blueprint.dedupe_rules(),
            dice: blueprint.outside.dice.clone(),
            bells: self.bells.clone(),
            watcher: self.counting.clone(),
        };
        let worker = SettleWorker::new(parts, suspicious);
        (Box::new(worker), self.bells.settle.clone())
    }

    fn polling(&self, blueprint: &Blueprint) -> Vec<Hired> {
        let hire = |((file, connector), bell): (&(ConnectorFile, Connector), &Bell)| -> Option<Hired> {
            let source = Arc::clone(connector.source.as_ref()?);
            let account = AccountName::new(&file.account);
            let clock = Arc::clone(&blueprint.outside.clock);
            let with = (Arc::clone(&self.store), clock, self.bells.clone());
            let name = SourceName::new(&file.name);
            let worker = PollWorker::new(name, account, source, file.poll_every, with);
            Some((Box::new(worker), bell.clone()))
        };
        let polled = blueprint
            .connectors
            .iter()
            .filter(|(_, connector)| connector.source.is_some());
        polled.zip(&self.bells.poll).filter_map(hire).collect()
    }

    fn watching(&self, blueprint: &Blueprint) -> Vec<Hired> {
        let hire = |((file, connector), bell): (&(ConnectorFile, Connector), &Bell)| -> Option<Hired> {
            let worker = WatchWorker::new(WatchParts {
                name: SourceName::new(&file.name),
                account: AccountName::new(&file.account),
                source: Arc::clone(connector.outcome_source.as_ref()?),
                purse: blueprint.purse(&file.name)?,
                store: Arc::clone(&self.store),
                onlooker: self.counting.clone(),
                bells: self.bells.clone(),
                every: file.watch_every,
            });
            Some((Box::new(worker), bell.clone()))
        };
        let watched = blueprint
            .connectors
            .iter()
            .filter(|(_, connector)| connector.outcome_source.is_some());
        watched.zip(&self.bells.watch).filter_map(hire).collect()
    }

    fn upkeeping(&self, blueprint: &Blueprint) -> Vec<Hired> {
        let hire = |((file, connector), bell): (&(ConnectorFile, Connector), &Bell)| -> Option<Hired> {
            let worker = UpkeepWorker::new(UpkeepParts {
                name: file.name.clone(),
                upkeep: Arc::clone(connector.upkeep.as_ref()?),
                board: self.upkeep.clone(),
                metrics: Arc::clone(&self.metrics),
            });
            Some((Box::new(worker), bell.clone()))
        };
        let kept_up = blueprint
            .connectors
            .iter()
            .filter(|(_, connector)| connector.upkeep.is_some());
        kept_up.zip(&self.bells.upkeep).filter_map(hire).collect()
    }

    fn delivering(&self, blueprint: &Blueprint) -> Vec<Hired> {
        let mut crew: Vec<Hired> = Vec::new();
        for room in self.rooms(blueprint) {
            for (number, bell) in room.bells.iter().enumerate() {
                let outside = &blueprint.outside;
                let (clock, dice) = (Arc::clone(&outside.clock), outside.dice.clone());
                let worker =
                    DeliveryWorker::new(Arc::clone(&room), number, Arc::clone(&self.store), clock, dice);
                crew.push((Box::new(worker), bell.clone()));
            }
        }
        crew
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
                patience: patience(file),
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

/// One for each worker there will be.
fn bells(blueprint: &Blueprint) -> Bells {
    let mut bells = Bells::default();
    let crew = |file: &ConnectorFile| (0..file.concurrency.max(1)).map(|_| Bell::default()).collect();
    for (file, connector) in &blueprint.connectors {
        if connector.destination.is_some() {
            bells.deliver.insert(DestinationName::new(&file.name), crew(file));
        }
        if connector.source.is_some() {
            bells.poll.push(Bell::default());
        }
        if connector.outcome_source.is_some() {
            bells.watch.push(Bell::default());
        }
        if is_sink(file, connector) {
            bells.report.insert(SourceName::new(&file.name), Bell::default());
        }
        if connector.upkeep.is_some() {
            bells.upkeep.push(Bell::default());
        }
    }
    for teller in blueprint.tellers() {
        let name = SourceName::new(&teller.file.name);
        if teller.verifier.tee().is_some() {
            bells.forward.insert(name.clone(), Bell::default());
        }
        bells.follow.insert(name, crew(teller.file));
    }
    bells
}
