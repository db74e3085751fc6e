//! The ten facts that decide the design (contract dynamics365 1), one by one.

use std::time::Duration;

use connector_kit::conformance::leads::delivery;
use connector_kit::{ConfigError, ErrorKind, RecordRef, Stage, Subject};
use leadsync_sim::faults::Fault;
use serde_json::json;

use crate::world::{KEY_COLUMN, World, answered, deliveries, read_all};

fn header(request: &leadsync_sim::dataverse::Recorded, name: &str) -> String {
    let value = request.headers.get(name);
    value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn fact_1_the_receipt_names_the_record_although_a_plain_upsert_does_not() {
    let mut world = World::with("bulk = 'batch'").await;
    let destination = world.destination();
    for many in [deliveries(1), deliveries(5)] {
        for (one, fate) in many.iter().zip(destination.upsert(&many).await) {
            let id = world.record(one).unwrap()["leadid"].as_str().unwrap().to_owned();
            assert_eq!(fate.unwrap().record, Some(RecordRef(id)));
        }
    }
}

#[tokio::test]
async fn fact_1_where_the_answer_names_no_record_its_key_does() {
    let mut world = World::new().await;
    let many = deliveries(3);
    for (one, fate) in many.iter().zip(world.destination().upsert(&many).await) {
        let name = format!("leads({KEY_COLUMN}='{}')", one.lead.id);
        assert_eq!(fate.unwrap().record, Some(RecordRef(name)));
    }
}

#[tokio::test]
async fn fact_2_no_record_with_this_key_is_no_duplicate_and_a_race_is_won_by_repeating() {
    let mut world = World::with("bulk = 'batch'").await;
    let many = deliveries(3);
    world.crm.lose_race(&many[1].lead.id.to_string());
    for fate in world.destination().upsert(&many).await {
        assert!(fate.is_ok(), "{fate:?}");
    }
    assert_eq!((world.crm.count("lead"), world.crm.most_creations()), (3, 1));
    assert_eq!(world.calls.made(), 2, "the batch, and the loser again");
    assert_eq!(world.record(&many[1]).unwrap()["companyname"], "Company1Canary");
}

#[tokio::test]
async fn fact_3_keys_on_the_wire_are_lower_case_hex() {
    let mut world = World::new().await;
    let one = delivery(7);
    assert!(world.destination().upsert(std::slice::from_ref(&one)).await[0].is_ok());
    let requests = world.crm.requests();
    let patch = requests.iter().find(|request| request.method == "PATCH").unwrap();
    assert!(
        patch
            .path
            .ends_with(&format!("/leads({KEY_COLUMN}='{}')", one.lead.id)),
        "{}",
        patch.path
    );
    assert!(!patch.path.contains('%'));
}

#[tokio::test]
async fn fact_4_one_bad_row_rolls_back_the_request_and_is_found_all_the_same() {
    let mut world = World::with("lengths = { companyname = 4000 }")
        .await
        .map(crate::destination::MAPPING);
    let mut many = deliveries(20);
    crate::destination::spoil(&mut many[13]);
    let fates = world.destination().upsert(&many).await;
    let refused: Vec<usize> = (0..20).filter(|at| fates[*at].is_err()).collect();
    assert_eq!((refused, world.crm.count("lead")), (vec![13], 19));
    assert!(
        world
            .seen()
            .contains(&"POST leads/Microsoft.Dynamics.CRM.UpsertMultiple 400".to_owned())
    );
}

#[tokio::test]
async fn fact_5_a_batch_goes_on_after_an_error() {
    let mut world = World::with("bulk = 'batch'").await;
    assert!(
        world
            .destination()
            .upsert(&deliveries(2))
            .await
            .iter()
            .all(Result::is_ok)
    );
    let requests = world.crm.requests();
    let batch = requests
        .iter()
        .find(|request| request.path.ends_with("/$batch"))
        .unwrap();
    assert_eq!(header(batch, "prefer"), "odata.continue-on-error");
}

#[tokio::test]
async fn fact_6_tracked_tables_are_read_without_filter_order_or_top() {
    let mut world = World::new().await;
    read_all(world.outcomes().as_ref(), None).await;
    let requests = world.crm.requests();
    let first: Vec<_> = requests
        .iter()
        .filter(|request| header(request, "prefer").contains("track-changes"))
        .collect();
    assert_eq!(first.len(), 2, "lead and opportunity");
    for request in first {
        for option in ["$filter", "$orderby", "$expand", "$top"] {
            assert!(!request.query.contains(option), "{}", request.query);
        }
    }
}

#[tokio::test]
async fn fact_7_won_and_lost_live_on_the_opportunity() {
    let mut world = World::new().await;
    let many = deliveries(2);
    assert!(world.destination().upsert(&many).await.iter().all(Result::is_ok));
    let [won, lost] = [0, 1].map(|at: usize| world.crm.qualify(&many[at].lead.id.to_string()));
    world.crm.win(&won, 20000.5, None);
    world.crm.lose(&lost, 5);
    let (all, _) = read_all(world.outcomes().as_ref(), None).await;
    for (at, (id, stage)) in [(won, Stage::Won), (lost, Stage::Lost)].into_iter().enumerate() {
        let deal = all.iter().find(|outcome| outcome.record.0 == id).unwrap();
        assert_eq!(
            (deal.lead, deal.subject, deal.stage),
            (Some(many[at].lead.id), Subject::Deal, stage)
        );
    }
    let leads = all.iter().filter(|outcome| outcome.subject == Subject::Lead);
    assert!(
        leads.into_iter().all(|outcome| outcome.stage == Stage::Accepted),
        "qualified, no more"
    );
}

#[tokio::test]
async fn fact_8_every_throttling_code_asks_for_a_rest() {
    for code in ["0x80072321", "0x80072322", "0x80072326"] {
        let mut world = World::with("bulk = 'batch'").await;
        let destination = world.destination();
        world.crm.faults.next(Fault::Answer {
            status: 429,
            headers: vec![("retry-after", "7".to_owned())],
            body: json!({ "error": { "code": code, "message": "exceeded" } }).to_string(),
        });
        for fate in destination.upsert(&deliveries(3)).await {
            let error = fate.unwrap_err();
            assert_eq!(
                (error.kind(), error.wait()),
                (ErrorKind::Throttled, Some(Duration::from_secs(7))),
                "{code}"
            );
        }
        assert_eq!(world.crm.count("lead"), 0);
    }
}

#[tokio::test]
async fn fact_9_duplicates_are_looked_for_only_when_asked() {
    for (settings, saved) in [("", true), ("duplicate_detection = 'on'", false)] {
        let mut world = World::with(settings).await;
        world.crm.detect_duplicates("lead", &["emailaddress1"]);
        world
            .crm
            .make("lead", &json!({ "emailaddress1": "canary1@example.com" }));
        let fate = world.destination().upsert(&[delivery(1)]).await.remove(0);
        assert_eq!(fate.is_ok(), saved, "{settings}: {fate:?}");
        let asked = world
            .crm
            .requests()
            .iter()
            .any(|request| header(request, "mscrm.suppressduplicatedetection") == "false");
        assert_eq!(asked, !saved, "{settings}");
    }
}

#[tokio::test]
async fn fact_10_a_state_never_goes_without_its_status() {
    let built = |world: &World| connector_dynamics365::build(&world.settings, &world.context());
    let world = World::new().await.map("statecode = { default = 0 }");
    let error: Option<ConfigError> = built(&world).err();
    assert_eq!(error.unwrap().key, "mapping.statecode");
    let mut world = World::new()
        .await
        .map("statecode = { default = 0 }\nstatuscode = { default = 2 }");
    assert!(built(&world).is_ok());
    let one = delivery(1);
    let fate = world
        .destination()
        .upsert(std::slice::from_ref(&one))
        .await
        .remove(0);
    assert_eq!(world.record(&answered(&one, &fate)).unwrap()["statuscode"], 2);
}
