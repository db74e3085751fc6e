//! What the operator hears.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::ManualClock;
use connector_kit::secret::Secret;
use connector_kit::{DestinationName, ErrorKind, Quota};
use tower::ServiceExt;

use super::*;
use crate::admin::Token;
use crate::intake::tests::shelf::{Mood, Shelf};
use crate::runtime::Ticks;
use crate::runtime::ticks::Crank;
use crate::store::{DestinationGate, DestinationStatus, Ledger, Totals};

mod reload;
mod vitals;

fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

struct Office {
    desk: Desk,
    shelf: Arc<Shelf>,
    crank: Crank,
    pokes: Arc<AtomicUsize>,
}

fn office() -> Office {
    let (ticks, crank) = Ticks::by_hand();
    let shelf = Arc::new(Shelf::new());
    let pokes = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&pokes);
    let desk = Desk {
        health: Arc::new(Health::new(ticks.clone())),
        metrics: Arc::new(Metrics::new(ticks)),
        store: shelf.clone(),
        clock: Arc::new(ManualClock::new(noon())),
        stuck: Arc::new(|| None),
        upkeep: Noticeboard::default(),
        terms: terms(
            BTreeMap::new(),
            Arc::new(move || _ = count.fetch_add(1, Ordering::Relaxed)),
        ),
        reload: None,
    };
    Office {
        desk,
        shelf,
        crank,
        pokes,
    }
}

/// A config with one connector, `crm`.
fn terms(budgets: BTreeMap<DestinationName, Budget>, poke: Poke) -> Arc<ArcSwap<Terms>> {
    Arc::new(ArcSwap::from_pointee(Terms {
        budgets,
        callers: BTreeSet::new(),
        connectors: BTreeSet::from(["crm".to_owned()]),
        sources: BTreeSet::new(),
        poke,
    }))
}

async fn ask(desk: &Desk, method: &str, path: &str) -> (u16, String) {
    ask_as(router(desk.clone()), method, path, "*/*").await
}

