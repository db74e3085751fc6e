//! One run of a relay between loader and sink, from the first lead to the last one seen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::book::Book;
use crate::loader::{self, Pace, Plan};
use crate::measurement::Figures;
use crate::numbers::{figure, percentile, rounded};
use crate::process;
use crate::sink::{Counts, Sink};
use crate::subject::{Daemon, Running, SinkKind};

/// A queue that does not move for so long will not move again.
const STALLED: Duration = Duration::from_secs(30);

/// The load of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Connections.
    pub(crate) conns: usize,
    /// The longest that leads are posted.
    pub(crate) posting: Duration,
    /// Posting ends after so many leads.
    pub(crate) leads: Option<u64>,
    /// Leads a second; `None` is the closed loop with its window.
    pub(crate) rate: Option<f64>,
    /// Closed loop: the most leads under way to the sink.
    pub(crate) window: u64,
}

/// A relay at work and what stands around it.
pub(crate) struct Course<'a> {
    /// The relay.
    pub(crate) running: &'a mut Running,
    /// Where it delivers.
    pub(crate) sink: &'a Sink,
    /// What was accepted and seen.
    pub(crate) book: &'a Arc<Book>,
    /// The most leads one call carries.
    pub(crate) batch_max: u64,
    /// Leads a second the destination takes at most, where that is published.
    pub(crate) most_per_s: Option<f64>,
    /// The destination refuses the poisoned leads: nobody waits for them.
    pub(crate) poison: bool,
}

/// Counters at one moment.
#[derive(Clone, Copy)]
struct Mark {
    seconds: f64,
    accepted: u64,
    delivered: u64,
    counts: Counts,
    relay_cpu_ms: u64,
    bench_cpu_ms: u64,
}

