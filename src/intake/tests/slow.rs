//! Senders that take their time, and those that never speak.

use std::sync::Arc;
use std::time::Duration;

use super::house::{House, PATH, Plan, impatient, post};
use crate::intake::ConnectionLimits;

#[tokio::test]
async fn silence_before_during_and_after_a_head_ends_the_connection() {
    let house = House::open(impatient());
    let mut silent = house.connect().await;
    let mut halfway = house.connect().await;
    halfway.send(b"POST /v1/leads/").await;
    let mut content = house.connect().await;
    content.send(&post("{}")).await;
    assert_eq!(content.answer().await.unwrap().status, 200);

    assert!(silent.closed().await);
    assert!(content.closed().await);
    let answer = halfway.answer().await;
    assert!(answer.is_none_or(|answer| answer.status == 408));
}

#[tokio::test]
async fn a_head_that_drips_ends_the_connection() {
    let house = House::open(impatient());
    let mut wire = house.connect().await;
    let answer = async {
        for byte in format!("POST {PATH} HTTP/1.1\r\nHost: x\r\nX: {}", "y".repeat(1000)).bytes() {
            wire.send(&[byte]).await;
            let pause = Duration::from_millis(5);
            if let Ok(answer) = tokio::time::timeout(pause, wire.answer()).await {
                return answer;
            }
        }
        panic!("a thousand drips were borne")
    };
    assert!(answer.await.is_none_or(|answer| answer.status == 408));
}

#[tokio::test]
async fn a_body_that_drips_gets_408_although_it_never_pauses_for_long() {
    let house = House::open(impatient());
    let mut wire = house.connect().await;
    wire.send(format!("POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n").as_bytes())
        .await;
    let mut drips = 0;
    let answer = loop {
        wire.send(b" ").await;
        drips += 1;
        assert!(drips < 1000, "a thousand drips were borne");
        if let Ok(answer) = tokio::time::timeout(Duration::from_millis(5), wire.answer()).await {
            break answer.unwrap();
        }
    };
    assert_eq!(answer.status, 408);
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(house.shelf.kept().is_empty() && house.shelf.aside().is_empty());
}

#[tokio::test]
async fn a_connection_has_its_time_and_then_ends_after_the_request_in_hand() {
    let mut plan = Plan::default();
    plan.connections.connection_time = Duration::from_millis(100);
    let house = House::open(plan);
    let mut wire = house.connect().await;
    let mut served = 0;
    loop {
        wire.send(&post("{}")).await;
        let Some(answer) = wire.answer().await else { break };
        assert_eq!(answer.status, 200);
        served += 1;
        if answer.header("connection") == Some("close") {
            break;
        }
    }
    assert!(served >= 1);
    assert!(wire.closed().await);
    assert_eq!(house.ask(&post("{}")).await, Some(200));
}

#[tokio::test]
async fn slow_senders_beyond_their_share_do_not_keep_others_out() {
    let house = House::open(Plan {
        connections: ConnectionLimits {
            max_connections_per_address: 3,
            ..ConnectionLimits::default()
        },
        ..Plan::default()
    });
    let mut seated = Vec::new();
    for _ in 0..3 {
        let mut wire = house.connect().await;
        wire.send(&post("{}")).await;
        assert_eq!(wire.answer().await.unwrap().status, 200);
        seated.push(wire);
    }
    assert!(house.connect().await.closed().await, "the fourth is turned away");

    seated.pop().unwrap().hang_up().await;
    loop {
        // The place is free a moment after the sender has left.
        let mut wire = house.connect().await;
        wire.send(&post("{}")).await;
        if wire.answer().await.is_some() {
            break;
        }
    }
}

#[tokio::test]
async fn the_house_is_never_fuller_than_its_limit_and_nobody_is_lost() {
    let mut plan = impatient();
    plan.connections.max_connections = 4;
    let house = Arc::new(House::open(plan));
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(house.connect().await);
    }
    // It waits in the kernel's queue until the silent ones before it were shown out.
    assert_eq!(house.ask(&post("{}")).await, Some(200));
}
