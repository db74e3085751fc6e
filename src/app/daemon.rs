//! The running daemon: start, run, drain, end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use connector_kit::{DestinationName, SourceName};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::build::Blueprint;
use super::listeners::Listeners;
use super::observers::{Counting, Ears};
use crate::admin::{self, Health, Metrics, Ticks, Trouble};
use crate::deliver::pace::Pace;
use crate::deliver::{DeliveryWorker, Patience, Room};
use crate::intake::poll::PollWorker;
use crate::intake::{Door, DoorParts, Doubt};
use crate::normalize;
use crate::runtime::{Bell, Bells, Pulse, Worker, run};
use crate::settle::{SettleParts, SettleWorker};
use crate::store::sqlite::{OpenError, Options, SpaceFloor, SqliteStore};
use crate::store::{InboxId, Store, StoreError};

/// The daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The directory for the store cannot be made.
    #[error("cannot use the state directory {path}: {source}")]
    StateDirectory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store opened but does not answer.
    #[error("the store does not answer")]
    Answer(#[from] StoreError),
}

/// Which runtimes do the work. Taking leads in comes first; the rest runs behind it.
#[derive(Clone)]
pub struct Staff {
    /// Takes leads in and answers the operator.
    pub front: Handle,
    /// Understands, delivers, asks sources.
    pub back: Handle,
}

/// A daemon at work.
pub struct Daemon {
    /// Where leads are posted to.
    pub public: SocketAddr,
    /// The floor.
    pub store: Arc<SqliteStore>,
    /// What the rooms say of themselves.
    pub health: Arc<Health>,
    /// When each worker's loop last turned.
    pub pulses: Vec<(String, Pulse)>,
    stop_intake: CancellationToken,
    stop_work: CancellationToken,
    serving: Vec<JoinHandle<()>>,
    working: Vec<JoinHandle<()>>,
    running_mark: PathBuf,
}

impl Daemon {
    /// Opens the store, starts the workers, and only then accepts connections.
    pub async fn start(
        blueprint: Blueprint,
        listeners: Listeners,
        staff: &Staff,
        ears: Arc<dyn Ears>,
    ) -> Result<Self, StartError> {
        let site = Site::prepare(&blueprint)?;
        let suspicious = site.suspicious().await?;
        let metrics = Arc::new(Metrics::new(Ticks::machine()));
        let health = Arc::new(Health::new(Ticks::machine()));
        let hiring = Hiring::new(&blueprint, &site.store, &metrics, ears);
        let bells = hiring.bells.clone();
        let stop_work = CancellationToken::new();
        let (working, pulses) = hiring.put_to_work(&blueprint, suspicious, &stop_work, &staff.back);

        let stop_intake = CancellationToken::new();
        let public = listeners
            .public
            .local_addr()
            .unwrap_or(blueprint.loaded.config.listen.public);
        let door = door(&blueprint, &site.store, &metrics, &health, bells.settle.clone());
        let desk = admin::Desk {
            health: Arc::clone(&health),
            metrics,
            store: site.store.clone(),
            clock: Arc::clone(&blueprint.outside.clock),
            poke: Arc::new(move || bells.ring_all()),
        };
        let stop = stop_intake.clone();
        let limits = blueprint.connection_limits();
        let serving = vec![
            staff.front.spawn(crate::intake::serve(
                listeners.public,
                blueprint.tls.clone(),
                door,
                limits,
                stop,
            )),
            staff
                .front
                .spawn(serve_admin(listeners.admin, desk, stop_work.clone())),
        ];
        Ok(Self {
            public,
            store: site.store,
            health,
            pulses,
            stop_intake,
            stop_work,
            serving,
            working,
            running_mark: site.running_mark,
        })
    }

    /// Ends in the order a lead walks: no new ones, finish what is in hand, write, close.
    ///
    /// What does not end within `grace` is left to leases: nothing is lost, some is done twice.
    pub async fn stop(self, grace: Duration) {
        self.health.raise(Trouble::Stopping, "told to stop");
        self.stop_intake.cancel();
        self.stop_work.cancel();
        let all = async {
            for task in self.serving.into_iter().chain(self.working) {
                let _ = task.await;
            }
        };
        if tokio::time::timeout(grace, all).await.is_err() {
            warn!(
                event = "stop_late",
                "work in hand did not end in time; it is taken up again at the next start"
            );
        }
        drop(self.store);
        let _ = std::fs::remove_file(&self.running_mark);
    }