impl Course<'_> {
    /// Leads are delivered while they are posted.
    pub(crate) fn live(&mut self, load: &Load) -> anyhow::Result<(Figures, Value)> {
        let mut figures = self.begin()?;
        let before = self.mark();
        let (posted, course) = self.post(load)?;
        let ended = self.mark();
        self.drain();
        posted.note(&mut figures);
        let seconds = ended.seconds - before.seconds;
        figures.set(
            "accepted_per_s",
            figure(ended.accepted - before.accepted) / seconds,
        );
        figures.set(
            "delivered_per_s",
            figure(ended.delivered - before.delivered) / seconds,
        );
        figures.set(
            "queue_end",
            figure(ended.accepted.saturating_sub(ended.delivered)),
        );
        note_queue(&mut figures, &course);
        self.finish(&mut figures, before);
        Ok((figures, points(&course)))
    }

    /// The destination is shut until `load.leads` are waiting; then it opens, and is released: a
    /// destination that rests would first be probed with one lead.
    pub(crate) fn full_queue(
        &mut self,
        load: &Load,
        (daemon, kind): (&Daemon, SinkKind),
    ) -> anyhow::Result<(Figures, Value)> {
        let mut figures = self.begin()?;
        self.sink.shut(kind.held_s());
        let before = self.mark();
        let filling = Load {
            rate: None,
            window: u64::MAX,
            ..*load
        };
        let (posted, mut course) = self.post(&filling)?;
        posted.note(&mut figures);
        process::wait_for_rest(self.running.pid(), Duration::from_mins(5));
        figures.set("rss_backlog_mb", process::resident_mb(self.running.pid()));
        daemon.wait_for_backlog(self.book.depth())?;
        let opened = self.mark();
        self.sink.open();
        daemon.release(kind)?;
        let first_seen = self.watch(&mut course);
        let seconds = self.book.last_seen_s() - first_seen;
        let delivered = figure(self.book.delivered() - opened.delivered);
        figures.set("delivered_per_s", delivered / seconds);
        figures.set_if(
            "time_over_minimum",
            self.most_per_s.map(|most| seconds / (delivered / most)),
        );
        figures.set("queue_end", figure(self.book.depth()));
        self.finish(&mut figures, before);
        Ok((figures, points(&course)))
    }

    /// Waits until the first lead is where it belongs, and with it all that is asked once, such as
    /// tokens and the fields of a CRM; then for the process to rest.
    fn begin(&mut self) -> anyhow::Result<Figures> {
        let mut figures = Figures::default();
        figures.set("start_s", self.running.first_accepted(self.book)?);
        self.drain();
        process::wait_for_rest(self.running.pid(), Duration::from_secs(10));
        figures.set("rss_idle_mb", process::resident_mb(self.running.pid()));
        Ok(figures)
    }

    /// Posts on threads of its own, and notes once a second how many leads are under way.
    fn post(&self, load: &Load) -> anyhow::Result<(loader::Load, Vec<(f64, u64)>)> {
        let pace = match load.rate {
            Some(per_second) => Pace::Fixed { per_second },
            None => Pace::Closed {
                window: Some(load.window),
            },
        };
        let plan = Plan {
            target: self.running.target(),
            conns: load.conns,
            knock_anew: false,
            pace,
            warm_up: Duration::ZERO,
            measured: load.posting,
            leads: load.leads,
        };
        let mut course = Vec::new();
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let posting = scope.spawn(|| loader::run(plan, self.book));
            while !posting.is_finished() {
                std::thread::sleep(Duration::from_millis(20));
                if begun.elapsed().as_secs() > u64::try_from(course.len())? {
                    course.push((begun.elapsed().as_secs_f64(), self.book.depth()));
                }
            }
            let posted = posting.join().ok().context("the loader panicked")??;
            Ok((posted, course))
        })
    }

    /// Waits until nothing is under way or nothing moves any more.
    fn drain(&self) {
        let mut moved = (Instant::now(), self.book.delivered());
        while self.under_way() > 0 && moved.0.elapsed() < STALLED {
            std::thread::sleep(Duration::from_millis(5));
            if self.book.delivered() != moved.1 {
                moved = (Instant::now(), self.book.delivered());
            }
        }
    }

    /// Accepted, not yet delivered, and still to be.
    fn under_way(&self) -> u64 {
        let refused = if self.poison { self.book.poisoned() } else { 0 };
        self.book.depth().saturating_sub(refused)
    }

    /// Drains after an opening; the time the first lead arrived.
    fn watch(&self, course: &mut Vec<(f64, u64)>) -> f64 {
        let before = self.book.delivered();
        let begun = Instant::now();
        while self.book.delivered() == before && begun.elapsed() < STALLED * 4 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let first = self.book.seconds();
        self.drain();
        course.push((self.book.last_seen_s(), self.book.depth()));
        first
    }

    fn mark(&self) -> Mark {
        Mark {
            seconds: self.book.seconds(),
            accepted: self.book.accepted(),
            delivered: self.book.delivered(),
            counts: self.sink.counts(),
            relay_cpu_ms: process::cpu_ms(self.running.pid()),
            bench_cpu_ms: process::own_process_cpu_ms(),
        }
    }

    /// Everything that is known only when all is quiet.
    fn finish(&self, figures: &mut Figures, before: Mark) {
        let pid = self.running.pid();
        process::wait_for_rest(pid, Duration::from_secs(5));
        let after = self.mark();
        let delivered = after.delivered - before.delivered;
        let counts = after.counts.since(before.counts);
        let calls = figure(counts.calls());
        let thousands = figure(delivered) / 1000.0;
        let fewest = figure(delivered.div_ceil(self.batch_max));
        figures.set("leads", figure(delivered));
        figures.set("calls", calls);
        figures.set("calls_per_1000", calls / thousands);
        figures.set("calls_over_fewest", calls - fewest);
        figures.set("call_efficiency", fewest / calls);
        figures.set("calls_held", figure(counts.held));
        figures.set("calls_failed", figure(counts.failed));
        figures.set("throttled", figure(counts.throttled));
        figures.set("throttled_share", figure(counts.throttled) / calls);
        figures.set(
            "cpu_ms_per_1000",
            figure(after.relay_cpu_ms - before.relay_cpu_ms) / thousands,
        );
        figures.set(
            "loader_cpu_ms_per_1000",
            figure(after.bench_cpu_ms - before.bench_cpu_ms) / thousands,
        );
        figures.set("rss_peak_mb", process::peak_mb(pid));
        let balance = self.book.balance(self.sink.records().as_deref());
        figures.set("lost", figure(balance.lost));
        figures.set("doubled", figure(balance.doubled));
        figures.set("unconfirmed", figure(balance.unconfirmed));
        for (name, share) in [("lag_p50_ms", 0.5), ("lag_p99_ms", 0.99)] {
            figures.set_if(
                name,
                percentile(&balance.lags, share).map(|micros| f64::from(micros) / 1000.0),
            );
        }
    }
}

/// Deepest queue, and how fast it grew over the second half of the course.
fn note_queue(figures: &mut Figures, course: &[(f64, u64)]) {
    let deepest = course.iter().map(|(_, depth)| *depth).max();
    figures.set_if("queue_max", deepest.map(figure));
    figures.set_if("queue_growth_per_s", slope(&course[course.len() / 2..]));
}

/// Least squares: leads a second by which the queue grew.
fn slope(course: &[(f64, u64)]) -> Option<f64> {
    let count = figure(u64::try_from(course.len()).ok().filter(|points| *points >= 3)?);
    let time = course.iter().map(|(at, _)| at).sum::<f64>() / count;
    let depth = course.iter().map(|(_, deep)| figure(*deep)).sum::<f64>() / count;
    let along: f64 = course
        .iter()
        .map(|(at, deep)| (at - time) * (figure(*deep) - depth))
        .sum();
    let spread: f64 = course.iter().map(|(at, _)| (at - time).powi(2)).sum();
    Some(along / spread)
}

fn points(course: &[(f64, u64)]) -> Value {
    course
        .iter()
        .map(|(at, depth)| json!([rounded(*at), depth]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_grows_by_fifty_a_second_is_said_to() {
        let course: Vec<(f64, u64)> = [(1.0, 100), (2.0, 150), (3.0, 200), (4.0, 250)].to_vec();
        assert!((slope(&course).unwrap() - 50.0).abs() < 1e-9);
        assert_eq!(slope(&course[..2]), None);
    }
}
