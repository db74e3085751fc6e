//! Every lead is one row, whatever happens on the way.

use std::sync::Arc;

use chrono::TimeDelta;
use connector_kit::{ErrorKind, EventKind, Gate, LeadDelivery, Role};
use leadsync_sim::azure_table::{Fault, Shape};

use crate::support::{KEY, OTHER_KEY, World, deliveries, delivery};

const TABLE: &str = "MarketplaceLeads";

fn world() -> World {
    let world = World::new(Role::Destination, "");
    world.service.create_table(TABLE);
    world
}

fn revision(of: &LeadDelivery, revision: u32) -> LeadDelivery {
    LeadDelivery {
        revision,
        kind: EventKind::Updated,
        ..of.clone()
    }
}

#[tokio::test]
async fn a_hundred_leads_are_one_call() {
    let mut world = world();
    let destination = world.destination();
    let results = destination.upsert(&deliveries(100)).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(world.service.calls(), ["POST $batch"]);
    assert_eq!(world.service.rows(TABLE).len(), 100);
}

#[tokio::test]
async fn a_full_queue_is_drained_with_an_efficiency_above_095() {
    let mut world = world();
    let destination = world.destination();
    let leads = deliveries(2_500);
    for batch in leads.chunks(destination.batch_limit()) {
        assert!(destination.upsert(batch).await.iter().all(Result::is_ok));
    }
    assert_eq!(world.service.calls().len(), 25);
    assert_eq!(world.book.made(), 25, "every request is noted");
}

#[tokio::test]
async fn one_lead_is_one_plain_call_and_names_its_record() {
    let mut world = world();
    let one = delivery(1);
    let results = world.destination().upsert(std::slice::from_ref(&one)).await;
    let record = results[0]
        .as_ref()
        .expect("delivered")
        .record
        .clone()
        .expect("a record");
    assert_eq!(record.0, format!("leads-202611/{}", one.lead.id));
    assert_eq!(world.service.calls(), [format!("PATCH {TABLE}")]);
    let (_, _, columns) = world.service.rows(TABLE).remove(0);
    assert_eq!(columns["Email"], "ada1@example.com");
    assert_eq!(columns["Description"], "Call me – soon 😀");
    assert_eq!(columns["FirstSeen@odata.type"], "Edm.DateTime");
    assert_eq!(columns["Revision"], 1);
    assert_eq!(columns["DoNotContact"], false);
    assert!(!columns.contains_key("Company"), "empty columns are left out");
}

#[tokio::test]
async fn trap_4_a_first_delivery_inserts_because_no_if_match_is_sent() {
    let mut world = world();
    let results = world.destination().upsert(&deliveries(1)).await;
    assert!(results[0].is_ok());
    assert_eq!(world.service.rows(TABLE).len(), 1);
}

#[tokio::test]
async fn a_missing_table_is_created_once() {
    let mut world = World::new(Role::Destination, "");
    let results = world.destination().upsert(&deliveries(250)).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(
        world.service.calls(),
        [
            "POST $batch",
            "POST Tables",
            "POST $batch",
            "POST $batch",
            "POST $batch"
        ]
    );
}

#[tokio::test]
async fn a_missing_table_is_left_missing_when_so_configured() {
    let mut world = World::new(Role::Destination, "create_table = false");
    let results = world.destination().upsert(&deliveries(2)).await;
    assert!(results.iter().all(|result| {
        result
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::Misconfigured)
    }));
    assert_eq!(world.service.calls(), ["POST $batch"]);
}