    /// Ends when the store is lost: a daemon that cannot keep leads must not take any.
    pub async fn until_lost(&self) -> String {
        loop {
            if let Some(why) = self.store.lost() {
                return why;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Where the daemon stands on disk.
struct Site {
    store: Arc<SqliteStore>,
    running_mark: PathBuf,
    died: bool,
}

impl Site {
    fn prepare(blueprint: &Blueprint) -> Result<Self, StartError> {
        let config = &blueprint.loaded.config;
        let path = config.store_path();
        let directory = path
            .parent()
            .map_or_else(|| config.state_dir.clone(), std::path::Path::to_owned);
        let failed = |source| StartError::StateDirectory {
            path: directory.clone(),
            source,
        };
        std::fs::create_dir_all(&directory).map_err(failed)?;
        let options = Options {
            floor: SpaceFloor {
                bytes: config.store.free_space_floor,
                ..SpaceFloor::default()
            },
            quarantine_limit: config.store.quarantine_max,
            custody_queue: config.intake.queue,
            path: path.clone(),
        };
        let store = Arc::new(SqliteStore::open(&options)?);
        let running_mark = path.with_extension("running");
        let died = running_mark.exists();
        std::fs::write(&running_mark, b"").map_err(failed)?;
        Ok(Self {
            store,
            running_mark,
            died,
        })
    }

    /// The newest arrival that waited when the last process died, if it died.
    async fn suspicious(&self) -> Result<Option<InboxId>, StartError> {
        if !self.died {
            return Ok(None);
        }
        let waiting = self.store.newest_unsettled().await?;
        if waiting.is_some() {
            warn!(
                event = "unclean_end",
                "the last run did not end cleanly; what waited is opened with care"
            );
        }
        Ok(waiting)
    }
}

/// Makes the workers.
struct Hiring {
    store: Arc<dyn Store>,
    counting: Arc<Counting>,
    bells: Bells,
}

impl Hiring {
    fn new(blueprint: &Blueprint, store: &Arc<SqliteStore>, metrics: &Metrics, ears: Arc<dyn Ears>) -> Self {
        let destinations = blueprint.destinations();
        let counting = Arc::new(Counting::new(metrics, &destinations, ears));
        let mut bells = Bells::default();
        for (file, connector) in &blueprint.connectors {
            if connector.destination.is_some() {
                let workers = (0..file.concurrency.max(1)).map(|_| Bell::default()).collect();
                bells.deliver.insert(DestinationName::new(&file.name), workers);
            }
            if connector.source.is_some() {
                bells.poll.push(Bell::default());
            }
        }
        Self {
            store: store.clone(),
            counting,
            bells,
        }
    }

    fn put_to_work(
        self,
        blueprint: &Blueprint,
        suspicious: Option<InboxId>,
        stop: &CancellationToken,
        back: &Handle,
    ) -> (Vec<JoinHandle<()>>, Vec<(String, Pulse)>) {
        let mut tasks = Vec::new();
        let mut pulses = Vec::new();
        let mut hire = |worker: Box<dyn Worker>, bell: Bell| {
            let pulse = Pulse::default();
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
                let account = connector_kit::ids::AccountName::new(&file.account);
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
        for (room, bells) in self.rooms(blueprint) {
            for (number, bell) in bells.into_iter().enumerate() {
                let outside = &blueprint.outside;
                let (clock, dice) = (Arc::clone(&outside.clock), outside.dice.clone());
                let worker =
                    DeliveryWorker::new(Arc::clone(&room), number, Arc::clone(&self.store), clock, dice);
                hire(Box::new(worker), bell);
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

    fn rooms(&self, blueprint: &Blueprint) -> Vec<(Arc<Room>, Vec<Bell>)> {
        let mut rooms = Vec::new();
        for (file, connector) in &blueprint.connectors {
            let name = DestinationName::new(&file.name);
            let (Some(destination), Some(bells)) = (&connector.destination, self.bells.deliver.get(&name))
            else {
                continue;
            };
            let clock = Arc::clone(&blueprint.outside.clock);
            let room = Room {
                pace: Pace::new(file.rate.per_second.get(), file.rate.burst.get(), clock),
                patience: Patience {
                    schedule: file.retry.schedule.clone(),
                    jitter: file.retry.jitter,
                    first_rest: file.hold.first,
                    longest_rest: file.hold.max,
                },
                lease: file.lease,
                destination: Arc::clone(destination),
                broken_calls: AtomicU32::new(0),
                observer: self.counting.clone(),
                name,
            };
            rooms.push((Arc::new(room), bells.clone()));
        }
        rooms
    }
}

fn door(
    blueprint: &Blueprint,
    store: &Arc<SqliteStore>,
    metrics: &Arc<Metrics>,
    health: &Arc<Health>,
    bell: Bell,
) -> Arc<Door> {
    let limits = normalize::BodyLimits {
        max_keys: blueprint.loaded.config.intake.max_keys,
    };
    let parts = DoorParts {
        store: store.clone(),
        clock: Arc::clone(&blueprint.outside.clock),
        ticks: Ticks::machine(),
        check: Arc::new(move |bytes| {
            normalize::check_body(bytes, &limits).map_err(|why| Doubt {
                reason: why.reason.to_string(),
                hint: why.hint.to_owned(),
            })
        }),
        metrics: Arc::clone(metrics),
        health: Arc::clone(health),
        on_kept: Arc::new(move || bell.ring()),
    };
    Arc::new(Door::new(
        parts,
        blueprint.intake_limits(),
        blueprint.sources.clone(),
    ))
}

async fn serve_admin(listener: admin::AdminListener, desk: admin::Desk, stop: CancellationToken) {
    if let Err(error) = admin::serve(listener, admin::router(desk), stop).await {
        warn!(event = "admin_ended", error = %error, "the admin listener ended");
    }
}
