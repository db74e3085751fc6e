//! What becomes of leads on their way, beyond what every destination promises.

use std::sync::Arc;

use connector_kit::conformance::leads::{delivery, forbidden, revised};
use connector_kit::{ErrorKind, LeadDelivery, Receipt};
use leadsync_sim::faults::Fault;
use serde_json::{Value, json};

use crate::world::{World, answered, deliveries};

/// Leaves it to Dataverse to find a company too long.
pub(crate) const MAPPING: &str = "companyname = { from = 'person.company', max_length = 4000 }\n\
                                  lastname = { from = 'person.last_name' }";

/// Dataverse will not take this lead.
pub(crate) fn spoil(one: &mut LeadDelivery) {
    let mut lead = one.lead.as_ref().clone();
    lead.person.company.as_mut().unwrap().value = "x".repeat(101);
    one.lead = Arc::new(lead);
}

pub(crate) async fn deliver(world: &mut World, one: &LeadDelivery) -> crate::world::Fate {
    world
        .destination()
        .upsert(std::slice::from_ref(one))
        .await
        .remove(0)
}

/// Both ways for many, and the one for a lead alone.
pub(crate) const WAYS: [&str; 3] = [
    "bulk = 'upsert_multiple'",
    "bulk = 'batch'",
    "batch_size = 1\nbulk_size = 1",
];

#[tokio::test]
async fn a_refused_lead_is_told_in_dataverses_own_words() {
    for way in WAYS {
        let settings = format!("lengths = {{ companyname = 4000 }}\n{way}");
        let mut world = World::with(&settings).await.map(MAPPING);
        let mut many = deliveries(3);
        spoil(&mut many[1]);
        let error = world.destination().upsert(&many).await.remove(1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{way}");
        let words = error.answer_text().unwrap();
        assert!(
            words.contains("The length of the 'companyname' attribute of the 'lead' entity exceeded"),
            "{words}"
        );
        assert!(!error.to_string().contains("xxx"), "{error}");
    }
}

#[tokio::test]
async fn a_deleted_record_is_closed_and_never_made_again() {
    for way in WAYS {
        let mut world = World::with(way).await;
        let many = deliveries(3);
        let fates = world.destination().upsert(&many).await;
        world.crm.remove("lead", &many[1].lead.id.to_string());
        let newer: Vec<_> = many
            .iter()
            .zip(&fates)
            .map(|(one, fate)| revised(&answered(one, fate), 2))
            .collect();
        let fates = world.destination().upsert(&newer).await;
        assert_eq!(
            fates[1].as_ref().unwrap(),
            &Receipt {
                record: None,
                closed: true
            },
            "{way}"
        );
        assert!(!fates[0].as_ref().unwrap().closed && !fates[2].as_ref().unwrap().closed);
        assert!(world.record(&many[1]).is_none(), "{way}: it came back");
        assert_eq!(
            world.record(&many[2]).unwrap()["companyname"],
            "Company2Canary r2"
        );
    }
}

#[tokio::test]
async fn a_record_deleted_between_look_and_write_is_not_made_again() {
    let mut world = World::new().await;
    let one = delivery(1);
    let fate = deliver(&mut world, &one).await;
    world.crm.remove("lead", &one.lead.id.to_string());
    // The look still saw it.
    let seen =
        json!({ "@odata.context": "x", "leadid": "9b2d0c4e-5a6f-ee11-9ae7-000d3a993550", "statecode": 0 });
    let stale = Fault::Answer {
        status: 200,
        headers: vec![("odata-version", "4.0".to_owned())],
        body: seen.to_string(),
    };
    world.crm.faults.when("$select=statecode", 1, stale);
    let fate = deliver(&mut world, &revised(&answered(&one, &fate), 2)).await;
    assert!(fate.unwrap().closed);
    assert_eq!(world.crm.count("lead"), 0);
}

#[tokio::test]
async fn a_closed_lead_takes_no_changes_and_says_so() {
    let mut world = World::new().await;
    world.crm.seal_closed_leads(true);
    let many = deliveries(3);
    let fates = world.destination().upsert(&many).await;
    world.crm.qualify(&many[0].lead.id.to_string());
    world.crm.disqualify(&many[1].lead.id.to_string(), 5);
    let newer: Vec<_> = many
        .iter()
        .zip(&fates)
        .map(|(one, fate)| revised(&answered(one, fate), 2))
        .collect();
    let closed: Vec<bool> = world
        .destination()
        .upsert(&newer)
        .await
        .into_iter()
        .map(|fate| fate.unwrap().closed)
        .collect();
    assert_eq!(closed, [true, true, false]);
    assert_eq!(
        world.record(&many[0]).unwrap()["companyname"],
        "Company0Canary",
        "left alone"
    );
    assert_eq!(
        world.record(&many[2]).unwrap()["companyname"],
        "Company2Canary r2"
    );
}

#[tokio::test]
async fn who_must_not_be_contacted_is_marked_also_in_a_closed_lead() {
    let mut world = World::new().await;
    let one = delivery(1);
    let fate = deliver(&mut world, &one).await;
    world.crm.disqualify(&one.lead.id.to_string(), 5);
    assert!(
        deliver(&mut world, &forbidden(&answered(&one, &fate), 2))
            .await
            .is_ok()
    );
    let record = world.record(&one).unwrap();
    assert_eq!(
        (
            &record["donotemail"],
            &record["donotphone"],
            &record["emailaddress1"]
        ),
        (&json!(true), &json!(true), &Value::Null)
    );
    world.crm.seal_closed_leads(true);
    let error = deliver(&mut world, &forbidden(&answered(&one, &fate), 3))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected, "a person has to do it then");
}