#[tokio::test]
async fn a_table_that_is_being_deleted_is_waited_for() {
    let mut world = world();
    world.service.delete_table(TABLE, TimeDelta::seconds(40));
    let destination = world.destination();
    let results = destination.upsert(&deliveries(2)).await;
    for error in results
        .iter()
        .map(|result| result.as_ref().expect_err("no table"))
    {
        assert_eq!(error.kind(), ErrorKind::Throttled);
        assert!(error.wait().is_some_and(|wait| wait.as_secs() >= 40));
    }
    world.advance(TimeDelta::seconds(41));
    assert!(destination.upsert(&deliveries(2)).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn trap_6_one_bad_row_is_taken_out_and_the_others_go() {
    let mut world = world();
    let leads = deliveries(100);
    world
        .service
        .refuse_row(&leads[41].lead.id.to_string(), 400, "InvalidInput");
    let results = world.destination().upsert(&leads).await;
    for (at, result) in results.iter().enumerate() {
        assert_eq!(result.is_err(), at == 41, "{at}: {result:?}");
    }
    let error = results[41].as_ref().expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(world.service.rows(TABLE).len(), 99);
    assert_eq!(world.service.calls().len(), 2);
}

#[tokio::test]
async fn many_bad_rows_cost_one_call_each_and_one_more() {
    let mut world = world();
    let leads = deliveries(100);
    for bad in [0, 1, 50, 98, 99] {
        world
            .service
            .refuse_row(&leads[bad].lead.id.to_string(), 400, "PropertyValueTooLarge");
    }
    let results = world.destination().upsert(&leads).await;
    let failed: Vec<usize> = (0..100).filter(|at| results[*at].is_err()).collect();
    assert_eq!(failed, [0, 1, 50, 98, 99]);
    assert_eq!(world.service.rows(TABLE).len(), 95);
    assert_eq!(world.service.calls().len(), 6);
}

#[tokio::test]
async fn a_refusal_that_names_no_row_is_found_by_halves() {
    let mut world = world();
    let refuse = Fault::Refuse {
        status: 413,
        code: "RequestBodyTooLarge",
        retry_after: None,
        shape: Shape::Html,
    };
    world.service.fail_next([refuse]);
    let results = world.destination().upsert(&deliveries(10)).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(world.service.calls().len(), 3);
}

#[tokio::test]
async fn trap_12_an_answer_that_was_lost_is_made_good_by_writing_again() {
    let mut world = world();
    let destination = world.destination();
    for leads in [deliveries(1), deliveries(10)] {
        world.service.fail_next([Fault::ApplyThenDrop]);
        let results = destination.upsert(&leads).await;
        assert!(results.iter().all(|result| {
            result
                .as_ref()
                .is_err_and(|error| error.kind() == ErrorKind::Unreachable)
        }));
        let held = world.service.rows(TABLE);
        assert_eq!(held.len(), leads.len(), "it was applied");
        assert!(destination.upsert(&leads).await.iter().all(Result::is_ok));
        assert_eq!(world.service.rows(TABLE), held);
    }
}

#[tokio::test]
async fn an_answer_with_a_part_missing_is_no_receipt_for_anybody() {
    let mut world = world();
    world.service.fail_next([Fault::ApplyThenShorten]);
    let results = world.destination().upsert(&deliveries(10)).await;
    assert!(results.iter().all(|result| {
        result
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::Broken)
    }));
}

#[tokio::test]
async fn a_login_page_is_no_receipt() {
    let mut world = world();
    let destination = world.destination();
    for count in [1, 10] {
        world.service.fail_next([Fault::LoginPage]);
        let results = destination.upsert(&deliveries(count)).await;
        assert!(results.iter().all(|result| {
            result
                .as_ref()
                .is_err_and(|error| error.kind() == ErrorKind::Unreachable)
        }));
    }
    assert_eq!(world.service.rows(TABLE).len(), 0);
}

#[tokio::test]
async fn a_fault_of_the_service_ends_the_call_for_all_without_trying_on() {
    for (status, code, wait, shape, kind) in [
        (503, "ServerBusy", Some("20"), Shape::Json, ErrorKind::Throttled),
        (503, "ServerBusy", None, Shape::Html, ErrorKind::Throttled),
        (500, "OperationTimedOut", None, Shape::Json, ErrorKind::Throttled),
        (500, "InternalError", None, Shape::Empty, ErrorKind::Broken),
        (429, "TooManyRequests", None, Shape::Json, ErrorKind::Throttled),
        (
            403,
            "AuthorizationPermissionMismatch",
            None,
            Shape::Xml,
            ErrorKind::Unauthorized,
        ),
        (
            415,
            "AtomFormatNotSupported",
            None,
            Shape::Xml,
            ErrorKind::Misconfigured,
        ),
    ] {
        let mut world = world();
        world.service.fail_next([Fault::Refuse {
            status,
            code,
            retry_after: wait,
            shape,
        }]);
        let results = world.destination().upsert(&deliveries(250)).await;
        for result in &results {
            let error = result.as_ref().expect_err("refused");
            assert_eq!(error.kind(), kind, "{status} {code}");
            assert_eq!(error.wait().map(|wait| wait.as_secs()), wait.map(|_| 20));
        }
        assert_eq!(world.service.calls().len(), 1, "{status} {code}");
    }
}

#[tokio::test]
async fn a_row_that_breaks_the_service_does_not_drag_its_neighbours_along() {
    let mut world = world();
    let mut leads = deliveries(16);
    world
        .service
        .refuse_row(&leads[5].lead.id.to_string(), 500, "InternalError");
    let destination = world.destination();
    assert!(destination.upsert(&leads).await.iter().all(Result::is_err));
    assert_eq!(world.service.calls().len(), 1);
    for lead in &mut leads {
        lead.attempt = 2;
    }
    world.service.forget_calls();
    let results = destination.upsert(&leads).await;
    assert!(results[5].is_err());
    assert!(results[..5].iter().all(Result::is_ok));
    assert!(world.service.calls().len() <= 9);
}

#[tokio::test]
async fn a_clock_that_is_off_is_named_in_the_hint() {
    let mut world = world();
    world.clock.advance(TimeDelta::minutes(-20));
    let results = world.destination().upsert(&deliveries(1)).await;
    let error = results[0].as_ref().expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(
        error
            .hint_text()
            .is_some_and(|hint| hint.contains("clock is 20 minutes behind")),
        "{:?}",
        error.hint_text()
    );
}

#[tokio::test]
async fn keys_are_renewed_without_a_pause() {
    let mut world = World::new(
        Role::Destination,
        "second_key = { env = \"OTHER_KEY\" }\nsignature = \"shared-key\"",
    );
    world.service.create_table(TABLE);
    let destination = world.destination();
    assert!(destination.upsert(&deliveries(3)).await.iter().all(Result::is_ok));
    world.service.set_keys(&[OTHER_KEY]);
    assert!(destination.upsert(&deliveries(3)).await.iter().all(Result::is_ok));
    world.service.forget_calls();
    assert!(destination.upsert(&deliveries(3)).await.iter().all(Result::is_ok));
    assert_eq!(
        world.service.calls().len(),
        1,
        "the key that opened is remembered"
    );
    world.service.set_keys(&[KEY]);
    assert!(destination.upsert(&deliveries(3)).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_lead_that_must_not_be_contacted_leaves_nothing_to_contact_it_by() {
    let mut world = world();
    let destination = world.destination();
    let one = delivery(1);
    let gated = LeadDelivery {
        gate: Gate::DoNotContact,
        kind: EventKind::Suppressed,
        ..revision(&one, 2)
    };
    for first in [Some(one), None] {
        if let Some(first) = first {
            assert!(destination.upsert(&[first]).await[0].is_ok());
        }
        assert!(destination.upsert(std::slice::from_ref(&gated)).await[0].is_ok());
        let (_, _, columns) = world.service.rows(TABLE).remove(0);
        assert_eq!(columns["DoNotContact"], true);
        for contact in [
            "FirstName",
            "LastName",
            "Email",
            "Phone",
            "Company",
            "Title",
            "Description",
        ] {
            assert_eq!(columns[contact], "", "{contact}");
        }
        assert_eq!(columns["OfferId"], "contoso.analytics");
        world.service.delete_table(TABLE, TimeDelta::zero());
        world.service.create_table(TABLE);
    }
}

#[tokio::test]
async fn trap_10_what_a_person_filled_in_survives_a_lead_that_says_nothing() {
    let mut world = world();
    let one = delivery(1);
    let destination = world.destination();
    destination.upsert(std::slice::from_ref(&one)).await;
    let (partition, row, mut columns) = world.service.rows(TABLE).remove(0);
    columns.insert("Company".to_owned(), "Analytical Engines".into());
    columns.insert("Status".to_owned(), "called".into());
    world
        .service
        .put(TABLE, &partition, &row, columns, world.service.now());
    destination.upsert(&[revision(&one, 2)]).await;
    let (_, _, columns) = world.service.rows(TABLE).remove(0);
    assert_eq!(columns["Company"], "Analytical Engines");
    assert_eq!(columns["Status"], "called");
    assert_eq!(columns["Revision"], 2);
}

#[tokio::test]
async fn of_two_revisions_in_one_call_the_newer_is_written_and_both_are_answered() {
    let mut world = world();
    let one = delivery(1);
    let destination = world.destination();
    for order in [[1, 2], [2, 1]] {
        let results = destination
            .upsert(&order.map(|number| revision(&one, number)))
            .await;
        assert_eq!(results.len(), 2);
        assert!(results.iter().all(Result::is_ok));
        let (_, _, columns) = world.service.rows(TABLE).remove(0);
        assert_eq!(columns["Revision"], 2);
    }
    assert_eq!(world.service.calls().len(), 2);
}

#[tokio::test]
async fn leads_of_many_months_are_each_answered_for_themselves() {
    let mut world = world();
    let mut leads = deliveries(30);
    for (at, delivery) in leads.iter_mut().enumerate() {
        let mut lead = (*delivery.lead).clone();
        let millis = 1_700_000_000_000 + u64::try_from(at % 3).expect("small") * 2_678_400_000;
        lead.id = connector_kit::LeadId::new(millis, &[u8::try_from(at).expect("small"); 10]);
        delivery.lead = Arc::new(lead);
    }
    world
        .service
        .refuse_row(&leads[7].lead.id.to_string(), 400, "InvalidInput");
    let results = world.destination().upsert(&leads).await;
    for (at, result) in results.iter().enumerate() {
        assert_eq!(result.is_err(), at == 7, "{at}");
        if let Ok(receipt) = result {
            assert!(
                receipt
                    .record
                    .as_ref()
                    .is_some_and(|record| record.0.ends_with(&leads[at].lead.id.to_string()))
            );
        }
    }
    assert_eq!(world.service.calls().len(), 4);
}

#[tokio::test]
async fn a_record_keeps_its_row_when_the_prefix_changes() {
    let mut world = world();
    let mut one = delivery(1);
    let receipt = world
        .destination()
        .upsert(std::slice::from_ref(&one))
        .await
        .remove(0)
        .expect("delivered");
    let mut changed = World::new(Role::Destination, "partition_prefix = \"new-\"");
    changed.service = world.service.clone();
    one.record = receipt.record;
    assert!(changed.destination().upsert(&[one]).await[0].is_ok());
    assert_eq!(world.service.rows(TABLE).len(), 1);
}

#[tokio::test]
async fn a_thousand_batches_are_each_answered_rightly() {
    let mut world = world();
    let destination = world.destination();
    let leads = deliveries(9);
    for bad in &leads[..4] {
        world
            .service
            .refuse_row(&bad.lead.id.to_string(), 400, "InvalidInput");
    }
    for pattern in 0_usize..1_000 {
        // Nine leads in changing order and number: bits choose who goes, the pattern turns the order.
        let chosen = (pattern % 511) + 1;
        let mut batch: Vec<LeadDelivery> = (0..9)
            .filter(|at| chosen & (1 << at) != 0)
            .map(|at| leads[at].clone())
            .collect();
        let turn = pattern % batch.len();
        batch.rotate_left(turn);
        let results = destination.upsert(&batch).await;
        assert_eq!(results.len(), batch.len());
        for (delivery, result) in batch.iter().zip(&results) {
            let bad = leads[..4].iter().any(|bad| bad.lead.id == delivery.lead.id);
            assert_eq!(result.is_err(), bad, "pattern {pattern}");
        }
    }
    assert_eq!(world.service.rows(TABLE).len(), 5);
}
