//! What events tell of comes into custody once, whatever fails on the way.

mod world;

use std::time::Duration;

use chrono::TimeDelta;
use connector_kit::{CallBook, Quota};

use super::*;
use crate::deliver::Budget;
use crate::store::faulty::{Failing, FaultyStore};
use world::{Answer, World, noon};

fn after(seconds: i64) -> Next {
    Next::At(noon() + TimeDelta::seconds(seconds))
}

#[tokio::test]
async fn what_an_event_tells_of_is_read_once_and_wakes_whoever_understands_it() {
    let world = World::new();
    world.tell("r-1", 1).await;
    world.clock.advance(TimeDelta::milliseconds(700));
    let mut worker = world.worker();
    assert_eq!(world.step(&mut worker).await, Next::Again);
    let kept = world.custody().await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].source.as_str(), "partner");
    assert_eq!(kept[0].account.as_str(), "contoso");
    assert_eq!(kept[0].received_at, noon() + TimeDelta::milliseconds(700));
    assert_eq!(kept[0].raw.format, connector_kit::RawFormat::Referral);
    assert_eq!(world.versions().await, ["r-1 v1"]);
    assert!(world.settle_was_rung());
    assert_eq!(world.step(&mut worker).await, Next::Idle);
    assert_eq!(world.desk.reads("r-1"), 1);
    let page = world.metrics.text().unwrap();
    for line in [
        "leadsync_events_followed_total{source=\"partner\",result=\"read\"} 1",
        "leadsync_events_custody_seconds_sum 0.7",
        "leadsync_events_custody_seconds_count 1",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
}

#[tokio::test]
async fn doubled_and_reordered_events_cost_one_look_per_version() {
    let world = World::new();
    world.desk.now_at("r-1", 2);
    for version in [2, 1, 1, 2, 2] {
        world.tell("r-1", version).await;
    }
    let mut worker = world.worker();
    world.work_off(&mut worker).await;
    assert_eq!(world.desk.reads("r-1"), 1);

    // Both come again, as they do when an answer was lost.
    for version in [1, 2] {
        world.tell("r-1", version).await;
    }
    world.work_off(&mut worker).await;
    assert_eq!(world.desk.reads("r-1"), 1);

    world.desk.now_at("r-1", 3);
    world.tell("r-1", 3).await;
    world.work_off(&mut worker).await;
    assert_eq!(world.desk.reads("r-1"), 2);
    assert_eq!(world.versions().await, ["r-1 v2", "r-1 v3"]);
}

#[tokio::test]
async fn an_event_that_comes_before_its_referral_is_followed_later() {
    let world = World::new();
    world.tell("r-1", 1).await;
    world
        .desk
        .answers("r-1", [Answer::NotYet, Answer::NotYet, Answer::Version]);
    let mut worker = world.worker();
    assert_eq!(world.work_off(&mut worker).await, after(2));
    assert_eq!(world.step(&mut worker).await, after(2), "a poke changes nothing");
    world.turn_to(noon() + TimeDelta::seconds(2));
    assert_eq!(world.work_off(&mut worker).await, after(2 + 5));
    assert!(world.custody().await.is_empty());
    world.turn_to(noon() + TimeDelta::seconds(7));
    assert_eq!(world.work_off(&mut worker).await, Next::Idle);
    assert_eq!(world.versions().await, ["r-1 v1"]);
    assert_eq!(world.desk.reads("r-1"), 3);
}

