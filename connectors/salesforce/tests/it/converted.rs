//! News of leads that people have converted.

use connector_kit::conformance::leads;
use connector_kit::{ErrorKind, LeadDelivery, RecordRef};
use leadsync_sim::faults::Fault;
use serde_json::json;

use crate::world::{World, next};

/// A lead that was delivered and converted, and its next revision.
async fn converted(settings: &str, with_opportunity: bool) -> (World, LeadDelivery, String) {
    let world = World::with(settings);
    let first = leads::delivery(1);
    let record = world.deliver_well(std::slice::from_ref(&first)).await.remove(0);
    world.crm.convert(&record, with_opportunity).unwrap();
    let second = next(&first, &record);
    (world, second, record)
}

#[tokio::test]
async fn a_task_on_the_contact_and_the_opportunity_tells_the_news() {
    let (world, second, record) = converted("", true).await;
    let receipt = world.deliver_one(&second).await.unwrap();
    assert_eq!(
        (receipt.record, receipt.closed),
        (Some(RecordRef(record.clone())), false)
    );
    let lead = world.crm.record("Lead", &record).unwrap();
    let tasks = world.crm.records("Task");
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0]["WhoId"], lead["ConvertedContactId"]);
    assert_eq!(tasks[0]["WhatId"], lead["ConvertedOpportunityId"]);
    assert_eq!(tasks[0]["ActivityDate"], "2026-11-20");
    let subject = tasks[0]["Subject"].as_str().unwrap();
    assert!(subject.contains(&second.message_id()), "{subject}");
    assert!(
        tasks[0]["Description"]
            .as_str()
            .unwrap()
            .contains("Contoso Analytics Pro")
    );
    assert_eq!(lead["Company"], "Company1Canary", "the lead is as it was");
}

#[tokio::test]
async fn without_an_opportunity_the_contact_alone_is_told() {
    let (world, second, _) = converted("", false).await;
    world.deliver_one(&second).await.unwrap();
    let task = world.crm.records("Task").remove(0);
    assert!(
        task.get("WhatId").is_none_or(serde_json::Value::is_null),
        "{task:?}"
    );
}

#[tokio::test]
async fn the_same_news_twice_is_one_task_whatever_happens_to_the_answer() {
    for fault in [Fault::CutAfter, Fault::CutDuring, Fault::CutBefore] {
        let (mut world, second, _) = converted("", true).await;
        let before = world.crm.faults.requests();
        // The update that finds out, the lead, the tasks, and then the task itself.
        world.crm.faults.on_request(before + 4, fault);
        assert!(world.deliver_one(&second).await.is_err());
        world.restart();
        world.deliver_one(&second).await.unwrap();
        world.deliver_one(&second).await.unwrap();
        assert_eq!(world.crm.records("Task").len(), 1);
    }
}

#[tokio::test]
async fn each_revision_is_news_of_its_own() {
    let (world, second, record) = converted("", true).await;
    world.deliver_one(&second).await.unwrap();
    world.deliver_one(&next(&second, &record)).await.unwrap();
    assert_eq!(world.crm.records("Task").len(), 2);
}

#[tokio::test]
async fn many_converted_leads_cost_a_handful_of_calls() {
    let world = World::new();
    let many: Vec<_> = (0..150).map(leads::delivery).collect();
    let records = world.deliver_well(&many).await;
    for record in &records {
        world.crm.convert(record, true).unwrap();
    }
    let revised: Vec<_> = many
        .iter()
        .zip(&records)
        .map(|(delivery, record)| next(delivery, record))
        .collect();
    let before = world.calls.made();
    assert_eq!(world.deliver_well(&revised).await, records);
    assert_eq!(world.crm.records("Task").len(), 150);
    assert!(
        world.calls.made() - before <= 6,
        "{}",
        world.calls.made() - before
    );
}

#[tokio::test]
async fn a_converted_lead_nobody_knew_the_record_of_is_told_of_too() {
    let (world, second, record) = converted("", true).await;
    let unknown = LeadDelivery {
        record: None,
        ..second
    };
    assert_eq!(
        world.deliver_one(&unknown).await.unwrap().record,
        Some(RecordRef(record))
    );
    assert_eq!(world.crm.records("Task").len(), 1);
}

#[tokio::test]
async fn stop_closes_the_lead_and_writes_nothing() {
    let (world, second, record) = converted("on_converted = 'stop'", true).await;
    let receipt = world.deliver_one(&second).await.unwrap();
    assert_eq!((receipt.record, receipt.closed), (Some(RecordRef(record)), true));
    assert!(world.crm.records("Task").is_empty());
}

#[tokio::test]
async fn who_must_not_be_contacted_is_marked_on_the_contact_even_then() {
    for settings in ["", "on_converted = 'stop'"] {
        let (world, second, record) = converted(settings, true).await;
        let closed = LeadDelivery {
            record: Some(RecordRef(record.clone())),
            ..leads::forbidden(&second, 3)
        };
        world.deliver_one(&closed).await.unwrap();
        let lead = world.crm.record("Lead", &record).unwrap();
        let contact = world
            .crm
            .record("Contact", lead["ConvertedContactId"].as_str().unwrap())
            .unwrap();
        assert_eq!(
            (&contact["DoNotCall"], &contact["HasOptedOutOfEmail"]),
            (&json!(true), &json!(true))
        );
        let task = world.crm.records("Task").remove(0);
        assert!(
            task["Subject"].as_str().unwrap().starts_with("Do not contact"),
            "{task:?}"
        );
        for canary in leads::canaries(1) {
            assert!(!task["Description"].to_string().contains(&canary), "{task:?}");
        }
    }
}

#[tokio::test]
async fn who_may_not_write_tasks_still_writes_leads() {
    for break_it in [(|world| world.crm.hide_object("Task")) as fn(&World), |world| {
        world.crm.make_read_only("Task", "Subject");
    }] {
        let (world, second, _) = converted("", true).await;
        break_it(&world);
        let results = world.deliver(&[second, leads::delivery(2)]).await;
        let error = results[0].as_ref().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
        assert!(error.hint_text().unwrap().contains("on_converted"), "{error:?}");
        assert!(results[1].is_ok());
    }
}

#[tokio::test]
async fn who_may_not_see_contacts_still_says_that_nobody_may_be_contacted() {
    let (world, second, record) = converted("", true).await;
    world.crm.hide_object("Contact");
    let closed = LeadDelivery {
        record: Some(RecordRef(record)),
        ..leads::forbidden(&second, 3)
    };
    world.deliver_one(&closed).await.unwrap();
    assert_eq!(world.crm.records("Task").len(), 1);
}
