//! Events at the door: believed, kept and answered, or refused without a trace of their content.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;
use tracing::Level;

use super::house::{House, PATH, Plan, impatient, post, post_to};
use super::oracle::{Oracle, PROOF};
use super::shelf::Mood;
use super::wire::Answer;
use crate::admin::Trouble;
use crate::intake::{EventSource, IntakeLimits, PUBLIC_PATHS, Rate};
use crate::log::Log;
use crate::store::StoreError;

const EVENTS: &str = "/v1/partner/events";

fn hearing(oracle: &Arc<Oracle>) -> House {
    House::open(Plan {
        oracle: Some(Arc::clone(oracle)),
        ..Plan::default()
    })
}

/// An event on the wire.
fn event(proof: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "POST {EVENTS} HTTP/1.1\r\nHost: leads.example\r\nContent-Type: application/json\r\n{PROOF}: {proof}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

async fn answer(house: &House, request: &[u8]) -> Answer {
    let mut wire = house.connect().await;
    wire.send(request).await;
    wire.answer().await.unwrap()
}

fn woken(house: &House) -> [usize; 2] {
    [0, 1].map(|who| house.event_pokes[who].load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_believed_event_is_kept_and_whoever_follows_it_is_woken() {
    let house = hearing(&Oracle::new());
    assert_eq!(house.ask(&event("good", "r-1 v1")).await, Some(200));
    let told = house.shelf.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].source.as_str(), "partner");
    assert_eq!(told[0].account.as_str(), "default");
    assert_eq!(told[0].notice.referral.as_ref().unwrap().as_str(), "r-1");
    assert!(told[0].copy.is_none(), "nobody else wants it");
    assert_eq!(woken(&house), [1, 0]);
    assert!(house.shelf.kept().is_empty(), "an event is no lead");
}

#[tokio::test]
async fn an_event_is_answered_only_once_it_is_on_disk() {
    let house = hearing(&Oracle::new());
    house.shelf.set(Mood::Holds);
    let mut wire = house.connect().await;
    wire.send(&event("good", "r-1 v1")).await;
    house.shelf.was_asked(1).await;
    let early = tokio::time::timeout(Duration::from_millis(50), wire.answer()).await;
    assert!(early.is_err(), "answered before the event was kept: {early:?}");
    house.shelf.set(Mood::Keeps);
    assert_eq!(wire.answer().await.unwrap().status, 200);
    assert_eq!(house.shelf.told().len(), 1);
}

#[tokio::test]
async fn a_repeat_and_an_event_about_nothing_are_answered_200_and_wake_nobody() {
    let house = hearing(&Oracle::new());
    for body in ["r-1 v1", "r-1 v1", "- test", "r-1 v1"] {
        assert_eq!(house.ask(&event("good", body)).await, Some(200));
    }
    assert_eq!(house.shelf.told().len(), 2);
    assert_eq!(woken(&house), [1, 0], "a repeat is not fetched again");
}

#[tokio::test]
async fn each_doubt_has_its_own_answer_and_leaves_nothing_behind() {
    let house = hearing(&Oracle::new());
    let unproven = post_to(EVENTS, "r-1 v1");
    let table = [
        (unproven, 400, "malformed-event", Some("there is no proof"), None),
        (event("invented", "r-1 v1"), 401, "unproven-event", None, None),
        (event("later", "r-1 v1"), 503, "undecided", None, Some("30")),
        (event("broken", "r-1 v1"), 503, "undecided", None, Some("5")),
    ];
    for (request, status, kind, detail, wait) in table {
        let answer = answer(&house, &request).await;
        assert_eq!(answer.status, status, "{kind}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.header("retry-after"), wait, "{kind}");
        let schemes = (status == 401).then_some("Signature");
        assert_eq!(answer.header("www-authenticate"), schemes, "{kind}");
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(problem["type"], format!("urn:leadsync:problem:{kind}"));
        if let Some(detail) = detail {
            assert_eq!(problem["detail"], detail);
        }
        let text = problem.to_string();
        assert!(
            !text.contains("signature does not fit"),
            "a forger learns nothing: {text}"
        );
    }
    assert!(house.shelf.told().is_empty() && house.shelf.aside().is_empty());
    assert_eq!(woken(&house), [0, 0]);
    assert_eq!(
        house.ask(&event("good", "r-1 v1")).await,
        Some(200),
        "the door goes on"
    );
}

#[tokio::test]
async fn a_connector_nobody_knows_is_answered_exactly_like_a_path_that_is_not_there() {
    let house = hearing(&Oracle::new());
    let mut answers = Vec::new();
    for path in [
        "/",
        "/v1/nobody/events",
        "/v1//events",
        "/v1/events",
        "/v1/partner",
        "/v1/partner/events/",
        "/v1/partner/events/more",
        "/v1/partner/Events",
        "/v1/leads/events",
        "/v1/leads/partner/events",
        "/v1/web/events",
    ] {
        let mut answer = answer(&house, &post_to(path, "r-1 v1")).await;
        let date = answer.header("date").unwrap().to_owned();
        answer.head = answer.head.replace(&date, "");
        answers.push((path, answer));
    }
    let (_, expected) = answers[0].clone();
    assert_eq!(expected.status, 404);
    for (path, answer) in answers {
        assert_eq!(answer, expected, "{path}");
    }
}

#[tokio::test]
async fn events_have_the_manners_of_leads() {
    let house = hearing(&Oracle::new());
    for method in ["GET", "PUT", "DELETE"] {
        let request = format!("{method} {EVENTS} HTTP/1.1\r\nHost: x\r\n\r\n");
        let answer = answer(&house, request.as_bytes()).await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("POST")),
            "{method}"
        );
    }
    let encoded = format!(
        "POST {EVENTS} HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n{PROOF}: good\r\nContent-Length: 1\r\n\r\nr"
    );
    assert_eq!(house.ask(encoded.as_bytes()).await, Some(415));
    let large = format!("r-1 {}", "x".repeat(64 * 1024));
    assert_eq!(house.ask(&event("good", &large)).await, Some(413));
    assert!(house.shelf.told().is_empty());
}

