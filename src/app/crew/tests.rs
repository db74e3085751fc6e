//! Crews follow each other post by post; nobody waits for a slow one at another post.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::ManualClock;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;
use crate::runtime::ticks::Crank;
use crate::runtime::{LONGEST_REST, LONGEST_STEP, Next};
use crate::store::StoreError;

/// Says when it steps; one behind a gate does not come to the end of its step before that opens.
struct Stepper {
    name: String,
    steps: UnboundedSender<String>,
    gate: Option<Arc<Semaphore>>,
}

#[async_trait]
impl Worker for Stepper {
    fn name(&self) -> &str {
        &self.name
    }

    fn longest_step(&self) -> Duration {
        LONGEST_STEP
    }

    async fn step(&mut self, _: DateTime<Utc>) -> Result<Next, StoreError> {
        self.steps.send(self.name.clone()).unwrap();
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        Ok(Next::Idle)
    }
}

struct House {
    roster: Roster,
    clock: ManualClock,
    crank: Crank,
    stop: CancellationToken,
    gate: Arc<Semaphore>,
    steps: UnboundedSender<String>,
    seen: UnboundedReceiver<String>,
}

impl House {
    fn new() -> Self {
        let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let (ticks, crank) = Ticks::by_hand();
        let stop = CancellationToken::new();
        let (steps, seen) = unbounded_channel();
        Self {
            roster: Roster::new(Handle::current(), Arc::new(clock.clone()), ticks, stop.clone()),
            clock,
            crank,
            stop,
            gate: Arc::new(Semaphore::new(0)),
            steps,
            seen,
        }
    }

    fn relieve(&self, crew: &str, connectors: &[&str], gated: bool) -> Relieved {
        let hire = |connector: &&str| {
            let stepper = Stepper {
                name: format!("{crew} {connector}"),
                steps: self.steps.clone(),
                gate: (gated && *connector == "slow").then(|| Arc::clone(&self.gate)),
            };
            Hired::new("deliver", connector, stepper, &Bell::default())
        };
        self.roster.relieve(connectors.iter().map(hire).collect())
    }

    /// The next steps, whoever makes them, in the order of names.
    async fn steps(&mut self, count: usize) -> Vec<String> {
        let mut steps = Vec::new();
        for _ in 0..count {
            steps.push(self.seen.recv().await.unwrap());
        }
        steps.sort();
        steps
    }

    /// Whoever could step has stepped.
    async fn is_quiet(&mut self) -> bool {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        self.seen.is_empty()
    }
}

#[tokio::test]
async fn a_slow_post_is_taken_over_once_those_before_have_finished_and_all_others_at_once() {
    let mut house = House::new();
    drop(house.relieve("first", &["slow", "quick"], true));
    assert_eq!(house.steps(2).await, ["first quick", "first slow"]);
    let relieved = house.relieve("second", &["slow", "quick"], false);
    assert_eq!(house.steps(1).await, ["second quick"]);
    assert!(house.is_quiet().await, "two work for the slow one");
    assert_eq!(
        house.roster.names(),
        ["first slow", "second slow", "second quick"]
    );

    house.gate.add_permits(1);
    assert_eq!(house.steps(1).await, ["second slow"]);
    relieved.gone().await;
    assert_eq!(house.roster.names(), ["second slow", "second quick"]);
}

#[tokio::test]
async fn of_many_crews_that_wait_only_the_last_begins() {
    let mut house = House::new();
    drop(house.relieve("first", &["slow"], true));
    assert_eq!(house.steps(1).await, ["first slow"]);
    for crew in ["second", "third", "fourth"] {
        drop(house.relieve(crew, &["slow"], false));
    }
    assert!(house.is_quiet().await);
    house.gate.add_permits(1);
    assert_eq!(house.steps(1).await, ["fourth slow"]);
    assert!(house.is_quiet().await);
}

#[tokio::test]
async fn a_connector_that_is_taken_out_and_put_back_waits_for_those_who_still_finish() {
    let mut house = House::new();
    drop(house.relieve("first", &["slow"], true));
    assert_eq!(house.steps(1).await, ["first slow"]);
    drop(house.relieve("second", &["quick"], false));
    assert_eq!(house.steps(1).await, ["second quick"]);
    drop(house.relieve("third", &["slow"], false));
    assert!(house.is_quiet().await, "the first still finishes");
    house.gate.add_permits(1);
    assert_eq!(house.steps(1).await, ["third slow"]);
}

#[tokio::test]
async fn one_that_was_relieved_and_hangs_is_noticed_until_it_is_gone() {
    let mut house = House::new();
    drop(house.relieve("first", &["slow", "quick"], true));
    assert_eq!(house.steps(2).await.len(), 2);
    let relieved = house.relieve("second", &["quick"], false);
    house.steps(1).await;
    assert_eq!(house.roster.stuck(), None);

    house.crank.advance(Duration::from_mins(5));
    let relieved_again = house.relieve("third", &["quick"], false);
    assert_eq!(house.steps(1).await, ["third quick"]);
    assert_eq!(house.roster.stuck().as_deref(), Some("first slow"));
    house.gate.add_permits(1);
    relieved.gone().await;
    relieved_again.gone().await;
    assert_eq!(house.roster.stuck(), None);
}

#[tokio::test]
async fn a_wall_clock_that_jumps_makes_nobody_late_and_hides_nobody_who_hangs() {
    let mut house = House::new();
    drop(house.relieve("first", &["slow", "quick"], true));
    assert_eq!(house.steps(2).await.len(), 2);
    house.clock.advance(TimeDelta::hours(1));
    assert_eq!(house.roster.stuck(), None, "set forward");

    house.clock.advance(TimeDelta::hours(-2));
    let longest = LONGEST_REST.to_std().unwrap() + LONGEST_STEP;
    house.crank.advance(longest);
    assert_eq!(house.roster.stuck(), None);
    house.crank.advance(Duration::from_millis(1));
    assert_eq!(house.roster.stuck().as_deref(), Some("first slow"), "set back");
}

#[tokio::test]
async fn told_to_stop_everybody_finishes_and_nobody_begins() {
    let mut house = House::new();
    drop(house.relieve("first", &["slow"], true));
    house.steps(1).await;
    drop(house.relieve("second", &["slow"], false));
    house.stop.cancel();
    // A crew that comes too late does not work any more, and is waited for all the same.
    drop(house.relieve("late", &["slow", "quick"], false));
    house.gate.add_permits(1);
    house.roster.end().await;
    assert!(house.is_quiet().await);
    assert_eq!(house.roster.names(), Vec::<String>::new());
}
