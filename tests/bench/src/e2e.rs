//! `e2e`: from the sender's POST to the destination's answer, through every stage of the daemon.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::book::Book;
use crate::cli::Common;
use crate::course::{Course, Load};
use crate::measurement::{Collected, Figures, Measurement};
use crate::numbers::{floor, length};
use crate::print::Printer;
use crate::sink::{
    Anybody, Azurite, DEFAULT_AZURITE, Limits, Manners, Sink, Upstream, azurite_path, simulated,
};
use crate::subject::{Daemon, SinkKind, SinkText, daemon_path};

/// Azure Table storage's published target for one partition (contract azure-table 9).
const AZURE_PARTITION_PER_S: f64 = 2000.0;

/// Leads waiting in a full queue when `--leads` names no other number.
const FULL_QUEUE: u64 = 10_000;

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
    /// With azure-table: put Azurite behind the door in place of the simulator. Names the
    /// `azurite-table` program; without a value, the one installed under `tests/azurite`.
    #[arg(long, num_args = 0..=1, default_missing_value = DEFAULT_AZURITE)]
    pub(crate) azurite: Option<PathBuf>,
    /// The CRM lets through only this fraction of the calls the daemon believes it may make.
    #[arg(long)]
    pub(crate) stricter: Option<f64>,
    /// The CRM refuses one lead in a thousand.
    #[arg(long)]
    pub(crate) poison: bool,
    /// The CRM takes many records as a batch of single requests only, where it has another way.
    #[arg(long)]
    pub(crate) no_bulk_action: bool,
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
    let labels = args.labels(full);
    let mut collected = Collected::default();
    for round in 0..args.rounds {
        printer.progress(&format!("round {} of {}", round + 1, args.rounds));
        let (figures, course) = one_round(args, full, common)?;
        let fresh = Measurement::new("e2e", "daemon", &labels);
        collected.add(fresh, figures, Figures::default(), Some(course));
    }
    Ok(collected.0)
}

impl E2eArgs {
    /// What tells results apart.
    fn labels(&self, full: bool) -> Vec<(&'static str, Value)> {
        let mut labels = self
            .load
            .labels(self.to.name(), if full { "full-queue" } else { "live" });
        labels.extend(self.stricter.map(|fraction| ("stricter", json!(fraction))));
        labels.extend(self.poison.then_some(("poison", json!(true))));
        labels.extend(self.no_bulk_action.then_some(("bulk_action", json!(false))));
        labels
    }

    fn manners(&self) -> Manners {
        let calls = |fraction: f64| floor(self.to.calls_per_20s() * fraction).max(1);
        Manners {
            limits: self
                .stricter
                .map_or(Limits::Published, |fraction| Limits::Stricter(calls(fraction))),
            poison: self.poison,
            bulk_action: !self.no_bulk_action,
        }
    }

    /// The system the leads go to, behind its door.
    fn sink(&self, book: &Arc<Book>, azurite: Option<&Azurite>) -> anyhow::Result<Sink> {
        Sink::start(book, Duration::ZERO, |address| match (self.to, azurite) {
            (_, Some(azurite)) => Ok(Box::new(Upstream::new(azurite.address()))),
            (SinkKind::Https, None) => Ok(Box::new(Anybody)),
            (kind, None) => simulated(kind, self.manners(), address),
        })
    }
}

fn one_round(args: &E2eArgs, full: bool, common: &Common) -> anyhow::Result<(Figures, Value)> {
    let azurite = match &args.azurite {
        Some(path) => Some(Azurite::start(&azurite_path(path)?)?),
        None => None,
    };
    let book = Arc::new(Book::open());
    let sink = args.sink(&book, azurite.as_ref())?;
    let text = SinkText {
        kind: args.to,
        address: sink.address(),
        pacing: args.to.usual_pacing(),
        azurite: azurite.is_some(),
    };
    let daemon = Daemon::prepare(
        &daemon_path(common.daemon.as_deref())?,
        common.dir.as_deref(),
        &[text],
    )?;
    let mut running = daemon.start()?;
    let mut course = Course {
        running: &mut running,
        sink: &sink,
        book: &book,
        batch_max: args.to.batch_max(),
        most_per_s: azurite.as_ref().map(|_| AZURE_PARTITION_PER_S),
        poison: args.poison,
    };
    let (mut figures, depths) = if full {
        course.full_queue(&args.load.filling(), (&daemon, args.to))?
    } else {
        course.live(&args.load.load())?
    };
    if args.poison {
        note_dead(&mut figures, &daemon.dead_letters()?, args.to);
    }
    Ok((figures, depths))
}

/// What the operator is told of the leads the CRM refused. They are not lost.
fn note_dead(figures: &mut Figures, letters: &[Value], to: SinkKind) {
    let told = |letter: &&Value| {
        letter["answer"]
            .as_str()
            .is_some_and(|text| text.contains(to.refusal()))
    };
    let dead = length(letters.len());
    figures.set("dead_letters", dead);
    figures.set(
        "dead_letters_in_its_words",
        length(letters.iter().filter(told).count()),
    );
    figures.set_if("lost", figures.get("lost").map(|lost| lost - dead));
}