async fn ask_as(router: Router, method: &str, path: &str, accept: &str) -> (u16, String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("accept", accept)
        .body(Body::empty())
        .unwrap();
    let response = router.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn metrics_show_what_was_counted_and_what_waits() {
    let office = office();
    let crm = DestinationName::new("crm");
    let meter = office.desk.metrics.destination(&crm);
    meter.delivered.inc();
    meter.failed(ErrorKind::Throttled);
    *office.shelf.totals.lock().unwrap() = Totals {
        leads: 7,
        dead: 2,
        ..Totals::default()
    };
    *office.shelf.destinations.lock().unwrap() = vec![DestinationStatus {
        gate: DestinationGate::Parked {
            reason: "401".into(),
            hint: "renew".into(),
        },
        due: 3,
        waiting: 1,
        dead: 2,
        delivered: 1,
        oldest_due: Some(noon() - TimeDelta::seconds(90)),
        calls: Ledger {
            total: 41,
            quota: Some(Quota {
                granted: 1000,
                left: 959,
                told_at: noon(),
            }),
            ..Ledger::default()
        },
        ..DestinationStatus::idle(crm)
    }];
    office.crank.advance(Duration::from_secs(61));
    let (status, page) = ask(&office.desk, "GET", "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "leadsync_delivery_attempts_total{destination=\"crm\",result=\"delivered\"} 1",
        "leadsync_delivery_attempts_total{destination=\"crm\",result=\"throttled\"} 1",
        "leadsync_destination_deliveries{destination=\"crm\",state=\"due\"} 3",
        "leadsync_destination_oldest_due_seconds{destination=\"crm\"} 90",
        "leadsync_destination_gate{destination=\"crm\"} 2",
        "leadsync_destination_calls_total{destination=\"crm\"} 41",
        "leadsync_destination_calls_left{destination=\"crm\"} 959",
        "leadsync_leads{fate=\"all\"} 7",
        "leadsync_leads{fate=\"dead\"} 2",
        "leadsync_uptime_seconds 61",
        "leadsync_store_answered 1",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
    assert_eq!(
        ask(&office.desk, "GET", "/readyz").await.0,
        200,
        "a parked destination leaves the daemon ready"
    );
}

#[tokio::test]
async fn a_destination_whose_day_is_spent_rests() {
    let mut office = office();
    let crm = DestinationName::new("crm");
    let budget = Budget {
        calls_per_day: 100,
        reserve: 0.2,
        day_starts: TimeDelta::zero(),
    };
    office.desk.terms = terms(BTreeMap::from([(crm.clone(), budget)]), Arc::new(|| {}));
    for (spent, gate) in [(99, 0), (100, 1)] {
        *office.shelf.destinations.lock().unwrap() = vec![DestinationStatus {
            due: 1,
            calls: Ledger {
                day: Some(noon() - TimeDelta::hours(12)),
                spent,
                ..Ledger::default()
            },
            ..DestinationStatus::idle(crm.clone())
        }];
        let (_, page) = ask(&office.desk, "GET", "/metrics").await;
        let line = format!("leadsync_destination_gate{{destination=\"crm\"}} {gate}");
        assert!(page.contains(&line), "{spent} of 100 spent: {page}");
    }
}

#[tokio::test]
async fn metrics_are_shown_even_when_the_store_fails() {
    let office = office();
    office.shelf.set(Mood::Fails(crate::store::StoreError::Busy));
    let (status, page) = ask(&office.desk, "GET", "/metrics").await;
    assert_eq!(status, 200);
    assert!(page.contains("leadsync_uptime_seconds"));
    assert!(page.contains("leadsync_store_answered 0"), "{page}");
}

#[tokio::test]
async fn a_destination_of_the_config_has_numbers_before_its_first_lead() {
    let office = office();
    office.desk.terms.store(Arc::new(Terms {
        budgets: BTreeMap::new(),
        callers: BTreeSet::from([DestinationName::new("crm")]),
        connectors: BTreeSet::from(["crm".to_owned()]),
        sources: BTreeSet::new(),
        poke: Arc::new(|| {}),
    }));
    let (_, page) = ask(&office.desk, "GET", "/metrics").await;
    for line in [
        "leadsync_destination_gate{destination=\"crm\"} 0",
        "leadsync_destination_lane_due{destination=\"crm\",lane=\"hot\"} 0",
        "leadsync_destination_calls_total{destination=\"crm\"} 0",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
}

#[tokio::test]
async fn a_reader_gets_the_form_it_asks_for() {
    let office = office();
    for (accept, kind, has_end) in [
        (
            "application/openmetrics-text; version=1.0.0",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            true,
        ),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8", false),
    ] {
        let request = Request::builder()
            .uri("/metrics")
            .header("accept", accept)
            .body(Body::empty())
            .unwrap();
        let response = router(office.desk.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], kind);
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        assert_eq!(body.ends_with(b"# EOF\n"), has_end, "{accept}");
    }
}

#[tokio::test]
async fn readers_get_the_numbers_and_nothing_that_changes_anything() {
    let office = office();
    let readers = || crate::admin::readable(office.desk.clone());
    for (path, status) in [
        ("/metrics", 200),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/v1/upkeep", 404),
        ("/v1/poke", 404),
    ] {
        assert_eq!(ask_as(readers(), "GET", path, "*/*").await.0, status, "{path}");
    }
    assert_eq!(ask_as(readers(), "POST", "/v1/poke", "*/*").await.0, 404);
    assert_eq!(office.pokes.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn readers_from_elsewhere_show_the_token() {
    let office = office();
    let token = Token::new(&Secret::new("0123456789abcdefghijkl"));
    let guarded = || crate::admin::guarded(crate::admin::readable(office.desk.clone()), token.clone());
    for (shown, status) in [
        (None, 401),
        (Some(""), 401),
        (Some("Bearer"), 401),
        (Some("Bearer 0123456789abcdefghijk"), 401),
        (Some("Basic 0123456789abcdefghijkl"), 401),
        (Some("bearer 0123456789abcdefghijkl"), 200),
        (Some("Bearer 0123456789abcdefghijkl"), 200),
    ] {
        for path in ["/metrics", "/readyz", "/healthz", "/nothing"] {
            let mut request = Request::builder().uri(path);
            if let Some(shown) = shown {
                request = request.header("authorization", shown);
            }
            let request = request.body(Body::empty()).unwrap();
            let response = guarded().oneshot(request).await.unwrap();
            let expected = if path == "/nothing" && status == 200 {
                404
            } else {
                status
            };
            assert_eq!(response.status().as_u16(), expected, "{path} {shown:?}");
        }
    }
    token.replace(&Secret::new("another-one-0123456789"));
    for (shown, status) in [("0123456789abcdefghijkl", 401), ("another-one-0123456789", 200)] {
        let request = Request::builder().uri("/readyz");
        let request = request.header("authorization", format!("Bearer {shown}"));
        let response = guarded()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(
            response.status().as_u16(),
            status,
            "after it was replaced: {shown}"
        );
    }
}

#[tokio::test]
async fn a_poke_wakes_the_workers_and_needs_post() {
    let office = office();
    assert_eq!(ask(&office.desk, "GET", "/v1/poke").await.0, 405);
    assert_eq!(office.pokes.load(Ordering::Relaxed), 0);
    assert_eq!(ask(&office.desk, "POST", "/v1/poke").await.0, 204);
    assert_eq!(office.pokes.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_wears_out_is_shown_and_503_when_something_of_it_is_ill() {
    let office = office();
    let answer = ask(&office.desk, "GET", "/v1/upkeep").await;
    assert_eq!(answer, (200, r#"{"well":true,"connectors":[]}"#.to_owned()));

    let ailing = Check::ailing("sign-in", "9 days are left", "sign in again");
    let at = noon();
    let checks = vec![ailing.clone()];
    office.desk.upkeep.pin("partner", Tended { at, checks });
    let (status, body) = ask(&office.desk, "GET", "/v1/upkeep").await;
    assert_eq!(status, 200, "a warning is no illness");
    assert_eq!(
        body,
        r#"{"well":true,"connectors":[{"connector":"partner","looked_at":"2026-11-20T12:00:00+00:00","checks":[{"check":"sign-in","state":"warning","found":"9 days are left","remedy":"sign in again"}]}]}"#
    );

    let ill = Check::ill("registration", "events go elsewhere", "take them over");
    let checks = vec![ailing, ill];
    office.desk.upkeep.pin("partner", Tended { at, checks });
    assert_eq!(ask(&office.desk, "GET", "/v1/upkeep").await.0, 503);
    assert_eq!(
        ask(&office.desk, "GET", "/readyz").await.0,
        200,
        "leads are taken all the same"
    );
}

#[tokio::test]
async fn the_numbers_tell_how_many_events_wait() {
    let office = office();
    office.shelf.referrals.lock().unwrap().notices = 3;
    let (_, page) = ask(&office.desk, "GET", "/metrics").await;
    assert!(page.contains("leadsync_events_waiting 3"), "{page}");
}
