//! Many new leads by jobs of Bulk API 2.0.

use connector_kit::ErrorKind::{Rejected, Throttled};
use connector_kit::conformance::leads;
use connector_kit::{Bulk, Lead, LeadDelivery};
use leadsync_sim::faults::Fault;
use serde_json::json;

use crate::world::{KEY, World, next};

const SMALL: &str = "bulk = { from = 201, most = 1000 }";

fn many(count: u32) -> Vec<LeadDelivery> {
    (0..count).map(leads::delivery).collect()
}

#[tokio::test]
async fn the_daemon_is_told_of_the_other_way() {
    assert_eq!(
        World::new().destination().bulk(),
        Some(Bulk {
            from: 2_000,
            most: 10_000
        })
    );
    assert_eq!(World::with("bulk = { from = 0 }").destination().bulk(), None);
    assert_eq!(World::new().destination().batch_limit(), 200);
}

#[tokio::test]
async fn ten_thousand_leads_cost_ten_calls() {
    let world = World::new();
    world.crm.set_bulk_pace(1, 3);
    let all = many(10_000);
    let records = world.deliver_well(&all).await;
    assert_eq!(world.crm.records("Lead").len(), 10_000);
    assert!(world.calls.made() <= 12, "{}", world.calls.made());
    assert_eq!(world.held(&all[77])["Id"], records[77], "each its own record");
    assert_eq!(world.crm.assigned().len(), 10_000, "new leads find their owners");
}

#[tokio::test]
async fn few_leads_and_updates_never_go_by_jobs() {
    let world = World::with(SMALL);
    let all = many(200);
    let records = world.deliver_well(&all).await;
    let revised: Vec<_> = all
        .iter()
        .zip(&records)
        .map(|(delivery, record)| next(delivery, record))
        .collect();
    world.deliver_well(&revised).await;
    assert_eq!(world.crm.jobs(), 0);
}

#[tokio::test]
async fn texts_survive_commas_quotes_line_ends_and_formulas() {
    let world = World::with(SMALL);
    let odd = [
        "a,\"b\"",
        "two\nlines",
        "=1+1",
        "+49 30",
        "O'Brien",
        "é🇩🇪",
        "\"",
        "a,b\r\n\"c\"",
    ];
    let mut all = many(201);
    for (delivery, text) in all.iter_mut().zip(odd) {
        let mut lead = Lead::clone(&delivery.lead);
        lead.person.title.as_mut().unwrap().value = text.to_owned();
        delivery.lead = lead.into();
    }
    world.deliver_well(&all).await;
    assert_eq!(world.crm.jobs(), 1);
    for (delivery, text) in all.iter().zip(odd) {
        assert_eq!(world.held(delivery)["Title"], text);
    }
}

#[tokio::test]
async fn rows_a_job_refuses_go_the_usual_way_and_say_why() {
    let world = World::with(SMALL);
    world.crm.add_validation("Lead", "not seven", |row| {
        row.get("LastName") != Some(&json!("Family7Canary"))
    });
    let all = many(300);
    world.crm.lock_row(&all[9].lead.id.to_string(), 1);
    let results = world.deliver(&all).await;
    for (place, result) in results.iter().enumerate() {
        assert_eq!(result.is_ok(), place != 7, "{place}: {result:?}");
    }
    let error = results[7].as_ref().unwrap_err();
    assert_eq!((error.kind(), error.answer_text()), (Rejected, Some("not seven")));
    assert_eq!(world.crm.records("Lead").len(), 299);
}

#[tokio::test]
async fn a_job_that_fails_as_a_whole_loses_nobody() {
    let world = World::with(SMALL);
    world.crm.fail_next_job("InvalidBatch : Field name not found");
    world.deliver_well(&many(250)).await;
    assert_eq!(world.crm.records("Lead").len(), 250);
    assert_eq!(world.crm.jobs(), 1, "not put into another");
}

#[tokio::test]
async fn an_org_that_takes_no_jobs_takes_collections() {
    let world = World::with(SMALL);
    let body = json!([{ "message": "Bulk API is not enabled", "errorCode": "FEATURENOTENABLED" }]);
    world.crm.faults.when("/jobs/ingest", 1, Fault::json(400, &body));
    world.deliver_well(&many(250)).await;
    assert_eq!(world.writes().len(), 2);
}

#[tokio::test]
async fn a_job_that_takes_too_long_is_given_up_and_what_it_did_is_found_again() {
    let world = World::with("bulk = { from = 201, most = 1000, patience = '1m' }");
    world.crm.set_bulk_pace(0, 3600);
    let all = many(250);
    let results = world.deliver(&all).await;
    assert!(
        results
            .iter()
            .all(|result| result.as_ref().unwrap_err().kind() == Throttled),
        "{:?}",
        results[0]
    );
    world.advance(chrono::TimeDelta::hours(2));
    world.crm.set_bulk_pace(0, 0);
    world.deliver_well(&all).await;
    let made = world.crm.creations_by("Lead", KEY);
    assert!(made.len() == 250 && made.values().all(|times| *times == 1));
}

#[tokio::test]
async fn a_job_names_the_rule_the_operator_chose_or_none() {
    let world = World::with(&format!("assignment_rule = '01Q5e000000AbCdEAK'\n{SMALL}"));
    world.deliver_well(&many(250)).await;
    assert!(
        world
            .crm
            .assigned()
            .iter()
            .all(|one| one.rule == "01Q5e000000AbCdEAK")
    );
    assert_eq!(world.crm.assigned().len(), 250);
    let world = World::with(&format!("assignment = 'never'\n{SMALL}"));
    world.deliver_well(&many(250)).await;
    assert_eq!(world.crm.assigned(), []);
}
