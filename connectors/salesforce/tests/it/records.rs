//! Records that are bad, locked, raced for, deleted or merged: each is its own affair.

use std::time::Duration;

use connector_kit::ErrorKind::{
    Broken, Conflict, Misconfigured, Rejected, Throttled, Unauthorized, Unreachable,
};
use connector_kit::conformance::leads;
use connector_kit::{EventKind, LeadDelivery};
use leadsync_sim::faults::Fault;
use serde_json::json;

use crate::world::{KEY, World, header, next, records_in};

fn key(delivery: &LeadDelivery) -> String {
    delivery.lead.id.to_string()
}

#[tokio::test]
async fn creates_and_updates_travel_apart_two_hundred_at_a_time() {
    let world = World::new();
    let first: Vec<_> = (0..200).map(leads::delivery).collect();
    let records = world.deliver_well(&first).await;
    let mut mixed: Vec<_> = first
        .iter()
        .zip(&records)
        .map(|(d, r)| next(d, r))
        .take(150)
        .collect();
    mixed.extend((1000..1050).map(leads::delivery));
    world.deliver_well(&mixed).await;
    let shape: Vec<_> = world
        .writes()
        .iter()
        .map(|w| (records_in(w), header(w, "sforce-auto-assign").to_owned()))
        .collect();
    assert_eq!(
        shape,
        [(200, "TRUE".into()), (50, "TRUE".into()), (150, "FALSE".into())]
    );
}

#[tokio::test]
async fn locked_rows_get_one_more_call_together() {
    let world = World::new();
    let many: Vec<_> = (0..10).map(leads::delivery).collect();
    for delivery in &many[2..5] {
        world.crm.lock_row(&key(delivery), 1);
    }
    world.crm.lock_row(&key(&many[7]), 2);
    let begin = connector_kit::clock::Clock::now(&world.clock);
    let results = world.deliver(&many).await;
    for (place, result) in results.iter().enumerate() {
        assert_eq!(result.is_ok(), place != 7, "{place}: {result:?}");
    }
    let error = results[7].as_ref().unwrap_err();
    assert_eq!(error.kind(), Conflict);
    assert_eq!(world.writes().iter().map(records_in).collect::<Vec<_>>(), [10, 4]);
    let rested = (connector_kit::clock::Clock::now(&world.clock) - begin)
        .to_std()
        .unwrap();
    assert!(rested >= Duration::from_secs(2), "{rested:?}");
}

#[tokio::test]
async fn who_loses_the_race_for_a_key_updates_the_winners_record() {
    let world = World::new();
    let delivery = leads::delivery(1);
    let winner = json!({ "LastName": "Winner", "Company": "Contoso", KEY: key(&delivery) });
    let winner = world.crm.make("Lead", &winner).unwrap();
    let lost = json!([{ "success": false, "errors": [{ "statusCode": "DUPLICATE_VALUE", "fields": [],
        "message": format!("duplicate value found: {KEY} duplicates value on record with id: {}", &winner[..15]) }] }]);
    world
        .crm
        .faults
        .when("/composite/sobjects", 1, Fault::json(200, &lost));
    assert_eq!(
        world.deliver_well(std::slice::from_ref(&delivery)).await,
        [winner]
    );
    assert_eq!(world.held(&delivery)["LastName"], "Family1Canary");
    assert_eq!(
        world.writes().len(),
        1,
        "the first answer never reached the org: one update"
    );

    world
        .crm
        .faults
        .when("/composite/sobjects", 2, Fault::json(200, &lost));
    let error = world.deliver_one(&leads::delivery(2)).await.unwrap_err();
    assert_eq!(error.kind(), Rejected, "once, not for ever");
}

#[tokio::test]
async fn the_same_lead_twice_in_one_call_is_sent_once_as_its_newest_revision() {
    let world = World::new();
    let first = leads::delivery(1);
    let second = leads::revised(&first, 2);
    let results = world.deliver(&[second, first.clone(), leads::delivery(2)]).await;
    assert_eq!(results[0].as_ref().unwrap(), results[1].as_ref().unwrap());
    assert!(world.held(&first)["Company"].to_string().contains("r2"));
}

#[tokio::test]
async fn a_deleted_record_is_made_anew_when_an_operator_ordered_it_and_a_living_one_only_changed() {
    let world = World::new();
    let (gone, lives) = (leads::delivery(1), leads::delivery(2));
    let records = world.deliver_well(&[gone.clone(), lives.clone()]).await;
    assert!(world.crm.delete("Lead", &records[0]));
    assert!(
        world
            .crm
            .change("Lead", &records[1], &json!({ "LeadSource": "Theirs" }))
    );
    let again = |delivery: &LeadDelivery, record: &str| LeadDelivery {
        again: Some(delivery.revised_at),
        ..next(delivery, record)
    };
    let ordered = [again(&gone, &records[0]), again(&lives, &records[1])];
    let renewed = world.deliver_well(&ordered).await;
    assert_ne!(renewed[0], records[0]);
    assert_eq!(renewed[1], records[1]);
    let source = |record: &str| world.crm.record("Lead", record).unwrap()["LeadSource"].clone();
    assert_eq!(
        (source(&renewed[0]), source(&renewed[1])),
        (json!("AzureMarketplace"), json!("Theirs"))
    );
}

