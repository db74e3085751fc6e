//! Destinations that are away, busy, broken or closed: leads wait, and none ends badly.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::http::retry_after;
use connector_kit::{ConnectorError, ErrorKind};
use futures_util::FutureExt;
use leadsync::runtime::Bell;
use leadsync::store::{DeadLetterFilter, DestinationGate, Store};

use crate::world::{Answer, Plan, World, failing, lead, noon};

/// Three workers at one destination.
async fn crew() -> World {
    World::with(Plan {
        workers: 3,
        ..Plan::default()
    })
    .await
}

fn asking_for(wait: Option<Duration>) -> Answer {
    Answer::Fails(failing(ErrorKind::Throttled).retry_after(wait))
}

/// `Retry-After` as the connectors read it.
fn retry_after(header: &str) -> Answer {
    asking_for(retry_after::parse(header, None, noon(), retry_after::CAP))
}

async fn backlog(world: &mut World, leads: u32) {
    world
        .take_in((0..leads).map(|n| lead(format!("person{n}@example.com"))))
        .await;
}

async fn gate(world: &World) -> DestinationGate {
    let known = world.store().destinations(world.now()).await.unwrap();
    known[0].gate.clone()
}

fn times(world: &World) -> Vec<DateTime<Utc>> {
    world.crm.calls().iter().map(|call| call.at).collect()
}

#[tokio::test]
async fn a_throttled_crm_delays_a_lead_and_loses_nothing() {
    let mut world = World::start().await;
    world
        .crm
        .answer_next(3, &Answer::Fails(failing(ErrorKind::Throttled)));
    world.send(&lead("ada@example.com")).await;

    world.run_until_idle().await;
    assert_eq!(world.crm.contactable(), Vec::<String>::new());

    world.advance(TimeDelta::minutes(2)).await;
    assert_eq!(world.crm.contactable(), ["ada@example.com"]);
    world.assert_all_settled().await;
}

#[tokio::test]
async fn whoever_finds_a_crm_open_again_wakes_the_others() {
    let bell = Bell::default();
    let mut world = World::with(Plan {
        workers: 3,
        bell: bell.clone(),
        ..Plan::default()
    })
    .await;
    world
        .crm
        .answer_next(1, &Answer::Fails(failing(ErrorKind::Throttled)));
    backlog(&mut world, 5).await;
    world.run_until_idle().await;
    assert!(bell.heard().now_or_never().is_none(), "it rests");

    world.advance(TimeDelta::minutes(1)).await;
    assert!(bell.heard().now_or_never().is_some());
    world.assert_all_settled().await;
}

// F26
#[tokio::test]
async fn a_day_of_refused_connections_ends_with_every_lead_delivered_and_no_dead_letter() {
    let mut world = crew().await;
    world.crm.always(Answer::Fails(failing(ErrorKind::Unreachable)));
    for hour in 0..24 {
        world.send(&lead(format!("person{hour}@example.com"))).await;
        world.advance(TimeDelta::hours(1)).await;
    }
    assert_eq!(world.totals().await.dead, 0);
    world.assert_sound().await;

    world.crm.recover();
    world.advance(TimeDelta::minutes(2)).await;
    assert_eq!(world.totals().await.delivered, 24);
    world.assert_all_settled().await;
}

// F26
#[tokio::test]
async fn an_hour_of_silence_delays_a_backlog_by_an_hour_and_a_minute_at_most() {
    let mut world = crew().await;
    world.crm.always(Answer::Fails(failing(ErrorKind::Unreachable)));
    backlog(&mut world, 250).await;
    world.advance(TimeDelta::hours(1)).await;
    world.crm.recover();
    let during = world.crm.call_count();
    world.advance(TimeDelta::seconds(67)).await;
    world.assert_all_settled().await;
    assert_eq!(
        world.crm.call_count() - during,
        1 + 3,
        "one probe, then full batches"
    );
}

