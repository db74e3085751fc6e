//! `restart`: what senders notice of restarts while the socket is kept, as `leadsync.socket` keeps it.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;

use crate::book::Book;
use crate::cli::Common;
use crate::loader::{self, Pace, Plan};
use crate::measurement::{Collected, Figures, Measurement};
use crate::numbers::figure;
use crate::print::Printer;
use crate::sink::Sink;
use crate::subject::{Daemon, SinkKind, SinkText, daemon_path, loopback};

/// A daemon that takes longer to end, or leads that take longer to arrive, are a fault.
const PATIENCE: Duration = Duration::from_mins(1);

/// `restart`
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RestartArgs {
    /// How many restarts.
    #[arg(long, default_value_t = 20)]
    pub(crate) restarts: u32,
    /// Leads a second, each over a connection of its own, whatever the answers.
    #[arg(long, default_value_t = 500.0)]
    pub(crate) rate: f64,
    /// Seconds from one restart to the next.
    #[arg(long, default_value_t = 1.5)]
    pub(crate) every_s: f64,
    /// Requests under way at the same time, at most.
    #[arg(long, default_value_t = 256)]
    pub(crate) conns: usize,
    /// How often all of it.
    #[arg(long, default_value_t = 1)]
    pub(crate) rounds: usize,
}

/// Measures and shows.
pub(crate) fn run(args: &RestartArgs, common: &Common) -> anyhow::Result<()> {
    let printer = Printer::new(common.json);
    printer.results("Restarts", &measure(args, common, printer)?)
}

/// Every round has its own daemon, store and sink.
fn measure(args: &RestartArgs, common: &Common, printer: Printer) -> anyhow::Result<Vec<Measurement>> {
    let labels = [("restarts", json!(args.restarts)), ("rate", json!(args.rate))];
    let mut collected = Collected::default();
    for round in 0..args.rounds {
        printer.progress(&format!("round {} of {}", round + 1, args.rounds));
        let figures = one_round(args, common)?;
        let fresh = Measurement::new("restart", "daemon", &labels);
        collected.add(fresh, figures, Figures::default(), None);
    }
    Ok(collected.0)
}

fn one_round(args: &RestartArgs, common: &Common) -> anyhow::Result<Figures> {
    let book = Arc::new(Book::open());
    let sink = Sink::for_anybody(&book)?;
    let text = SinkText::unlimited(SinkKind::Https, sink.address());
    let daemon = Daemon::prepare(
        &daemon_path(common.daemon.as_deref())?,
        common.dir.as_deref(),
        &[text],
    )?;
    let listener = TcpListener::bind(loopback(0))?;
    let mut running = daemon.start_on(&listener)?;
    running.first_accepted(&book)?;

    let every = Duration::from_secs_f64(args.every_s);
    let plan = Plan {
        target: running.target(),
        conns: args.conns,
        knock_anew: true,
        pace: Pace::Fixed {
            per_second: args.rate,
        },
        warm_up: Duration::ZERO,
        measured: every * args.restarts,
        leads: None,
    };
    let load = {
        let book = Arc::clone(&book);
        std::thread::spawn(move || loader::run(plan, &book))
    };
    let (mut ready, mut away) = (0.0_f64, 0.0_f64);
    for _ in 0..args.restarts {
        let turn = Instant::now();
        ensure!(running.stop(PATIENCE)?, "it did not end when told to");
        running = daemon.start_on(&listener)?;
        ready = ready.max(running.first_accepted(&book)?);
        away = away.max(turn.elapsed().as_secs_f64());
        std::thread::sleep(every.saturating_sub(turn.elapsed()));
    }
    let load = load.join().ok().context("the loader panicked")??;
    let begun = Instant::now();
    while book.depth() > 0 && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(10));
    }
    let balance = book.balance(None);
    let mut figures = Figures::default();
    load.note(&mut figures);
    figures.set("leads", figure(book.accepted()));
    figures.set("broken", figure(load.broken()));
    figures.set_if("longest_ms", load.longest_ms());
    figures.set("ready_s", ready);
    figures.set("away_s", away);
    figures.set("lost", figure(balance.lost));
    figures.set("doubled", figure(balance.doubled));
    Ok(figures)
}
