//! Provision and doctor.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use connector_kit::clock::ManualClock;
use connector_kit::conformance::leads;
use connector_kit::{Check, Health, Plan, StepState};
use leadsync_sim::faults::Fault;
use leadsync_sim::salesforce::Right;
use serde_json::json;

use crate::world::{KEY, World, noon, org};

/// An org as it comes out of the box.
fn bare(settings: &str) -> World {
    let clock = ManualClock::new(noon());
    World::around(org(&clock), clock, settings)
}

async fn plan(world: &World) -> Plan {
    world.connector.provisioner.clone().unwrap().plan().await.unwrap()
}

fn ids(plan: &Plan, state: &StepState) -> Vec<String> {
    plan.steps
        .iter()
        .filter(|step| step.state == *state)
        .map(|step| step.id.clone())
        .collect()
}

/// Plans and applies until nothing is missing or settling, as the command does.
pub(crate) async fn apply_all(world: &World) -> Plan {
    let provisioner = world.connector.provisioner.clone().unwrap();
    for _ in 0..20 {
        let plan = plan(world).await;
        let missing: Vec<_> = plan
            .steps
            .iter()
            .filter(|step| step.state == StepState::Missing)
            .collect();
        let settling = plan.steps.iter().any(|step| step.state == StepState::Settling);
        if missing.is_empty() && !settling {
            return plan;
        }
        for step in missing {
            provisioner.apply(step).await.unwrap();
        }
        world.advance(TimeDelta::seconds(5));
    }
    panic!("provision comes to an end");
}

pub(crate) async fn check(world: &World, name: &str) -> Check {
    let checks = world.connector.doctor.clone().unwrap().examine().await;
    checks.into_iter().find(|check| check.name == name).unwrap()
}

#[tokio::test]
async fn a_bare_org_becomes_ready_and_planning_again_finds_nothing_to_do() {
    let world = bare("");
    world.crm.set_permission_lag(12);
    let first = plan(&world).await;
    let missing = ids(&first, &StepState::Missing);
    for step in [
        &format!("field Lead.{KEY}"),
        "permission-set",
        "object Lead",
        &format!("access Lead.{KEY}"),
        "access Lead.DoNotCall",
        "assignment",
    ] {
        assert!(missing.iter().any(|id| id == step), "{step}: {missing:?}");
    }
    let last = apply_all(&world).await;
    assert!(
        last.steps.iter().all(|step| step.state == StepState::Present),
        "{last:?}"
    );
    let fields = world.crm.records("CustomField");
    assert_eq!(fields.len(), 1 + 13, "the key, and what referrals need");
    world.deliver_well(&[leads::delivery(1)]).await;
    let before: Vec<_> = [
        "PermissionSet",
        "FieldPermissions",
        "ObjectPermissions",
        "PermissionSetAssignment",
    ]
    .map(|object| world.crm.records(object).len())
    .into();
    let provisioner = world.connector.provisioner.clone().unwrap();
    for step in first.steps.iter().filter(|step| step.state == StepState::Missing) {
        provisioner.apply(step).await.unwrap();
    }
    let after: Vec<_> = [
        "PermissionSet",
        "FieldPermissions",
        "ObjectPermissions",
        "PermissionSetAssignment",
    ]
    .map(|object| world.crm.records(object).len())
    .into();
    assert_eq!(after, before, "a step that was done before does nothing");
}

#[tokio::test]
async fn a_new_right_that_does_not_show_yet_is_settling() {
    let world = bare("");
    world.crm.set_permission_lag(60);
    let provisioner = world.connector.provisioner.clone().unwrap();
    for step in plan(&world).await.steps {
        if step.state == StepState::Missing {
            provisioner.apply(&step).await.unwrap();
        }
    }
    assert!(ids(&plan(&world).await, &StepState::Settling).contains(&format!("access Lead.{KEY}")));
    world.advance(TimeDelta::seconds(61));
    assert!(ids(&plan(&world).await, &StepState::Settling).is_empty());
}

#[tokio::test]
async fn custom_fields_of_the_mapping_are_made_with_their_types() {
    let mut world = bare(
        "provision = { columns = { Marketplace_Hot__c = 'Checkbox', Marketplace_First__c = 'DateTime' } }",
    );
    world.map(
        "LastName = { from = 'person.last_name' }\nCompany = { from = 'person.company' }\n\
         Marketplace_Hot__c = { from = 'hot' }\nMarketplace_First__c = { from = 'first_at' }\n\
         Marketplace_Offer__c = { from = 'touch.offer', max_length = 255 }",
    );
    apply_all(&world).await;
    world.deliver_well(&[leads::delivery(1)]).await;
    let row = world.held(&leads::delivery(1));
    assert_eq!(row["Marketplace_Hot__c"], true);
    assert_eq!(row["Marketplace_Offer__c"], "contoso.analytics-pro");
    assert_eq!(row["Marketplace_First__c"], "2026-11-20T12:00:00.000+0000");
}

#[tokio::test]
async fn an_org_that_forbids_changes_gets_a_plan_for_people() {
    let world = bare("");
    world.crm.revoke(Right::CustomizeApplication);
    world.crm.revoke(Right::ViewSetup);
    let plan = plan(&world).await;
    assert!(
        matches!(&plan.steps[0].state, StepState::ByHand(how) if how.contains("External ID")),
        "{:?}",
        plan.steps[0]
    );
    let role = plan.role.join("\n");
    for line in [
        "system: API Enabled",
        "object Lead: Read, Create, Edit",
        "object Opportunity: Read",
        &format!("field Lead.{KEY}: Read, Edit"),
    ] {
        assert!(role.contains(line), "{line}: {role}");
    }
    assert!(!role.contains("Delete") && !role.contains("Modify All"), "{role}");
}

