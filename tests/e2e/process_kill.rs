//! F01: the process dies without a word, again and again, while leads come in.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::process::{Daemon, Destination, House, Ledger, Load, Plan};

const KILLS: u32 = 50;
const SENDERS: usize = 8;

#[test]
fn fifty_sudden_deaths_under_load_lose_no_lead_and_double_no_record() {
    let destination = Destination::open();
    let house = House::build(&Plan {
        connectors: BTreeMap::from([("crm", destination.connector())]),
        ..Plan::default()
    });
    let mut dice = dice();
    let load = Load::begin(&house, SENDERS);
    let mut ready_after = Vec::new();
    for _ in 0..KILLS {
        let span = Duration::from_millis(dice.random_range(100..600));
        ready_after.extend(live_for(&house, span));
    }
    let ledger = load.end();
    report(&mut ready_after, &ledger);
    assert!(ready_after.len() > 10, "deaths hit a daemon at work");
    assert!(ledger.count() > 1000, "and one under load");

    house.work_off();
    nothing_is_missing(&house, &destination, &ledger);
}

/// Chance that can be repeated.
fn dice() -> ChaCha8Rng {
    let seed = std::env::var("LEADSYNC_TEST_SEED").map_or_else(
        |_| RandomState::new().hash_one("kills"),
        |seed| seed.parse().unwrap(),
    );
    println!("the moments of death are those of LEADSYNC_TEST_SEED={seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// One life of this length; how long it took to be ready, if it ever was.
fn live_for(house: &House, span: Duration) -> Option<Duration> {
    let begun = Instant::now();
    let mut daemon = Daemon::spawn(house);
    let mut ready = None;
    while begun.elapsed() < span {
        assert!(daemon.lives(), "it ended by itself: {}", house.log());
        if ready.is_none() && Daemon::is_ready(house) {
            ready = Some(begun.elapsed());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    daemon.kill();
    ready
}

fn report(ready_after: &mut [Duration], ledger: &Ledger) {
    ready_after.sort_unstable();
    println!(
        "{} leads acknowledged in {KILLS} lives; ready again after {:?} at the median, {:?} at most",
        ledger.count(),
        ready_after.get(ready_after.len() / 2),
        ready_after.last(),
    );
}

fn nothing_is_missing(house: &House, destination: &Destination, ledger: &Ledger) {
    let stored = house.stored();
    let records = destination.records();
    let flaws = ledger.flaws();
    assert!(flaws.is_empty(), "{flaws:?}");
    let status = house.ask(&["status"]);
    let missing = house.misses(ledger);
    assert!(missing.is_empty(), "lost: {missing:?}; {status}");
    for email in ledger.emails() {
        let lead = stored.get(&email).unwrap_or_else(|| panic!("{email} is lost"));
        assert_eq!(lead["fate"], "delivered", "{email}");
        assert_eq!(records.get(&email), Some(&1), "{email} at the destination");
    }
    assert_eq!(records.len(), stored.len(), "nobody else is at the destination");
    assert_eq!(status["quarantined"], 0);
}
