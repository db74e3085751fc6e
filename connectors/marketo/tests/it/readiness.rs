//! What `provision` makes and `doctor` finds.

use connector_kit::conformance::leads::delivery;
use connector_kit::{Check, ErrorKind, Health, Step, StepState};
use leadsync_sim::faults::Fault;
use leadsync_sim::marketo::Permissions;

use crate::world::{OURS, World, deliver};

async fn plan(world: &World) -> Vec<Step> {
    world.connector().provisioner.unwrap().plan().await.unwrap().steps
}

fn named<'a>(steps: &'a [Step], name: &str) -> &'a Step {
    steps
        .iter()
        .find(|step| step.id == format!("field {name}"))
        .unwrap()
}

#[tokio::test]
async fn an_instance_is_made_ready_and_then_takes_leads() {
    let world = World::bare("").await;
    let error = deliver(&world.destination(), &delivery(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.hint_text().unwrap().contains("leadsync provision"));
    let provisioner = world.connector().provisioner.unwrap();
    for step in plan(&world).await {
        match step.state {
            StepState::Missing => provisioner.apply(&step).await.unwrap(),
            state => assert_eq!(state, StepState::Present, "{}", step.id),
        }
    }
    assert!(
        OURS.iter()
            .all(|name| world.marketo.fields().contains(&(*name).to_owned()))
    );
    assert!(
        plan(&world)
            .await
            .iter()
            .all(|step| step.state == StepState::Present)
    );
    deliver(&world.destination(), &delivery(1)).await.unwrap();
}

#[tokio::test]
async fn the_plan_changes_nothing_and_a_step_done_before_is_no_error() {
    let world = World::bare("").await;
    let steps = plan(&world).await;
    assert_eq!(
        steps
            .iter()
            .filter(|step| step.state == StepState::Missing)
            .count(),
        7
    );
    assert!(!world.marketo.fields().contains(&"msLeadId".to_owned()));
    let provisioner = world.connector().provisioner.unwrap();
    for _ in 0..2 {
        provisioner.apply(named(&steps, "msLeadId")).await.unwrap();
    }
}

#[tokio::test]
async fn without_the_right_to_make_fields_a_person_is_told_how() {
    let world = World::bare("").await;
    world.marketo.add_field("msLeadId", "string");
    world.marketo.set_permissions(Permissions {
        schema: false,
        ..Permissions::default()
    });
    let steps = plan(&world).await;
    assert_eq!(named(&steps, "msLeadId").state, StepState::Present);
    let StepState::ByHand(how) = &named(&steps, "msOfferId").state else {
        panic!("{steps:?}")
    };
    for word in [
        "Field Management",
        "\"MS Offer Id\"",
        "msOfferId",
        "string",
        "Schema Custom Field",
    ] {
        assert!(how.contains(word), "{word}: {how}");
    }
}

#[tokio::test]
async fn a_field_of_the_operators_mapping_that_does_not_exist_is_theirs_to_make() {
    let mut world = World::bare("").await;
    world.settings.mapping = toml::from_str(
        "email = { from = 'person.email' }\nmsLeadId = { from = 'id' }\nourField = { from = 'intent' }",
    )
    .unwrap();
    let steps = plan(&world).await;
    assert!(matches!(named(&steps, "ourField").state, StepState::ByHand(_)));
    assert_eq!(named(&steps, "msLeadId").state, StepState::Missing);
    assert_eq!(steps.len(), 4, "email, leadStatus and these two");
}

#[tokio::test]
async fn where_no_more_fields_fit_the_operator_is_told_so() {
    let world = World::bare("").await;
    world.marketo.set_limits(|limits| limits.custom_fields = 0);
    let steps = plan(&world).await;
    let error = world
        .connector()
        .provisioner
        .unwrap()
        .apply(named(&steps, "msLeadId"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(error.answer_text(), Some("709 Custom field limit reached"));
    assert!(error.hint_text().unwrap().contains("by hand"));
}

/// What the doctor finds when the clocks agree.
async fn examine(world: &World) -> Vec<Check> {
    let date = Fault::Answer {
        status: 404,
        headers: vec![("date", "Fri, 20 Nov 2026 12:00:01 GMT".to_owned())],
        body: String::new(),
    };
    world
        .marketo
        .faults
        .on_request(world.marketo.faults.requests() + 1, date);
    world.connector().doctor.unwrap().examine().await
}

fn health(checks: &[Check]) -> Vec<(&'static str, Health)> {
    checks.iter().map(|check| (check.name, check.health)).collect()
}

#[tokio::test]
async fn a_healthy_way_is_well_from_name_to_key() {
    let world = World::start().await;
    let checks = examine(&world).await;
    let names = [
        // An address has no name, and plain http no certificate.
        ("dns", Health::Unknown),
        ("connection", Health::Well),
        ("tls", Health::Unknown),
        ("clock", Health::Well),
        ("token", Health::Well),
        ("quota", Health::Well),
        ("permissions", Health::Well),
        ("fields", Health::Well),
        ("do-not-contact", Health::Well),
        ("key", Health::Well),
    ];
    assert_eq!(health(&checks), names, "{checks:?}");
    let quota = world.calls.quota().unwrap();
    assert_eq!(
        (quota.granted, quota.left),
        (50_000, 50_000),
        "and the daemon knows what is left"
    );
    assert!(world.connector().probe.unwrap().probe().await.is_ok());
}

#[tokio::test]
async fn each_illness_is_named_where_it_is_with_its_remedy() {
    type Harm = fn(&mut World);
    let table: [(&str, Health, &str, Harm); 10] = [
        ("dns", Health::Ill, "name", |world| {
            world
                .settings
                .settings
                .insert("base_url".into(), "http://nowhere.invalid".into());
            world
                .settings
                .settings
                .insert("allowed_ports".into(), vec![80].into());
        }),
        ("connection", Health::Ill, "firewall", |world| {
            world
                .settings
                .settings
                .insert("base_url".into(), "http://127.0.0.1:9".into());
            world
                .settings
                .settings
                .insert("allowed_ports".into(), vec![9].into());
        }),
        ("clock", Health::Ailing, "timedatectl", |world| {
            world.advance(-3_600);
        }),
        ("token", Health::Ill, "secret", |world| {
            let wrong: toml::Table = toml::toml! { env = "WRONG" };
            world
                .settings
                .settings
                .insert("client_secret".into(), wrong.into());
        }),
        ("quota", Health::Ailing, "daily_quota", |world| {
            world.marketo.use_up(45_001);
        }),
        ("permissions", Health::Ill, "Read-Only Activity", |world| {
            world.marketo.set_permissions(Permissions {
                activities: false,
                ..Permissions::default()
            });
        }),
        ("fields", Health::Ill, "provision", |world| {
            world.settings.mapping =
                toml::from_str("msLeadId = { from = 'id' }\nnope = { from = 'intent' }").unwrap();
        }),
        ("fields", Health::Ill, "max_length", |world| {
            world.marketo.change_field("title", Some(40), false, false);
        }),
        ("do-not-contact", Health::Ill, "do_not_contact", |world| {
            world
                .settings
                .settings
                .insert("do_not_contact".into(), vec!["noFax"].into());
        }),
        ("key", Health::Ill, "searchable", |world| {
            world.marketo.change_field("msLeadId", None, false, false);
        }),
    ];
    for (name, health, remedy, harm) in table {
        let mut world = World::start().await;
        harm(&mut world);
        let checks = examine(&world).await;
        let sick: Vec<_> = checks
            .iter()
            .filter(|check| check.health >= Health::Ailing)
            .collect();
        assert_eq!(sick.len(), 1, "{name}: {checks:?}");
        assert_eq!((sick[0].name, sick[0].health), (name, health), "{checks:?}");
        assert!(sick[0].remedy.contains(remedy), "{}", sick[0]);
        assert_eq!(checks.len(), 10, "what could not be looked at is said, too");
    }
}

#[tokio::test]
async fn a_field_that_cannot_be_written_is_an_illness_unless_it_is_only_read() {
    let world = World::start().await;
    world.marketo.change_field("leadStatus", None, true, false);
    assert!(
        examine(&world)
            .await
            .iter()
            .all(|check| check.health <= Health::Unknown)
    );
    world.marketo.change_field("title", None, true, false);
    let checks = examine(&world).await;
    let fields = checks.iter().find(|check| check.name == "fields").unwrap();
    assert_eq!(fields.found, "title cannot be written");
}

#[tokio::test]
async fn what_the_doctor_finds_ill_is_the_probes_error() {
    let world = World::bare("").await;
    let error = world.connector().probe.unwrap().probe().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("msLeadId does not exist"), "{error}");
}

#[tokio::test]
async fn leads_do_not_come_from_marketo() {
    let mut world = World::bare("").await;
    world.settings.roles = vec![connector_kit::Role::Source];
    assert_eq!(world.try_connector().err().unwrap().key, "roles");
    world.settings.roles = vec![connector_kit::Role::Destination];
    let connector = world.connector();
    assert!(
        connector.destination.is_some() && connector.outcome_source.is_none() && connector.source.is_none()
    );
}
