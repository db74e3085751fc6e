//! What the service manager hears: ready, stopping, and a beat as long as the daemon moves.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::error;

use crate::app::Daemon;
use crate::store::Store;

/// How long the writer may take to answer, at most; less where the manager is less patient.
const WRITER_PATIENCE: Duration = Duration::from_secs(10);

/// Tells the service manager, if there is one.
pub(super) fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        error!(event = "manager_unreachable", error = %error, "the service manager cannot be told");
    }
}

/// Tells that a reload begins: both words in one datagram, or newer service managers do not wait for
/// the end.
pub(super) fn tell_of_reload() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => {
            error!(event = "manager_unreachable", error = %error, "the machine does not tell the time since its start");
        }
    }
}

/// What one look at the daemon found.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    /// Everybody moves.
    Well,
    /// The writer of the store does not answer.
    WriterStuck,
    /// This worker's loop does not turn.
    WorkerStuck(String),
}

/// Beats a third of the watchdog's interval, and only while the writer and every worker move.
///
/// A system that does not answer never stops the beat; a stuck writer or worker does. So does a stuck
/// runtime: this runs on the one that takes leads in, and workers that nobody carries out count as stuck.
pub(super) async fn beat(daemon: &Daemon) {
    let Some(interval) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    // An error is an answer, too: a full disk or a locked file is not mended by a restart.
    let writer = async || drop(daemon.store.mark_started(Vec::new()).await);
    look_after(
        interval,
        writer,
        || daemon.stuck(),
        |look| match look {
            Look::Well => tell(&[NotifyState::Watchdog]),
            Look::WriterStuck => error!(
                event = "writer_stuck",
                "the store's writer does not answer; no beat"
            ),
            Look::WorkerStuck(worker) => {
                error!(event = "worker_stuck", worker, "a worker does not move; no beat");
            }
        },
    )
    .await;
}

/// Looks at the writer and the workers for ever, and says what it saw.
async fn look_after(
    interval: Duration,
    writer: impl AsyncFn(),
    stuck: impl Fn() -> Option<String>,
    mut say: impl FnMut(Look),
) {
    let mut turns = tokio::time::interval(interval / 3);
    loop {
        turns.tick().await;
        let answer = tokio::time::timeout(WRITER_PATIENCE.min(interval), writer()).await;
        say(match (answer, stuck()) {
            (Err(_), _) => Look::WriterStuck,
            (Ok(()), Some(worker)) => Look::WorkerStuck(worker),
            (Ok(()), None) => Look::Well,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use chrono::{DateTime, Utc};
    use connector_kit::clock::ManualClock;
    use connector_kit::http::LONGEST_CALL;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::runtime::{Bell, LONGEST_REST, LONGEST_TALK, Next, Pulse, Ticks, Worker, run};
    use crate::store::StoreError;

    const INTERVAL: Duration = Duration::from_millis(6);

    /// Looks on, with a writer and with workers.
    fn looks(
        writer: impl AsyncFn() + 'static,
        stuck: impl Fn() -> Option<String> + 'static,
    ) -> UnboundedReceiver<Look> {
        let (say, heard) = unbounded_channel();
        tokio::task::spawn_local(async move {
            look_after(INTERVAL, writer, stuck, |look| say.send(look).unwrap()).await;
        });
        heard
    }

    fn alone(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(tokio::task::LocalSet::new().run_until(test));
    }

    /// Calls somebody who never answers.
    struct Stuck;

    #[async_trait]
    impl Worker for Stuck {
        fn name(&self) -> &'static str {
            "stuck"
        }

        fn longest_step(&self) -> Duration {
            LONGEST_TALK
        }

        async fn step(&mut self, _: DateTime<Utc>) -> Result<Next, StoreError> {
            std::future::pending().await
        }
    }

    #[test]
    fn a_writer_that_does_not_answer_is_never_beaten_for() {
        alone(async {
            let mut heard = looks(async || std::future::pending().await, || None);
            for _ in 0..3 {
                assert_eq!(heard.recv().await, Some(Look::WriterStuck));
            }
        });
    }

    #[test]
    fn a_worker_that_never_comes_back_is_beaten_for_until_its_longest_step_is_over() {
        alone(async {
            let (ticks, crank) = Ticks::by_hand();
            let pulse = Pulse::of(&Stuck, ticks);
            let (worker, stop) = (Box::new(Stuck), CancellationToken::new());
            tokio::task::spawn_local(run(
                worker,
                Bell::default(),
                Arc::new(ManualClock::new(DateTime::UNIX_EPOCH)),
                pulse.clone(),
                stop,
            ));
            let stuck = move || pulse.is_late().then(|| "stuck".to_owned());
            let mut heard = looks(async || (), stuck);
            for _ in 0..3 {
                assert_eq!(heard.recv().await, Some(Look::Well));
            }
            let longest = LONGEST_REST.to_std().unwrap() + LONGEST_TALK;
            // A call to a dead system may take that long, and is no reason.
            for span in [LONGEST_CALL, longest.saturating_sub(LONGEST_CALL)] {
                crank.advance(span);
                while heard.try_recv().is_ok() {}
                assert_eq!(heard.recv().await, Some(Look::Well));
            }
            crank.advance(Duration::from_secs(1));
            while heard.try_recv().is_ok() {}
            for _ in 0..3 {
                assert_eq!(heard.recv().await, Some(Look::WorkerStuck("stuck".into())));
            }
        });
    }
}