#[tokio::test]
async fn a_deleted_record_is_closed_and_not_made_again() {
    let world = World::new();
    let first = leads::delivery(1);
    let record = world.deliver_well(std::slice::from_ref(&first)).await.remove(0);
    world.crm.delete("Lead", &record);
    let receipt = world.deliver_one(&next(&first, &record)).await.unwrap();
    assert!(receipt.closed);
    assert_eq!(world.crm.creations_by("Lead", KEY)[&key(&first)], 1);
}

#[tokio::test]
async fn a_merged_record_is_followed_to_the_survivor_of_all_merges() {
    let world = World::new();
    let first = leads::delivery(1);
    let record = world.deliver_well(std::slice::from_ref(&first)).await.remove(0);
    let person = |name: &str| {
        world
            .crm
            .make("Lead", &json!({ "LastName": name, "Company": "Contoso" }))
            .unwrap()
    };
    let (middle, survivor) = (person("Middle"), person("Survivor"));
    assert!(world.crm.merge(&record, &middle) && world.crm.merge(&middle, &survivor));
    let receipt = world.deliver_one(&next(&first, &record)).await.unwrap();
    assert_eq!(receipt.record.unwrap().0, survivor);
    assert!(!receipt.closed);
    let row = world.crm.record("Lead", &survivor).unwrap();
    assert_eq!(row[KEY], key(&first));
    assert!(row["Company"].to_string().contains("r2"));
}

#[tokio::test]
async fn a_lead_merged_into_another_of_ours_has_found_its_end() {
    let world = World::new();
    let (loser, winner) = (leads::delivery(1), leads::delivery(2));
    let records = world.deliver_well(&[loser.clone(), winner.clone()]).await;
    world.crm.merge(&records[0], &records[1]);
    let receipt = world.deliver_one(&next(&loser, &records[0])).await.unwrap();
    assert!(receipt.closed);
    assert_eq!(receipt.record.unwrap().0, records[1]);
    assert_eq!(world.held(&winner)["LastName"], "Family2Canary", "untouched");
}

#[tokio::test]
async fn an_update_nobody_knows_the_record_of_is_looked_up_first() {
    let world = World::new();
    let first = leads::delivery(1);
    world.deliver_well(std::slice::from_ref(&first)).await;
    let unknown = leads::revised(&first, 2);
    assert_eq!((unknown.kind, &unknown.record), (EventKind::Updated, &None));
    world.deliver_well(&[unknown]).await;
    assert_eq!(world.crm.assigned().len(), 1, "an update is not assigned anew");
}

#[tokio::test]
async fn a_create_with_an_unknown_end_is_looked_up_before_it_is_repeated() {
    let mut world = World::new();
    let delivery = leads::delivery(1);
    world.crm.faults.when("/composite/sobjects", 1, Fault::CutAfter);
    let error = world.deliver_one(&delivery).await.unwrap_err();
    assert_eq!(error.kind(), Unreachable);
    world.deliver_well(std::slice::from_ref(&delivery)).await;
    assert_eq!(world.crm.assigned().len(), 1, "remembered by this process");
    world.restart();
    let again = LeadDelivery {
        attempt: 1,
        ..delivery
    };
    world.deliver_well(&[again]).await;
    assert_eq!(world.crm.assigned().len(), 1, "told by the attempt to the next");
}

#[tokio::test]
async fn nobody_to_contact_makes_no_record() {
    let world = World::new();
    let stranger = leads::forbidden(&leads::delivery(1), 1);
    let receipt = world.deliver_one(&stranger).await.unwrap();
    assert_eq!(receipt, connector_kit::Receipt::default());
    assert!(world.crm.records("Lead").is_empty());
}

#[tokio::test]
async fn nobody_to_contact_is_marked_where_the_marks_can_be_written() {
    let world = World::new();
    world.crm.open_field("Lead", "DoNotCall");
    let first = leads::delivery(1);
    let record = world.deliver_well(std::slice::from_ref(&first)).await.remove(0);
    world
        .deliver_well(&[LeadDelivery {
            record: Some(connector_kit::RecordRef(record)),
            ..leads::forbidden(&first, 2)
        }])
        .await;
    let row = world.held(&first);
    assert_eq!(row["DoNotCall"], true);
    assert_eq!(row["HasOptedOutOfEmail"], false, "hidden, so not sent");
    assert_eq!(
        (&row["LastName"], &row["Company"]),
        (&json!("Do not contact"), &json!("Do not contact"))
    );
}