// F40, I6
#[tokio::test]
async fn no_worker_calls_before_the_moment_the_destination_named() {
    let table = [
        ("20", 20),
        ("Fri, 20 Nov 2026 12:05:00 GMT", 300),
        ("3600", 3600),
        // Ten years, by number and by date: asked again every hour.
        ("315360000", 3600),
        ("Thu, 20 Nov 2036 12:00:00 GMT", 3600),
        // Not a wait: our own schedule.
        ("soon", 5),
        ("-1", 5),
        ("", 5),
        ("Fri, 20 Nov 2020 12:00:00 GMT", 5),
    ];
    for (header, seconds) in table {
        let mut world = crew().await;
        world.crm.answer_next(1, &retry_after(header));
        backlog(&mut world, 1_000).await;
        world.run_until_idle().await;
        assert_eq!(world.crm.call_count(), 1, "{header:?}");

        world
            .advance(TimeDelta::seconds(seconds) - TimeDelta::milliseconds(1))
            .await;
        assert_eq!(world.crm.call_count(), 1, "{header:?}: a worker called too early");
        world.advance(TimeDelta::seconds(seconds / 10 + 1)).await;
        assert_eq!(world.totals().await.delivered, 1_000, "{header:?}");
        world.assert_all_settled().await;
    }
}

// F40
#[tokio::test]
async fn a_destination_that_asks_for_ever_is_asked_every_hour() {
    let mut world = crew().await;
    world.crm.always(retry_after("315360000"));
    backlog(&mut world, 300).await;
    world.advance(TimeDelta::hours(12)).await;
    let calls = times(&world);
    assert!((11..=13).contains(&calls.len()), "{} calls", calls.len());
    for pair in calls.windows(2) {
        let rest = pair[1] - pair[0];
        assert!(rest >= TimeDelta::hours(1), "{rest}");
        assert!(rest <= TimeDelta::minutes(67), "{rest}");
    }
    assert_eq!(world.totals().await.dead, 0);
}

// F40: a connector that does not clamp what it was told.
#[tokio::test]
async fn a_wait_beyond_all_calendars_is_an_hour_too() {
    let mut world = crew().await;
    world.crm.answer_next(1, &asking_for(Some(Duration::MAX / 4)));
    world.crm.answer_next(
        1,
        &Answer::Fails(failing(ErrorKind::Broken).retry_after(Some(Duration::MAX / 4))),
    );
    world.send(&lead("ada@example.com")).await;
    world.run_until_idle().await;
    world.clock.advance(TimeDelta::minutes(67));
    world.run_until_idle().await;
    assert_eq!(world.crm.call_count(), 2);
    world.clock.advance(TimeDelta::minutes(67));
    world.run_until_idle().await;
    assert_eq!(world.crm.contactable(), ["ada@example.com"]);
}

// F41
#[tokio::test]
async fn a_storm_of_ten_minutes_costs_few_calls_and_no_dead_letter() {
    for kind in [ErrorKind::Throttled, ErrorKind::Unreachable, ErrorKind::Broken] {
        let mut world = crew().await;
        world.crm.always(Answer::Fails(failing(kind)));
        backlog(&mut world, 1_000).await;
        world.advance(TimeDelta::minutes(10)).await;
        let calls = world.crm.call_count();
        assert!(calls <= 30, "{kind:?}: {calls} calls during the storm");
        assert_eq!(world.totals().await.dead, 0, "{kind:?}");

        world.crm.recover();
        world.advance(TimeDelta::minutes(7)).await;
        let after = world.crm.call_count() - calls;
        assert!(after <= 17, "{kind:?}: {after} calls for ten batches");
        // What was probed with in the storm has attempts behind it, and waits for its turn.
        world.advance(TimeDelta::hours(3)).await;
        world.assert_all_settled().await;
    }
}

