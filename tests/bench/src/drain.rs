//! `drain`: a backlog leaves, to one destination alone and to several together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde_json::json;

use crate::book::Book;
use crate::cli::Common;
use crate::loader::{self, Pace, Plan};
use crate::measurement::{Collected, Figures, Measurement};
use crate::numbers::figure;
use crate::print::Printer;
use crate::process;
use crate::sink::{Anybody, Counts, Limits, Manners, Sink, simulated};
use crate::subject::{Daemon, Running, SinkKind, SinkText, daemon_path};

/// A queue that does not move for so long will not move again.
const STALLED: Duration = Duration::from_secs(30);

/// `drain`
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DrainArgs {
    /// Where the leads go; of several, each alone and then all together.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "https")]
    pub(crate) to: Vec<SinkKind>,
    /// How many wait.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) leads: u64,
    /// Connections that fill the queue.
    #[arg(long, default_value_t = 64)]
    pub(crate) conns: usize,
    /// How often.
    #[arg(long, default_value_t = 1)]
    pub(crate) rounds: usize,
}

/// Measures and shows.
pub(crate) fn run(args: &DrainArgs, common: &Common) -> anyhow::Result<()> {
    let printer = Printer::new(common.json);
    printer.results("A backlog leaves", &measure(args, common, printer)?)
}

/// Every run has its own daemon, store and sinks.
pub(crate) fn measure(
    args: &DrainArgs,
    common: &Common,
    printer: Printer,
) -> anyhow::Result<Vec<Measurement>> {
    let mut collected = Collected::default();
    for round in 0..args.rounds {
        let mut alone_s = 0.0;
        for kind in &args.to {
            printer.progress(&format!(
                "round {} of {}: {}",
                round + 1,
                args.rounds,
                kind.name()
            ));
            let drained = drain(&[*kind], args, common)?;
            alone_s += drained.seconds;
            collected.add(
                labelled(args, &[*kind]),
                drained.figures(),
                Figures::default(),
                None,
            );
        }
        if args.to.len() > 1 {
            printer.progress(&format!("round {} of {}: together", round + 1, args.rounds));
            let drained = drain(&args.to, args, common)?;
            let mut ratios = Figures::default();
            ratios.set("share", alone_s / drained.seconds);
            collected.add(labelled(args, &args.to), drained.figures(), ratios, None);
        }
    }
    Ok(collected.0)
}

fn labelled(args: &DrainArgs, kinds: &[SinkKind]) -> Measurement {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    let labels = [("to", json!(names.join("+"))), ("leads", json!(args.leads))];
    Measurement::new("drain", "daemon", &labels)
}

/// What one run showed.
struct Drained {
    /// From the first call after the opening to the last lead of the last destination.
    seconds: f64,
    /// Leads delivered, to all destinations.
    delivered: u64,
    lost: u64,
    doubled: u64,
    counts: Vec<Counts>,
    fewest: u64,
    daemon_cpu_ms: u64,
    bench_cpu_ms: u64,
    rss_peak_mb: f64,
}

impl Drained {
    fn figures(&self) -> Figures {
        let sum = |of: fn(&Counts) -> u64| figure(self.counts.iter().map(of).sum());
        let (delivered, calls) = (figure(self.delivered), sum(|counts| counts.calls()));
        let per_1000 = |whole: f64| whole / (delivered / 1000.0);
        let mut figures = Figures::default();
        figures.set("drain_s", self.seconds);
        figures.set("delivered_per_s", delivered / self.seconds);
        figures.set("calls", calls);
        figures.set("calls_per_1000", per_1000(calls));
        figures.set("call_efficiency", figure(self.fewest) / calls);
        figures.set("throttled", sum(|counts| counts.throttled));
        figures.set("calls_failed", sum(|counts| counts.failed));
        figures.set("cpu_ms_per_1000", per_1000(figure(self.daemon_cpu_ms)));
        figures.set("sink_cpu_ms_per_1000", per_1000(figure(self.bench_cpu_ms)));
        figures.set("rss_peak_mb", self.rss_peak_mb);
        figures.set("lost", figure(self.lost));
        figures.set("doubled", figure(self.doubled));
        figures
    }
}

/// A destination and the book of what it saw.
struct End {
    kind: SinkKind,
    sink: Sink,
    book: Arc<Book>,
    before: (u64, Counts),
}

impl End {
    fn open(kind: SinkKind) -> anyhow::Result<Self> {
        let book = Arc::new(Book::open());
        let manners = Manners {
            limits: Limits::None,
            poison: false,
            bulk_action: true,
        };
        let sink = Sink::start(&book, Duration::ZERO, |address| match kind {
            SinkKind::Https => Ok(Box::new(Anybody)),
            kind => simulated(kind, manners, address),
        })?;
        Ok(Self {
            kind,
            sink,
            book,
            before: (0, Counts::default()),
        })
    }
}