#[tokio::test]
async fn a_session_that_ends_is_renewed_once_and_the_call_repeated_once() {
    let world = World::new();
    world.deliver_well(&[leads::delivery(1)]).await;
    world.crm.expire_tokens();
    world.deliver_well(&[leads::delivery(2)]).await;
    assert_eq!(world.crm.tokens().1, 2);
    let body = json!([{ "message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID" }]);
    for _ in 0..2 {
        world
            .crm
            .faults
            .when("/composite/sobjects", 1, Fault::json(401, &body));
    }
    let before = world.crm.faults.requests();
    let error = world.deliver_one(&leads::delivery(3)).await.unwrap_err();
    assert_eq!(error.kind(), Unauthorized);
    assert_eq!(world.crm.faults.requests() - before, 3, "a call, a token, a call");
    let useless = json!([{ "message": "This session is not valid for use with the REST API", "errorCode": "INVALID_SESSION_ID" }]);
    world
        .crm
        .faults
        .when("/composite/sobjects", 1, Fault::json(401, &useless));
    let before = world.crm.faults.requests();
    assert_eq!(
        world.deliver_one(&leads::delivery(4)).await.unwrap_err().kind(),
        Unauthorized
    );
    assert_eq!(
        world.crm.faults.requests() - before,
        1,
        "no new token where none helps"
    );
}

#[tokio::test]
async fn a_token_that_names_a_strange_host_sends_no_lead_there() {
    let world = World::new();
    world.crm.set_instance_url("https://salesforce.com.evil.example");
    let error = world.deliver_one(&leads::delivery(1)).await.unwrap_err();
    assert_eq!(error.kind(), Misconfigured);
    assert_eq!(world.crm.requests().len(), 1, "the token request alone");
}

#[tokio::test]
async fn what_the_network_does_is_told_apart() {
    for (fault, kind) in [
        (Fault::HtmlPage(503), Throttled),
        (Fault::status(420), Throttled),
        (Fault::HtmlPage(502), Unreachable),
        (Fault::status(500), Broken),
        (Fault::CutBefore, Unreachable),
        (Fault::CutDuring, Unreachable),
        (Fault::HtmlPage(200), Broken),
    ] {
        let world = World::over_tcp("").await;
        world.crm.faults.when("/composite/sobjects", 1, fault.clone());
        let error = world.deliver_one(&leads::delivery(1)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_waited_for_no_longer_than_the_timeout() {
    let world = World::over_tcp("timeout = '300ms'").await;
    world.crm.faults.when("/composite/sobjects", 1, Fault::Stall);
    let error = world.deliver_one(&leads::delivery(1)).await.unwrap_err();
    assert_eq!(error.kind(), Unreachable);
    world.deliver_well(&[leads::delivery(1)]).await;
    assert_eq!(world.crm.records("Lead").len(), 1);
}

#[tokio::test]
async fn a_field_that_disappears_is_noticed_and_named() {
    let world = World::new();
    world.deliver_well(&[leads::delivery(1)]).await;
    world.crm.hide_field("Lead", "Title");
    let results = world.deliver(&[leads::delivery(2), leads::delivery(3)]).await;
    for result in results {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), Misconfigured);
        assert!(error.to_string().contains("field Title is missing"), "{error}");
    }
    world.crm.open_field("Lead", "Title");
    world.deliver_well(&[leads::delivery(2)]).await;
}

#[tokio::test]
async fn a_field_that_disappears_is_left_out_when_the_operator_says_so() {
    for whole in [false, true] {
        let world = World::with("missing_fields = 'leave_out'");
        world.crm.unknown_field_fails_collection(whole);
        world.deliver_well(&[leads::delivery(1)]).await;
        world.crm.hide_field("Lead", "Title");
        world.deliver_well(&[leads::delivery(2)]).await;
        assert_eq!(world.held(&leads::delivery(2)).get("Title"), None);
        assert_eq!(world.seen("/describe").len(), 2, "a fresh look at the fields");
    }
}

#[tokio::test]
async fn a_picklist_that_closes_costs_its_value_and_not_the_lead() {
    let world = World::new();
    world.deliver_well(&[leads::delivery(1)]).await;
    world.crm.restrict_picklist("Lead", "LeadSource", &["Web"]);
    world.deliver_well(&[leads::delivery(2)]).await;
    let row = world.held(&leads::delivery(2));
    assert!(
        row.get("LeadSource").is_none_or(serde_json::Value::is_null),
        "{row:?}"
    );
}

#[tokio::test]
async fn a_call_refused_as_a_whole_for_one_record_is_taken_apart() {
    let world = World::new();
    let many: Vec<_> = (0..4).map(leads::delivery).collect();
    let body = json!([{ "message": "Unexpected character", "errorCode": "JSON_PARSER_ERROR" }]);
    // The whole, its first half, and the first record of that.
    for _ in 0..3 {
        world
            .crm
            .faults
            .when("/composite/sobjects", 1, Fault::json(400, &body));
    }
    let results = world.deliver(&many).await;
    assert_eq!(results[0].as_ref().unwrap_err().kind(), Rejected);
    assert!(results[1..].iter().all(Result::is_ok), "{results:?}");
}