#[tokio::test]
async fn nobody_is_made_only_to_be_marked() {
    for way in WAYS {
        let mut world = World::with(way).await;
        let strangers: Vec<_> = deliveries(3).iter().map(|one| forbidden(one, 1)).collect();
        for fate in world.destination().upsert(&strangers).await {
            assert_eq!(fate.unwrap(), Receipt::default(), "{way}");
        }
        assert_eq!(world.crm.count("lead"), 0, "{way}");
    }
}

#[tokio::test]
async fn of_two_revisions_in_one_call_the_newer_is_held_whichever_comes_first() {
    for way in WAYS {
        for newer_first in [true, false] {
            let mut world = World::with(way).await;
            let mut both = vec![revised(&delivery(1), 2), delivery(2), delivery(1)];
            if !newer_first {
                both.reverse();
            }
            let fates = world.destination().upsert(&both).await;
            assert!(fates.iter().all(Result::is_ok), "{way}: {fates:?}");
            let held = world.record(&delivery(1)).unwrap();
            assert_eq!(held["companyname"], "Company1Canary r2", "{way}, {newer_first}");
            assert_eq!(world.crm.most_creations(), 1);
        }
    }
}

#[tokio::test]
async fn a_fault_that_is_nobodys_own_ends_the_call() {
    for way in ["bulk = 'upsert_multiple'", "bulk = 'batch'"] {
        let mut world = World::with(&format!("{way}\nbulk_size = 10\nbatch_size = 10")).await;
        world.crm.faults.next(Fault::CutBefore);
        for fate in world.destination().upsert(&deliveries(40)).await {
            assert_eq!(fate.unwrap_err().kind(), ErrorKind::Unreachable, "{way}");
        }
        assert_eq!(
            world.crm.faults.requests(),
            1,
            "{way}: the next would only meet the same"
        );
    }
}

#[tokio::test]
async fn a_column_that_is_not_there_parks_the_destination_and_not_the_lead() {
    for way in WAYS {
        let mut world = World::with(way)
            .await
            .map("lsync_nowhere = { from = 'touch.offer' }");
        for fate in world.destination().upsert(&deliveries(3)).await {
            let error = fate.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misconfigured, "{way}");
            assert!(error.hint_text().unwrap().contains("provision"), "{way}");
        }
    }
}

#[tokio::test]
async fn a_table_without_the_action_gets_batches_and_is_not_asked_again_for_a_while() {
    let mut world = World::new().await;
    world.crm.refuse_upsert_multiple("lead");
    let destination = world.destination();
    for _ in 0..2 {
        assert!(destination.upsert(&deliveries(5)).await.iter().all(Result::is_ok));
    }
    assert_eq!(
        world.calls.made(),
        3,
        "one question, two batches: {:?}",
        world.seen()
    );
    world.advance(3601);
    assert!(destination.upsert(&deliveries(5)).await.iter().all(Result::is_ok));
    assert_eq!(world.calls.made(), 5, "an hour later it is asked again");
}