// F41: the workers really call at the same time.
#[tokio::test]
async fn while_one_worker_probes_the_others_wait_for_what_it_finds_out() {
    let mut world = crew().await;
    world
        .crm
        .answer_next(1, &Answer::Fails(failing(ErrorKind::Throttled)));
    world.crm.always(Answer::Waits);
    backlog(&mut world, 300).await;
    world.run_until_idle().await;
    world.clock.advance(TimeDelta::seconds(6));

    let mut prober = world.take_out("deliver crm 0");
    let now = world.now();
    let mut probe = prober.step(now);
    assert!(futures_util::poll!(probe.as_mut()).is_pending());
    world.run_until_idle().await;
    assert_eq!(world.crm.call_count(), 2, "one refusal, one probe");

    world.crm.recover();
    world.crm.let_go();
    probe.await.unwrap();
    world.run_until_idle().await;
    world.put_in(prober);
    // After a refusal they come one by one, in no time at this pace.
    world.advance(TimeDelta::seconds(1)).await;
    world.assert_all_settled().await;
}

#[tokio::test]
async fn a_lead_its_destination_breaks_on_follows_the_schedule_to_a_dead_letter_with_a_hint() {
    let mut world = World::start().await;
    let error = failing(ErrorKind::Broken).answer("500 Internal Server Error");
    world.crm.refuse("ada@example.com", error);
    world.send(&lead("ada@example.com")).await;
    world.advance(TimeDelta::days(2)).await;

    let calls = times(&world);
    let waits: Vec<i64> = calls
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).num_seconds())
        .collect();
    let schedule = [5, 300, 1800, 7200, 18_000, 36_000, 36_000];
    assert_eq!(waits.len(), schedule.len());
    for (wait, planned) in waits.iter().zip(schedule) {
        assert!(
            (planned..=planned + planned / 10 + 60).contains(wait),
            "{wait} instead of {planned}"
        );
    }
    let letters = world
        .store()
        .dead_letters(DeadLetterFilter::default())
        .await
        .unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].attempts, 8);
    assert_eq!(
        letters[0].failure.hint,
        "see the attempts, then requeue or discard"
    );
    assert_eq!(
        letters[0].failure.answer.as_deref(),
        Some("500 Internal Server Error")
    );
    assert_eq!(world.fate("ada@example.com").await, "dead");
    world.assert_all_settled().await;
}

// L6, I9
#[tokio::test]
async fn refused_credentials_park_the_destination_and_a_release_drains_it() {
    let mut world = crew().await;
    world.crm.always(Answer::Fails(
        failing(ErrorKind::Unauthorized).hint("renew the client secret, then release"),
    ));
    backlog(&mut world, 250).await;
    world.advance(TimeDelta::days(30)).await;
    assert_eq!(world.crm.call_count(), 1, "a parked destination was called");
    let parked = DestinationGate::Parked {
        reason: "write to the crm: unauthorized".into(),
        hint: "renew the client secret, then release".into(),
    };
    assert_eq!(gate(&world).await, parked);
    assert_eq!(world.totals().await.dead, 0);

    world.restart(false).await;
    world.run_until_idle().await;
    assert_eq!(world.crm.call_count(), 1, "a restart is no release");

    world.crm.recover();
    assert!(world.release().await);
    world.run_until_idle().await;
    assert_eq!(gate(&world).await, DestinationGate::Open);
    world.assert_all_settled().await;
    for row in world.leads().await {
        let story = world.store().lead(row.lead.id).await.unwrap().unwrap();
        assert!(story.deliveries[0].failures.is_empty(), "an attempt was counted");
    }
}

