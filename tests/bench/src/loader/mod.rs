//! The loader: posts leads over plain HTTP/1.1 and books each that is answered with 2xx.

mod connection;
mod pace;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::book::Book;
use crate::lead::Shapes;
use crate::measurement::Figures;
use crate::numbers::{figure, length, percentile};
use crate::subject::Target;

pub(crate) use connection::Client;
pub(crate) use pace::Pace;

/// What the loader is to do.
pub(crate) struct Plan {
    /// Where leads go in.
    pub(crate) target: Target,
    /// Connections kept alive, each with one request under way.
    pub(crate) conns: usize,
    /// Every lead comes over a connection of its own instead.
    pub(crate) knock_anew: bool,
    /// How fast.
    pub(crate) pace: Pace,
    /// Answers before this are not measured.
    pub(crate) warm_up: Duration,
    /// Posting ends this long after the warm-up, ..
    pub(crate) measured: Duration,
    /// .. or when this many leads were posted.
    pub(crate) leads: Option<u64>,
}

/// What the connections share.
struct Shared {
    plan: Plan,
    book: Arc<Book>,
    shapes: Shapes,
    started: Instant,
    posted: AtomicU64,
}

/// What one connection saw between warm-up and end.
#[derive(Default)]
struct Tally {
    latencies: Vec<u32>,
    refused: u64,
    broken: u64,
}

/// What the loader saw, all connections together.
#[derive(Debug)]
pub(crate) struct Load {
    /// Microseconds from request (or from when it was due) to 2xx, sorted.
    latencies: Vec<u32>,
    /// Answers other than 2xx.
    refused: u64,
    /// Requests that got no answer.
    broken: u64,
    /// Seconds the figures cover.
    seconds: f64,
}

impl Load {
    /// The latency below which `share` of the answers lie.
    fn latency_ms(&self, share: f64) -> Option<f64> {
        percentile(&self.latencies, share).map(|micros| f64::from(micros) / 1000.0)
    }

    /// The longest wait for an answer.
    pub(crate) fn longest_ms(&self) -> Option<f64> {
        self.latency_ms(1.0)
    }

    /// Requests that got no answer, over a connection that broke or was refused.
    pub(crate) fn broken(&self) -> u64 {
        self.broken
    }

    /// Notes rate, latencies and failures.
    pub(crate) fn note(&self, figures: &mut Figures) {
        figures.set("req_per_s", length(self.latencies.len()) / self.seconds);
        let (p50, p99) = (self.latency_ms(0.5), self.latency_ms(0.99));
        figures.set_if("p50_ms", p50);
        figures.set_if("p99_ms", p99);
        figures.set_if("p99_over_p50", p50.zip(p99).map(|(middle, high)| high / middle));
        figures.set("failures", figure(self.refused + self.broken));
    }
}

/// Posts by the plan and returns when it is done. Blocks; runs on threads of its own.
pub(crate) fn run(plan: Plan, book: &Arc<Book>) -> anyhow::Result<Load> {
    let threads = plan.conns.clamp(1, std::thread::available_parallelism()?.get());
    let (warm_up, measured) = (plan.warm_up, plan.measured);
    let conns = plan.conns;
    let shared = Arc::new(Shared {
        plan,
        book: Arc::clone(book),
        shapes: Shapes::new(),
        started: Instant::now(),
        posted: AtomicU64::new(0),
    });
    let mut workers = Vec::new();
    for index in 0..threads {
        let share = conns / threads + usize::from(index < conns % threads);
        let shared = Arc::clone(&shared);
        workers.push(
            std::thread::Builder::new()
                .name("loader".into())
                .spawn(move || work(shared, share))?,
        );
    }
    let mut load = Load {
        latencies: Vec::new(),
        refused: 0,
        broken: 0,
        seconds: 0.0,
    };
    for worker in workers {
        let tally = worker.join().ok().context("a loader thread panicked")??;
        load.latencies.extend(tally.latencies);
        load.refused += tally.refused;
        load.broken += tally.broken;
    }
    load.seconds = shared
        .started
        .elapsed()
        .saturating_sub(warm_up)
        .min(measured)
        .as_secs_f64();
    load.latencies.sort_unstable();
    Ok(load)
}

/// One thread: its share of the connections on a runtime of its own.
fn work(shared: Arc<Shared>, conns: usize) -> anyhow::Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async move {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..conns {
            tasks.spawn(pace::drive(Arc::clone(&shared)));
        }
        let mut sum = Tally::default();
        while let Some(done) = tasks.join_next().await {
            let tally = done?;
            sum.latencies.extend(tally.latencies);
            sum.refused += tally.refused;
            sum.broken += tally.broken;
        }
        Ok(sum)
    })
}
