//! What becomes of leads, as it is read back.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use connector_kit::conformance::leads;
use connector_kit::{Checkpoint, ErrorKind, LeadDelivery, Outcome, Stage, Subject};
use leadsync_sim::faults::Fault;
use serde_json::json;

use crate::world::{KEY, World};

/// Reads to the end.
async fn read(world: &World, after: Option<Checkpoint>, limit: usize) -> (Vec<Outcome>, Option<Checkpoint>) {
    let (mut items, mut after) = (Vec::new(), after);
    for _ in 0..500 {
        let page = world.watch().outcomes(after.as_ref(), limit).await.unwrap();
        items.extend(page.items);
        after = page.next;
        if !page.more {
            return (items, after);
        }
    }
    panic!("reading comes to an end");
}

async fn delivered(world: &World, count: u32) -> Vec<LeadDelivery> {
    let all: Vec<_> = (0..count).map(leads::delivery).collect();
    for part in all.chunks(200) {
        world.deliver_well(part).await;
    }
    all
}

fn key(delivery: &LeadDelivery) -> String {
    delivery.lead.id.to_string()
}

#[tokio::test]
async fn a_sale_is_told_with_its_value_its_day_and_the_lead_it_grew_from() {
    let world = World::with("[outcomes]\ncurrency = 'EUR'");
    let all = delivered(&world, 1).await;
    world.crm.convert(&key(&all[0]), true).unwrap();
    world
        .crm
        .close_opportunity(&key(&all[0]), true, 12_500_000.5, "2026-12-24");
    let (items, _) = read(&world, None, 100).await;
    let lead = items.iter().find(|item| item.subject == Subject::Lead).unwrap();
    assert_eq!(
        (lead.stage, lead.state.as_str()),
        (Stage::Accepted, "Closed - Converted")
    );
    let deal = items.iter().find(|item| item.subject == Subject::Deal).unwrap();
    assert_eq!(
        (deal.stage, deal.state.as_str(), deal.lead),
        (Stage::Won, "Closed Won", Some(all[0].lead.id))
    );
    let value = deal.value.clone().unwrap();
    assert_eq!(
        (value.amount.to_string(), value.currency.as_deref()),
        ("12500000.5".to_owned(), Some("EUR"))
    );
    assert_eq!(deal.closes_on.unwrap().to_string(), "2026-12-24");
}

#[tokio::test]
async fn a_change_of_the_opportunity_alone_is_seen() {
    let world = World::new();
    let all = delivered(&world, 1).await;
    world.crm.convert(&key(&all[0]), true).unwrap();
    let (_, after) = read(&world, None, 100).await;
    world.advance(TimeDelta::hours(1));
    world
        .crm
        .close_opportunity(&key(&all[0]), false, 1.0, "2026-12-24");
    let (items, _) = read(&world, after, 100).await;
    let deals = items.iter().filter(|item| item.subject == Subject::Deal);
    let stages: Vec<_> = deals.map(|deal| deal.stage).collect();
    assert_eq!(stages, [Stage::Lost], "although the lead has not changed");
}

#[tokio::test]
async fn stages_of_the_organisations_own_decide_by_their_flags() {
    let world = World::new();
    world.crm.add_stage("Verloren", true, false);
    world.crm.add_stage("Abgeschlossen", true, true);
    let all = delivered(&world, 2).await;
    for (delivery, stage) in all.iter().zip(["Verloren", "Abgeschlossen"]) {
        world.crm.convert(&key(delivery), true).unwrap();
        assert!(
            world
                .crm
                .change_opportunity(&key(delivery), &json!({ "StageName": stage }))
        );
    }
    let (items, _) = read(&world, None, 100).await;
    let deals: BTreeMap<_, _> = items
        .iter()
        .filter(|item| item.subject == Subject::Deal)
        .map(|item| (item.lead, item.stage))
        .collect();
    assert_eq!(deals[&Some(all[0].lead.id)], Stage::Lost);
    assert_eq!(deals[&Some(all[1].lead.id)], Stage::Won);
}

#[tokio::test]
async fn several_currencies_tell_their_own() {
    let world = World::with("[outcomes]\ncurrency = 'EUR'\nreason_field = 'Loss_Reason__c'");
    let all = delivered(&world, 1).await;
    let field = json!({ "label": "Currency", "type": "Text", "length": 3, "required": false });
    world.crm.add_field("Opportunity.Loss_Reason__c", &field);
    world.crm.convert(&key(&all[0]), true).unwrap();
    assert!(world.crm.change_opportunity(
        &key(&all[0]),
        &json!({ "Loss_Reason__c": "Fee", "StageName": "Closed Lost" })
    ));
    let (items, _) = read(&world, None, 100).await;
    let deal = items.iter().find(|item| item.subject == Subject::Deal).unwrap();
    assert_eq!(deal.reason.as_deref(), Some("Fee"));
    assert!(
        world.seen("CurrencyIsoCode").is_empty(),
        "not asked for where there is no such field"
    );
}

#[tokio::test]
async fn a_reason_field_that_is_not_there_is_named() {
    let world = World::with("[outcomes]\nreason_field = 'Loss_Reason__c'");
    let error = world.watch().outcomes(None, 100).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("Loss_Reason__c"), "{error}");
}

