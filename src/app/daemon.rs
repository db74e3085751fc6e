//! The running daemon: start, run, drain, end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::build::Blueprint;
use super::counters::Counters;
use super::front;
use super::ground::Ground;
use super::listeners::Listeners;
use super::observers::Ears;
use super::premises::{Grounds, Premises};
use super::reload::{InForce, Reloader, Renewal};
use super::site::Site;
use crate::admin::{self, Health, Metrics, NotReloaded, Reload, Reloaded, Stuck, Token, Trouble};
use crate::intake;
use crate::runtime::Ticks;
use crate::settle::SETTLING;
use crate::store::StoreError;
use crate::store::sqlite::{OpenError, SqliteStore};

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
    /// What the rooms count.
    pub metrics: Arc<Metrics>,
    premises: Arc<Premises>,
    config: Option<Reloader>,
    stop_intake: CancellationToken,
    stop_work: CancellationToken,
    serving: Vec<JoinHandle<()>>,
    running_mark: PathBuf,
}

impl Daemon {
    /// Opens the store, starts the workers, and only then accepts connections. Without a `renewal`
    /// its config is there to stay.
    pub async fn start(
        blueprint: Blueprint,
        listeners: Listeners,
        staff: &Staff,
        ears: Arc<dyn Ears>,
        renewal: Option<Renewal>,
    ) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::new(Ticks::machine()));
        metrics.began(blueprint.outside.clock.now());
        let stop_work = CancellationToken::new();
        let token = blueprint.metrics_token.as_ref().map(Token::new);
        let (counters, mut serving) = Counters::open(
            listeners.admin,
            listeners.metrics,
            token.clone(),
            &staff.front,
            &stop_work,
        );
        let site = Site::prepare(&blueprint, &metrics)?;
        let health = Arc::new(Health::new(Ticks::machine()));
        let grounds = Grounds {
            suspicious: site.suspicious().await?,
            store: Arc::clone(&site.store),
            health: Arc::clone(&health),
            metrics: Arc::clone(&metrics),
            ears,
            staff: staff.clone(),
            token,
        };
        let stop_intake = CancellationToken::new();
        let clock = Arc::clone(&blueprint.outside.clock);
        let limits = blueprint.connection_limits();
        let listen = blueprint.loaded.config.listen.public;
        let (premises, bells) = Premises::open(grounds, &blueprint, stop_work.clone());
        let premises = Arc::new(premises);
        metrics.applied(clock.now());
        let config = renewal.map(|renewal| {
            let in_force = InForce {
                blueprint,
                bells,
                generation: 1,
            };
            Reloader::new(Arc::clone(&premises), renewal, in_force, stop_work.clone())
        });

        let public = listeners.public.local_addr().unwrap_or(listen);
        let desk = admin::Desk {
            health: Arc::clone(&health),
            metrics: Arc::clone(&metrics),
            store: site.store.clone(),
            upkeep: premises.upkeep.clone(),
            stuck: stuck(&premises),
            clock,
            terms: Arc::clone(&premises.terms),
            reload: config
                .clone()
                .map(|config| -> Arc<dyn Reload> { Arc::new(config) }),
        };
        counters.take_up(desk);
        let beating = front::watch_writer(&health);
        let ground = Ground::new(site.store.clone(), Arc::clone(&health), beating);
        let (door, tls) = (Arc::clone(&premises.door), premises.tls.clone());
        let taking = intake::serve(listeners.public, tls, door, limits, stop_intake.clone());
        serving.push(staff.front.spawn(taking));
        serving.push(staff.front.spawn(ground.feel(stop_work.clone())));
        Ok(Self {
            public,
            store: site.store,
            health,
            metrics,
            premises,
            config,
            stop_intake,
            stop_work,
            serving,
            running_mark: site.running_mark,
        })
    }

    /// Reads the config anew, and goes on under it when it is right. One reload at a time.
    pub async fn reload(&self) -> Option<Result<Reloaded, NotReloaded>> {
        match &self.config {
            Some(config) => Some(config.reload().await),
            None => None,
        }
    }

    /// The workers there are, those included who finish what they hold under an earlier config.
    pub fn workers(&self) -> Vec<String> {
        self.premises.roster.names()
    }

    /// A worker whose loop does not turn, for the watchdog.
    pub fn stuck(&self) -> Option<String> {
        self.premises.roster.stuck()
    }

    /// Ends in the order a lead walks: no new ones, finish what is in hand, write, close.
    ///
    /// What does not end within `grace` is left to leases: nothing is lost, some is done twice.
    pub async fn stop(self, grace: Duration) {
        self.health.raise(Trouble::Stopping, "told to stop");
        self.stop_intake.cancel();
        self.stop_work.cancel();
        let all = async {
            for task in self.serving {
                let _ = task.await;
            }
            self.premises.roster.end().await;
        };
        if tokio::time::timeout(grace, all).await.is_err() {
            warn!(
                event = "stop_late",
                "work in hand did not end in time; it is taken up again at the next start"
            );
        }
        drop(self.store);
        // Whoever still settles may hang at an arrival: what waits is opened with care at the next start.
        if !self.premises.roster.names().iter().any(|name| name == SETTLING) {
            let _ = std::fs::remove_file(&self.running_mark);
        }
    }

    /// Ends when the store is lost: a daemon that cannot keep leads must not take any.
    pub async fn until_lost(&self) -> String {
        self.store.until_lost().await
    }
}

/// Looks who of those who work there does not move.
fn stuck(premises: &Arc<Premises>) -> Stuck {
    let premises = Arc::downgrade(premises);
    Arc::new(move || premises.upgrade()?.roster.stuck())
}