// I9
#[tokio::test]
async fn however_often_a_destination_rested_a_delivery_has_all_its_attempts_left() {
    let mut world = World::start().await;
    for kind in [ErrorKind::Throttled, ErrorKind::Unreachable] {
        world.crm.answer_next(50, &Answer::Fails(failing(kind)));
    }
    world
        .crm
        .answer_next(1, &Answer::Fails(failing(ErrorKind::Broken)));
    world.send(&lead("ada@example.com")).await;
    world.advance(TimeDelta::hours(3)).await;
    let calls = times(&world);
    assert_eq!(calls.len(), 102);
    let wait = calls[101] - calls[100];
    assert!(
        (TimeDelta::seconds(5)..=TimeDelta::seconds(6)).contains(&wait),
        "{wait} after what should be the first attempt"
    );
    world.assert_all_settled().await;
}

#[tokio::test]
async fn a_release_before_anything_changed_parks_again_after_one_call() {
    let mut world = crew().await;
    world.crm.always(Answer::Fails(failing(ErrorKind::Unauthorized)));
    backlog(&mut world, 250).await;
    world.run_until_idle().await;
    world.release().await;
    world.advance(TimeDelta::hours(1)).await;
    assert_eq!(world.crm.call_count(), 2);
    assert!(matches!(gate(&world).await, DestinationGate::Parked { .. }));
}

/// 404 on a webhook: maybe a deployment, maybe for good.
fn missing() -> ConnectorError {
    failing(ErrorKind::Misconfigured)
        .strikes(3)
        .hint("correct the URL, then release")
}

#[tokio::test]
async fn what_is_missing_three_times_in_a_row_parks_and_less_only_rests() {
    let mut world = World::start().await;
    world.crm.answer_next(2, &Answer::Fails(missing()));
    world.send(&lead("ada@example.com")).await;
    world.advance(TimeDelta::minutes(1)).await;
    assert_eq!(world.crm.contactable(), ["ada@example.com"]);

    // The strikes before the success are forgotten.
    world.crm.answer_next(2, &Answer::Fails(missing()));
    world.send(&lead("bob@example.com")).await;
    world.advance(TimeDelta::minutes(1)).await;
    assert_eq!(world.crm.contactable().len(), 2);

    world.crm.always(Answer::Fails(missing()));
    world.send(&lead("carol@example.com")).await;
    world.advance(TimeDelta::days(1)).await;
    assert!(
        matches!(gate(&world).await, DestinationGate::Parked { hint, .. } if hint == "correct the URL, then release")
    );
    assert_eq!(world.crm.call_count(), 3 + 3 + 3);

    world.crm.recover();
    world.release().await;
    world.run_until_idle().await;
    world.assert_all_settled().await;
}

// A receiver that says 410 wants no more calls, ever.
#[tokio::test]
async fn a_destination_that_is_gone_parks_at_the_first_word() {
    let mut world = crew().await;
    world.crm.always(Answer::Fails(failing(ErrorKind::Misconfigured)));
    backlog(&mut world, 250).await;
    world.advance(TimeDelta::days(1)).await;
    assert_eq!(world.crm.call_count(), 1);
    assert!(matches!(gate(&world).await, DestinationGate::Parked { .. }));
    assert_eq!(world.totals().await.dead, 0);
}

// I7
#[tokio::test]
async fn the_pace_of_a_destination_holds_for_all_its_workers_together() {
    let mut world = World::with(Plan {
        workers: 4,
        batch_limit: 1,
        pace: (5, 10),
        ..Plan::default()
    })
    .await;
    backlog(&mut world, 200).await;
    world.advance(TimeDelta::minutes(1)).await;
    world.assert_all_settled().await;
    let calls = times(&world);
    for (first, at) in calls.iter().enumerate() {
        let within = calls[first..]
            .iter()
            .take_while(|other| **other - *at < TimeDelta::seconds(10));
        assert!(within.count() <= 10 + 5 * 10);
    }
}

// L5
#[tokio::test]
async fn workers_without_work_make_no_appointments() {
    let mut world = crew().await;
    world.send(&lead("ada@example.com")).await;
    assert_eq!(world.run_until_idle().await, None);
}
