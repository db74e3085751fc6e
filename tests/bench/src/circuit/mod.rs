//! `loop`: from an event at the daemon's door to a record in the CRM, and from a won deal back to Partner Center.

mod house;
mod sides;
mod teller;

use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::json;

use crate::cli::Common;
use crate::measurement::{Collected, Figures, Measurement};
use crate::numbers::{figure, length, percentile};
use crate::print::Printer;
use crate::subject::{Pacing, daemon_path};
use house::House;
use sides::Sides;
use teller::Teller;

/// How often the daemon asks the CRM what became of leads; written into its file.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// What the way back may take beyond that.
const GRACE: Duration = Duration::from_secs(2);
/// What is not there by then is lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// `loop`
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LoopArgs {
    /// How many referrals, one after the other.
    #[arg(long, default_value_t = 20)]
    pub(crate) referrals: u64,
    /// How many once more, with calls to Partner Center as rare as the shipped file makes them; 0 for none.
    #[arg(long, default_value_t = 5)]
    pub(crate) shipped: u64,
    /// How often.
    #[arg(long, default_value_t = 1)]
    pub(crate) rounds: usize,
}

/// Measures and shows.
pub(crate) fn run(args: &LoopArgs, common: &Common) -> anyhow::Result<()> {
    let printer = Printer::new(common.json);
    printer.results("The loop", &measure(args, common, printer)?)
}

/// Every round has its own daemon, store and systems.
pub(crate) fn measure(
    args: &LoopArgs,
    common: &Common,
    printer: Printer,
) -> anyhow::Result<Vec<Measurement>> {
    let courses = [
        (Pacing::Unlimited, "unlimited", args.referrals),
        (Pacing::Shipped, "shipped", args.shipped),
    ];
    let mut collected = Collected::default();
    for round in 0..args.rounds {
        for (pacing, pace, referrals) in courses {
            if referrals == 0 {
                continue;
            }
            printer.progress(&format!("round {} of {}, {pace}", round + 1, args.rounds));
            let labels = [
                ("pace", json!(pace)),
                ("referrals", json!(referrals)),
                ("watch_every_ms", json!(WATCH_EVERY.as_millis())),
            ];
            let figures = one_round(referrals, pacing, common)?;
            let fresh = Measurement::new("loop", "daemon", &labels);
            collected.add(fresh, figures, Figures::default(), None);
        }
    }
    Ok(collected.0)
}

/// What the referrals took, in microseconds.
#[derive(Default)]
struct Ways {
    record: Vec<u64>,
    accepted: Vec<u64>,
    won: Vec<u64>,
}

fn one_round(referrals: u64, pacing: Pacing, common: &Common) -> anyhow::Result<Figures> {
    let sides = Sides::open()?;
    let house = House::build(&sides, &daemon_path(common.daemon.as_deref())?, common, pacing)?;
    let _running = house.start(&sides)?;
    let teller = Teller::begin(&sides, house.address())?;
    let before = sides.calls();
    let mut ways = Ways::default();
    let mut lost = 0;
    for number in 0..referrals {
        if !go_round(number, &sides, &teller, &mut ways) {
            lost += 1;
        }
    }
    teller.end()?;
    let mut figures = Figures::default();
    note(&mut figures, RECORD, ways.record);
    note(&mut figures, ACCEPTED, ways.accepted);
    note(&mut figures, WON, ways.won);
    let allowed = (WATCH_EVERY + GRACE).as_secs_f64() * 1000.0;
    let worst = figures.get("won_p99_ms");
    figures.set_if("won_over_allowed", worst.map(|worst| worst / allowed));
    figures.set(
        "calls_per_referral",
        figure(sides.calls() - before) / figure(referrals),
    );
    figures.set("lost", figure(lost));
    figures.set("doubled", figure(sides.doubled(referrals - lost)));
    figures.set("violations", length(sides.center.violations().len()));
    if lost == referrals {
        bail!("no referral went round:\n{}", house.log());
    }
    Ok(figures)
}

/// One referral goes all the way round; false when it did not get there.
fn go_round(number: u64, sides: &Sides, teller: &Teller, ways: &mut Ways) -> bool {
    let referral = sides.refer(number);
    let Some((record, at)) = wait(|| sides.record(&referral)) else {
        return false;
    };
    let told = teller.told(&referral);
    ways.record
        .extend(told.map(|told| micros(at.saturating_duration_since(told))));
    let opportunity = sides.qualify(&record);
    let qualified = Instant::now();
    let Some(((), at)) = wait(|| sides.stands(&referral, "Active/Accepted")) else {
        return false;
    };
    ways.accepted.push(micros(at - qualified));
    sides.win(&opportunity);
    let won = Instant::now();
    let Some(((), at)) = wait(|| sides.stands(&referral, "Closed/Won")) else {
        return false;
    };
    ways.won.push(micros(at - won));
    true
}

/// What is seen at last, and when.
fn wait<T>(mut look: impl FnMut() -> Option<T>) -> Option<(T, Instant)> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(seen) = look() {
            return Some((seen, Instant::now()));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    None
}

fn micros(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)
}

/// The middle, the worst but one in a hundred, and the worst.
type Names = [(&'static str, f64); 3];

const RECORD: Names = [
    ("record_p50_ms", 0.5),
    ("record_p99_ms", 0.99),
    ("record_max_ms", 1.0),
];
const ACCEPTED: Names = [
    ("accepted_p50_ms", 0.5),
    ("accepted_p99_ms", 0.99),
    ("accepted_max_ms", 1.0),
];
const WON: Names = [("won_p50_ms", 0.5), ("won_p99_ms", 0.99), ("won_max_ms", 1.0)];

fn note(figures: &mut Figures, names: Names, mut micros: Vec<u64>) {
    micros.sort_unstable();
    for (name, share) in names {
        let found = percentile(&micros, share);
        figures.set_if(name, found.map(|micros| figure(micros) / 1000.0));
    }
}
