//! An environment is made ready, once and again.

use std::sync::Arc;

use connector_kit::{ErrorKind, Plan, Provisioner, StepState};
use serde_json::json;

use crate::world::{World, deliveries, read_all};

fn provisioner(world: &mut World) -> Arc<dyn Provisioner> {
    world.connector().provisioner.unwrap()
}

fn state(plan: &Plan, id: &str) -> StepState {
    plan.steps
        .iter()
        .find(|step| step.id == id)
        .unwrap()
        .state
        .clone()
}

/// As `leadsync provision --apply` does it; how often it looked.
async fn apply(provisioner: &dyn Provisioner, world: &World) -> usize {
    for looks in 1..20 {
        let plan = provisioner.plan().await.unwrap();
        let missing: Vec<_> = plan
            .steps
            .iter()
            .filter(|step| step.state == StepState::Missing)
            .collect();
        let settling = plan.steps.iter().any(|step| step.state == StepState::Settling);
        if missing.is_empty() && !settling {
            return looks;
        }
        for step in missing {
            provisioner.apply(step).await.unwrap();
        }
        world.advance(15);
    }
    panic!("it never ends");
}

#[tokio::test]
async fn a_bare_environment_becomes_one_that_takes_leads_and_tells_of_them() {
    let mut world = World::bare("outcomes = { enable_change_tracking = true }").await;
    for table in ["lead", "opportunity"] {
        world.crm.track(table, false);
    }
    world.crm.keys_take(40);
    world.crm.columns_take(10);
    let provisioner = provisioner(&mut world);
    apply(provisioner.as_ref(), &world).await;
    let plan = provisioner.plan().await.unwrap();
    assert!(
        plan.steps.iter().all(|step| step.state == StepState::Present),
        "{plan:#?}"
    );
    assert!(
        world
            .destination()
            .upsert(&deliveries(3))
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!(read_all(world.outcomes().as_ref(), None).await.0.len(), 3);
}

#[tokio::test]
async fn a_plan_changes_nothing() {
    let mut world = World::bare("outcomes = { enable_change_tracking = true }").await;
    provisioner(&mut world).plan().await.unwrap();
    assert!(
        world.crm.requests().iter().all(|request| request.method == "GET"),
        "{:?}",
        world.seen()
    );
}

#[tokio::test]
async fn what_is_there_is_left_alone() {
    let mut world = World::new().await;
    let provisioner = provisioner(&mut world);
    assert_eq!(apply(provisioner.as_ref(), &world).await, 1);
    for step in provisioner.plan().await.unwrap().steps {
        // Doing a step again is no error, and does nothing.
        if step.id.contains("lsync_") || step.id == "key lead" {
            provisioner.apply(&step).await.unwrap();
        }
    }
    assert!(
        world.crm.requests().iter().all(|request| request.method == "GET"),
        "{:?}",
        world.seen()
    );
}

#[tokio::test]
async fn somebody_elses_customization_is_waited_for() {
    let mut world = World::bare("").await;
    world.crm.lock_customization(3);
    let provisioner = provisioner(&mut world);
    apply(provisioner.as_ref(), &world).await;
    assert_eq!(
        state(&provisioner.plan().await.unwrap(), "key lead"),
        StepState::Present
    );
    assert!(world.seen().iter().filter(|line| line.ends_with(" 400")).count() == 3);
}

#[tokio::test]
async fn change_tracking_is_switched_on_only_when_the_operator_says_so() {
    let mut world = World::new().await;
    world.crm.track("opportunity", false);
    let careful = provisioner(&mut world);
    let plan = careful.plan().await.unwrap();
    assert_eq!(state(&plan, "change tracking lead"), StepState::Present);
    let StepState::ByHand(how) = state(&plan, "change tracking opportunity") else {
        panic!("{plan:?}")
    };
    assert!(
        how.contains("cannot be switched off again") && how.contains("follow = \"modified\""),
        "{how}"
    );
    let step = plan
        .steps
        .iter()
        .find(|step| step.id == "change tracking opportunity")
        .unwrap();
    assert_eq!(
        careful.apply(step).await.unwrap_err().kind(),
        ErrorKind::Misconfigured
    );

    world.settings.settings.insert(
        "outcomes".into(),
        toml::toml! { enable_change_tracking = true }.into(),
    );
    let bold = provisioner(&mut world);
    assert_eq!(
        state(&bold.plan().await.unwrap(), "change tracking opportunity"),
        StepState::Missing
    );
    apply(bold.as_ref(), &world).await;
    assert_eq!(
        state(&bold.plan().await.unwrap(), "change tracking opportunity"),
        StepState::Present
    );
}

#[tokio::test]
async fn without_outcomes_nothing_is_tracked_and_fewer_rights_are_asked() {
    let mut world = World::bare("").await;
    world.settings.roles = vec![connector_kit::Role::Destination];
    let plan = provisioner(&mut world).plan().await.unwrap();
    assert!(plan.steps.iter().all(|step| !step.id.contains("tracking")));
    assert!(plan.role.iter().any(|line| line.starts_with("Lead: Create")));
    assert!(!plan.role.iter().any(|line| line.contains("Opportunity")));
}

#[tokio::test]
async fn a_column_of_the_wrong_kind_or_too_short_is_a_persons_work() {
    let mut world = World::bare("").await.map(
        "lsync_offer = { from = 'touch.offer', max_length = 200 }\nlsync_at = { from = 'last_at' }\n\
         fullname = { from = 'person.last_name' }\nnowhere = { from = 'touch.offer' }",
    );
    world.crm.add_text_column("lead", "lsync_Offer", 50);
    world.crm.add_text_column("lead", "lsync_At", 50);
    let plan = provisioner(&mut world).plan().await.unwrap();
    for (column, words) in [
        ("lsync_offer", "takes 50 characters and may get 200"),
        ("lsync_at", "of type String, not DateTime"),
        ("fullname", "cannot be written"),
        ("nowhere", "take it out of the mapping"),
    ] {
        let StepState::ByHand(how) = state(&plan, &format!("column lead.{column}")) else {
            panic!("{column}")
        };
        assert!(how.contains(words), "{column}: {how}");
    }
}

#[tokio::test]
async fn values_a_choice_lacks_are_named() {
    let mut world = World::bare("choices = { leadsourcecode = { Web = 8, Marketplace = 778390000 } }")
        .await
        .map("leadsourcecode = { default = 'Marketplace' }");
    let plan = provisioner(&mut world).plan().await.unwrap();
    let StepState::ByHand(how) = state(&plan, "column lead.leadsourcecode") else {
        panic!("{plan:?}")
    };
    assert!(how.contains("778390000") && !how.contains(" 8"), "{how}");
}

#[tokio::test]
async fn a_key_that_failed_is_a_persons_work() {
    let mut world = World::bare("").await;
    world.crm.add_text_column("lead", "lsync_MarketplaceLeadId", 100);
    for _ in 0..2 {
        world.crm.make(
            "lead",
            &json!({ "subject": "twice", "lsync_marketplaceleadid": "same" }),
        );
    }
    let provisioner = provisioner(&mut world);
    apply(provisioner.as_ref(), &world).await;
    let StepState::ByHand(how) = state(&provisioner.plan().await.unwrap(), "key lead") else {
        panic!()
    };
    assert!(
        how.contains("ReactivateEntityKey for lsync_marketplaceleadkey"),
        "{how}"
    );
}

#[tokio::test]
async fn new_things_go_into_the_solution_named() {
    let mut world = World::bare("solution = 'leadsync'").await;
    let provisioner = provisioner(&mut world);
    apply(provisioner.as_ref(), &world).await;
    let made: Vec<_> = world
        .sent
        .requests()
        .into_iter()
        .filter(|request| request.method() == "POST")
        .collect();
    assert!(made.len() >= 7);
    assert!(
        made.iter()
            .all(|request| request.headers()["mscrm.solutionuniquename"] == "leadsync")
    );
}

#[tokio::test]
async fn a_user_who_may_not_customize_is_told_so() {
    let mut world = World::bare("").await;
    world.crm.deny("prvCreateAttribute");
    let provisioner = provisioner(&mut world);
    let plan = provisioner.plan().await.unwrap();
    let error = provisioner.apply(&plan.steps[0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
}
