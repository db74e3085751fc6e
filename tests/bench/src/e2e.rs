//! `e2e`: from the sender's POST to the destination's answer, through every stage of the daemon.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::book::Book;
use crate::cli::Common;
use crate::course::{Course, Load};
use crate::measurement::{Collected, Figures, Measurement};
use crate::print::Printer;
use crate::sink::{Azurite, Sink, azurite_path};
use crate::subject::{Daemon, SinkKind, SinkText, daemon_path};

/// Azure Table storage's published target for one partition (contract azure-table 9).
const AZURE_PARTITION_PER_S: f64 = 2000.0;

/// Leads waiting in a full queue when `--leads` names no other number.
const FULL_QUEUE: u64 = 10_000;

/// `Retry-After` while a queue fills: short, for the daemon waits it out after the opening.
const HELD_S: u32 = 1;

/// `e2e`
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct E2eArgs {
    /// Where the leads go.
    #[arg(long, value_enum, default_value = "https")]
    pub(crate) to: SinkKind,
    /// How often.
    #[arg(long, default_value_t = 1)]
    pub(crate) rounds: usize,
    /// Fill the queue while the destination is unreachable, then open it; always so for azure-table.
    #[arg(long)]
    pub(crate) full_queue: bool,
    /// The `azurite-table` program. Default: the one installed under `tests/azurite`.
    #[arg(long)]
    pub(crate) azurite: Option<PathBuf>,
    /// The load.
    #[command(flatten)]
    pub(crate) load: LoadArgs,
}

/// The load `e2e` and `peer` share.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LoadArgs {
    /// Connections, each with one request under way.
    #[arg(long, default_value_t = 64)]
    pub(crate) conns: usize,
    /// Seconds of posting.
    #[arg(long, default_value_t = 30.0)]
    pub(crate) secs: f64,
    /// Post so many leads at most.
    #[arg(long)]
    pub(crate) leads: Option<u64>,
    /// Leads a second, whatever the answers (open loop). Default: the next lead follows an answer.
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// Without --rate: posting rests while so many leads are accepted and not yet delivered.
    #[arg(long, default_value_t = 20_000)]
    pub(crate) window: u64,
}

impl LoadArgs {
    /// The load of a live run.
    pub(crate) fn load(&self) -> Load {
        Load {
            conns: self.conns,
            posting: Duration::from_secs_f64(self.secs),
            leads: self.leads,
            rate: self.rate,
            window: self.window,
        }
    }

    /// The load that fills a queue: a number of leads, however long it takes.
    fn filling(&self) -> Load {
        let leads = Some(self.leads.unwrap_or(FULL_QUEUE));
        Load {
            leads,
            posting: Duration::from_hours(1),
            ..self.load()
        }
    }

    /// What tells results apart.
    pub(crate) fn labels(&self, to: &str, mode: &str) -> Vec<(&'static str, Value)> {
        let mut labels = vec![
            ("to", json!(to)),
            ("conns", json!(self.conns)),
            ("mode", json!(mode)),
        ];
        labels.push((
            "rate",
            self.rate.map_or_else(|| json!("none"), |rate| json!(rate)),
        ));
        labels.extend(self.leads.map(|leads| ("posted", json!(leads))));
        labels
    }
}

/// Measures and shows.
pub(crate) fn run(args: &E2eArgs, common: &Common) -> anyhow::Result<()> {
    let printer = Printer::new(common.json);
    printer.results("Leads delivered", &measure(args, common, printer)?)
}

/// Every round has its own daemon, store and sink.
pub(crate) fn measure(args: &E2eArgs, common: &Common, printer: Printer) -> anyhow::Result<Vec<Measurement>> {
    let full = args.full_queue || args.to == SinkKind::AzureTable;
    let labels = args
        .load
        .labels(args.to.name(), if full { "full-queue" } else { "live" });
    let mut collected = Collected::default();
    for round in 0..args.rounds {
        printer.progress(&format!("round {} of {}", round + 1, args.rounds));
        let (figures, course) = one_round(args, full, common)?;
        let fresh = Measurement::new("e2e", "daemon", &labels);
        collected.add(fresh, figures, Figures::default(), Some(course));
    }
    Ok(collected.0)
}

fn one_round(args: &E2eArgs, full: bool, common: &Common) -> anyhow::Result<(Figures, Value)> {
    let azurite = match args.to {
        SinkKind::Https => None,
        SinkKind::AzureTable => Some(Azurite::start(&azurite_path(args.azurite.as_deref())?)?),
    };
    let book = Arc::new(Book::open());
    let sink = Sink::start(&book, azurite.as_ref().map(Azurite::address))?;
    if full {
        sink.shut(HELD_S);
    }
    let text = SinkText {
        kind: args.to,
        address: sink.address(),
    };
    let daemon = Daemon::prepare(
        &daemon_path(common.daemon.as_deref())?,
        common.dir.as_deref(),
        &text,
    )?;
    let mut running = daemon.start()?;
    let mut course = Course {
        running: &mut running,
        sink: &sink,
        book: &book,
        batch_max: args.to.batch_max(),
        most_per_s: azurite.as_ref().map(|_| AZURE_PARTITION_PER_S),
    };
    if full {
        course.full_queue(&args.load.filling())
    } else {
        course.live(&args.load.load())
    }
}
