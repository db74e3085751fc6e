//! Calls are the scarce good: updates coalesce, batches fill, and who waits for a call goes first.

use chrono::TimeDelta;
use connector_kit::ErrorKind;

use crate::world::{Answer, Plan, World, failing, lead};

const SETTLE: usize = 0;

/// Understands all that waits, and delivers none of it.
async fn settle_all(world: &mut World) {
    while world.totals().await.unsettled > 0 {
        world.step(SETTLE).await;
    }
}

fn emails(world: &World, call: usize) -> Vec<String> {
    let call = world.crm.calls()[call].clone();
    call.about.into_iter().map(|(email, _)| email).collect()
}

#[tokio::test]
async fn a_thousand_waiting_leads_cost_ten_calls() {
    for workers in [1, 3] {
        let mut world = World::with(Plan {
            workers,
            ..Plan::default()
        })
        .await;
        world
            .take_in((0..1_000).map(|n| lead(format!("person{n}@example.com"))))
            .await;
        settle_all(&mut world).await;
        world.run_until_idle().await;
        assert_eq!(world.crm.call_count(), 10, "{workers} workers");
        world.assert_all_settled().await;
    }
}

#[tokio::test]
async fn five_changes_during_an_outage_are_one_call_with_the_newest() {
    let mut world = World::start().await;
    world.send(&lead("ada@example.com")).await;
    world.run_until_idle().await;
    world.crm.always(Answer::Fails(failing(ErrorKind::Unreachable)));
    for title in ["One", "Two", "Three", "Four", "Countess"] {
        world.send(&lead("ada@example.com").titled(title)).await;
        world.advance(TimeDelta::minutes(1)).await;
    }
    world.crm.recover();
    let calls = world.crm.call_count();
    world.advance(TimeDelta::minutes(2)).await;
    assert_eq!(world.crm.call_count(), calls + 1);
    let record = world.crm.record("ada@example.com").unwrap();
    assert_eq!((record.title.as_str(), record.writes), ("Countess", 2));
    world.assert_all_settled().await;
}

#[tokio::test]
async fn a_lone_lead_goes_at_once() {
    let mut world = World::with(Plan {
        workers: 3,
        ..Plan::default()
    })
    .await;
    world.send(&lead("ada@example.com")).await;
    world.run_until_idle().await;
    let call = world.crm.calls()[0].clone();
    assert_eq!(call.at, world.now());
    assert_eq!(call.about.len(), 1);
}

#[tokio::test]
async fn a_batch_grows_by_what_came_while_the_call_before_was_under_way() {
    let mut world = World::with(Plan {
        workers: 3,
        ..Plan::default()
    })
    .await;
    world.crm.answer_next(1, &Answer::Waits);
    world.send(&lead("first@example.com")).await;
    let mut worker = world.take_out("deliver crm 0");
    world.step(SETTLE).await;
    let now = world.now();
    let mut call = worker.step(now);
    assert!(futures_util::poll!(call.as_mut()).is_pending());

    world
        .take_in((0..60).map(|n| lead(format!("person{n}@example.com"))))
        .await;
    world.run_until_idle().await;
    assert_eq!(
        world.crm.call_count(),
        1,
        "another worker took less than a full batch"
    );

    world
        .take_in((60..130).map(|n| lead(format!("person{n}@example.com"))))
        .await;
    settle_all(&mut world).await;
    world.run_until_idle().await;
    assert_eq!(world.crm.call_count(), 2);
    assert_eq!(world.crm.calls()[1].about.len(), 100, "a full batch");

    world.crm.let_go();
    call.await.unwrap();
    world.put_in(worker);
    world.run_until_idle().await;
    assert_eq!(world.crm.call_count(), 3);
    world.assert_all_settled().await;
}

// L4
#[tokio::test]
async fn who_waits_for_a_call_overtakes_the_others() {
    let mut world = World::with(Plan {
        batch_limit: 1,
        ..Plan::default()
    })
    .await;
    for n in 0..20 {
        world
            .send(&lead(format!("trial{n}@example.com")).did("StartTestDrive"))
            .await;
    }
    world.send(&lead("hot@example.com").did("PLT")).await;
    settle_all(&mut world).await;
    world.run_until_idle().await;
    assert_eq!(emails(&world, 0), ["hot@example.com"]);
}

// L4
#[tokio::test]
async fn who_was_delivered_before_and_now_buys_overtakes_the_others_too() {
    let mut world = World::with(Plan {
        batch_limit: 1,
        ..Plan::default()
    })
    .await;
    world.send(&lead("ada@example.com").did("StartTestDrive")).await;
    world.run_until_idle().await;
    for n in 0..20 {
        world
            .send(&lead(format!("trial{n}@example.com")).did("StartTestDrive"))
            .await;
    }
    world.send(&lead("ada@example.com").did("INS")).await;
    settle_all(&mut world).await;
    world.run_until_idle().await;
    assert_eq!(emails(&world, 1), ["ada@example.com"]);
}
