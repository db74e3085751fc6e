//! Feels the ground the daemon stands on: the store's writer, the disk, the log.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::admin::{Health, Pulse, Trouble};
use crate::store::sqlite::SqliteStore;
use crate::store::{Footprint, Store};

/// How often.
const FEEL_EVERY: Duration = Duration::from_secs(5);
/// From here on the store's log is longer than it should ever become (F25).
const LONG_LOG: u64 = 256 * 1024 * 1024;

/// What is felt, and what was said of it.
pub(super) struct Ground {
    store: Arc<SqliteStore>,
    health: Arc<Health>,
    /// The writer's own.
    pulse: Pulse,
    disk_is_full: bool,
    log_is_long: bool,
}

impl Ground {
    /// Nothing is felt yet.
    pub(super) fn new(store: Arc<SqliteStore>, health: Arc<Health>, pulse: Pulse) -> Self {
        Self {
            store,
            health,
            pulse,
            disk_is_full: false,
            log_is_long: false,
        }
    }

    /// Feels again and again until told to stop.
    pub(super) async fn feel(mut self, stop: CancellationToken) {
        loop {
            if self.store.mark_started(Vec::new()).await.is_ok() {
                self.pulse.beat();
            }
            if let Ok(footprint) = self.store.footprint().await {
                self.judge_disk(&footprint);
                self.judge_log(footprint.log >> 20);
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(FEEL_EVERY) => {}
            }
        }
    }

    /// A full disk is told before the next sender meets it.
    fn judge_disk(&mut self, footprint: &Footprint) {
        let Footprint {
            free, floor, disk, ..
        } = *footprint;
        let is_full = disk > 0 && free < floor;
        let (free_mib, floor_mib) = (free >> 20, floor >> 20);
        if is_full {
            let detail = format!("{free_mib} MiB are free, {floor_mib} MiB have to stay free");
            if self.health.raise(Trouble::StoreFull, detail) && !self.disk_is_full {
                warn!(
                    event = "store_full",
                    free_mib, floor_mib, "no leads are taken: the disk of the store is full"
                );
            }
        } else if self.disk_is_full {
            self.health.clear(Trouble::StoreFull);
            info!(
                event = "store_has_room",
                free_mib, floor_mib, "leads are taken again: the disk of the store has room"
            );
        }
        self.disk_is_full = is_full;
    }

    /// Says so once when the log has become too long, and once when it is short again.
    fn judge_log(&mut self, mib: u64) {
        let is_long = mib > LONG_LOG >> 20;
        if is_long && !self.log_is_long {
            warn!(
                event = "store_log_long",
                mib,
                "the store's log cannot be cleared: somebody reads the database for long (a backup, a shell)"
            );
        } else if self.log_is_long && !is_long {
            info!(event = "store_log_short", mib, "the store's log is cleared again");
        }
        self.log_is_long = is_long;
    }
}
