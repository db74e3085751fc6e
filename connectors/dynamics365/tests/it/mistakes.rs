//! What an implementer would get wrong (contract dynamics365 22), line by line.

use std::sync::Arc;

use connector_kit::conformance::leads::{delivery, revised};
use connector_kit::{ErrorKind, Health, RecordRef, StepState};
use leadsync_sim::faults::Fault;
use serde_json::json;

use crate::world::{KEY_COLUMN, World, answered, deliveries, read_all};

const ID: &str = "9b2d0c4e-5a6f-ee11-9ae7-000d3a993550";

fn nothing(link: String) -> Fault {
    let headers = vec![("odata-version", "4.0".to_owned()), ("odata-entityid", link)];
    Fault::Answer {
        status: 204,
        headers,
        body: String::new(),
    }
}

#[tokio::test]
async fn line_1_an_upsert_that_answers_204_with_its_own_key_is_a_success_without_an_id() {
    let mut world = World::new().await;
    let one = delivery(1);
    let key = format!("leads({KEY_COLUMN}='{}')", one.lead.id);
    for (named, record) in [
        (key.clone(), key.clone()),
        (format!("leads({ID})"), ID.to_owned()),
    ] {
        world
            .crm
            .faults
            .next(nothing(format!("{}/api/data/v9.2/{named}", world.origin())));
        let receipt = world
            .destination()
            .upsert(std::slice::from_ref(&one))
            .await
            .remove(0)
            .unwrap();
        assert_eq!(receipt.record, Some(RecordRef(record)));
    }
}

#[tokio::test]
async fn line_2_no_record_with_this_key_is_never_taken_for_a_duplicate() {
    let mut world = World::new().await;
    let one = delivery(1);
    let known = revised(
        &connector_kit::LeadDelivery {
            record: Some(RecordRef(ID.into())),
            ..one
        },
        2,
    );
    let receipt = world.destination().upsert(&[known]).await.remove(0).unwrap();
    assert!(receipt.closed);
    assert_eq!(
        (world.calls.made(), world.crm.count("lead")),
        (1, 0),
        "nothing is repeated, nothing is made"
    );
}

#[tokio::test]
async fn line_3_no_key_is_percent_encoded() {
    for way in ["bulk = 'auto'", "bulk = 'batch'"] {
        let mut world = World::with(way).await;
        let many = deliveries(4);
        let destination = world.destination();
        assert!(destination.upsert(&many).await.iter().all(Result::is_ok));
        assert!(destination.upsert(&many[..1]).await.iter().all(Result::is_ok));
        for request in world.sent.requests() {
            assert!(!request.uri().path().contains('%'), "{}", request.uri());
            let body = String::from_utf8(request.body().to_vec()).unwrap();
            let keys = body.matches(&format!("leads({KEY_COLUMN}='")).count();
            let plain = many
                .iter()
                .filter(|one| body.contains(&format!("leads({KEY_COLUMN}='{}')", one.lead.id)));
            assert_eq!(plain.count(), keys);
        }
    }
}

#[tokio::test]
async fn line_4_the_key_column_is_in_no_body() {
    for way in ["bulk = 'auto'", "bulk = 'batch'", "bulk_size = 1\nbatch_size = 1"] {
        let mut world = World::with(way).await;
        assert!(
            world
                .destination()
                .upsert(&deliveries(3))
                .await
                .iter()
                .all(Result::is_ok)
        );
        for request in world.sent.requests() {
            let body = String::from_utf8(request.body().to_vec()).unwrap();
            assert!(!body.contains(&format!("\"{KEY_COLUMN}\"")), "{body}");
        }
        assert_eq!(
            world.crm.leads_by(KEY_COLUMN).len(),
            3,
            "and each record has its key"
        );
    }
}

#[tokio::test]
async fn line_5_detection_is_switched_on_by_false_in_each_part() {
    let mut world = World::with("duplicate_detection = 'on'").await;
    assert!(
        world
            .destination()
            .upsert(&deliveries(3))
            .await
            .iter()
            .all(Result::is_ok)
    );
    let batch = world.sent.bodies("/$batch").remove(0).to_lowercase();
    assert_eq!(
        batch
            .matches("mscrm.suppressduplicatedetection: false\r\n")
            .count(),
        3
    );
}

#[tokio::test]
async fn line_6_if_none_match_null_goes_with_every_call_and_changes_nothing() {
    let mut world = World::new().await;
    let connector = world.connector();
    let destination = connector.destination.clone().unwrap();
    for _ in 0..2 {
        assert!(
            destination.upsert(&[delivery(1)]).await[0].is_ok(),
            "an upsert of a record that is there"
        );
    }
    read_all(connector.outcome_source.clone().unwrap().as_ref(), None).await;
    let requests = world.sent.requests();
    assert!(requests.len() >= 4);
    for request in requests {
        assert_eq!(request.headers()["if-none-match"], "null", "{}", request.uri());
    }
}