fn drain(kinds: &[SinkKind], args: &DrainArgs, common: &Common) -> anyhow::Result<Drained> {
    let mut ends = kinds
        .iter()
        .map(|kind| End::open(*kind))
        .collect::<Result<Vec<_>, _>>()?;
    let texts: Vec<SinkText> = ends
        .iter()
        .map(|end| SinkText::unlimited(end.kind, end.sink.address()))
        .collect();
    let daemon = Daemon::prepare(
        &daemon_path(common.daemon.as_deref())?,
        common.dir.as_deref(),
        &texts,
    )?;
    let mut running = daemon.start()?;
    let posted = Arc::new(Book::open());
    running.first_accepted(&posted)?;
    // With the first lead goes all that is asked once: tokens, the fields of a CRM.
    wait_for(&ends, posted.accepted());
    for end in &mut ends {
        end.sink.shut(end.kind.held_s());
        end.before = (end.book.delivered(), end.sink.counts());
    }
    fill(&running, &posted, args)?;
    process::wait_for_rest(running.pid(), Duration::from_mins(5));
    daemon.wait_for_backlog(args.leads)?;
    let cpu = (process::cpu_ms(running.pid()), process::own_process_cpu_ms());
    open(&daemon, &ends)?;
    wait_for(&ends, posted.accepted());
    Ok(close(&ends, &running, &posted, cpu))
}

/// Posts the backlog.
fn fill(running: &Running, posted: &Arc<Book>, args: &DrainArgs) -> anyhow::Result<()> {
    let plan = Plan {
        target: running.target(),
        conns: args.conns,
        knock_anew: false,
        pace: Pace::Closed { window: None },
        warm_up: Duration::ZERO,
        measured: Duration::from_hours(1),
        leads: Some(args.leads),
    };
    loader::run(plan, posted)?;
    ensure!(posted.accepted() > args.leads, "not all leads were accepted");
    Ok(())
}

/// Opens every door, and has the daemon told so for each at the same time.
fn open(daemon: &Daemon, ends: &[End]) -> anyhow::Result<()> {
    for end in ends {
        end.sink.open();
    }
    std::thread::scope(|scope| {
        let told = ends.iter().map(|end| scope.spawn(|| daemon.release(end.kind)));
        let told: Vec<_> = told.collect();
        told.into_iter().try_for_each(|one| {
            one.join()
                .unwrap_or_else(|_| bail!("telling the daemon panicked"))
        })
    })
}

/// Waits until every destination has seen so many leads, or nothing moves any more.
fn wait_for(ends: &[End], leads: u64) {
    let seen = || {
        ends.iter()
            .map(|end| end.book.delivered().min(leads))
            .sum::<u64>()
    };
    let all = leads * u64::try_from(ends.len()).unwrap_or(u64::MAX);
    let mut moved = (Instant::now(), seen());
    while seen() < all && moved.0.elapsed() < STALLED {
        std::thread::sleep(Duration::from_millis(2));
        if seen() != moved.1 {
            moved = (Instant::now(), seen());
        }
    }
}

/// Adds everything up. CPU times are those at the opening.
fn close(ends: &[End], running: &Running, posted: &Book, (daemon_ms, bench_ms): (u64, u64)) -> Drained {
    // The last answers are still to be written down.
    process::wait_for_rest(running.pid(), Duration::from_secs(5));
    let cpu = (process::cpu_ms(running.pid()), process::own_process_cpu_ms());
    let begun = ends.iter().filter_map(|end| end.sink.first_call()).min();
    let ended = ends.iter().map(|end| end.book.last_seen_at()).max();
    let seconds = begun
        .zip(ended)
        .map_or(0.0, |(from, to)| to.saturating_duration_since(from).as_secs_f64());
    let mut drained = Drained {
        seconds,
        delivered: 0,
        lost: 0,
        doubled: 0,
        counts: Vec::new(),
        fewest: 0,
        daemon_cpu_ms: cpu.0 - daemon_ms,
        bench_cpu_ms: cpu.1 - bench_ms,
        rss_peak_mb: process::peak_mb(running.pid()),
    };
    for end in ends {
        let delivered = end.book.delivered() - end.before.0;
        drained.delivered += delivered;
        drained.lost += posted.accepted().saturating_sub(end.book.delivered());
        drained.doubled += end.book.balance(end.sink.records().as_deref()).doubled;
        drained.counts.push(end.sink.counts().since(end.before.1));
        drained.fewest += delivered.div_ceil(end.kind.batch_max());
    }
    drained
}
