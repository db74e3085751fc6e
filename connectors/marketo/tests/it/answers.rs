//! What each answer comes to, and which records share it.

use std::sync::Arc;

use connector_kit::conformance::leads::{delivery, revised};
use connector_kit::{ErrorKind, RecordRef};
use leadsync_sim::faults::Fault;
use serde_json::{Value, json};

use crate::world::{World, deliver, email};

fn fixture(name: &str) -> Value {
    let path = format!(
        "{}/../../tests/fixtures/marketo/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::test]
async fn the_documented_answers_are_read_as_what_they_are() {
    for (name, kind, seconds) in [
        ("error-606.json", ErrorKind::Throttled, 20..=20),
        ("error-607.json", ErrorKind::Throttled, 64_801..=64_861),
        ("error-615.json", ErrorKind::Throttled, 1..=5),
    ] {
        let world = World::start().await;
        world
            .marketo
            .faults
            .when("leads.json", 1, Fault::json(200, &fixture(name)));
        let error = deliver(&world.destination(), &delivery(1)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{name}");
        assert!(
            seconds.contains(&error.wait().unwrap().as_secs()),
            "{name}: {:?}",
            error.wait()
        );
    }
    let world = World::start().await;
    world
        .marketo
        .faults
        .when("leads.json", 1, Fault::json(200, &fixture("error-602.json")));
    deliver(&world.destination(), &delivery(1)).await.unwrap();
    assert_eq!(world.marketo.token_requests(), 2);
    world.marketo.faults.when(
        "leads.json",
        1,
        Fault::json(200, &fixture("upsert-200-partial.json")),
    );
    let fates = world.destination().upsert(&[delivery(1), delivery(2)]).await;
    assert_eq!(
        fates[0].as_ref().unwrap().record,
        Some(RecordRef("318581".into()))
    );
    assert_eq!(
        fates[1].as_ref().unwrap_err().answer_text(),
        Some("1003 Invalid data")
    );
}

#[tokio::test]
async fn a_request_has_the_shape_of_the_documented_one() {
    let world = World::with("partition = 'Default'").await;
    deliver(&world.destination(), &delivery(1)).await.unwrap();
    let sent: Value = serde_json::from_str(&world.marketo.calls()[0].body).unwrap();
    let documented = fixture("upsert-request.json");
    for name in documented.as_object().unwrap().keys() {
        assert!(sent.get(name).is_some(), "{name}");
        if name != "input" {
            assert_eq!(sent[name], documented[name], "{name}");
        }
    }
    for name in documented["input"][0].as_object().unwrap().keys() {
        assert!(sent["input"][0].get(name).is_some(), "{name}");
    }
    assert_eq!(sent["asyncProcessing"], false, "an outcome is wanted");
}

#[tokio::test]
async fn every_code_of_a_whole_call_stops_the_call_and_only_what_is_counted_is_in_the_book() {
    for (code, kind, counted) in [
        ("603", ErrorKind::Unauthorized, 1),
        ("604", ErrorKind::Unreachable, 0),
        ("605", ErrorKind::Misconfigured, 0),
        ("606", ErrorKind::Throttled, 1),
        ("607", ErrorKind::Throttled, 1),
        ("608", ErrorKind::Throttled, 0),
        ("609", ErrorKind::Misconfigured, 1),
        ("610", ErrorKind::Misconfigured, 1),
        ("611", ErrorKind::Broken, 0),
        ("614", ErrorKind::Misconfigured, 1),
        ("615", ErrorKind::Throttled, 1),
        ("713", ErrorKind::Broken, 1),
        ("502", ErrorKind::Unreachable, 1),
    ] {
        let world = World::start().await;
        world.marketo.refuse("leads.json", 1, code);
        let many: Vec<_> = (0..20).map(delivery).collect();
        let fates = world.destination().upsert(&many).await;
        assert!(
            fates.iter().all(|fate| fate.as_ref().unwrap_err().kind() == kind),
            "{code}"
        );
        assert_eq!(
            (world.marketo.calls().len(), world.calls.made()),
            (1, counted),
            "{code}"
        );
        assert_eq!(world.calls.made(), world.marketo.used_today(), "{code}");
    }
}

#[tokio::test]
async fn a_time_out_inside_marketo_may_have_been_done_and_is_harmless_again() {
    let world = World::start().await;
    let destination = world.destination();
    world.marketo.refuse_though_done("leads.json", 1, "604");
    let error = deliver(&destination, &delivery(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    deliver(&destination, &delivery(1)).await.unwrap();
    world.person(&email(1));
}

#[tokio::test]
async fn every_code_of_a_record_fails_that_record_alone() {
    for (code, kind) in [
        ("1001", ErrorKind::Rejected),
        ("1003", ErrorKind::Rejected),
        ("1005", ErrorKind::Conflict),
        ("1006", ErrorKind::Misconfigured),
        ("1007", ErrorKind::Rejected),
        ("1011", ErrorKind::Misconfigured),
        ("1018", ErrorKind::Misconfigured),
        ("1035", ErrorKind::Rejected),
        ("709", ErrorKind::Rejected),
    ] {
        let world = World::start().await;
        world.marketo.skip_containing("Company4Canary", code);
        let many: Vec<_> = (0..10).map(delivery).collect();
        let fates = world.destination().upsert(&many).await;
        for (at, fate) in fates.iter().enumerate() {
            assert_eq!(fate.is_ok(), at != 4, "{code} {at}");
        }
        assert_eq!(fates[4].as_ref().unwrap_err().kind(), kind, "{code}");
        assert_eq!(world.marketo.calls().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_gateway_in_front_of_marketo_is_not_mistaken_for_it() {
    for (fault, kind) in [
        (Fault::HtmlPage(200), ErrorKind::Unreachable),
        (Fault::HtmlPage(502), ErrorKind::Unreachable),
        (Fault::HtmlPage(503), ErrorKind::Throttled),
        (Fault::HtmlPage(404), ErrorKind::Misconfigured),
        (Fault::status(302), ErrorKind::Misconfigured),
        (
            Fault::json(200, &json!({ "requestId": "a#1" })),
            ErrorKind::Unreachable,
        ),
        (
            Fault::json(200, &json!({ "success": true, "result": [] })),
            ErrorKind::Broken,
        ),
    ] {
        let world = World::start().await;
        let name = format!("{fault:?}");
        world.marketo.faults.when("leads.json", 1, fault);
        let error = deliver(&world.destination(), &delivery(1)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{name}");
    }
}

#[tokio::test]
async fn a_call_refused_for_one_of_its_records_is_halved_until_that_one_stands_alone() {
    let world = World::start().await;
    let destination = world.destination();
    // A body the gateway finds too large, twice; the halves are not.
    world.marketo.faults.when("leads.json", 1, Fault::HtmlPage(413));
    let many: Vec<_> = (0..8).map(delivery).collect();
    assert!(destination.upsert(&many).await.iter().all(Result::is_ok));
    assert_eq!(world.marketo.leads().len(), 8);
}

#[tokio::test]
async fn the_same_address_twice_in_one_call_is_written_once_and_both_are_told() {
    let world = World::start().await;
    let mut other = delivery(2);
    let shouted = email(1).to_uppercase();
    Arc::make_mut(&mut other.lead)
        .person
        .email
        .as_mut()
        .unwrap()
        .value = shouted;
    other.revised_at += chrono::TimeDelta::minutes(1);
    let fates = world
        .destination()
        .upsert(&[delivery(1), other, delivery(3)])
        .await;
    let records: Vec<_> = fates
        .into_iter()
        .map(|fate| fate.unwrap().record.unwrap())
        .collect();
    assert_eq!(records[0], records[1], "both are told of the one record");
    assert_ne!(records[0], records[2]);
    assert_eq!(
        world.person(&email(1))["firstName"],
        "Given2Canary",
        "the newer went"
    );
    assert_eq!(world.marketo.calls().len(), 1);
}

#[tokio::test]
async fn a_record_that_was_deleted_is_made_anew_and_one_that_was_merged_is_found_again() {
    let world = World::start().await;
    let destination = world.destination();
    let mut known = revised(&delivery(1), 2);
    known.record = deliver(&destination, &delivery(1)).await.unwrap().record;
    let id: u64 = known.record.as_ref().unwrap().0.parse().unwrap();
    world.marketo.delete(id);
    let survivor = world.marketo.add_lead(&[("email", &email(1))]);
    let receipt = deliver(&destination, &known).await.unwrap();
    assert_eq!(receipt.record, Some(RecordRef(survivor.to_string())), "relinked");
    world.marketo.delete(survivor);
    known.record = receipt.record;
    let receipt = deliver(&destination, &known).await.unwrap();
    assert_eq!(
        receipt.record,
        Some(RecordRef((survivor + 1).to_string())),
        "created"
    );
    world.person(&email(1));
}

#[tokio::test]
async fn an_address_that_changed_stays_with_its_record() {
    let world = World::start().await;
    let destination = world.destination();
    let mut moved = revised(&delivery(1), 2);
    moved.record = deliver(&destination, &delivery(1)).await.unwrap().record;
    Arc::make_mut(&mut moved.lead)
        .person
        .email
        .as_mut()
        .unwrap()
        .value = "new@example.com".into();
    deliver(&destination, &moved).await.unwrap();
    assert_eq!(world.marketo.leads().len(), 1);
    assert_eq!(world.person("new@example.com")["company"], "Company1Canary r2");
}

#[tokio::test]
async fn several_partitions_need_the_name_of_one() {
    let world = World::start().await;
    world.marketo.set_partitions(&["Europe", "America"]);
    let error = deliver(&world.destination(), &delivery(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.hint_text().unwrap().contains("partition"));
    let world = World::with("partition = 'Europe'").await;
    world.marketo.set_partitions(&["Europe", "America"]);
    deliver(&world.destination(), &delivery(1)).await.unwrap();
}

#[tokio::test]
async fn no_error_holds_a_secret_a_token_or_a_person() {
    let mut world = World::start().await;
    world.marketo.skip_containing("Company1Canary", "1003");
    let mut errors = vec![deliver(&world.destination(), &delivery(1)).await.unwrap_err()];
    world.marketo.faults.when("leads.json", 1, Fault::HtmlPage(404));
    errors.push(deliver(&world.destination(), &delivery(2)).await.unwrap_err());
    let wrong: toml::Table = toml::toml! { env = "WRONG" };
    world
        .settings
        .settings
        .insert("client_secret".into(), wrong.into());
    errors.push(deliver(&world.destination(), &delivery(3)).await.unwrap_err());
    assert_eq!(errors[2].kind(), ErrorKind::Unauthorized);
    for error in errors {
        let text = format!("{error} {error:?}");
        for secret in ["canary-", "Canary", "@example.com", ":ab", "client_secret="] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}
