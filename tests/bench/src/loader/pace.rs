//! When the next lead is posted: at once, when the queue allows, or when it is due.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::connection::Client;
use super::{Shared, Tally};
use crate::numbers::{figure, micros};

/// How leads follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Closed loop: the next lead follows the answer, unless `window` leads are still on their way to the sink.
    Closed {
        /// The most leads accepted and not yet delivered; `None` when nothing is delivered.
        window: Option<u64>,
    },
    /// Open loop: so many leads a second; latency counts from when a lead was due.
    Fixed {
        /// Leads a second over all connections.
        per_second: f64,
    },
}

/// One connection from first request to last.
pub(super) async fn drive(shared: Arc<Shared>) -> Tally {
    let mut client = Client::new(&shared.plan.target);
    let mut body = Vec::new();
    let mut tally = Tally::default();
    let end = shared.plan.warm_up + shared.plan.measured;
    while let Some(due) = turn(&shared, end).await {
        let n = shared.book.take();
        body.clear();
        shared.shapes.write(n, &mut body);
        let status = client.post(&body).await;
        if status.is_ok_and(|code| (200..300).contains(&code)) {
            shared.book.accept(n);
        }
        let answered = shared.started.elapsed();
        if answered >= shared.plan.warm_up && answered < end {
            note(&mut tally, status, answered.saturating_sub(due));
        }
        if shared.plan.knock_anew {
            client.hang_up();
        }
        if !matches!(status, Ok(200..300)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    tally
}

fn note(tally: &mut Tally, status: Result<u16, std::io::ErrorKind>, took: Duration) {
    match status {
        Ok(200..300) => tally.latencies.push(micros(took)),
        Ok(_) => tally.refused += 1,
        Err(_) => tally.broken += 1,
    }
}

/// Waits until this connection may post; the time its lead was due, or `None` when all is posted.
async fn turn(shared: &Shared, end: Duration) -> Option<Duration> {
    let slot = shared.posted.fetch_add(1, Ordering::Relaxed);
    if shared.plan.leads.is_some_and(|limit| slot >= limit) {
        return None;
    }
    let due = match shared.plan.pace {
        Pace::Closed { window } => {
            wait_for_window(shared, window, end).await;
            shared.started.elapsed()
        }
        Pace::Fixed { per_second } => wait_until_due(shared, figure(slot) / per_second, end).await,
    };
    (due < end).then_some(due)
}

async fn wait_for_window(shared: &Shared, window: Option<u64>, end: Duration) {
    let Some(most) = window else { return };
    while shared.book.depth() >= most && shared.started.elapsed() < end {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn wait_until_due(shared: &Shared, seconds: f64, end: Duration) -> Duration {
    let due = Duration::from_secs_f64(seconds);
    let at: Instant = shared.started + due.min(end);
    if at > Instant::now() {
        tokio::time::sleep_until(at.into()).await;
    }
    due
}