#[tokio::test]
async fn a_sender_that_is_too_fast_waits() {
    let one = NonZeroU32::MIN;
    let house = House::open(Plan {
        limits: IntakeLimits {
            rate_per_address: Some(Rate {
                per_second: one,
                burst: one,
            }),
            ..IntakeLimits::default()
        },
        oracle: Some(Oracle::new()),
        ..Plan::default()
    });
    assert_eq!(house.ask(&event("good", "r-1 v1")).await, Some(200));
    assert_eq!(house.ask(&event("good", "r-1 v2")).await, Some(429));
}

#[tokio::test]
async fn slow_looks_hold_up_neither_leads_nor_many_more_events() {
    let oracle = Oracle::new();
    let house = hearing(&oracle);
    let mut slow = Vec::new();
    for number in 0..16 {
        let mut wire = house.connect().await;
        wire.send(&event("slow", &format!("r-{number} v1"))).await;
        slow.push(wire);
    }
    oracle.looks_at(16).await;

    assert_eq!(
        house.ask(&post("{}")).await,
        Some(200),
        "a lead is taken meanwhile"
    );
    let beyond = answer(&house, &event("good", "r-99 v1")).await;
    assert_eq!((beyond.status, beyond.header("retry-after")), (503, Some("5")));

    oracle.decide();
    for mut wire in slow {
        assert_eq!(wire.answer().await.unwrap().status, 200);
    }
    assert_eq!(house.shelf.told().len(), 16);
    assert_eq!(house.ask(&event("good", "r-99 v1")).await, Some(200));
}

#[tokio::test]
async fn a_look_that_does_not_end_is_answered_503_by_the_deadline() {
    let house = House::open(Plan {
        oracle: Some(Oracle::new()),
        ..impatient()
    });
    let answer = answer(&house, &event("slow", "r-1 v1")).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    assert_eq!(house.ask(&event("good", "r-1 v1")).await, Some(200));
}

