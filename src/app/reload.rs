//! A running daemon goes on under another config, or under the old one when the new one is wrong.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::build::Blueprint;
use super::premises::Premises;
use super::purses::Purses;
use super::{changes, fixed, site};
use crate::admin::{NotReloaded, Reload, Reloaded};
use crate::config::{Diagnostics, Loaded, Mistake};
use crate::runtime::{Bells, Ticks};

/// Reads config, secrets and certificates anew and builds what they say; nothing is started.
pub type Redraw = Arc<dyn Fn(&Purses) -> Result<Blueprint, Diagnostics> + Send + Sync>;

/// Somebody outside the daemon who takes part in a reload: the service manager, the log's level.
pub trait Attendant: Send + Sync {
    /// A reload begins.
    fn begun(&self);
    /// This config is in force now.
    fn applied(&self, loaded: &Loaded);
    /// It ended; not applied means that all is as before.
    fn ended(&self, result: &Result<Reloaded, NotReloaded>);
}

/// How a daemon comes by another config.
#[derive(Clone)]
pub struct Renewal {
    /// Reads it. May block.
    pub redraw: Redraw,
    /// Takes part.
    pub attendant: Arc<dyn Attendant>,
}

/// Replaces the config, one reload at a time.
#[derive(Clone)]
pub(super) struct Reloader(Arc<Inner>);

struct Inner {
    premises: Arc<Premises>,
    renewal: Renewal,
    stop: CancellationToken,
    in_force: Mutex<InForce>,
}

/// The config in force.
pub(super) struct InForce {
    pub(super) blueprint: Blueprint,
    pub(super) bells: Bells,
    /// Counts the configs since the start; the first is 1.
    pub(super) generation: u64,
}

impl Reloader {
    pub(super) fn new(
        premises: Arc<Premises>,
        renewal: Renewal,
        in_force: InForce,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner {
            premises,
            renewal,
            stop,
            in_force: Mutex::new(in_force),
        }))
    }
}

#[async_trait]
impl Reload for Reloader {
    async fn reload(&self) -> Result<Reloaded, NotReloaded> {
        let inner = Arc::clone(&self.0);
        // A task of its own: whoever asked may go away, and what was begun still ends.
        let front = self.0.premises.staff.front.clone();
        let reload = front.spawn(async move { inner.reload().await });
        reload.await.unwrap_or(Err(NotReloaded::Failed))
    }
}

impl Inner {
    async fn reload(&self) -> Result<Reloaded, NotReloaded> {
        let mut in_force = self.in_force.lock().await;
        if self.stop.is_cancelled() {
            return Err(NotReloaded::Stopping);
        }
        self.renewal.attendant.begun();
        let result = self.replace(&mut in_force).await;
        self.premises
            .metrics
            .reloaded(&result, in_force.blueprint.outside.clock.now());
        tell(&result);
        self.renewal.attendant.ended(&result);
        result
    }

    async fn replace(&self, in_force: &mut InForce) -> Result<Reloaded, NotReloaded> {
        let ticks = Ticks::machine();
        let next = self.draw(&in_force.blueprint).await?;
        if let Some(wrong) = Diagnostics::new(fixed::mistakes(&in_force.blueprint.loaded, &next.loaded)) {
            return Err(NotReloaded::Refused(wrong));
        }
        if self.stop.is_cancelled() {
            return Err(NotReloaded::Stopping);
        }
        let changes = changes::between(&in_force.blueprint, &next);
        in_force.bells = self.premises.go_on(&next, &in_force.bells, &changes);
        in_force.blueprint = next;
        in_force.generation += 1;
        self.premises.health.renewed();
        let loaded = in_force.blueprint.loaded.clone();
        self.renewal.attendant.applied(&loaded);
        // Its texts are there before anybody is told.
        let keeping = self
            .premises
            .staff
            .back
            .spawn_blocking(move || site::keep_applied(&loaded));
        let _ = keeping.await;
        Ok(Reloaded {
            generation: in_force.generation,
            duration_ms: ticks.now().as_millis().try_into().unwrap_or(u64::MAX),
            changes,
        })
    }

    /// Reads and builds where waiting for a disk holds nobody up.
    async fn draw(&self, running: &Blueprint) -> Result<Blueprint, NotReloaded> {
        let (redraw, purses) = (Arc::clone(&self.renewal.redraw), running.purses.clone());
        let back = &self.premises.staff.back;
        let drawn = back.spawn_blocking(move || redraw(&purses)).await;
        match drawn {
            Ok(drawn) => drawn.map_err(NotReloaded::Refused),
            Err(_) => Err(NotReloaded::Failed),
        }
    }
}

/// Says it in the log. A message names places and rules, never a secret.
fn tell(result: &Result<Reloaded, NotReloaded>) {
    match result {
        Ok(Reloaded {
            generation,
            duration_ms,
            changes,
        }) => {
            let changed = changes.to_string();
            info!(
                event = "reloaded",
                generation, duration_ms, changed, "a new config is in force: {changed}"
            );
        }
        Err(NotReloaded::Refused(wrong)) => wrong.mistakes().iter().for_each(tell_mistake),
        Err(NotReloaded::Stopping) => info!(event = "reload_refused", "told to reload while stopping"),
        Err(NotReloaded::Failed) => {
            error!(
                event = "reload_refused",
                "reading the config failed inside leadsync; the old one runs on"
            );
        }
    }
}

fn tell_mistake(mistake: &Mistake) {
    let Mistake {
        file,
        line,
        key,
        message,
        ..
    } = mistake;
    let file = file.display();
    warn!(event = "reload_refused", file = %file, line, key, reason = message, "the new config is refused, the old one runs on: {mistake}");
}
