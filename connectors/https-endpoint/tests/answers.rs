//! Every line of the contract's list of answers.

use connector_kit::conformance::leads;
use connector_kit::{ConnectorError, ErrorKind, RecordRef};
use leadsync_sim::webhook::Answer;
use leadsync_sim::webhook::strict::Form;
use serde_json::Value;

use crate::world::World;

/// The contract's word for what the daemon does with an outcome.
fn word(status: u64, outcome: &Result<connector_kit::Receipt, ConnectorError>) -> &'static str {
    let Err(error) = outcome else { return "delivered" };
    match (error.kind(), error.strikes_needed()) {
        (ErrorKind::Rejected, _) => "dead-letter",
        (ErrorKind::Broken | ErrorKind::Conflict | ErrorKind::Throttled | ErrorKind::Unreachable, _) => {
            "retry"
        }
        (ErrorKind::Misconfigured, 1) => "disable-connection",
        (ErrorKind::Misconfigured, _) if (300..400).contains(&status) => "failed-config",
        (ErrorKind::Unauthorized | ErrorKind::Misconfigured, _) => "pause-connection",
    }
}

#[tokio::test]
async fn every_status_of_the_list_has_its_outcome() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/https/response-cases.json"
    );
    let table: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = table["statuses"].as_array().unwrap();
    assert!(cases.len() > 40);
    let world = World::start().await;
    for case in cases {
        let status = case["status"].as_u64().unwrap();
        // No server may send 101 unasked, and no client shows it: the last line below covers it.
        if status == 101 {
            continue;
        }
        let mut answer = Answer::status(u16::try_from(status).unwrap());
        for (name, value) in case["headers"].as_object().into_iter().flatten() {
            let name = ["location", "retry-after", "www-authenticate"]
                .into_iter()
                .find(|n| name.eq_ignore_ascii_case(n));
            answer = answer.header(name.unwrap(), value.as_str().unwrap());
        }
        world.hook.answer_next([answer]);
        let outcome = world.deliver_one().await;
        assert_eq!(
            word(status, &outcome),
            case["outcome"],
            "{status}: {}",
            case["note"]
        );
        if let Err(error) = &outcome {
            assert!(error.to_string().contains(&status.to_string()), "{error}");
        }
    }
    world.assert_no_complaints();
}

#[tokio::test]
async fn the_slow_down_statuses_hold_the_whole_destination() {
    let world = World::start().await;
    for (status, kind) in [
        (429, ErrorKind::Throttled),
        (503, ErrorKind::Throttled),
        (502, ErrorKind::Unreachable),
        (504, ErrorKind::Unreachable),
    ] {
        world
            .hook
            .answer_next([Answer::status(status).header("retry-after", "12")]);
        let error = world.deliver_one().await.unwrap_err();
        assert_eq!((error.kind(), error.wait().unwrap().as_secs()), (kind, 12));
    }
}

#[tokio::test]
async fn a_conflict_is_a_retry_only_when_an_idempotency_key_was_sent() {
    for (setting, header, kind) in [
        ("off", None, ErrorKind::Rejected),
        ("bare", Some(leads::delivery(1).message_id()), ErrorKind::Conflict),
        (
            "quoted",
            Some(format!("\"{}\"", leads::delivery(1).message_id())),
            ErrorKind::Conflict,
        ),
    ] {
        let world = World::with(Form::Standard, &format!("idempotency_key = '{setting}'")).await;
        world.hook.answer_next([Answer::status(409)]);
        assert_eq!(world.deliver_one().await.unwrap_err().kind(), kind);
        assert_eq!(
            world.hook.requests()[0].header("idempotency-key"),
            header.as_deref()
        );
    }
}

#[tokio::test]
async fn the_receivers_record_is_kept_where_the_pointer_finds_one() {
    let world = World::with(Form::Standard, "record_pointer = '/result/id'").await;
    for (body, record) in [
        (r#"{"result":{"id":"rec-7"}}"#, Some("rec-7")),
        (r#"{"result":{"id":77}}"#, Some("77")),
        (r#"{"result":{}}"#, None),
        ("thanks", None),
    ] {
        world.hook.answer_next([Answer::status(200).body(body)]);
        let receipt = world.deliver_one().await.unwrap();
        assert_eq!(receipt.record, record.map(|text| RecordRef(text.into())));
    }
}

#[tokio::test]
async fn a_2xx_decides_even_when_its_body_is_cut_endless_or_stalled() {
    let world = World::start().await;
    let answers = [
        Answer::status(200).body("half").cut(),
        Answer::status(200).flood(1 << 30),
        Answer::status(202).body("x").stall(),
    ];
    let count = answers.len();
    world.hook.answer_next(answers);
    for _ in 0..count {
        world.deliver_one().await.unwrap();
    }
}

#[tokio::test]
async fn without_an_answer_everything_waits_and_nothing_counts() {
    let world = World::start().await;
    world.hook.answer_next([Answer::hang_up(), Answer::silence()]);
    for _ in 0..2 {
        assert_eq!(
            world.deliver_one().await.unwrap_err().kind(),
            ErrorKind::Unreachable
        );
    }
    let World {
        server, destination, ..
    } = world;
    drop(server);
    let error = destination
        .upsert(&[leads::delivery(1)])
        .await
        .remove(0)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
}

#[tokio::test]
async fn a_dead_letter_carries_the_answer_and_a_hint() {
    let world = World::start().await;
    world
        .hook
        .answer_next([Answer::status(413).body("too big for us")]);
    let error = world.deliver_one().await.unwrap_err();
    assert_eq!(error.answer_text(), Some("too big for us"));
    assert!(error.hint_text().unwrap().contains("batch_max"));
}
