//! Calls are the scarce good: what a day may cost, whom the last calls are kept for, and what calls
//! beyond the first are paid with.

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::ErrorKind;
use connector_kit::clock::Clock;
use leadsync::deliver::Budget;
use leadsync::store::{DeadLetterAct, DeadLetterFilter, Ledger, Store};

use crate::world::{Answer, Plan, World, failing, lead};

/// A hundred calls a day from midnight, twenty of them kept, and one lead a call.
fn thrifty() -> Plan {
    Plan {
        batch_limit: 1,
        budget: Some(Budget {
            calls_per_day: 100,
            reserve: 0.2,
            day_starts: TimeDelta::zero(),
        }),
        ..Plan::default()
    }
}

fn midnight() -> DateTime<Utc> {
    "2026-11-21T00:00:00Z".parse().unwrap()
}

async fn ledger(world: &World) -> Ledger {
    let name = world.crm.name.as_str().into();
    world.store().ledger(&name).await.unwrap()
}

/// That many leads end as dead letters and are all to be tried again: work that has time.
async fn backlog(world: &mut World, leads: u32) {
    world.crm.always(Answer::Fails(failing(ErrorKind::Rejected)));
    world
        .take_in((0..leads).map(|n| lead(format!("old{n}@example.com"))))
        .await;
    world.run_until_idle().await;
    world.crm.recover();
    let now = world.now();
    world
        .store()
        .settle_dead_letters(DeadLetterFilter::default(), DeadLetterAct::Requeue, now)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_last_calls_of_a_day_are_kept_for_new_leads() {
    let mut world = World::with(thrifty()).await;
    backlog(&mut world, 60).await;
    let dead = world.totals().await.dead;
    world.advance(TimeDelta::hours(1)).await;
    assert_eq!(dead, 0, "all are requeued");
    assert_eq!(world.crm.call_count(), 80, "sixty refused, then twenty of sixty");
    assert_eq!(ledger(&world).await.spent, 80);

    for n in 0..5 {
        world.send(&lead(format!("new{n}@example.com"))).await;
    }
    world.run_until_idle().await;
    assert_eq!(world.crm.call_count(), 85);
    assert!(world.crm.record("new4@example.com").is_some());
    assert_eq!(world.totals().await.pending, 40);

    world.clock.advance(midnight() - world.clock.now());
    world.run_until_idle().await;
    assert_eq!(world.totals().await.pending, 0);
    assert_eq!(ledger(&world).await.spent, 40, "a new day");
    world.assert_all_settled().await;
}

#[tokio::test]
async fn when_the_day_is_spent_everything_waits_for_the_next_and_nothing_is_counted() {
    let mut world = World::with(thrifty()).await;
    world
        .take_in((0..150).map(|n| lead(format!("person{n}@example.com"))))
        .await;
    let next = world.run_until_idle().await;
    assert_eq!(world.crm.call_count(), 100);
    assert_eq!(next, Some(midnight()), "it is known when it goes on");

    world.restart(false).await;
    world.run_until_idle().await;
    assert_eq!(world.crm.call_count(), 100, "a restart is no new day");

    world.advance(TimeDelta::hours(13)).await;
    assert_eq!(world.totals().await.dead, 0);
    for row in world.leads().await {
        let story = world.store().lead(row.lead.id).await.unwrap().unwrap();
        assert!(story.deliveries[0].failures.is_empty(), "an attempt was counted");
    }
    world.assert_all_settled().await;
}

#[tokio::test]
async fn requests_beyond_the_first_cost_the_budget_too() {
    let mut world = World::with(thrifty()).await;
    world.crm.take_extra_requests(4);
    world
        .take_in((0..50).map(|n| lead(format!("person{n}@example.com"))))
        .await;
    world.run_until_idle().await;
    assert_eq!(world.crm.call_count(), 20);
    let ledger = ledger(&world).await;
    assert_eq!((ledger.spent, ledger.total), (100, 100));
}

#[tokio::test]
async fn a_system_that_says_little_is_left_gets_new_leads_only() {
    let mut world = World::with(Plan {
        batch_limit: 1,
        ..Plan::default()
    })
    .await;
    backlog(&mut world, 30).await;
    world.crm.grant(1_000, 210);
    world.run_until_idle().await;
    assert_eq!(world.crm.call_count(), 30 + 11, "until it said 199");
    assert_eq!(ledger(&world).await.quota.map(|quota| quota.left), Some(199));

    world.send(&lead("new@example.com")).await;
    world.run_until_idle().await;
    assert!(world.crm.record("new@example.com").is_some());

    // Somebody else gave calls back, and one call finds out.
    world.crm.grant(1_000, 900);
    world.advance(TimeDelta::minutes(6)).await;
    world.assert_all_settled().await;
}

#[tokio::test]
async fn who_waits_for_a_call_waits_for_one_call_of_a_backlog_at_most() {
    let mut world = World::with(Plan {
        batch_limit: 10,
        ..Plan::default()
    })
    .await;
    backlog(&mut world, 200).await;
    let before = world.crm.call_count();
    world.crm.answer_next(1, &Answer::Waits);
    let mut worker = world.take_out("deliver crm 0");
    let now = world.now();
    let mut call = worker.step(now);
    assert!(futures_util::poll!(call.as_mut()).is_pending());
    world.send(&lead("hot@example.com").did("PLT")).await;
    world.run_until_idle().await;

    world.crm.let_go();
    call.await.unwrap();
    world.put_in(worker);
    world.run_until_idle().await;
    let next = &world.crm.calls()[before + 1];
    assert_eq!(next.about[0].0, "hot@example.com");
    world.assert_all_settled().await;
}

#[tokio::test]
async fn whatever_calls_take_the_pace_of_their_requests_holds() {
    for workers in [1, 3] {
        for extras in [0, 3, 25] {
            let mut world = World::with(Plan {
                workers,
                batch_limit: 1,
                pace: (5, 10),
                ..Plan::default()
            })
            .await;
            world.crm.take_extra_requests(extras);
            world
                .take_in((0..60).map(|n| lead(format!("person{n}@example.com"))))
                .await;
            world.advance(TimeDelta::minutes(6)).await;
            world.assert_all_settled().await;
            let requests = world.crm.requests();
            for (first, at) in requests.iter().enumerate() {
                let within = requests[first..]
                    .iter()
                    .take_while(|other| **other - *at < TimeDelta::seconds(10))
                    .count();
                let allowed = 10 + 5 * 10 + extras;
                assert!(
                    within <= allowed,
                    "{within} requests in ten seconds, {extras} extras"
                );
            }
        }
    }
}

#[tokio::test]
async fn calls_are_counted_however_they_end() {
    for answer in [
        Answer::Fails(failing(ErrorKind::Unreachable)),
        Answer::Fails(failing(ErrorKind::Broken)),
        Answer::TakesAndPanics,
        Answer::Mentions(0),
    ] {
        let mut world = World::with(thrifty()).await;
        world.crm.answer_next(1, &answer);
        world.send(&lead("ada@example.com")).await;
        world.advance(TimeDelta::hours(1)).await;
        assert_eq!(ledger(&world).await.spent, 2, "{answer:?}");
        world.assert_all_settled().await;
    }
}
