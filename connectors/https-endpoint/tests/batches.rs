//! Many events in one request.

use std::sync::Arc;

use connector_kit::conformance::leads;
use connector_kit::{ErrorKind, LeadDelivery};
use leadsync_sim::webhook::Answer;
use leadsync_sim::webhook::strict::Form;

use crate::world::World;

fn many(count: u32) -> Vec<LeadDelivery> {
    (0..count).map(leads::delivery).collect()
}

#[tokio::test]
async fn a_hundred_leads_are_one_request() {
    let world = World::with(Form::Standard, "batch_max = 100").await;
    let results = world.destination.upsert(&many(100)).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!((world.hook.count(), world.hook.lead_count()), (1, 100));
    let body = world.hook.requests()[0].json();
    assert_eq!(
        (body["type"].as_str(), body["data"].as_array().unwrap().len()),
        (Some("leads.batch"), 100)
    );
    assert_eq!(body["data"][7]["id"], many(100)[7].message_id());
    world.assert_no_complaints();
}

#[tokio::test]
async fn the_same_batch_has_the_same_id_and_bytes_and_another_batch_another_id() {
    let world = World::with(Form::Standard, "batch_max = 100").await;
    for count in [5, 5, 6] {
        world.destination.upsert(&many(count)).await;
    }
    let seen = world.hook.requests();
    let ids: Vec<_> = seen
        .iter()
        .map(|request| request.header("webhook-id").unwrap())
        .collect();
    assert!(
        ids[0].starts_with("batch-") && ids[0] == ids[1] && ids[1] != ids[2],
        "{ids:?}"
    );
    world.assert_no_complaints();
}

#[tokio::test]
async fn one_bad_record_in_two_hundred_costs_at_most_seventeen_calls_and_nobody_else() {
    for bad in [0, 99, 133, 199] {
        let world = World::with(Form::Standard, "batch_max = 200").await;
        world.hook.refuse_containing(format!("canary{bad}@"));
        let results = world.destination.upsert(&many(200)).await;
        for (place, result) in (0..).zip(&results) {
            match result {
                Ok(_) => assert_ne!(place, bad),
                Err(error) => assert_eq!((place, error.kind()), (bad, ErrorKind::Rejected)),
            }
        }
        assert_eq!(world.hook.lead_count(), 199);
        assert!(world.hook.count() <= 17, "{} calls", world.hook.count());
        assert_eq!(
            world.calls.made(),
            world.hook.count() as u64,
            "every call is noted"
        );
        world.assert_no_complaints();
    }
}

#[tokio::test]
async fn a_2xx_that_fails_the_rule_is_searched_for_the_one_at_fault_too() {
    let rule = "batch_max = 8\nsuccess_rule = { pointer = '/success', equals = true }";
    let world = World::with(Form::Standard, rule).await;
    world
        .hook
        .answer_next([Answer::status(200).body("{}"), Answer::status(200).body("{}")]);
    let results = world.destination.upsert(&many(8)).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(world.hook.count(), 5, "8 and 4 fail, then 2 + 2 and 4 go");
}

#[tokio::test]
async fn after_a_slow_down_nothing_more_is_sent_and_everyone_waits_as_long() {
    let world = World::with(Form::Standard, "batch_max = 8").await;
    world.hook.answer_next([
        Answer::status(400),
        Answer::status(200),
        Answer::status(429).header("retry-after", "30"),
    ]);
    let results = world.destination.upsert(&many(8)).await;
    assert_eq!(world.hook.count(), 3);
    assert!(results[..4].iter().all(Result::is_ok));
    for result in &results[4..] {
        let error = result.as_ref().unwrap_err();
        assert_eq!(
            (error.kind(), error.wait().unwrap().as_secs()),
            (ErrorKind::Throttled, 30)
        );
    }
}

#[tokio::test]
async fn single_events_stop_at_the_first_slow_down_too() {
    let world = World::start().await;
    world.hook.answer_next([Answer::status(204), Answer::status(503)]);
    let results = world.destination.upsert(&many(5)).await;
    assert_eq!(world.hook.count(), 2);
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
}

/// Lead `number` with a note of so many bytes in each of ten touches.
fn heavy(number: u32, bytes: usize) -> LeadDelivery {
    let mut delivery = leads::delivery(number);
    let lead = Arc::make_mut(&mut delivery.lead);
    let mut touch = lead.touches[0].clone();
    touch.description = "n".repeat(bytes);
    lead.touches = vec![touch; 10];
    delivery
}

#[tokio::test]
async fn batches_are_split_so_that_no_body_exceeds_256_kib() {
    let world = World::with(Form::Standard, "batch_max = 100").await;
    let heavy: Vec<_> = (0..20).map(|number| heavy(number, 4096)).collect();
    assert!(world.destination.upsert(&heavy).await.iter().all(Result::is_ok));
    let seen = world.hook.requests();
    assert!(seen.iter().all(|request| request.body.len() <= 256 * 1024));
    assert_eq!((seen.len(), world.hook.lead_count()), (4, 20));
    world.assert_no_complaints();
}

#[tokio::test]
async fn an_event_beyond_256_kib_is_refused_alone_and_never_sent() {
    let world = World::with(Form::Standard, "batch_max = 100").await;
    let mixed = [leads::delivery(1), heavy(2, 26_200), leads::delivery(3)];
    let results = world.destination.upsert(&mixed).await;
    assert_eq!(results[1].as_ref().unwrap_err().kind(), ErrorKind::Rejected);
    assert!(results[0].is_ok() && results[2].is_ok());
    assert_eq!((world.hook.count(), world.hook.lead_count()), (1, 2));
}
