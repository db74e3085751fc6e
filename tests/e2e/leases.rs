//! A lease has one holder, and who comes late changes nothing.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use connector_kit::http::LONGEST_CALL;
use leadsync::runtime::{Bell, Pulse, Ticks, run};
use leadsync::store::Store;
use tokio_util::sync::CancellationToken;

use crate::world::{Answer, Plan, World, lead};

/// Two workers that may both take a lone lead.
async fn pair() -> World {
    World::with(Plan {
        workers: 2,
        batch_limit: 1,
        lease: Duration::from_mins(2),
        ..Plan::default()
    })
    .await
}

// F54, I8
#[tokio::test]
async fn what_one_worker_holds_no_other_takes() {
    let mut world = pair().await;
    world.crm.answer_next(1, &Answer::Waits);
    world.send(&lead("ada@example.com")).await;
    let mut slow = world.take_out("deliver crm 0");
    world.step(0).await;
    let now = world.now();
    let mut call = slow.step(now);
    assert!(futures_util::poll!(call.as_mut()).is_pending());
    world.advance(TimeDelta::seconds(119)).await;
    assert_eq!(world.crm.call_count(), 1);

    world.crm.let_go();
    call.await.unwrap();
    world.put_in(slow);
    world.run_until_idle().await;
    assert_eq!(world.crm.call_count(), 1);
    world.assert_all_settled().await;
}

// F05, F54, F67, I8
#[tokio::test]
async fn who_comes_back_after_its_lease_ended_changes_nothing() {
    for answer in [Answer::Waits, Answer::TakesAndWaits] {
        let mut world = pair().await;
        world.crm.answer_next(1, &answer);
        world.send(&lead("ada@example.com")).await;
        let mut slow = world.take_out("deliver crm 0");
        world.step(0).await;
        let now = world.now();
        let mut call = slow.step(now);
        assert!(futures_util::poll!(call.as_mut()).is_pending());

        world.advance(TimeDelta::seconds(121)).await;
        assert_eq!(world.crm.call_count(), 2, "the other worker took over");
        let before = world.totals().await;
        assert_eq!(before.delivered, 1);

        world.crm.let_go();
        call.await.unwrap();
        assert_eq!(world.totals().await, before, "a late finish counted");
        world.put_in(slow);
        world.run_until_idle().await;
        assert_eq!(world.crm.records().len(), 1);
        world.assert_all_settled().await;
    }
}

// F05: the whole process sleeps between lease and call.
#[tokio::test]
async fn a_worker_that_overslept_its_lease_does_not_call() {
    let mut world = pair().await;
    world.send(&lead("ada@example.com")).await;
    let mut slow = world.take_out("deliver crm 0");
    world.step(0).await;
    world.sleep_before_the_next_call(TimeDelta::seconds(121));
    let now = world.now();
    slow.step(now).await.unwrap();
    assert_eq!(world.crm.call_count(), 0);

    world.put_in(slow);
    world.run_until_idle().await;
    assert_eq!(world.crm.call_count(), 1);
    world.assert_all_settled().await;
}

// I4
#[tokio::test]
async fn a_revision_that_comes_while_another_is_on_its_way_follows_it() {
    let mut world = pair().await;
    world.crm.answer_next(1, &Answer::Waits);
    world.send(&lead("ada@example.com")).await;
    let mut slow = world.take_out("deliver crm 0");
    world.step(0).await;
    let now = world.now();
    let mut call = slow.step(now);
    assert!(futures_util::poll!(call.as_mut()).is_pending());

    world.send(&lead("ada@example.com").titled("Countess")).await;
    world.run_until_idle().await;
    assert_eq!(world.crm.call_count(), 1, "two calls for one lead at a time");

    world.crm.let_go();
    call.await.unwrap();
    world.run_until_idle().await;
    assert_eq!(world.crm.record("ada@example.com").unwrap().title, "Countess");
    let id = world.leads().await[0].lead.id;
    let story = world.store().lead(id).await.unwrap().unwrap();
    assert_eq!((story.deliveries[0].wanted, story.deliveries[0].held), (2, 2));
    world.assert_all_settled().await;
}

// F01
#[tokio::test]
async fn the_leases_of_a_dead_process_are_free_at_once() {
    let mut world = pair().await;
    world.send(&lead("ada@example.com")).await;
    world.crm.answer_next(1, &Answer::TakesAndWaits);
    let mut slow = world.take_out("deliver crm 0");
    world.step(0).await;
    let now = world.now();
    let mut call = slow.step(now);
    assert!(futures_util::poll!(call.as_mut()).is_pending());
    drop(call);
    drop(slow);
    world.crash().await;
    world.run_until_idle().await;
    assert_eq!(world.crm.record("ada@example.com").unwrap().writes, 2);
    world.assert_all_settled().await;
}

#[tokio::test]
async fn who_waits_for_a_crm_as_long_as_a_call_may_take_does_not_count_as_stuck() {
    let mut world = pair().await;
    world.crm.answer_next(1, &Answer::Waits);
    world.send(&lead("ada@example.com")).await;
    let slow = world.take_out("deliver crm 0");
    world.step(0).await;
    let (ticks, crank) = Ticks::by_hand();
    let pulse = Pulse::of(&*slow, ticks);
    let (clock, stop) = (Arc::new(world.clock.clone()), CancellationToken::new());
    let mut working = pin!(run(slow, Bell::default(), clock, pulse.clone(), stop));
    assert!(futures_util::poll!(working.as_mut()).is_pending());
    assert_eq!(world.crm.call_count(), 1);

    crank.advance(LONGEST_CALL + Duration::from_mins(1));
    assert!(!pulse.is_late());
    crank.advance(Duration::from_hours(1));
    assert!(pulse.is_late(), "no call takes that long");
}
