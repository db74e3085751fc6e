//! Whether the daemon lives and should be sent leads, for each thing that may be wrong.

use super::*;
use crate::admin::vitals::WRITER;
use crate::admin::{Reception, Trouble};

/// What is wrong, and how it comes to be.
type Case = (Trouble, fn(&mut Office));

const CASES: [Case; 6] = [
    (Trouble::Stopping, |office| {
        office.desk.health.raise(Trouble::Stopping, "told to stop");
    }),
    (Trouble::StoreFull, |office| {
        office.desk.health.raise(Trouble::StoreFull, "12 MiB are free");
    }),
    (Trouble::StoreLost, |office| {
        office.desk.health.raise(Trouble::StoreLost, "the file is gone");
    }),
    (Trouble::StoreFailing, |office| {
        office
            .desk
            .health
            .raise(Trouble::StoreFailing, "input/output error");
    }),
    (Trouble::WriterStuck, |office| {
        drop(office.desk.health.watch(WRITER, Duration::from_secs(20)));
        office.crank.advance(Duration::from_secs(21));
    }),
    (Trouble::ClockWrong, |office| {
        office.desk.clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
    }),
];

fn json(body: &str) -> serde_json::Value {
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn each_trouble_makes_it_unready_with_a_reason_and_what_to_do() {
    for (trouble, happens) in CASES {
        let mut office = office();
        assert_eq!(ask(&office.desk, "GET", "/readyz").await.0, 200, "{trouble:?}");
        happens(&mut office);

        let (status, body) = ask(&office.desk, "GET", "/readyz").await;
        assert_eq!(status, 503, "{trouble:?}");
        let told = json(&body);
        assert_eq!(told["ready"], false);
        let reason = &told["reasons"][0];
        assert_eq!(reason["reason"], trouble.as_str());
        assert_eq!(reason["remedy"], trouble.remedy());
        assert_ne!(reason["detail"], "", "{trouble:?}");
        assert_eq!(told["reasons"].as_array().unwrap().len(), 1);

        let (status, text) = ask_as(router(office.desk.clone()), "GET", "/readyz", "text/plain").await;
        assert_eq!(status, 503);
        let (word, remedy) = (trouble.as_str(), trouble.remedy());
        assert!(text.starts_with(&format!("not ready\n{word}: ")), "{text}");
        assert!(text.ends_with(&format!("\n  -> {remedy}\n")), "{text}");

        let (_, page) = ask(&office.desk, "GET", "/metrics").await;
        for line in [
            "leadsync_ready 0".to_owned(),
            format!("leadsync_unready{{reason=\"{word}\"}} 1"),
        ] {
            assert!(page.contains(&line), "{line}\n{page}");
        }
    }
    let tried = CASES.map(|(trouble, _)| trouble);
    let untried: Vec<_> = Trouble::ALL
        .into_iter()
        .filter(|one| !tried.contains(one))
        .collect();
    assert_eq!(untried, [Trouble::Starting], "the reception says that one");
}

#[tokio::test]
async fn before_the_store_is_open_it_lives_and_is_not_ready() {
    let office = office();
    let reception = Reception::default();
    let ask = |path, accept| ask_as(reception.router(), "GET", path, accept);
    assert_eq!(
        ask("/healthz", "*/*").await,
        (200, r#"{"alive":true,"silent":[]}"#.to_owned())
    );
    let (status, body) = ask("/readyz", "*/*").await;
    assert_eq!(status, 503);
    assert_eq!(json(&body)["reasons"][0]["reason"], "starting");
    let (status, text) = ask("/readyz", "text/plain").await;
    assert_eq!(status, 503);
    assert!(text.starts_with("not ready\nstarting: "), "{text}");
    let page = "# TYPE leadsync_ready gauge\nleadsync_ready 0\n# TYPE leadsync_unready gauge\nleadsync_unready{reason=\"starting\"} 1\n";
    assert_eq!(ask("/metrics", "*/*").await, (200, page.to_owned()));
    let (status, body) = ask_as(reception.router(), "POST", "/v1/reload", "*/*").await;
    assert_eq!(status, 503);
    assert_eq!(json(&body)["error"], "the daemon is still starting");

    reception.open(router(office.desk.clone()));
    assert_eq!(ask("/readyz", "*/*").await.0, 200);
    let (_, page) = ask("/metrics", "*/*").await;
    assert!(page.contains("leadsync_unready{reason=\"starting\"} 0"), "{page}");
}

#[tokio::test]
async fn it_lives_until_a_room_falls_silent() {
    let office = office();
    let pulse = office.desk.health.watch(WRITER, Duration::from_secs(10));
    let answer = ask(&office.desk, "GET", "/healthz").await;
    assert_eq!(answer, (200, r#"{"alive":true,"silent":[]}"#.to_owned()));

    office.crank.advance(Duration::from_secs(12));
    let (status, body) = ask(&office.desk, "GET", "/healthz").await;
    assert_eq!(status, 503);
    assert_eq!(
        body,
        r#"{"alive":false,"silent":[{"room":"store writer","seconds":12}]}"#
    );
    let text = ask_as(router(office.desk.clone()), "GET", "/healthz", "text/plain").await;
    assert_eq!(text, (503, "store writer stands still\n".to_owned()));
    pulse.beat();
    assert_eq!(ask(&office.desk, "GET", "/healthz").await.0, 200);
}

#[tokio::test]
async fn it_does_not_live_while_a_worker_does_not_move() {
    let mut office = office();
    office.desk.stuck = Arc::new(|| Some("settle".to_owned()));
    let (status, body) = ask(&office.desk, "GET", "/healthz").await;
    assert_eq!(status, 503);
    assert_eq!(json(&body)["silent"][0]["room"], "settle");
}

#[tokio::test]
async fn destinations_that_rest_are_notes_and_nobody_is_kept_away_by_them() {
    let office = office();
    let parked = DestinationStatus {
        gate: DestinationGate::Parked {
            reason: "401".into(),
            hint: "renew the secret".into(),
        },
        ..DestinationStatus::idle(DestinationName::new("crm"))
    };
    let held = DestinationStatus {
        gate: DestinationGate::Held {
            until: noon(),
            holds: 1,
            reason: "busy".into(),
        },
        ..DestinationStatus::idle(DestinationName::new("hook"))
    };
    *office.shelf.destinations.lock().unwrap() = vec![parked, held];
    let (status, body) = ask(&office.desk, "GET", "/readyz").await;
    assert_eq!(status, 200);
    let notes = &json(&body)["notes"];
    assert_eq!(notes[0]["note"], "crm is parked: 401");
    assert_eq!(notes[0]["remedy"], "renew the secret, then: leadsync release crm");
    assert_eq!(
        notes[1]["note"],
        "hook is held until 2026-11-20 12:00:00 UTC: busy"
    );
}

#[tokio::test]
async fn it_is_told_whether_it_is_ready_even_while_the_store_holds_its_breath() {
    let office = office();
    office.shelf.set(Mood::Holds);
    let (status, body) = ask(&office.desk, "GET", "/readyz").await;
    assert_eq!((status, &json(&body)["ready"]), (200, &true.into()));
}
