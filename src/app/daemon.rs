//! The running daemon: start, run, drain, end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::build::{Blueprint, budgets};
use super::front;
use super::hiring::Hiring;
use super::listeners::Listeners;
use super::observers::Ears;
use super::site::Site;
use crate::admin::{self, Health, Metrics, Ticks, Trouble};
use crate::intake;
use crate::runtime::Pulse;
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
        let metrics = Arc::new(Metrics::new(Ticks::machine()));
        let site = Site::prepare(&blueprint, &metrics)?;
        let suspicious = site.suspicious().await?;
        let health = Arc::new(Health::new(Ticks::machine()));
        let hiring = Hiring::new(&blueprint, &site.store, &metrics, ears);
        let (bells, upkeep) = (hiring.bells.clone(), hiring.upkeep.clone());
        let stop_work = CancellationToken::new();
        let (working, pulses) = hiring.put_to_work(&blueprint, suspicious, &stop_work, &staff.back);

        let stop_intake = CancellationToken::new();
        let public = listeners
            .public
            .local_addr()
            .unwrap_or(blueprint.loaded.config.listen.public);
        let door = front::door(&blueprint, &site.store, &metrics, &health, &bells);
        let desk = admin::Desk {
            health: Arc::clone(&health),
            metrics,
            store: site.store.clone(),
            upkeep,
            budgets: budgets(&blueprint.loaded),
            clock: Arc::clone(&blueprint.outside.clock),
            poke: Arc::new(move || bells.ring_all()),
        };
        let beating = front::watch_writer(&health);
        let stop = stop_intake.clone();
        let limits = blueprint.connection_limits();
        let serving = vec![
            staff.front.spawn(intake::serve(
                listeners.public,
                blueprint.tls.clone(),
                door,
                limits,
                stop,
            )),
            staff
                .front
                .spawn(front::serve_admin(listeners.admin, desk, stop_work.clone())),
            staff.front.spawn(front::feel_writer(
                Arc::clone(&site.store),
                beating,
                stop_work.clone(),
            )),
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
        self.store.until_lost().await
    }
}