#[tokio::test]
async fn deleted_leads_and_deleted_opportunities_are_gone() {
    let world = World::new();
    let all = delivered(&world, 2).await;
    let deal = world
        .crm
        .convert(&key(&all[0]), true)
        .unwrap()
        .opportunity
        .unwrap();
    let (_, after) = read(&world, None, 100).await;
    world.advance(TimeDelta::minutes(20));
    world.crm.delete("Lead", &key(&all[1]));
    world.crm.delete("Opportunity", &deal);
    let (items, _) = read(&world, after, 100).await;
    let gone: BTreeMap<_, _> = items
        .iter()
        .filter(|item| item.stage == Stage::Gone)
        .map(|item| (item.record.0.clone(), (item.subject, item.lead)))
        .collect();
    assert_eq!(gone[&deal], (Subject::Deal, None));
    let lead = gone
        .values()
        .find(|(subject, _)| *subject == Subject::Lead)
        .unwrap();
    assert_eq!(lead.1, Some(all[1].lead.id));
}

#[tokio::test]
async fn a_merged_lead_stands_as_its_survivor_from_then_on() {
    let world = World::new();
    let all = delivered(&world, 1).await;
    let survivor = world
        .crm
        .make("Lead", &json!({ "LastName": "Survivor", "Company": "Contoso" }))
        .unwrap();
    world.crm.merge(&key(&all[0]), &survivor);
    let (items, after) = read(&world, None, 100).await;
    let of = |items: &[Outcome], record: &str| {
        items
            .iter()
            .filter(|item| item.record.0 == record)
            .cloned()
            .next_back()
    };
    let stands = of(&items, &survivor).unwrap();
    assert_eq!((stands.lead, stands.stage), (Some(all[0].lead.id), Stage::Open));
    assert!(
        items
            .iter()
            .any(|item| item.stage == Stage::Gone && item.state == "merged")
    );
    world.advance(TimeDelta::hours(1));
    world
        .crm
        .change("Lead", &survivor, &json!({ "Status": "Working - Contacted" }));
    world.crm.convert(&survivor, true).unwrap();
    world.crm.close_opportunity(&survivor, true, 5.0, "2026-12-24");
    let (items, _) = read(&world, after, 100).await;
    assert_eq!(of(&items, &survivor).unwrap().lead, Some(all[0].lead.id));
    let deal = items.iter().find(|item| item.subject == Subject::Deal).unwrap();
    assert_eq!((deal.lead, deal.stage), (Some(all[0].lead.id), Stage::Won));
}

#[tokio::test]
async fn a_thousand_records_of_one_second_come_once_each_whatever_the_page() {
    let world = World::with("[outcomes]\noverlap = '0s'");
    let all = delivered(&world, 1000).await;
    world.crm.set_page_size(300);
    for limit in [7, 250, 2000] {
        let (items, _) = read(&world, None, limit).await;
        let mut found: Vec<_> = items.iter().map(|item| item.lead.unwrap()).collect();
        assert_eq!(found.len(), 1000, "limit {limit}");
        found.sort();
        found.dedup();
        assert_eq!(found.len(), all.len(), "limit {limit}");
    }
}

#[tokio::test]
async fn an_idle_org_is_not_read_again_and_again() {
    let world = World::over_tcp("").await;
    delivered(&world, 50).await;
    let (_, mut after) = read(&world, None, 100).await;
    // The clock of the machine dates the answers of a real socket; ours stands an hour later each time.
    for _ in 0..2 {
        world.advance(TimeDelta::minutes(30));
        after = read(&world, after, 100).await.1;
    }
    let (items, _) = read(&world, after, 100).await;
    assert_eq!(items.len(), 0);
}

#[tokio::test]
async fn a_row_that_appears_behind_its_stamp_is_found_within_the_overlap() {
    let world = World::new();
    delivered(&world, 1).await;
    world.advance(TimeDelta::minutes(3));
    let late = world
        .crm
        .make(
            "Lead",
            &json!({ "LastName": "Late", "Company": "C", KEY: key(&leads::delivery(7)) }),
        )
        .unwrap();
    world.advance(TimeDelta::minutes(-3));
    let (_, after) = read(&world, None, 100).await;
    // The watermark stands at the newest stamp; one three minutes older appears.
    world
        .crm
        .make(
            "Lead",
            &json!({ "LastName": "Older", "Company": "C", KEY: key(&leads::delivery(8)) }),
        )
        .unwrap();
    let (items, _) = read(&world, after, 100).await;
    let found: Vec<_> = items.iter().map(|item| item.lead).collect();
    assert!(
        found.contains(&Some(leads::delivery(8).lead.id)),
        "{late}: {found:?}"
    );
}

#[tokio::test]
async fn a_page_that_breaks_off_is_asked_for_again_from_the_same_place() {
    let world = World::new();
    delivered(&world, 30).await;
    let first = world.watch().outcomes(None, 10).await.unwrap();
    assert!(first.more);
    world.crm.faults.next(Fault::CutDuring);
    let error = world.watch().outcomes(first.next.as_ref(), 10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    let (rest, _) = read(&world, first.next, 10).await;
    assert_eq!(first.items.len() + rest.len(), 30);
}

#[tokio::test]
async fn records_with_keys_that_are_none_of_ours_are_passed_over() {
    let world = World::new();
    world
        .crm
        .make(
            "Lead",
            &json!({ "LastName": "Old", "Company": "C", KEY: "imported-17" }),
        )
        .unwrap();
    let (items, _) = read(&world, None, 10).await;
    assert_eq!(items, []);
}
