//! What the service manager hears: ready, stopping, and a beat as long as the daemon moves.

use std::sync::Arc;
use std::time::Duration;

use connector_kit::clock::Clock;
use sd_notify::NotifyState;
use tracing::error;

use crate::app::Daemon;
use crate::store::Store;

/// How long the writer may take to answer.
const WRITER_PATIENCE: Duration = Duration::from_secs(10);

/// Tells the service manager, if there is one.
pub(super) fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        error!(error = %error, "the service manager cannot be told");
    }
}

/// Tells that a reload begins: both words in one datagram, or newer service managers do not wait for
/// the end.
pub(super) fn tell_of_reload() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => error!(error = %error, "the machine does not tell the time since its start"),
    }
}

/// Beats a third of the watchdog's interval, and only while the writer and every worker move.
///
/// A destination that does not answer never stops the beat; a stuck writer or worker does.
pub(super) async fn beat(daemon: &Daemon, clock: Arc<dyn Clock>) {
    let Some(interval) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    let mut turns = tokio::time::interval(interval / 3);
    loop {
        turns.tick().await;
        let writer = tokio::time::timeout(WRITER_PATIENCE, daemon.store.mark_started(Vec::new())).await;
        let stuck = daemon.stuck(clock.now());
        match (writer, stuck) {
            (Ok(_), None) => tell(&[NotifyState::Watchdog]),
            (Err(_), _) => error!(
                event = "writer_stuck",
                "the store's writer does not answer; no beat"
            ),
            (_, Some(worker)) => error!(event = "worker_stuck", worker, "a worker does not move; no beat"),
        }
    }
}
