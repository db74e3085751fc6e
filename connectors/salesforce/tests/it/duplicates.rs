//! Duplicate rules and the three answers to them.

use connector_kit::ConnectorError;
use connector_kit::ErrorKind::Rejected;
use connector_kit::conformance::leads;
use leadsync_sim::salesforce::DuplicateRule::{self, Alert, Block};
use serde_json::json;

use crate::world::{KEY, World, next};

/// An org with this rule where a lead with the address of lead 1 is known.
fn strict(settings: &str, rule: DuplicateRule) -> (World, String) {
    let world = World::with(settings);
    world.crm.set_duplicate_rule(Some(rule));
    let fields = json!({ "LastName": "Known", "Company": "Contoso", "Email": "canary1@example.com", "LeadSource": "Web" });
    let known = world.crm.make("Lead", &fields).unwrap();
    (world, known)
}

async fn refused(world: &World) -> ConnectorError {
    world.deliver_one(&leads::delivery(1)).await.unwrap_err()
}

#[tokio::test]
async fn link_takes_the_matching_lead_for_ours_and_keeps_what_only_a_create_writes() {
    for rule in [Alert, Block] {
        let (world, known) = strict("", rule);
        let results = world
            .deliver_well(&[leads::delivery(1), leads::delivery(2)])
            .await;
        assert_eq!(results[0], known);
        let row = world.held(&leads::delivery(1));
        assert_eq!(
            (&row["LastName"], &row["LeadSource"]),
            (&json!("Family1Canary"), &json!("Web"))
        );
        assert_eq!(world.crm.records("Lead").len(), 2);
        let revised = next(&leads::delivery(1), &known);
        assert_eq!(
            world.deliver_well(&[revised]).await,
            [known],
            "and later revisions follow"
        );
    }
}

#[tokio::test]
async fn link_never_takes_the_lead_of_another_of_our_leads() {
    let (world, known) = strict("", Alert);
    world.crm.change(
        "Lead",
        &known,
        &json!({ KEY: leads::delivery(9).lead.id.to_string() }),
    );
    let made = world.deliver_well(&[leads::delivery(1)]).await.remove(0);
    assert_ne!(made, known, "the rule only warns: saved");
    let (world, known) = strict("", Block);
    world.crm.change(
        "Lead",
        &known,
        &json!({ KEY: leads::delivery(9).lead.id.to_string() }),
    );
    assert_eq!(refused(&world).await.kind(), Rejected);
}

#[tokio::test]
async fn link_never_takes_a_contact() {
    let world = World::new();
    world.crm.set_duplicate_rule(Some(Alert));
    world
        .crm
        .make(
            "Contact",
            &json!({ "LastName": "Known", "Email": "canary1@example.com" }),
        )
        .unwrap();
    world.deliver_well(&[leads::delivery(1)]).await;
    assert_eq!(
        world.crm.records("Lead").len(),
        1,
        "saved, as the rule only warns"
    );
    world.crm.set_duplicate_rule(Some(Block));
    let world = World::new();
    world.crm.set_duplicate_rule(Some(Block));
    world
        .crm
        .make(
            "Contact",
            &json!({ "LastName": "Known", "Email": "canary1@example.com" }),
        )
        .unwrap();
    let error = refused(&world).await;
    assert_eq!(error.kind(), Rejected);
    assert!(
        error.to_string().contains("1 records of other kinds match"),
        "{error}"
    );
}

#[tokio::test]
async fn two_leads_of_one_call_never_become_one_record() {
    let (world, known) = strict("", Alert);
    let twin = {
        let mut lead = connector_kit::Lead::clone(&leads::delivery(2).lead);
        lead.person.email = leads::delivery(1).lead.person.email.clone();
        connector_kit::LeadDelivery {
            lead: lead.into(),
            ..leads::delivery(2)
        }
    };
    let records = world.deliver_well(&[leads::delivery(1), twin]).await;
    assert_eq!(records[0], known);
    assert_ne!(records[1], known);
}

#[tokio::test]
async fn allow_save_saves_what_a_rule_warns_of_and_not_what_it_blocks() {
    let (world, known) = strict("duplicate_rule = 'allow_save'", Alert);
    assert_ne!(world.deliver_well(&[leads::delivery(1)]).await, [known]);
    let (world, _) = strict("duplicate_rule = 'allow_save'", Block);
    assert_eq!(refused(&world).await.kind(), Rejected);
}

#[tokio::test]
async fn dead_leaves_it_to_a_person_and_names_the_records() {
    for rule in [Alert, Block] {
        let (world, known) = strict("duplicate_rule = 'dead'", rule);
        let error = refused(&world).await;
        assert_eq!(error.kind(), Rejected);
        assert!(error.to_string().contains(&known), "{error}");
        assert!(error.hint_text().unwrap().contains("merge"), "{error:?}");
        assert_eq!(world.writes().len(), 1, "nothing more was tried");
    }
}