#[tokio::test]
async fn line_10_while_one_request_is_told_to_wait_nobody_sends() {
    let mut world = World::with("bulk = 'batch'\nbatch_size = 10").await;
    let connector = world.connector();
    let (destination, source) = (
        connector.destination.clone().unwrap(),
        connector.outcome_source.clone().unwrap(),
    );
    world.crm.faults.next(Fault::Answer {
        status: 429,
        headers: vec![("retry-after", "30".to_owned())],
        body: json!({ "error": { "code": "0x80072322", "message": "exceeded" } }).to_string(),
    });
    let fates = destination.upsert(&deliveries(40)).await;
    assert!(
        fates
            .iter()
            .all(|fate| fate.as_ref().unwrap_err().kind() == ErrorKind::Throttled)
    );
    assert_eq!(world.crm.faults.requests(), 1, "the parts after it were not sent");
    world.advance(29);
    assert_eq!(
        source.outcomes(None, 10).await.unwrap_err().kind(),
        ErrorKind::Throttled
    );
    let error = destination.upsert(&deliveries(1)).await.remove(0).unwrap_err();
    assert_eq!(error.wait().map(|wait| wait.as_secs()), Some(1));
    assert_eq!(world.crm.faults.requests(), 1, "nobody sends before the time");
    world.advance(1);
    assert!(
        destination
            .upsert(&deliveries(40))
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert!(source.outcomes(None, 10).await.is_ok());
}

#[tokio::test]
async fn line_10_a_part_of_a_batch_that_is_told_to_wait_is_obeyed_as_well() {
    let mut world = World::with("bulk = 'batch'").await;
    let part = "--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 429 Too Many Requests\r\nRetry-After: 9\r\n\
                Content-Type: application/json\r\n\r\n{\"error\":{\"code\":\"0x80072321\",\"message\":\"slow\"}}\r\n";
    let headers = vec![
        ("content-type", "multipart/mixed; boundary=b".to_owned()),
        ("odata-version", "4.0".to_owned()),
    ];
    world.crm.faults.next(Fault::Answer {
        status: 200,
        headers,
        body: format!("{part}{part}--b--\r\n"),
    });
    let destination = world.destination();
    for fate in destination.upsert(&deliveries(2)).await {
        assert_eq!(fate.unwrap_err().wait().map(|wait| wait.as_secs()), Some(9));
    }
    assert_eq!(
        destination.upsert(&deliveries(2)).await[0]
            .as_ref()
            .unwrap_err()
            .kind(),
        ErrorKind::Throttled
    );
    assert_eq!(world.crm.faults.requests(), 1);
}

#[tokio::test]
async fn line_11_no_cookie_is_kept() {
    let mut world = World::new().await;
    let destination = world.destination();
    for _ in 0..3 {
        assert!(destination.upsert(&deliveries(2)).await.iter().all(Result::is_ok));
    }
    assert!(
        world
            .crm
            .requests()
            .iter()
            .all(|request| !request.headers.contains_key("cookie"))
    );
}

#[tokio::test]
async fn line_14_a_key_that_was_just_made_is_waited_for() {
    let mut world = World::bare("").await;
    world.crm.keys_take(60);
    let connector = world.connector();
    let provisioner = connector.provisioner.clone().unwrap();
    for step in provisioner.plan().await.unwrap().steps {
        if step.state == StepState::Missing {
            provisioner.apply(&step).await.unwrap();
        }
    }
    let key = |steps: Vec<connector_kit::Step>| {
        steps
            .into_iter()
            .find(|step| step.id == "key lead")
            .unwrap()
            .state
    };
    assert_eq!(key(provisioner.plan().await.unwrap().steps), StepState::Settling);
    let looked = connector.doctor.clone().unwrap().examine().await;
    let check = looked.iter().find(|check| check.name == "key").unwrap();
    assert_eq!(
        (check.health, check.remedy.as_str()),
        (Health::Ill, "wait: its index is being built")
    );
    world.advance(60);
    assert_eq!(key(provisioner.plan().await.unwrap().steps), StepState::Present);
    assert!(
        connector
            .destination
            .clone()
            .unwrap()
            .upsert(&deliveries(2))
            .await
            .iter()
            .all(Result::is_ok)
    );
}

#[tokio::test]
async fn line_16_no_error_body_makes_us_fall_over() {
    let odd = |status, body: &str| Fault::Answer {
        status,
        headers: Vec::new(),
        body: body.to_owned(),
    };
    for (fault, kind) in [
        (odd(400, ""), ErrorKind::Rejected),
        (
            odd(400, r#"{"error":{"code":"","message":""}}"#),
            ErrorKind::Rejected,
        ),
        (
            odd(500, r#"{"Message":"An error has occurred."}"#),
            ErrorKind::Broken,
        ),
        (Fault::HtmlPage(200), ErrorKind::Unreachable),
        (Fault::HtmlPage(404), ErrorKind::Misconfigured),
        (Fault::HtmlPage(500), ErrorKind::Broken),
        (Fault::HtmlPage(502), ErrorKind::Unreachable),
        (Fault::HtmlPage(503), ErrorKind::Throttled),
    ] {
        for count in [1, 3] {
            let mut world = World::with("bulk = 'batch'").await;
            world.crm.faults.next(fault.clone());
            for fate in world.destination().upsert(&deliveries(count)).await {
                assert_eq!(fate.unwrap_err().kind(), kind, "{fault:?}");
            }
            assert_eq!(world.crm.count("lead"), 0);
        }
        let mut world = World::new().await;
        world.crm.faults.next(fault.clone());
        assert!(world.outcomes().outcomes(None, 10).await.is_err(), "{fault:?}");
    }
}

#[tokio::test]
async fn line_17_texts_are_cut_where_dataverse_counts() {
    let mut world = World::new().await;
    let mut one = delivery(1);
    let mut lead = one.lead.as_ref().clone();
    lead.person.company.as_mut().unwrap().value = "😀".repeat(90);
    one.lead = Arc::new(lead);
    let fate = world
        .destination()
        .upsert(std::slice::from_ref(&one))
        .await
        .remove(0);
    let record = world.record(&answered(&one, &fate)).unwrap();
    assert_eq!(record["companyname"], "😀".repeat(50));
}