#[tokio::test]
async fn values_of_a_restricted_picklist_are_a_persons_business() {
    let world = World::new();
    world
        .crm
        .restrict_picklist("Lead", "LeadSource", &["Web", "AzureMarketplace"]);
    let plan = plan(&world).await;
    let step = plan
        .steps
        .iter()
        .find(|step| step.id == "values Lead.LeadSource")
        .unwrap();
    assert!(
        matches!(&step.state, StepState::ByHand(how) if how.contains("AppSource")),
        "{step:?}"
    );
    let check = check(&world, "values").await;
    assert_eq!(
        (check.health, check.found.contains("LeadSource = TestDrive")),
        (Health::Ailing, true),
        "{check}"
    );
}

#[tokio::test]
async fn a_ready_org_is_well() {
    let world = World::new();
    apply_all(&world).await;
    let checks = world.connector.doctor.clone().unwrap().examine().await;
    let names: BTreeSet<&str> = checks.iter().map(|check| check.name).collect();
    assert_eq!(names.len(), checks.len(), "each once");
    for check in &checks {
        // In process there is no Date header, and nobody here lets us look at the rules.
        let expected = if ["clock", "duplicates"].contains(&check.name) {
            Health::Unknown
        } else {
            Health::Well
        };
        assert_eq!(check.health, expected, "{check}");
    }
    assert!(checks.len() >= 15, "{checks:?}");
    world.connector.probe.clone().unwrap().probe().await.unwrap();
}

#[tokio::test]
async fn the_doctor_names_what_is_wrong_and_what_to_do() {
    type Break = fn(&World);
    let cases: [(&str, Health, &str, Break); 10] = [
        ("token", Health::Ill, "invalid_client", |world| {
            world.crm.add_app("CK", "another");
        }),
        ("access", Health::Ill, "API_DISABLED_FOR_ORG", |world| {
            world.crm.revoke(Right::ApiEnabled);
        }),
        (
            "quota",
            Health::Ailing,
            "API calls of 24 hours are left",
            |world| {
                world.crm.set_daily_limit(1000);
                world.crm.set_usage_of_others(900);
            },
        ),
        ("key", Health::Ill, "missing", |world| {
            world.crm.hide_field("Lead", KEY);
        }),
        ("key", Health::Ill, "32 characters", |world| {
            world.crm.set_length("Lead", KEY, 20);
        }),
        ("fields", Health::Ill, "Title", |world| {
            world.crm.make_read_only("Lead", "Title");
        }),
        ("do-not-contact", Health::Ailing, "DoNotCall", |_| ()),
        ("connection", Health::Ill, "broke", |world| {
            world.crm.faults.next(Fault::CutBefore);
        }),
        ("version", Health::Ill, "502", |world| {
            world.crm.faults.on_request(2, Fault::HtmlPage(502));
        }),
        ("fields", Health::Ailing, "holds 40 characters", |world| {
            world.crm.set_length("Lead", "Email", 40);
        }),
    ];
    for (name, health, words, break_it) in cases {
        let world = World::new();
        break_it(&world);
        let check = check(&world, name).await;
        assert_eq!(check.health, health, "{check}");
        assert!(check.found.contains(words), "{words}: {check}");
        assert!(!check.remedy.is_empty(), "{check}");
    }
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_told_as_such() {
    let world = World::new();
    world.crm.add_app("CK", "another");
    let checks = world.connector.doctor.clone().unwrap().examine().await;
    let place = checks
        .iter()
        .position(|check| check.health == Health::Ill)
        .unwrap();
    assert_eq!(checks[place].name, "token");
    assert!(
        checks[place + 1..]
            .iter()
            .all(|check| check.health == Health::Unknown),
        "{checks:?}"
    );
    let error = world.connector.probe.clone().unwrap().probe().await.unwrap_err();
    assert!(error.to_string().starts_with("token: "), "{error}");
}

#[tokio::test]
async fn duplicate_rules_and_what_they_come_to_are_told() {
    let world = World::new();
    let rules = json!({ "totalSize": 1, "done": true, "records": [{ "Id": "0Bm5e000000AbCdCAK" }] });
    world
        .crm
        .faults
        .when("DuplicateRule", 1, Fault::json(200, &rules));
    let found = check(&world, "duplicates").await;
    assert_eq!(found.health, Health::Well);
    assert!(
        found
            .found
            .contains("1 duplicate rules watch leads; what they object to is linked"),
        "{found}"
    );
}

#[tokio::test]
async fn limits_that_may_not_be_read_are_no_illness() {
    let world = World::new();
    world.crm.revoke(Right::ViewSetup);
    let quota = check(&world, "quota").await;
    assert_eq!(quota.health, Health::Well, "the header tells it, too: {quota}");
}

#[tokio::test]
async fn a_required_field_of_the_organisation_and_a_strange_version_are_found() {
    let world = World::with("api_version = 'v90.0'");
    assert_eq!(check(&world, "version").await.health, Health::Ill);
    let world = World::new();
    world.crm.add_field(
        "Lead.Region__c",
        &json!({ "label": "Region", "type": "Text", "length": 20, "required": true }),
    );
    let fields = check(&world, "fields").await;
    assert_eq!(
        (fields.health, fields.found.contains("requires Region__c")),
        (Health::Ill, true),
        "{fields}"
    );
    let world = World::new();
    world.crm.change("Lead", "none", &json!({}));
    assert_eq!(check(&world, "statuses").await.health, Health::Well);
}
