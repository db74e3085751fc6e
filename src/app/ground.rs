//! Feels the ground the daemon stands on: the store's writer, the disk, the log.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::admin::{Health, Pulse, Trouble};
use crate::store::{Footprint, Store, StoreError};

/// How often.
const FEEL_EVERY: Duration = Duration::from_secs(5);
/// A write that failed counts so long: the next one may take as long as a locked store is waited for.
const FAILING_FOR: Duration = Duration::from_secs(15);
/// From here on the store's log is longer than it should ever become (F25).
const LONG_LOG: u64 = 256 * 1024 * 1024;

/// What is felt, and what was said of it.
pub(super) struct Ground {
    store: Arc<dyn Store>,
    health: Arc<Health>,
    /// The writer's own.
    pulse: Pulse,
    disk_is_full: bool,
    log_is_long: bool,
}

impl Ground {
    /// Nothing is felt yet.
    pub(super) fn new(store: Arc<dyn Store>, health: Arc<Health>, pulse: Pulse) -> Self {
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
            self.feel_once().await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(FEEL_EVERY) => {}
            }
        }
    }

    async fn feel_once(&mut self) {
        let written = self.store.mark_started(Vec::new()).await;
        // An error is an answer, too: the writer moves.
        self.pulse.beat();
        if let Err(error) = written {
            self.judge_writing(&error);
        }
        if let Ok(footprint) = self.store.footprint().await {
            self.judge_disk(&footprint);
            self.judge_log(footprint.log >> 20);
        }
    }

    /// A store that cannot be written to, as while another program holds it, is told before the next
    /// sender meets it.
    fn judge_writing(&self, error: &StoreError) {
        // Of these whoever looks at the disk and at the file tells more.
        if matches!(error, StoreError::Full | StoreError::Lost(_)) {
            return;
        }
        let detail = format!("a write failed: {error}");
        if self.health.raise_for(Trouble::StoreFailing, detail, FAILING_FOR) {
            error!(event = "custody_failed", %error, "leads cannot be kept; senders are told to come again");
        }
    }

    /// So is a full disk.
    fn judge_disk(&mut self, footprint: &Footprint) {
        let Footprint {
            free, floor, disk, ..
        } = *footprint;
        let is_full = disk > 0 && free < floor;
        let (free_mib, floor_mib) = (free >> 20, floor >> 20);
        if is_full {
            let detail = format!("{free_mib} MiB are free, {floor_mib} MiB have to stay free");
            // The door may have met it first, and that is no news then.
            self.health.raise(Trouble::StoreFull, detail);
            if !self.disk_is_full {
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

#[cfg(test)]
mod tests;