#[tokio::test]
async fn a_store_that_cannot_keep_events_means_503_and_come_again() {
    let house = hearing(&Oracle::new());
    for (error, trouble) in [
        (StoreError::Busy, None),
        (StoreError::Full, Some(Trouble::StoreFull)),
        (StoreError::Unknown("words".into()), Some(Trouble::StoreFailing)),
    ] {
        house.shelf.set(Mood::Fails(error.clone()));
        let answer = answer(&house, &event("good", "r-1 v1")).await;
        assert_eq!(answer.status, 503, "{error:?}");
        assert!(answer.header("retry-after").is_some());
        let raised: Vec<Trouble> = house.health.troubles().into_iter().map(|(t, _)| t).collect();
        assert_eq!(raised, Vec::from_iter(trouble), "{error:?}");
        house.crank.advance(Duration::from_secs(5));
    }
    assert_eq!(woken(&house), [0, 0]);
    house.shelf.set(Mood::Keeps);
    assert_eq!(house.ask(&event("good", "r-1 v1")).await, Some(200));
}

#[tokio::test]
async fn a_sender_that_leaves_while_its_event_is_written_loses_nothing() {
    let house = hearing(&Oracle::new());
    house.shelf.set(Mood::Holds);
    let mut wire = house.connect().await;
    wire.send(&event("good", "r-1 v1")).await;
    house.shelf.was_asked(1).await;
    drop(wire);
    house.shelf.set(Mood::Keeps);
    while house.shelf.told().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(woken(&house), [1, 0]);
}

