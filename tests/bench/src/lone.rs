//! `lone`: one lead at a time through an idle daemon, from its 2xx to the CRM.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use serde_json::json;

use crate::book::Book;
use crate::cli::Common;
use crate::lead::Shapes;
use crate::loader::Client;
use crate::measurement::{Collected, Figures, Measurement};
use crate::numbers::{figure, percentile};
use crate::print::Printer;
use crate::process;
use crate::sink::{Anybody, Limits, Manners, Sink, simulated};
use crate::subject::{Daemon, Running, SinkKind, SinkText, daemon_path};

/// A lead that is not there by then is lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// `lone`
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LoneArgs {
    /// Where the leads go.
    #[arg(long, value_enum, default_value = "https")]
    pub(crate) to: SinkKind,
    /// How many, one after the other.
    #[arg(long, default_value_t = 100)]
    pub(crate) leads: u64,
    /// Milliseconds from one to the next, and a little more: slower than the shipped rates.
    #[arg(long, default_value_t = 600)]
    pub(crate) every_ms: u64,
    /// Milliseconds every answer of the CRM takes on top of what it takes.
    #[arg(long, default_value_t = 0)]
    pub(crate) answer_ms: u64,
    /// How often.
    #[arg(long, default_value_t = 1)]
    pub(crate) rounds: usize,
}

/// Measures and shows.
pub(crate) fn run(args: &LoneArgs, common: &Common) -> anyhow::Result<()> {
    let printer = Printer::new(common.json);
    printer.results("Leads on their own", &measure(args, common, printer)?)
}

/// Every round has its own daemon, store and sink.
pub(crate) fn measure(
    args: &LoneArgs,
    common: &Common,
    printer: Printer,
) -> anyhow::Result<Vec<Measurement>> {
    let labels = [
        ("to", json!(args.to.name())),
        ("answer_ms", json!(args.answer_ms)),
    ];
    let mut collected = Collected::default();
    for round in 0..args.rounds {
        printer.progress(&format!("round {} of {}", round + 1, args.rounds));
        let figures = one_round(args, common)?;
        let fresh = Measurement::new("lone", "daemon", &labels);
        collected.add(fresh, figures, Figures::default(), None);
    }
    Ok(collected.0)
}

fn one_round(args: &LoneArgs, common: &Common) -> anyhow::Result<Figures> {
    let manners = Manners {
        limits: Limits::Published,
        poison: false,
        bulk_action: true,
    };
    let book = Arc::new(Book::open());
    let sink = Sink::start(
        &book,
        Duration::from_millis(args.answer_ms),
        |address| match args.to {
            SinkKind::Https => Ok(Box::new(Anybody)),
            kind => simulated(kind, manners, address),
        },
    )?;
    let text = SinkText {
        kind: args.to,
        address: sink.address(),
        pacing: args.to.usual_pacing(),
        azurite: false,
    };
    let daemon = Daemon::prepare(
        &daemon_path(common.daemon.as_deref())?,
        common.dir.as_deref(),
        &[text],
    )?;
    let mut running = daemon.start()?;
    running.first_accepted(&book)?;
    process::wait_for_rest(running.pid(), Duration::from_secs(10));
    let before = sink.counts();
    let ways = post(args, &running, &book, &sink)?;
    let calls = sink.counts().since(before);
    let mut figures = Figures::default();
    figures.set("leads", figure(args.leads));
    figures.set("calls", figure(calls.calls()));
    figures.set("throttled", figure(calls.throttled));
    note(
        &mut figures,
        ["lag_p50_ms", "lag_p99_ms"],
        ways.iter().map(|way| way.lag_us),
    );
    note(
        &mut figures,
        ["answer_p50_ms", "answer_p99_ms"],
        ways.iter().map(|way| way.answer_us),
    );
    let own = ways.iter().map(|way| way.lag_us.saturating_sub(way.answer_us));
    note(&mut figures, ["own_p50_ms", "own_p99_ms"], own);
    Ok(figures)
}

/// How long one lead took.
struct Way {
    /// From its 2xx to the CRM's answer.
    lag_us: u64,
    /// Of that, how long the CRM took for its answers.
    answer_us: u64,
}

fn post(args: &LoneArgs, running: &Running, book: &Book, sink: &Sink) -> anyhow::Result<Vec<Way>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut client = Client::new(&running.target());
    let (shapes, mut body, mut ways) = (Shapes::new(), Vec::new(), Vec::new());
    for _ in 0..args.leads {
        let number = book.take();
        // Not in step with anything that happens by the second.
        std::thread::sleep(Duration::from_millis(args.every_ms + number * 37 % 101));
        body.clear();
        shapes.write(number, &mut body);
        let busy_before = sink.counts().busy_us;
        let status = runtime.block_on(client.post(&body));
        ensure!(matches!(status, Ok(200..300)), "a lead was answered {status:?}");
        book.accept(number);
        let lag = wait(book, number)?;
        ways.push(Way {
            lag_us: lag,
            answer_us: sink.counts().busy_us - busy_before,
        });
    }
    Ok(ways)
}

/// Microseconds from the lead's 2xx to the sink.
fn wait(book: &Book, number: u64) -> anyhow::Result<u64> {
    let begun = std::time::Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(lag) = book.lag_us(number) {
            return Ok(lag.into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    anyhow::bail!("lead {number} did not arrive in {} s", PATIENCE.as_secs())
}

/// The middle and the worst but one in a hundred, in milliseconds.
fn note(figures: &mut Figures, names: [&'static str; 2], micros: impl Iterator<Item = u64>) {
    let mut sorted: Vec<u64> = micros.collect();
    sorted.sort_unstable();
    for (name, share) in names.into_iter().zip([0.5, 0.99]) {
        figures.set_if(
            name,
            percentile(&sorted, share).map(|micros| figure(micros) / 1000.0),
        );
    }
}
