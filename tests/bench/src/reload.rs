//! `reload`: the config changes again and again while leads come in at a steady rate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};
use toml::Table;

use crate::book::Book;
use crate::cli::Common;
use crate::loader::{self, Pace, Plan};
use crate::measurement::{Collected, Figures, Measurement};
use crate::numbers::{figure, length, percentile};
use crate::print::Printer;
use crate::process;
use crate::sink::Sink;
use crate::subject::{Daemon, Running, SinkKind, SinkText, daemon_path};

/// A lead that is not delivered by then is lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// `reload`
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ReloadArgs {
    /// Leads a second, whatever the answers.
    #[arg(long, default_value_t = 500.0)]
    pub(crate) rate: f64,
    /// Connections.
    #[arg(long, default_value_t = 64)]
    pub(crate) conns: usize,
    /// Seconds of posting without reloads, and as many with them.
    #[arg(long, default_value_t = 20.0)]
    pub(crate) secs: f64,
    /// Milliseconds from one reload to the next.
    #[arg(long, default_value_t = 1000)]
    pub(crate) every_ms: u64,
    /// How often.
    #[arg(long, default_value_t = 1)]
    pub(crate) rounds: usize,
}

/// Measures and shows.
pub(crate) fn run(args: &ReloadArgs, common: &Common) -> anyhow::Result<()> {
    let printer = Printer::new(common.json);
    let labels = [
        ("conns", json!(args.conns)),
        ("rate", json!(args.rate)),
        ("every_ms", json!(args.every_ms)),
    ];
    let mut collected = Collected::default();
    for round in 0..args.rounds {
        printer.progress(&format!("round {} of {}", round + 1, args.rounds));
        let (figures, ratios) = one_round(args, common)?;
        let fresh = Measurement::new("reload", "daemon", &labels);
        collected.add(fresh, figures, ratios, None);
    }
    printer.results("Leads while the config changes", &collected.0)
}

/// A daemon, its one destination, and what was accepted and seen.
struct Scene<'a> {
    args: &'a ReloadArgs,
    daemon: Daemon,
    text: SinkText,
    running: Running,
    book: Arc<Book>,
}

/// What came of the reloads.
#[derive(Default)]
struct Reloads {
    /// What the daemon says each took, in milliseconds.
    took_ms: Vec<u64>,
    /// From the start of the command to its end, in milliseconds.
    command_ms: Vec<u64>,
    failed: u64,
}

fn one_round(args: &ReloadArgs, common: &Common) -> anyhow::Result<(Figures, Figures)> {
    let book = Arc::new(Book::open());
    let sink = Sink::for_anybody(&book)?;
    let text = SinkText::unlimited(SinkKind::Https, sink.address());
    let daemon = Daemon::prepare(
        &daemon_path(common.daemon.as_deref())?,
        common.dir.as_deref(),
        &[text],
    )?;
    let mut running = daemon.start()?;
    running.first_accepted(&book)?;
    process::wait_for_rest(running.pid(), Duration::from_secs(10));
    let scene = Scene {
        args,
        daemon,
        text,
        running,
        book,
    };
    let mut quiet = Figures::default();
    scene.post()?.note(&mut quiet);
    let before = scene.book.accepted();
    let (posted, reloads) = scene.post_and_reload()?;
    let mut figures = Figures::default();
    posted.note(&mut figures);
    figures.set("accepted", figure(scene.book.accepted() - before));
    figures.set_if("quiet_p99_ms", quiet.get("p99_ms"));
    reloads.note(&mut figures);
    scene.drain();
    let balance = scene.book.balance(None);
    figures.set("lost", figure(balance.lost));
    figures.set("doubled", figure(balance.doubled));
    figures.set("unconfirmed", figure(balance.unconfirmed));
    figures.set("rss_peak_mb", process::peak_mb(scene.running.pid()));
    let mut ratios = Figures::default();
    let pair = figures.get("p99_ms").zip(quiet.get("p99_ms"));
    ratios.set_if("p99_vs_quiet", pair.map(|(with, without)| with / without));
    Ok((figures, ratios))
}

impl Scene<'_> {
    fn post(&self) -> anyhow::Result<loader::Load> {
        let plan = Plan {
            target: self.running.target(),
            conns: self.args.conns,
            knock_anew: false,
            pace: Pace::Fixed {
                per_second: self.args.rate,
            },
            warm_up: Duration::ZERO,
            measured: Duration::from_secs_f64(self.args.secs),
            leads: None,
        };
        loader::run(plan, &self.book)
    }

    fn post_and_reload(&self) -> anyhow::Result<(loader::Load, Reloads)> {
        std::thread::scope(|scope| {
            let posting = scope.spawn(|| self.post());
            let mut reloads = Reloads::default();
            let every = Duration::from_millis(self.args.every_ms);
            for turn in 0.. {
                let begun = Instant::now();
                if posting.is_finished() {
                    break;
                }
                self.change(turn)?;
                reloads.add(self.daemon.ask(&["ctl", "reload"]), begun.elapsed());
                std::thread::sleep(every.saturating_sub(begun.elapsed()));
            }
            let posted = posting.join().ok().context("the loader panicked")??;
            Ok((posted, reloads))
        })
    }

    /// Each time something else: terms of the connector, its rate, a second source.
    fn change(&self, turn: i64) -> anyhow::Result<()> {
        self.daemon.rewrite_connector(&self.text, |table| {
            let burst = if turn % 2 == 0 { 100_000 } else { 50_000 };
            let rate = Table::from_iter([
                ("per_second".to_owned(), 100_000.into()),
                ("burst".to_owned(), burst.into()),
            ]);
            table.insert("rate".to_owned(), rate.into());
            table.insert("lease".to_owned(), format!("{}s", 120 + turn % 3).into());
        })?;
        self.daemon.rewrite_main(if turn % 3 == 1 { "more" } else { "" })
    }

    /// Waits until everything accepted is delivered, or patience ends.
    fn drain(&self) {
        let begun = Instant::now();
        while self.book.depth() > 0 && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
        // What comes a second time comes now.
        process::wait_for_rest(self.running.pid(), Duration::from_secs(5));
    }
}

impl Reloads {
    fn add(&mut self, answer: anyhow::Result<Value>, command: Duration) {
        match answer.ok().and_then(|told| told["duration_ms"].as_u64()) {
            Some(took) => {
                self.took_ms.push(took);
                self.command_ms
                    .push(u64::try_from(command.as_millis()).unwrap_or(u64::MAX));
            }
            None => self.failed += 1,
        }
    }

    fn note(mut self, figures: &mut Figures) {
        figures.set("reloads", length(self.took_ms.len()));
        figures.set("reloads_failed", figure(self.failed));
        self.took_ms.sort_unstable();
        self.command_ms.sort_unstable();
        for (name, list, share) in [
            ("reload_p50_ms", &self.took_ms, 0.5),
            ("reload_p99_ms", &self.took_ms, 0.99),
            ("command_p50_ms", &self.command_ms, 0.5),
            ("command_p99_ms", &self.command_ms, 0.99),
        ] {
            figures.set_if(name, percentile(list, share).map(figure));
        }
    }
}