#[tokio::test]
async fn a_copy_has_the_headers_of_the_proof_the_body_as_it_came_and_nothing_else() {
    let house = hearing(&Oracle::with_a_tee());
    let body = "r-1 \u{fc}ml\u{e4}ut \r\n";
    let request = Request::post(EVENTS)
        .header(PROOF, "good")
        .header("content-type", "application/json")
        .header("cookie", "secret")
        .header("x-api-key", "secret")
        .body(Full::new(bytes::Bytes::from(body)))
        .unwrap();
    let caller = house.door.caller("127.0.0.1".parse().unwrap());
    assert_eq!(caller.oneshot(request).await.unwrap().status(), 200);
    let copy = house.shelf.told()[0].copy.clone().unwrap();
    assert_eq!(copy.body, body.as_bytes());
    let expected = [(PROOF, "good"), ("content-type", "application/json")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(copy.headers, expected);
    assert_eq!(woken(&house), [1, 1]);

    assert_eq!(house.ask(&event("good", body)).await, Some(200));
    assert_eq!(woken(&house), [1, 1], "a repeat is not passed on either");
}

#[tokio::test]
async fn hostile_heads_get_an_answer_and_do_no_harm() {
    let house = hearing(&Oracle::with_a_tee());
    let with = |headers: &[u8]| {
        let head = format!("POST {EVENTS} HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n");
        [head.as_bytes(), headers, b"\r\nr-1 v1"].concat()
    };
    let many = format!("{PROOF}: good\r\n").repeat(61);
    let more = format!("{PROOF}: good\r\n").repeat(80);
    let long = format!("{PROOF}: {}\r\n", "g".repeat(20_000));
    let table: [(&[u8], u16); 7] = [
        (b"x-proof: \xff\xfe\x80\r\n", 401),
        (b"x-proof:\r\n", 401),
        (b"x-proof: good\0\r\n", 400),
        (b"x-proof: good\r\nx-proof: \xff\r\ncontent-type: \xff\r\n", 200),
        (many.as_bytes(), 200),
        (more.as_bytes(), 431),
        (long.as_bytes(), 401),
    ];
    for (headers, status) in table {
        let found = house.ask(&with(headers)).await;
        assert_eq!(
            found,
            Some(status),
            "{}",
            headers[..headers.len().min(60)].escape_ascii()
        );
    }
    let copies: Vec<_> = house
        .shelf
        .told()
        .into_iter()
        .filter_map(|told| told.copy)
        .collect();
    assert_eq!(
        copies.len(),
        1,
        "what cannot be written down is left out, the rest is kept"
    );
    assert_eq!(copies[0].headers, [(PROOF.to_owned(), "good".to_owned())]);
}

#[tokio::test]
async fn the_numbers_tell_what_events_came_to() {
    let house = hearing(&Oracle::new());
    for (proof, body) in [
        ("good", "r-1 v1"),
        ("good", "r-1 v1"),
        ("good", "- test"),
        ("forged", "r-1 v1"),
        ("forged", "r-2 v1"),
        ("later", "r-1 v1"),
    ] {
        house.ask(&event(proof, body)).await;
    }
    house.ask(&post_to(EVENTS, "r-1 v1")).await;
    let page = house.metrics.text().unwrap();
    for line in [
        "leadsync_events_total{source=\"partner\",result=\"kept\",reason=\"\"} 1",
        "leadsync_events_total{source=\"partner\",result=\"known\",reason=\"\"} 1",
        "leadsync_events_total{source=\"partner\",result=\"noted\",reason=\"\"} 1",
        "leadsync_events_total{source=\"partner\",result=\"forged\",reason=\"the signature does not fit\"} 2",
        "leadsync_events_total{source=\"partner\",result=\"malformed\",reason=\"there is no proof\"} 1",
        "leadsync_events_total{source=\"partner\",result=\"undecided\",reason=\"unreachable\"} 1",
        "leadsync_intake_requests_total{source=\"partner\",status=\"200\"} 3",
        "leadsync_intake_requests_total{source=\"partner\",status=\"401\"} 2",
        "leadsync_intake_requests_total{source=\"partner\",status=\"503\"} 1",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
}

#[tokio::test]
async fn nothing_an_event_says_is_found_in_logs_numbers_or_answers() {
    let log = Log::listen(Level::TRACE);
    let house = hearing(&Oracle::with_a_tee());
    let mut said = String::new();
    for proof in ["good", "canary-forged", "later", "broken"] {
        for _ in 0..3 {
            let request = Request::post(format!("{EVENTS}?canary-query"))
                .header(PROOF, proof)
                .header("authorization", "Signature canary-token")
                .header("user-agent", "canary-agent")
                .body(Full::new(bytes::Bytes::from("- canary-body")))
                .unwrap();
            let caller = house.door.caller("127.0.0.1".parse().unwrap());
            let answer = caller.oneshot(request).await.unwrap();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            said.push_str(std::str::from_utf8(&body).unwrap());
        }
    }
    let logs = log.text();
    assert!(
        logs.contains("/v1/{connector}/events"),
        "the template is logged: {logs}"
    );
    assert_eq!(
        logs.matches("event_refused").count(),
        2,
        "a forger does not fill the log: {logs}"
    );
    said.push_str(&logs);
    said.push_str(&house.metrics.text().unwrap());
    assert!(!said.contains("canary"), "{said}");
}

#[tokio::test]
async fn the_public_listener_knows_these_kinds_of_paths_and_no_others() {
    let families = ["/v1/leads/{source}/{secret}", "/v1/{connector}/events"];
    assert_eq!(PUBLIC_PATHS, families);
    assert_eq!(EventSource::path("partner"), EVENTS);
    let house = hearing(&Oracle::new());
    assert_eq!(house.ask(&post("{}")).await, Some(200));
    assert_eq!(house.ask(&event("good", "r-1 v1")).await, Some(200));
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/v1/poke",
        "/v1/upkeep",
        "/v1",
        "/v2/partner/events",
        "/v1/crm/partner/events/secret",
        PATH.trim_end_matches(char::is_alphanumeric),
    ] {
        assert_eq!(house.ask(&post_to(path, "{}")).await, Some(404), "{path}");
    }
}
