//! Where the daemon stands on disk, and how the last one left it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::warn;

use super::build::Blueprint;
use super::daemon::StartError;
use crate::admin::Metrics;
use crate::config::{Config, Loaded};
use crate::store::InboxId;
use crate::store::sqlite::{OpenError, Options, SpaceFloor, SqliteStore, file_system};

/// Where the daemon stands on disk.
pub(super) struct Site {
    pub(super) store: Arc<SqliteStore>,
    pub(super) running_mark: PathBuf,
    died: bool,
}

impl Site {
    pub(super) fn prepare(blueprint: &Blueprint, metrics: &Metrics) -> Result<Self, StartError> {
        let config = &blueprint.loaded.config;
        let path = config.store_path();
        let directory = path
            .parent()
            .map_or_else(|| config.state_dir.clone(), Path::to_owned);
        let failed = |source| StartError::StateDirectory {
            path: directory.clone(),
            source,
        };
        std::fs::create_dir_all(&directory).map_err(failed)?;
        ensure_not_gone(config)?;
        let options = Options {
            floor: SpaceFloor {
                bytes: config.store.free_space_floor,
                ..SpaceFloor::default()
            },
            quarantine_limit: config.store.quarantine_max,
            custody_queue: config.intake.queue,
            path: path.clone(),
            watcher: Arc::new(metrics.store()),
            file_system: (!config.store.allow_network_filesystem).then_some(file_system),
        };
        let store = Arc::new(SqliteStore::open(&options)?);
        keep_applied(&blueprint.loaded);
        let running_mark = path.with_extension("running");
        let died = running_mark.exists();
        if died {
            metrics.last_run_died();
        }
        std::fs::write(&running_mark, b"").map_err(failed)?;
        Ok(Self {
            store,
            running_mark,
            died,
        })
    }

    /// The newest arrival that waited when the last process died, if it died.
    pub(super) async fn suspicious(&self) -> Result<Option<InboxId>, StartError> {
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

/// Refuses to begin an empty store where a daemon worked with one before: who must not be contacted, and who
/// is known, would be forgotten with it.
fn ensure_not_gone(config: &Config) -> Result<(), OpenError> {
    let path = config.store_path();
    match Config::applied_in(&config.state_dir) {
        Some(applied) if !path.exists() => Err(OpenError::Gone { path, applied }),
        _ => Ok(()),
    }
}

/// Keeps the config that is in force from now on; without it, only `plan` has nothing to compare with.
pub(super) fn keep_applied(loaded: &Loaded) {
    if let Err(error) = loaded.keep_applied() {
        let path = loaded.config.state_dir.display();
        warn!(event = "applied_not_kept", error = %error, "cannot keep the config that is in force in {path}");
    }
}
