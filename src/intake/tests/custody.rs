//! 200 means kept: when the shelf fails, hesitates, or the sender leaves.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::house::{House, Plan, impatient, post};
use super::shelf::Mood;
use crate::admin::Trouble;
use crate::intake::IntakeLimits;
use crate::store::StoreError;

#[tokio::test]
async fn a_lead_is_kept_byte_for_byte_and_then_whoever_waits_is_woken() {
    let house = House::usual();
    let body = b"{ \"LeadSource\" :\t\"x\" }\n";
    assert_eq!(house.ask(&post(body)).await, Some(200));
    let kept = house.shelf.kept();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].raw.body.as_ref(), body);
    assert_eq!(kept[0].source.as_str(), "web");
    assert_eq!(kept[0].account.as_str(), "default");
    assert_eq!(kept[0].raw.reference, None);
    assert_eq!(house.pokes.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn no_answer_comes_before_the_store_has_answered() {
    let house = House::usual();
    house.shelf.set(Mood::Holds);
    let mut wire = house.connect().await;
    wire.send(&post("{}")).await;
    house.shelf.was_asked(1).await;
    let early = tokio::time::timeout(Duration::from_millis(50), wire.answer()).await;
    assert!(early.is_err(), "answered before the lead was kept: {early:?}");
    house.shelf.set(Mood::Keeps);
    assert_eq!(wire.answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn a_store_that_cannot_keep_means_503_and_come_again() {
    let house = House::usual();
    let failures = [
        (StoreError::Busy, None),
        (StoreError::Full, Some(Trouble::StoreFull)),
        (StoreError::Failed("words".into()), Some(Trouble::StoreFailing)),
        (StoreError::Unknown("words".into()), Some(Trouble::StoreFailing)),
        (StoreError::Lost("words".into()), Some(Trouble::StoreLost)),
    ];
    for (error, trouble) in failures {
        house.shelf.set(Mood::Fails(error.clone()));
        for body in ["{}", "not json"] {
            let mut wire = house.connect().await;
            wire.send(&post(body)).await;
            let answer = wire.answer().await.unwrap();
            assert_eq!(answer.status, 503, "{error:?}");
            let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{error:?}: {wait}");
        }
        let raised: Vec<Trouble> = house.health.troubles().into_iter().map(|(t, _)| t).collect();
        assert_eq!(raised, Vec::from_iter(trouble), "{error:?}");
        house.crank.advance(Duration::from_secs(5));
    }
    assert_eq!(
        house.health.troubles().len(),
        1,
        "only a lost store stays so by itself"
    );
    assert!(house.shelf.kept().is_empty() && house.shelf.aside().is_empty());
    assert_eq!(house.pokes.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_slow_store_means_503_by_the_deadline_and_the_lead_is_kept_all_the_same() {
    let house = House::open(impatient());
    house.shelf.set(Mood::Holds);
    let mut wire = house.connect().await;
    wire.send(&post("{\"late\":1}")).await;
    let answer = wire.answer().await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    assert!(house.shelf.kept().is_empty());

    house.shelf.set(Mood::Keeps);
    house.shelf.holds(1).await;
    assert_eq!(house.shelf.bodies(), [b"{\"late\":1}".to_vec()]);
}

#[tokio::test]
async fn a_sender_that_leaves_while_the_lead_is_written_loses_nothing() {
    let house = House::usual();
    house.shelf.set(Mood::Holds);
    let mut wire = house.connect().await;
    wire.send(&post("{\"gone\":1}")).await;
    house.shelf.was_asked(1).await;
    drop(wire);
    house.shelf.set(Mood::Keeps);
    house.shelf.holds(1).await;
    assert_eq!(house.shelf.bodies(), [b"{\"gone\":1}".to_vec()]);
}

#[tokio::test]
async fn a_sender_that_closes_its_side_after_the_body_is_served() {
    let house = House::usual();
    for _ in 0..20 {
        let mut wire = house.connect().await;
        wire.send(&post("{}")).await;
        wire.hang_up().await;
        assert_eq!(wire.answer().await.unwrap().status, 200);
        assert!(wire.closed().await);
    }
    assert_eq!(house.shelf.kept().len(), 20);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_kept() {
    let house = House::usual();
    let whole = post("{\"a\":\"complete\"}");
    let mut wire = house.connect().await;
    wire.send(&whole[..whole.len() - 1]).await;
    wire.hang_up().await;
    let answer = wire.answer().await;
    assert!(answer.is_none_or(|answer| answer.status == 400));
    assert!(house.shelf.kept().is_empty() && house.shelf.aside().is_empty());
}

#[tokio::test]
async fn a_stop_lets_the_request_in_hand_end_and_takes_no_new_one() {
    let house = House::usual();
    house.shelf.set(Mood::Holds);
    let mut idle = house.connect().await;
    idle.send(&post("[]")).await;
    let mut busy = house.connect().await;
    busy.send(&post("{}")).await;
    house.shelf.was_asked(1).await;
    let address = house.address;

    house.shutdown.cancel();
    house.shelf.set(Mood::Keeps);
    let answer = busy.answer().await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(busy.closed().await);
    house.serving.await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert_eq!(house.shelf.kept().len(), 1);
}

#[tokio::test]
async fn an_unreadable_body_is_set_aside_and_its_sender_told_why_without_the_content() {
    let house = House::usual();
    let mut wire = house.connect().await;
    wire.send(&post("ada@example.com, Lovelace")).await;
    let answer = wire.answer().await.unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let mut members: Vec<&str> = problem.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["detail", "hint", "status", "title", "type"]);
    assert_eq!(problem["status"], 400);
    assert!(!String::from_utf8_lossy(&answer.body).contains("Lovelace"));

    let aside = house.shelf.aside();
    assert_eq!(aside.len(), 1);
    assert_eq!(aside[0].body.as_ref(), b"ada@example.com, Lovelace");
    assert!(!aside[0].reason.contains("Lovelace"));
}

#[tokio::test]
async fn the_numbers_tell_what_happened_at_the_door() {
    let house = House::open(Plan {
        limits: IntakeLimits {
            max_body: 100,
            ..IntakeLimits::default()
        },
        ..Plan::default()
    });
    for body in ["{}", "{}", "oops", &"x".repeat(101)] {
        house.ask(&post(body)).await;
    }
    house.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let page = house.metrics.text().unwrap();
    for line in [
        "leadsync_intake_requests_total{source=\"web\",status=\"200\"} 2",
        "leadsync_intake_requests_total{source=\"web\",status=\"400\"} 1",
        "leadsync_intake_requests_total{source=\"web\",status=\"413\"} 1",
        "leadsync_intake_requests_total{source=\"\",status=\"404\"} 1",
        "leadsync_intake_accepted_total{source=\"web\"} 2",
        "leadsync_intake_refused_total{source=\"web\"} 1",
        "leadsync_intake_answer_seconds_count 5",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
}
