//! `grow`: what many leads in the store do to intake, memory, start and disk.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use serde_json::json;

use crate::book::Book;
use crate::cli::Common;
use crate::loader::{self, Pace, Plan};
use crate::measurement::{Collected, Figures, Measurement};
use crate::print::Printer;
use crate::process;
use crate::sink::Sink;
use crate::subject::{Daemon, Running, SinkKind, SinkText, daemon_path};

/// `Retry-After` of the destination, so that nothing leaves while the store is measured.
const HELD_S: u32 = 3600;

/// Longest wait for the daemon to understand what it accepted.
const SETTLING: Duration = Duration::from_mins(15);

/// `grow`
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct GrowArgs {
    /// Leads in the store before the measurement; 0 is what the others are held against.
    #[arg(long, value_delimiter = ',', default_value = "0,100000,1000000")]
    pub(crate) leads: Vec<u64>,
    /// Connections.
    #[arg(long, default_value_t = 64)]
    pub(crate) conns: usize,
    /// Seconds of measured intake.
    #[arg(long, default_value_t = 5.0)]
    pub(crate) secs: f64,
    /// How often.
    #[arg(long, default_value_t = 1)]
    pub(crate) rounds: usize,
}

/// Measures and shows.
pub(crate) fn run(args: &GrowArgs, common: &Common) -> anyhow::Result<()> {
    let printer = Printer::new(common.json);
    printer.results("A store that grows", &measure(args, common, printer)?)
}

/// Every level has its own daemon and store; ratios are against the empty one of the same round.
pub(crate) fn measure(
    args: &GrowArgs,
    common: &Common,
    printer: Printer,
) -> anyhow::Result<Vec<Measurement>> {
    let mut collected = Collected::default();
    for round in 0..args.rounds {
        let mut empty = None;
        for leads in &args.leads {
            printer.progress(&format!("round {} of {}, {leads} leads", round + 1, args.rounds));
            let figures = one_level(*leads, args, common)?;
            let rate = figures.get("req_per_s");
            let mut ratios = Figures::default();
            if *leads == 0 {
                empty = rate;
            } else {
                ratios.set_if("vs_empty_store", rate.zip(empty).map(|(full, none)| full / none));
            }
            let labels = [
                ("to", json!("https")),
                ("conns", json!(args.conns)),
                ("leads", json!(leads)),
            ];
            collected.add(Measurement::new("grow", "daemon", &labels), figures, ratios, None);
        }
    }
    Ok(collected.0)
}

fn one_level(leads: u64, args: &GrowArgs, common: &Common) -> anyhow::Result<Figures> {
    let book = Arc::new(Book::open());
    let sink = Sink::for_anybody(&book)?;
    sink.shut(HELD_S);
    let text = SinkText::unlimited(SinkKind::Https, sink.address());
    let daemon = Daemon::prepare(
        &daemon_path(common.daemon.as_deref())?,
        common.dir.as_deref(),
        &[text],
    )?;
    let mut figures = Figures::default();
    let mut running = daemon.start()?;
    figures.set("start_s", running.first_accepted(&book)?);
    if leads > 0 {
        fill(&running, &book, leads, args.conns, &mut figures)?;
        ensure!(
            running.stop(Duration::from_mins(1))?,
            "the daemon did not stop in 60 s"
        );
        running = daemon.start()?;
        figures.set("start_s", running.first_accepted(&book)?);
    }
    process::wait_for_rest(running.pid(), Duration::from_mins(1));
    figures.set("rss_idle_mb", process::resident_mb(running.pid()));
    figures.set("disk_mb", daemon.store_mb());
    let measured = Duration::from_secs_f64(args.secs);
    let plan = plan(
        &running,
        args.conns,
        measured.min(Duration::from_secs(2)) / 4,
        measured,
        None,
    );
    loader::run(plan, &book)?.note(&mut figures);
    figures.set("rss_peak_mb", process::peak_mb(running.pid()));
    Ok(figures)
}

/// Posts the backlog and waits until it is understood.
fn fill(
    running: &Running,
    book: &Arc<Book>,
    leads: u64,
    conns: usize,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let plan = plan(
        running,
        conns,
        Duration::ZERO,
        Duration::from_hours(1),
        Some(leads),
    );
    let before = book.seconds();
    loader::run(plan, book)?;
    let seconds = book.seconds() - before;
    let kept = book.accepted();
    ensure!(kept >= leads, "only {kept} of {leads} leads were accepted");
    figures.set("fill_per_s", crate::numbers::figure(leads) / seconds);
    ensure!(
        process::wait_for_rest(running.pid(), SETTLING),
        "the daemon still works {} s after the last lead",
        SETTLING.as_secs()
    );
    figures.set("settled_s", book.seconds() - before);
    figures.set("rss_backlog_mb", process::resident_mb(running.pid()));
    Ok(())
}

fn plan(running: &Running, conns: usize, warm_up: Duration, measured: Duration, leads: Option<u64>) -> Plan {
    Plan {
        target: running.target(),
        conns,
        knock_anew: false,
        pace: Pace::Closed { window: None },
        warm_up,
        measured,
        leads,
    }
}
