//! Workers: one that understands, one per polled source, a few per destination, and those about
//! referrals.

mod referrals;
mod reports;
mod silence;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use connector_kit::ids::AccountName;
use connector_kit::{Connector, DestinationName, SourceName};

use super::build::{Blueprint, patience};
use super::certificate::{self, Certificate};
use super::crew::Hired;
use super::observers::Counting;
use super::premises::Premises;
use super::reporting::is_sink;
use super::upkeep::{UpkeepParts, UpkeepWorker};
use crate::admin::{Health, Metrics, Noticeboard};
use crate::config::ConnectorFile;
use crate::deliver::{DeliveryWorker, Room};
use crate::erase::RetentionWorker;
use crate::intake::poll::PollWorker;
use crate::runtime::{Bell, Bells};
use crate::settle::{SettleParts, SettleWorker};
use crate::store::{InboxId, Store};
use crate::syncback::{WatchParts, WatchWorker};

pub(crate) use silence::listened;

/// Makes the workers.
pub(super) struct Hiring {
    store: Arc<dyn Store>,
    counting: Arc<Counting>,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    bells: Bells,
    upkeep: Noticeboard,
}

impl Hiring {
    pub(super) fn new(blueprint: &Blueprint, premises: &Premises, bells: &Bells) -> Self {
        let destinations = blueprint.destinations();
        let (watched, sinks) = (blueprint.watched(), reports::sinks(blueprint));
        let (metrics, ears) = (Arc::clone(&premises.metrics), Arc::clone(&premises.ears));
        let counting = Arc::new(Counting::new(&metrics, &destinations, &watched, &sinks, ears));
        Self {
            bells: bells.clone(),
            store: premises.store.clone(),
            upkeep: premises.upkeep.clone(),
            health: Arc::clone(&premises.health),
            metrics,
            counting,
        }
    }

    /// Everybody the blueprint has work for.
    pub(super) fn crew(&self, blueprint: &Blueprint, suspicious: Option<InboxId>) -> Vec<Hired> {
        let mut crew = vec![self.settling(blueprint, suspicious)];
        crew.extend(self.polling(blueprint));
        crew.extend(self.watching(blueprint));
        crew.extend(self.delivering(blueprint));
        crew.extend(self.about_referrals(blueprint));
        crew.push(self.watching_clocks(blueprint));
        crew.push(self.listening(blueprint));
        crew.extend(self.reporting(blueprint));
        crew.extend(self.upkeeping(blueprint));
        crew.push(self.clearing(blueprint));
        crew
    }

    fn settling(&self, blueprint: &Blueprint, suspicious: Option<InboxId>) -> Hired {
        let parts = SettleParts {
            store: Arc::clone(&self.store),
            reader: Arc::clone(&blueprint.reader),
            router: blueprint.router(),
            rules: blueprint.dedupe_rules(),
            bells: self.bells.clone(),
            watcher: self.counting.clone(),
        };
        let worker = SettleWorker::new(parts, suspicious);
        Hired::new("settle", "", worker, &self.bells.settle)
    }

    fn polling(&self, blueprint: &Blueprint) -> Vec<Hired> {
        let hire = |(file, connector): &(ConnectorFile, Connector)| -> Option<Hired> {
            let source = Arc::clone(connector.source.as_ref()?);
            let account = AccountName::new(&file.account);
            let clock = Arc::clone(&blueprint.outside.clock);
            let with = (Arc::clone(&self.store), clock, self.bells.clone());
            let name = SourceName::new(&file.name);
            let bell = self.bells.poll.get(&name)?;
            let meter = self.metrics.polls(&name);
            let worker = PollWorker::new(name, account, source, file.poll_every, with, meter);
            Some(Hired::new("poll", &file.name, worker, bell))
        };
        blueprint.connectors.iter().filter_map(hire).collect()
    }