#[tokio::test]
async fn a_referral_that_never_comes_is_left_to_the_poll_after_the_last_look() {
    let world = World::new();
    world.tell("r-1", 1).await;
    world.desk.answers("r-1", vec![Answer::NotYet; 20]);
    let mut worker = world.worker();
    let mut waits = Vec::new();
    while let Next::At(at) = world.work_off(&mut worker).await {
        waits.push((at - world.clock.now()).num_seconds());
        world.turn_to(at);
    }
    assert_eq!(waits, [2, 5, 15, 60, 300, 900]);
    assert_eq!(world.desk.reads("r-1"), 7);
    let page = world.metrics.text().unwrap();
    for line in [
        "leadsync_events_followed_total{source=\"partner\",result=\"later\"} 6",
        "leadsync_events_followed_total{source=\"partner\",result=\"given up\"} 1",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
}

#[tokio::test]
async fn an_other_side_that_fails_is_left_alone_as_long_as_it_asks_and_loses_nothing() {
    let world = World::new();
    for number in 1..=3 {
        world.tell(&format!("r-{number}"), 1).await;
    }
    let throttled = ConnectorError::new(ErrorKind::Throttled, "read a referral")
        .retry_after(Some(Duration::from_secs(90)));
    world.desk.answers("r-1", [Answer::Fails(throttled)]);
    let mut crew = world.crew(2);
    assert_eq!(world.step(&mut crew[0]).await, after(90));
    assert_eq!(world.step(&mut crew[1]).await, after(90), "the others rest too");
    world.tell("r-4", 1).await;
    world.turn_to(noon() + TimeDelta::seconds(89));
    assert_eq!(
        world.step(&mut crew[1]).await,
        after(90),
        "an event is no reason to call"
    );
    assert_eq!(world.desk.all_reads(), 1);

    world.turn_to(noon() + TimeDelta::seconds(90));
    world.work_off(&mut crew[0]).await;
    assert_eq!(world.custody().await.len(), 4);
}

#[tokio::test]
async fn failures_in_a_row_are_met_with_growing_rests() {
    let world = World::new();
    world.tell("r-1", 1).await;
    let failures = [
        ErrorKind::Unreachable,
        ErrorKind::Unauthorized,
        ErrorKind::Misconfigured,
        ErrorKind::Unreachable,
    ];
    let failures = failures.map(|kind| Answer::Fails(ConnectorError::new(kind, "read a referral")));
    world.desk.answers("r-1", failures);
    let mut worker = world.worker();
    let mut rests = Vec::new();
    while let Next::At(at) = world.work_off(&mut worker).await {
        rests.push((at - world.clock.now()).num_seconds());
        world.turn_to(at);
    }
    assert_eq!(rests, [10, 20, 40, 80]);
    assert_eq!(world.versions().await, ["r-1 v1"]);
}

#[tokio::test]
async fn one_referral_that_cannot_be_read_holds_up_no_other() {
    for answer in [
        Answer::Fails(ConnectorError::new(ErrorKind::Rejected, "read a referral: 400")),
        Answer::Fails(ConnectorError::new(ErrorKind::Broken, "read a referral: 500")),
        Answer::Panics,
    ] {
        let world = World::new();
        world.desk.answers("r-1", [answer.clone()]);
        world.tell("r-1", 1).await;
        world.tell("r-2", 1).await;
        let mut worker = world.worker();
        assert_eq!(world.work_off(&mut worker).await, after(2), "{answer:?}");
        assert_eq!(world.versions().await, ["r-2 v1"], "{answer:?}");
        world.turn_to(noon() + TimeDelta::seconds(2));
        world.work_off(&mut worker).await;
        assert_eq!(world.versions().await, ["r-2 v1", "r-1 v1"], "{answer:?}");
    }
}

#[tokio::test]
async fn a_slow_answer_holds_up_nobody_else_and_is_not_asked_for_twice() {
    let world = World::new();
    world.tell("r-1", 1).await;
    world.desk.answers("r-1", [Answer::Slow]);
    let mut crew = world.crew(2);
    let (slow, quick) = crew.split_at_mut(1);
    let mut held = std::pin::pin!(world.step(&mut slow[0]));
    assert!(futures_util::poll!(&mut held).is_pending());

    world.tell("r-2", 1).await;
    assert_eq!(world.work_off(&mut quick[0]).await, Next::Idle);
    assert_eq!(world.versions().await, ["r-2 v1"]);
    assert_eq!((world.desk.reads("r-1"), world.desk.reads("r-2")), (1, 1));

    // It changed again after the slow look began, so that look may have missed it.
    world.tell("r-1", 2).await;
    world.desk.hurry();
    assert_eq!(held.await, Next::Again);
    world.desk.now_at("r-1", 2);
    world.work_off(&mut quick[0]).await;
    assert_eq!(world.versions().await, ["r-2 v1", "r-1 v1", "r-1 v2"]);
}

#[tokio::test]
async fn a_process_that_dies_between_reading_and_writing_reads_again() {
    let world = World::new();
    world.tell("r-1", 1).await;
    world.desk.answers("r-1", [Answer::Slow]);
    let mut dying = world.worker();
    {
        let mut step = std::pin::pin!(world.step(&mut dying));
        assert!(futures_util::poll!(&mut step).is_pending());
    }
    drop(dying);
    assert!(world.custody().await.is_empty());
    let mut next = world.worker();
    assert_eq!(world.work_off(&mut next).await, Next::Idle);
    assert_eq!(world.versions().await, ["r-1 v1"]);
}

#[tokio::test]
async fn a_store_that_fails_at_any_call_loses_nothing_and_keeps_nothing_twice() {
    for failing in [Failing::Before, Failing::After] {
        for nth in 1.. {
            let world = World::new();
            world.tell("r-1", 1).await;
            world.tell("r-2", 1).await;
            world.desk.answers("r-2", [Answer::NotYet]);
            let faulty = Arc::new(FaultyStore::failing(world.store.clone(), nth, failing));
            let mut worker = world.worker_on(faulty.clone());
            for _ in 0..10 {
                // What fails is the plan's doing.
                let _ = worker.step(world.clock.now()).await;
                world.clock.advance(TimeDelta::seconds(3));
            }
            let mut versions = world.versions().await;
            versions.sort();
            assert_eq!(versions, ["r-1 v1", "r-2 v1"], "{failing:?} {nth}");
            if faulty.calls() < nth {
                break;
            }
        }
    }
}

#[tokio::test]
async fn what_is_kept_for_new_leads_may_be_spent_but_not_more() {
    let calls = CallBook::default();
    calls.tell(Quota {
        granted: 1000,
        left: 1,
        told_at: noon(),
    });
    let world = World::with(None, calls);
    world.tell("r-1", 1).await;
    let mut worker = world.worker();
    world.work_off(&mut worker).await;
    assert_eq!(world.versions().await, ["r-1 v1"]);

    let budget = Budget {
        calls_per_day: 1,
        reserve: 0.2,
        day_starts: TimeDelta::zero(),
    };
    let world = World::with(Some(budget), CallBook::default());
    world.tell("r-1", 1).await;
    world.tell("r-2", 1).await;
    let mut worker = world.worker();
    assert_eq!(world.work_off(&mut worker).await, after(12 * 60 * 60));
    assert_eq!(world.desk.all_reads(), 1);
}

#[tokio::test]
async fn a_crowd_of_events_is_followed_at_the_pace_of_the_connector() {
    let world = World::new();
    for number in 0..30 {
        world.tell(&format!("r-{number}"), 1).await;
    }
    let mut crew = world.crew(3);
    let began = world.clock.now();
    while world.custody().await.len() < 30 {
        let mut next = Next::Idle;
        for worker in &mut crew {
            next = world.work_off(worker).await;
        }
        let passed = (world.clock.now() - began).num_milliseconds();
        let most = 5 + passed * 2 / 1000;
        assert!(
            world.desk.all_reads() <= most.try_into().unwrap(),
            "after {passed} ms"
        );
        if let Next::At(at) = next {
            world.turn_to(at);
        }
    }
    assert_eq!(world.desk.all_reads(), 30);
}
