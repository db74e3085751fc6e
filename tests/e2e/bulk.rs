//! A great many leads at once, where the destination has a way for that: nobody who waits is in it,
//! and nobody waits for it.

use chrono::TimeDelta;
use connector_kit::{Bulk, ErrorKind};

use crate::world::{Answer, Plan, World, failing, lead};

const SETTLE: usize = 0;

fn with_bulk(workers: usize) -> Plan {
    Plan {
        workers,
        batch_limit: 10,
        bulk: Some(Bulk {
            from: 200,
            most: 1_200,
        }),
        ..Plan::default()
    }
}

async fn trials(world: &mut World, leads: u32) {
    world
        .take_in((0..leads).map(|n| lead(format!("trial{n}@example.com")).did("StartTestDrive")))
        .await;
    while world.totals().await.unsettled > 0 {
        world.step(SETTLE).await;
    }
}

fn sizes(world: &World) -> Vec<usize> {
    world.crm.calls().iter().map(|call| call.about.len()).collect()
}

#[tokio::test]
async fn a_backlog_goes_in_bulk_and_the_rest_in_batches() {
    for workers in [1, 2, 3] {
        let mut world = World::with(with_bulk(workers)).await;
        trials(&mut world, 2_600).await;
        world.run_until_idle().await;
        let mut sizes = sizes(&world);
        let batches = sizes.iter().filter(|size| **size == 10).count();
        sizes.retain(|size| *size > 10);
        assert_eq!(sizes[0], 1_200, "{workers} workers");
        assert!(
            sizes[1] > 1_000 && sizes.len() <= 3,
            "{workers} workers: {sizes:?}"
        );
        assert!(batches <= 25, "{workers} workers: {batches} batches");
        world.assert_all_settled().await;
    }
}

#[tokio::test]
async fn too_few_for_a_bulk_go_in_batches() {
    let mut world = World::with(with_bulk(1)).await;
    trials(&mut world, 199).await;
    world.run_until_idle().await;
    assert!(sizes(&world).iter().all(|size| *size <= 10));
    world.assert_all_settled().await;
}

#[tokio::test]
async fn who_waits_for_a_call_neither_goes_in_bulk_nor_waits_for_one() {
    let mut world = World::with(with_bulk(2)).await;
    trials(&mut world, 1_000).await;
    world.crm.answer_next(1, &Answer::Waits);
    let mut busy = world.take_out("deliver crm 1");
    let now = world.now();
    let mut bulk = busy.step(now);
    assert!(futures_util::poll!(bulk.as_mut()).is_pending());
    assert_eq!(sizes(&world), [1_000]);

    // It takes a quarter of an hour, and nobody else is given its leads.
    world.clock.advance(TimeDelta::minutes(15));
    world.send(&lead("hot@example.com").did("PLT")).await;
    world.run_until_idle().await;
    assert_eq!(sizes(&world), [1_000, 1]);
    assert!(world.crm.record("hot@example.com").is_some());

    world.crm.let_go();
    bulk.await.unwrap();
    world.put_in(busy);
    world.run_until_idle().await;
    assert_eq!(world.crm.call_count(), 2);
    world.assert_all_settled().await;
}

#[tokio::test]
async fn a_lone_worker_serves_who_waits_before_it_begins_a_bulk() {
    let mut world = World::with(with_bulk(1)).await;
    trials(&mut world, 1_000).await;
    world.send(&lead("hot@example.com").did("PLT")).await;
    world.run_until_idle().await;
    assert_eq!(world.crm.calls()[0].about[0].0, "hot@example.com");
    assert_eq!(sizes(&world), [10, 991]);
    world.assert_all_settled().await;
}

#[tokio::test]
async fn whatever_becomes_of_a_bulk_nothing_in_it_is_lost() {
    for answer in [
        Answer::Fails(failing(ErrorKind::Throttled)),
        Answer::TakesAndFails(failing(ErrorKind::Unreachable)),
        Answer::Mentions(700),
        Answer::TakesAndPanics,
    ] {
        let mut world = World::with(with_bulk(2)).await;
        trials(&mut world, 1_000).await;
        world.crm.always(answer.clone());
        world.step(SETTLE + 2).await;
        assert_eq!(sizes(&world), [1_000], "{answer:?}");
        world.crm.recover();
        world.advance(TimeDelta::hours(1)).await;
        assert_eq!(world.totals().await.delivered, 1_000, "{answer:?}");
        world.assert_all_settled().await;
    }
}

#[tokio::test]
async fn wherever_the_process_dies_around_a_bulk_every_lead_has_one_record() {
    // Taken and written back in two portions.
    for dies_at in 1.. {
        let mut world = World::with(with_bulk(2)).await;
        trials(&mut world, 510).await;
        world.death().comes_at(dies_at);
        let died = world.run_until_it_dies().await;
        world.advance(TimeDelta::hours(1)).await;
        assert_eq!(world.crm.records().len(), 510, "death at {dies_at}");
        world.assert_all_settled().await;
        if !died {
            break;
        }
    }
}