    fn watching(&self, blueprint: &Blueprint) -> Vec<Hired> {
        let hire = |(file, connector): &(ConnectorFile, Connector)| -> Option<Hired> {
            let name = SourceName::new(&file.name);
            let bell = self.bells.watch.get(&name)?;
            let worker = WatchWorker::new(WatchParts {
                name,
                account: AccountName::new(&file.account),
                source: Arc::clone(connector.outcome_source.as_ref()?),
                purse: blueprint.purse(&file.name)?,
                store: Arc::clone(&self.store),
                onlooker: self.counting.clone(),
                bells: self.bells.clone(),
                every: file.watch_every,
            });
            Some(Hired::new("watch", &file.name, worker, bell))
        };
        blueprint.connectors.iter().filter_map(hire).collect()
    }

    fn upkeeping(&self, blueprint: &Blueprint) -> Vec<Hired> {
        let hire = |(file, connector): &(ConnectorFile, Connector)| -> Option<Hired> {
            let bell = self.bells.upkeep.get(&file.name)?;
            let worker = UpkeepWorker::new(UpkeepParts {
                name: file.name.clone(),
                upkeep: Arc::clone(connector.upkeep.as_ref()?),
                board: self.upkeep.clone(),
                metrics: Arc::clone(&self.metrics),
            });
            Some(Hired::new("upkeep", &file.name, worker, bell))
        };
        let hired = blueprint.connectors.iter().filter_map(hire);
        hired.chain(self.watching_the_certificate(blueprint)).collect()
    }

    /// The public listener is nobody's connector, but its certificate wears out as well.
    fn watching_the_certificate(&self, blueprint: &Blueprint) -> Option<Hired> {
        let certificate = Certificate {
            tls: Arc::clone(blueprint.tls.as_ref()?),
            clock: Arc::clone(&blueprint.outside.clock),
        };
        let worker = UpkeepWorker::new(UpkeepParts {
            name: certificate::NAME.to_owned(),
            upkeep: Arc::new(certificate),
            board: self.upkeep.clone(),
            metrics: Arc::clone(&self.metrics),
        });
        // A poke is for what an operator mended; this is looked at once an hour in any case.
        Some(Hired::new("upkeep", certificate::NAME, worker, &Bell::default()))
    }

    fn clearing(&self, blueprint: &Blueprint) -> Hired {
        let retention = blueprint.loaded.config.retention.clone();
        let worker = RetentionWorker::new(Arc::clone(&self.store), retention);
        Hired::new("retention", "", worker, &Bell::default())
    }

    fn delivering(&self, blueprint: &Blueprint) -> Vec<Hired> {
        let mut crew: Vec<Hired> = Vec::new();
        for room in self.rooms(blueprint) {
            for (number, bell) in room.bells.iter().enumerate() {
                let outside = &blueprint.outside;
                let (clock, dice) = (Arc::clone(&outside.clock), outside.dice.clone());
                let worker =
                    DeliveryWorker::new(Arc::clone(&room), number, Arc::clone(&self.store), clock, dice);
                crew.push(Hired::new("deliver", room.name.as_str(), worker, bell));
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
pub(super) fn bells(blueprint: &Blueprint) -> Bells {
    let mut bells = Bells::default();
    let crew = |file: &ConnectorFile| (0..file.concurrency.max(1)).map(|_| Bell::default()).collect();
    for (file, connector) in &blueprint.connectors {
        if connector.destination.is_some() {
            bells.deliver.insert(DestinationName::new(&file.name), crew(file));
        }
        if connector.source.is_some() {
            bells.poll.insert(SourceName::new(&file.name), Bell::default());
        }
        if connector.outcome_source.is_some() {
            bells.watch.insert(SourceName::new(&file.name), Bell::default());
        }
        if is_sink(file, connector) {
            bells.report.insert(SourceName::new(&file.name), Bell::default());
        }
        if connector.upkeep.is_some() {
            bells.upkeep.insert(file.name.clone(), Bell::default());
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
