//! `limits`: what this machine's disk, SQLite and axum can do, before anything of ours runs.

pub(crate) mod disk;
mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::book::Book;
use crate::cli::Common;
use crate::loader::{self, Pace, Plan};
use crate::measurement::{Collected, Figures, Measurement};
use crate::print::Printer;
use crate::subject::{Home, Own, start_own};

/// Rows in one flush or one transaction.
const BATCHES: [usize; 4] = [1, 10, 100, 1000];

/// `limits`
#[derive(Debug, clap::Args)]
pub(crate) struct LimitsArgs {
    /// Connections for the echo servers.
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,256")]
    conns: Vec<usize>,
    /// Seconds for each figure.
    #[arg(long, default_value_t = 2.0)]
    secs: f64,
    /// How often everything is measured, in turn.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// Measures everything and shows it.
pub(crate) fn run(args: &LimitsArgs, common: &Common) -> anyhow::Result<()> {
    let printer = Printer::new(common.json);
    let span = Duration::from_secs_f64(args.secs);
    let (mut raw, mut sqlite, mut http) = (Collected::default(), Collected::default(), Collected::default());
    for round in 0..args.rounds {
        printer.progress(&format!("round {} of {}", round + 1, args.rounds));
        for (way, batch) in pairs(&disk::WAYS, &BATCHES) {
            let home = Home::new(common.dir.as_deref())?;
            add(
                &mut raw,
                "disk",
                way.name(),
                ("batch", batch),
                disk::measure(way, batch, home.path(), span)?,
            );
        }
        for (synchronous, batch) in pairs(&["FULL", "NORMAL"], &BATCHES) {
            let home = Home::new(common.dir.as_deref())?;
            let figures = sqlite::measure(synchronous, batch, home.path(), span)?;
            add(&mut sqlite, "sqlite", synchronous, ("batch", batch), figures);
        }
        for (which, conns) in pairs(&[Own::Plain, Own::Echo], &args.conns) {
            add(
                &mut http,
                "http",
                which.name(),
                ("conns", conns),
                measure_echo(which, conns, span, common)?,
            );
        }
    }
    printer.results("Raw appends of 600 bytes, each batch flushed", &raw.0)?;
    printer.results("SQLite inserts, WAL, rows per transaction", &sqlite.0)?;
    printer.results("axum without durability", &http.0)
}

fn pairs<A: Copy, B: Copy>(left: &[A], right: &[B]) -> Vec<(A, B)> {
    left.iter().flat_map(|a| right.iter().map(|b| (*a, *b))).collect()
}

fn add(list: &mut Collected, what: &str, subject: &str, label: (&str, usize), figures: Figures) {
    let labels = [("what", json!(what)), (label.0, json!(label.1))];
    list.add(
        Measurement::new("limits", subject, &labels),
        figures,
        Figures::default(),
        None,
    );
}

fn measure_echo(which: Own, conns: usize, span: Duration, common: &Common) -> anyhow::Result<Figures> {
    let home = Home::new(common.dir.as_deref())?;
    let book = Arc::new(Book::open());
    let mut running = start_own(which, &home)?;
    running.first_accepted(&book)?;
    let plan = Plan {
        target: running.target(),
        conns,
        knock_anew: false,
        pace: Pace::Closed { window: None },
        warm_up: span.min(Duration::from_secs(1)) / 4,
        measured: span,
        leads: None,
    };
    let load = loader::run(plan, &book)?;
    let mut figures = Figures::default();
    load.note(&mut figures);
    Ok(figures)
}
