//! `accept`: how fast leads are taken into custody, beside three servers that bound it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use serde_json::json;

use crate::book::Book;
use crate::cli::Common;
use crate::limits::disk::raw_flush_p50_ms;
use crate::loader::{self, Pace, Plan};
use crate::measurement::{Collected, Figures, Measurement};
use crate::numbers::figure;
use crate::print::Printer;
use crate::process;
use crate::sink::Sink;
use crate::subject::{Daemon, Home, Own, Running, SinkKind, SinkText, daemon_path, start_own};

/// `accept`
#[derive(Debug, clap::Args)]
pub(crate) struct AcceptArgs {
    /// Connections, each with one request under way.
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,256")]
    pub(crate) conns: Vec<usize>,
    /// Seconds for each figure.
    #[arg(long, default_value_t = 5.0)]
    pub(crate) secs: f64,
    /// How often everything is measured, in turn.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// What is measured.
    #[arg(
        long,
        value_delimiter = ',',
        value_enum,
        default_value = "echo,single,ceiling,daemon"
    )]
    pub(crate) subjects: Vec<Subject>,
    /// The daemon's destination answers 503, so that its intake runs without deliveries.
    #[arg(long)]
    pub(crate) held: bool,
}

/// What `accept` can measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Subject {
    /// axum and typed serde, 202, nothing kept.
    Echo,
    /// One commit for each request.
    Single,
    /// The ceiling program.
    Ceiling,
    /// The daemon, all its stages running.
    Daemon,
}

impl Subject {
    fn name(self) -> &'static str {
        self.own().map_or("daemon", Own::name)
    }

    fn own(self) -> Option<Own> {
        match self {
            Self::Echo => Some(Own::Echo),
            Self::Single => Some(Own::Single),
            Self::Ceiling => Some(Own::Ceiling),
            Self::Daemon => None,
        }
    }
}

/// The ratio of a subject to another, by the name it has in results.
const RATIOS: [(&str, Subject); 3] = [
    ("vs_no_durability", Subject::Echo),
    ("vs_single_commit", Subject::Single),
    ("vs_ceiling", Subject::Ceiling),
];

/// Measures all subjects in turn and shows them.
pub(crate) fn run(args: &AcceptArgs, common: &Common) -> anyhow::Result<()> {
    let printer = Printer::new(common.json);
    printer.results("Leads accepted", &measure(args, common, printer)?)
}

/// Every round visits every subject at every number of connections; the first subject changes.
pub(crate) fn measure(
    args: &AcceptArgs,
    common: &Common,
    printer: Printer,
) -> anyhow::Result<Vec<Measurement>> {
    ensure!(!args.conns.contains(&0), "--conns 0 posts nothing");
    let mut collected = Collected::default();
    for round in 0..args.rounds {
        let mut subjects = args.subjects.clone();
        let first = round % subjects.len().max(1);
        subjects.rotate_left(first);
        for conns in &args.conns {
            printer.progress(&format!(
                "round {} of {}, {conns} connections",
                round + 1,
                args.rounds
            ));
            let seen: Vec<(Subject, Figures)> = subjects
                .iter()
                .map(|subject| Ok((*subject, measure_beside_flushes(*subject, *conns, args, common)?)))
                .collect::<anyhow::Result<_>>()?;
            for subject in &args.subjects {
                add(&mut collected, *subject, *conns, &seen);
            }
        }
    }
    Ok(collected.0)
}

/// A lone client's answer is held against raw flushes just before and just after it.
fn measure_beside_flushes(
    subject: Subject,
    conns: usize,
    args: &AcceptArgs,
    common: &Common,
) -> anyhow::Result<Figures> {
    if conns != 1 {
        return measure_one(subject, conns, args, common);
    }
    let before = raw_flush(common)?;
    let mut figures = measure_one(subject, conns, args, common)?;
    figures.set("raw_flush_p50_ms", f64::midpoint(before, raw_flush(common)?));
    Ok(figures)
}

fn raw_flush(common: &Common) -> anyhow::Result<f64> {
    let home = Home::new(common.dir.as_deref())?;
    raw_flush_p50_ms(home.path(), Duration::from_millis(500))
}

fn add(collected: &mut Collected, subject: Subject, conns: usize, seen: &[(Subject, Figures)]) {
    let find = |wanted: Subject| {
        seen.iter()
            .find(|(one, _)| *one == wanted)
            .map(|(_, figures)| figures)
    };
    let Some(figures) = find(subject).cloned() else {
        return;
    };
    let mut ratios = Figures::default();
    for (name, other) in RATIOS {
        let pair = figures
            .get("req_per_s")
            .zip(find(other).and_then(|them| them.get("req_per_s")));
        if let Some((ours, theirs)) = pair.filter(|_| other != subject) {
            ratios.set(name, ours / theirs);
        }
    }
    let lone = figures.get("p50_ms").zip(figures.get("raw_flush_p50_ms"));
    ratios.set_if("vs_raw_flush", lone.map(|(ours, raw)| ours / raw));
    let fresh = Measurement::new("accept", subject.name(), &[("conns", json!(conns))]);
    collected.add(fresh, figures, ratios, None);
}

/// A subject and all it needs; the process ends before its directory.
struct Staged {
    running: Running,
    _around: Around,
}

/// Never read, only kept alive.
#[expect(dead_code, reason = "directories and sinks live as long as the subject")]
enum Around {
    Own(Home),
    Daemon(Daemon, Sink),
}

fn stage(subject: Subject, book: &Arc<Book>, held: bool, common: &Common) -> anyhow::Result<Staged> {
    if let Some(own) = subject.own() {
        let home = Home::new(common.dir.as_deref())?;
        return Ok(Staged {
            running: start_own(own, &home)?,
            _around: Around::Own(home),
        });
    }
    let sink = Sink::for_anybody(book)?;
    if held {
        sink.shut(3600);
    }
    let text = SinkText::unlimited(SinkKind::Https, sink.address());
    let daemon = Daemon::prepare(
        &daemon_path(common.daemon.as_deref())?,
        common.dir.as_deref(),
        &[text],
    )?;
    Ok(Staged {
        running: daemon.start()?,
        _around: Around::Daemon(daemon, sink),
    })
}

fn measure_one(
    subject: Subject,
    conns: usize,
    args: &AcceptArgs,
    common: &Common,
) -> anyhow::Result<Figures> {
    let book = Arc::new(Book::open());
    let mut staged = stage(subject, &book, args.held, common)?;
    staged.running.first_accepted(&book)?;
    let pid = staged.running.pid();
    let before = (
        process::cpu_ms(pid),
        process::own_process_cpu_ms(),
        book.accepted(),
    );
    let measured = Duration::from_secs_f64(args.secs);
    let plan = Plan {
        target: staged.running.target(),
        conns,
        knock_anew: false,
        pace: Pace::Closed { window: None },
        warm_up: measured.min(Duration::from_secs(2)) / 4,
        measured,
        leads: None,
    };
    let load = loader::run(plan, &book)?;
    let thousands = figure(book.accepted() - before.2) / 1000.0;
    let mut figures = Figures::default();
    load.note(&mut figures);
    figures.set(
        "cpu_ms_per_1000",
        figure(process::cpu_ms(pid) - before.0) / thousands,
    );
    figures.set(
        "loader_cpu_ms_per_1000",
        figure(process::own_process_cpu_ms() - before.1) / thousands,
    );
    figures.set("rss_peak_mb", process::peak_mb(pid));
    Ok(figures)
}