#[tokio::test]
async fn an_action_that_vanished_costs_one_call() {
    let mut world = World::with("bulk = 'upsert_multiple'").await;
    world.crm.refuse_upsert_multiple("lead");
    assert!(
        world
            .destination()
            .upsert(&deliveries(5))
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!((world.calls.made(), world.crm.count("lead")), (2, 5));
}

#[tokio::test]
async fn an_action_that_vanished_is_not_tried_again_for_a_while() {
    let mut world = World::new().await;
    let destination = world.destination();
    assert!(destination.upsert(&deliveries(5)).await.iter().all(Result::is_ok));
    world.crm.refuse_upsert_multiple("lead");
    for made in [4, 5] {
        assert!(destination.upsert(&deliveries(5)).await.iter().all(Result::is_ok));
        assert_eq!(world.calls.made(), made, "{:?}", world.seen());
    }
}

#[tokio::test]
async fn what_is_too_large_goes_in_halves() {
    for way in ["bulk = 'upsert_multiple'", "bulk = 'batch'"] {
        let mut world = World::with(way).await;
        world.crm.refuse_larger_than(20_000);
        let destination = world.destination();
        assert!(
            destination
                .upsert(&deliveries(100))
                .await
                .iter()
                .all(Result::is_ok),
            "{way}"
        );
        assert_eq!(world.crm.count("lead"), 100, "{way}");
        let refused = world.seen().iter().filter(|line| line.ends_with(" 413")).count();
        assert!(refused <= 5, "{way}: {:?}", world.seen());
    }
}

#[tokio::test]
async fn a_duplicate_goes_the_way_the_operator_chose() {
    for (policy, rows) in [("dead", 4), ("allow_save", 5), ("skip", 4)] {
        let settings = format!("duplicate_detection = 'on'\non_duplicate = '{policy}'");
        let mut world = World::with(&settings).await;
        world.crm.detect_duplicates("lead", &["emailaddress1"]);
        world
            .crm
            .make("lead", &json!({ "emailaddress1": "CANARY2@example.com" }));
        let fates = world.destination().upsert(&deliveries(4)).await;
        assert_eq!(world.crm.count("lead"), rows, "{policy}");
        match (policy, &fates[2]) {
            ("dead", Err(error)) => {
                assert_eq!(error.kind(), ErrorKind::Rejected);
                assert!(
                    error
                        .answer_text()
                        .unwrap()
                        .contains("duplicate of the current record")
                );
            }
            ("allow_save", Ok(receipt)) => assert!(receipt.record.is_some() && !receipt.closed),
            ("skip", Ok(receipt)) => assert_eq!(
                receipt,
                &Receipt {
                    record: None,
                    closed: true
                }
            ),
            other => panic!("{other:?}"),
        }
        assert_eq!(
            fates.iter().filter(|fate| fate.is_ok()).count(),
            if policy == "dead" { 3 } else { 4 }
        );
    }
}

#[tokio::test]
async fn a_duplicate_is_known_by_its_code_under_any_status() {
    let mut world = World::with("duplicate_detection = 'on'").await;
    world.crm.refuse_duplicates_with(500);
    world.crm.detect_duplicates("lead", &["emailaddress1"]);
    world
        .crm
        .make("lead", &json!({ "emailaddress1": "canary1@example.com" }));
    assert_eq!(
        deliver(&mut world, &delivery(1)).await.unwrap_err().kind(),
        ErrorKind::Rejected
    );
}

#[tokio::test]
async fn a_lead_that_broke_the_call_before_is_found_the_next_time() {
    let mut world = World::with("bulk = 'upsert_multiple'").await;
    let broken = || {
        Fault::json(
            500,
            &json!({ "error": { "code": "0x80040216", "message": "An unexpected error occurred." } }),
        )
    };
    let destination = world.destination();
    world.crm.faults.when("UpsertMultiple", 2, broken());
    let mut many = deliveries(5);
    for fate in destination.upsert(&many).await {
        assert_eq!(fate.unwrap_err().kind(), ErrorKind::Broken);
    }
    for one in &mut many {
        one.attempt = 1;
    }
    assert!(
        destination.upsert(&many).await.iter().all(Result::is_ok),
        "each for itself"
    );
    assert_eq!(world.crm.count("lead"), 5);
}

#[tokio::test]
async fn a_call_that_took_too_long_comes_back_smaller() {
    let mut world = World::with("bulk = 'upsert_multiple'\ntimeout = '200ms'").await;
    let destination = world.destination();
    world.crm.faults.when("UpsertMultiple", 1, Fault::Stall);
    for fate in destination.upsert(&deliveries(40)).await {
        assert_eq!(fate.unwrap_err().kind(), ErrorKind::Unreachable);
    }
    assert!(
        destination
            .upsert(&deliveries(40))
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!(world.calls.made(), 3, "forty, and then twice twenty");
    assert_eq!((world.crm.count("lead"), world.crm.most_creations()), (40, 1));
}

#[tokio::test]
async fn a_deleted_record_is_made_anew_when_an_operator_ordered_it_with_what_only_a_new_one_gets() {
    for way in WAYS {
        let mut world = World::with(way).await.map(
            "companyname = { from = 'person.company' }\nlastname = { from = 'person.last_name' }\n\
             subject = { default = 'marketplace', write = 'create_only' }",
        );
        let many = deliveries(3);
        let fates = world.destination().upsert(&many).await;
        world.crm.remove("lead", &many[1].lead.id.to_string());
        let again: Vec<_> = many
            .iter()
            .zip(&fates)
            .map(|(one, fate)| connector_kit::LeadDelivery {
                again: Some(one.revised_at),
                ..revised(&answered(one, fate), 2)
            })
            .collect();
        world.crm.change(
            "lead",
            &many[2].lead.id.to_string(),
            &json!({ "subject": "theirs" }),
        );
        let fates = world.destination().upsert(&again).await;
        assert!(
            fates.iter().all(|fate| !fate.as_ref().unwrap().closed),
            "{way}: {fates:?}"
        );
        let subjects: Vec<_> = many
            .iter()
            .map(|one| world.record(one).unwrap()["subject"].clone())
            .collect();
        assert_eq!(subjects, ["marketplace", "marketplace", "theirs"], "{way}");
        assert_eq!(
            world.record(&many[1]).unwrap()["companyname"],
            "Company1Canary r2"
        );
    }
}
