//! Random histories: whatever people, Partner Center, the network and death do, both sides agree in the
//! end, nothing illegal was ever sent, and nothing is done twice.

mod moves;
mod office;
mod town;
mod verdict;

use chrono::TimeDelta;
use connector_kit::clock::Clock;
use leadsync::syncback::{FieldRules, Policy, Winner};

use town::Town;

/// Referrals of one run; each has a history of its own, and they disturb each other.
const REFERRALS: usize = 10;
/// Runs of one test.
const RUNS: u64 = 250;

/// Some runs accept by themselves, some let the other side win.
fn policy(seed: u64) -> Policy {
    let winner = [Winner::Crm, Winner::PartnerCenter, Winner::Newest][usize::try_from(seed % 3).unwrap()];
    Policy {
        fields: FieldRules {
            value: winner,
            closes_on: winner,
        },
        auto_accept: seed.is_multiple_of(5),
        co_sell_won_after: TimeDelta::minutes(40),
        ..Policy::default()
    }
}

async fn run(seed: u64) {
    let mut town = Town::found(seed, policy(seed)).await;
    for number in 0..REFERRALS {
        town.arrive(number);
        for _ in 0..12 {
            town.happen().await;
        }
    }
    for _ in 0..120 {
        town.happen().await;
    }
    town.calm_down();
    // Longer than every schedule and every wait of ours together.
    let until = town.clock.now() + TimeDelta::hours(2);
    town.live(until).await;
    town.judge(seed).await;
}

fn runs(first: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for seed in first..first + RUNS {
        let history = std::panic::AssertUnwindSafe(|| runtime.block_on(run(seed)));
        if let Err(panic) = std::panic::catch_unwind(history) {
            println!("SEED={seed}: the history of this seed does not converge");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn ten_thousand_histories_converge_first_quarter() {
    runs(0);
}

#[test]
fn ten_thousand_histories_converge_second_quarter() {
    runs(RUNS);
}

#[test]
fn ten_thousand_histories_converge_third_quarter() {
    runs(2 * RUNS);
}

#[test]
fn ten_thousand_histories_converge_last_quarter() {
    runs(3 * RUNS);
}

/// `SEED=7 cargo nextest run -E 'test(one_history)'` repeats one run.
#[test]
fn one_history_by_its_seed_converges() {
    let seed = std::env::var("SEED").ok().and_then(|text| text.parse().ok());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(run(seed.unwrap_or(123_456)));
}
