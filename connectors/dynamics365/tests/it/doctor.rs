//! What a look at an environment finds, one line per thing, each fault with its remedy.

use chrono::TimeDelta;
use connector_kit::{Check, Health, Role};
use leadsync_sim::faults::Fault;
use serde_json::json;

use crate::world::{APP, SECRET, World};

async fn examine(world: &mut World) -> Vec<Check> {
    world.connector().doctor.unwrap().examine().await
}

fn check<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    checks
        .iter()
        .find(|check| check.name == name)
        .unwrap_or_else(|| panic!("no {name}: {checks:#?}"))
}

fn names(checks: &[Check]) -> Vec<&str> {
    checks.iter().map(|check| check.name).collect()
}

#[tokio::test]
async fn a_ready_environment_is_well_from_name_to_change_tracking() {
    let mut world = World::new().await;
    let checks = examine(&mut world).await;
    assert_eq!(
        names(&checks),
        [
            "dns",
            "connection",
            "tls",
            "clock",
            "token",
            "user",
            "quota",
            "rights",
            "fields",
            "key",
            "bulk",
            "change-tracking"
        ]
    );
    for check in &checks[4..] {
        assert_eq!(check.health, Health::Well, "{check}");
        assert_eq!(check.remedy, "");
    }
    assert!(
        check(&checks, "quota")
            .found
            .contains("recommends 4 requests at a time")
    );
    assert!(check(&checks, "bulk").found.contains("UpsertMultiple"));
    assert!(world.connector().probe.unwrap().probe().await.is_ok());
}

#[tokio::test]
async fn a_look_changes_nothing() {
    let mut world = World::new().await;
    examine(&mut world).await;
    assert!(
        world.crm.requests().iter().all(|request| request.method == "GET"),
        "{:?}",
        world.seen()
    );
}

#[tokio::test]
async fn each_fault_is_found_where_it_is_and_says_what_to_do() {
    type Break = fn(&World);
    let table: [(&str, Break, &str); 8] = [
        ("token", |world| world.entra.remove_secret(SECRET), "secret"),
        ("user", |world| world.crm.forget_user(APP), "application user"),
        ("rights", |world| world.crm.deny("prvReadLead"), "privilege"),
        (
            "rights",
            |world| world.crm.deny("prvReadOpportunity"),
            "privilege",
        ),
        (
            "key",
            |world| world.crm.fail_key("lead", "lsync_marketplaceleadkey"),
            "ReactivateEntityKey",
        ),
        (
            "change-tracking",
            |world| world.crm.track("opportunity", false),
            "enable_change_tracking",
        ),
        (
            "user",
            |world| world.crm.faults.when("WhoAmI", 9, Fault::HtmlPage(200)),
            "proxy",
        ),
        (
            "connection",
            |world| world.crm.faults.when("WhoAmI", 1, Fault::CutBefore),
            "",
        ),
    ];
    for (name, spoil, remedy) in table {
        let mut world = World::new().await;
        spoil(&world);
        let checks = examine(&mut world).await;
        let found = check(&checks, name);
        assert_eq!(found.health, Health::Ill, "{found}");
        assert!(
            found.remedy.contains(remedy) && !found.remedy.is_empty(),
            "{found}"
        );
        assert!(!found.to_string().contains(SECRET));
    }
}

#[tokio::test]
async fn currencies_that_may_not_be_read_are_a_warning() {
    let mut world = World::new().await;
    world.crm.deny("prvReadTransactionCurrency");
    let checks = examine(&mut world).await;
    let rights = check(&checks, "rights");
    assert_eq!(rights.health, Health::Ailing, "{rights}");
    assert!(
        rights.found.contains("without a currency") && !rights.remedy.is_empty(),
        "{rights}"
    );
}

#[tokio::test]
async fn behind_a_locked_door_nothing_is_looked_at() {
    let mut world = World::new().await;
    world.entra.remove_secret(SECRET);
    let checks = examine(&mut world).await;
    assert_eq!(check(&checks, "token").health, Health::Ill);
    for name in [
        "user",
        "quota",
        "rights",
        "fields",
        "key",
        "bulk",
        "change-tracking",
    ] {
        assert_eq!(check(&checks, name).health, Health::Unknown, "{name}");
    }
    assert!(world.connector().probe.unwrap().probe().await.is_err());
}

#[tokio::test]
async fn fields_are_there_writable_long_enough_and_have_their_values() {
    let mut world = World::new().await.map(
        "lsync_nowhere = { from = 'touch.offer' }\nlsync_offer = { from = 'touch.offer', max_length = 300 }\n\
         fullname = { from = 'person.last_name' }\nleadsourcecode = { default = 4711 }\nsubject = { from = 'touch.offer' }",
    );
    let checks = examine(&mut world).await;
    let fields = check(&checks, "fields");
    assert_eq!(fields.health, Health::Ill);
    for words in [
        "lsync_nowhere: it is not there",
        "lsync_offer: it takes 200 characters and may get 300",
        "fullname: it cannot be written",
        "leadsourcecode: the choice lacks the values 4711",
    ] {
        assert!(fields.found.contains(words), "{fields}");
    }
    assert!(!fields.found.contains("subject"), "{fields}");
    assert!(fields.remedy.contains("provision"));
}

#[tokio::test]
async fn an_environment_that_was_never_provisioned_is_told_how() {
    let mut world = World::bare("").await;
    let checks = examine(&mut world).await;
    for name in ["fields", "key"] {
        assert!(
            check(&checks, name).remedy.contains("leadsync provision"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_way_of_many_leads_is_told() {
    for (settings, refused, health, words) in [
        ("", true, Health::Well, "$batch"),
        ("bulk = 'batch'", false, Health::Well, "as configured"),
        (
            "bulk = 'upsert_multiple'",
            true,
            Health::Ailing,
            "not known to have UpsertMultiple",
        ),
    ] {
        let mut world = World::with(settings).await;
        if refused {
            world.crm.refuse_upsert_multiple("lead");
        }
        let checks = examine(&mut world).await;
        let bulk = check(&checks, "bulk");
        assert_eq!(bulk.health, health, "{bulk}");
        assert!(bulk.found.contains(words), "{bulk}");
    }
}

#[tokio::test]
async fn a_destination_alone_is_not_asked_for_more() {
    let mut world = World::new().await;
    world.settings.roles = vec![Role::Destination];
    world.crm.track("opportunity", false);
    world.crm.deny("prvReadOpportunity");
    let checks = examine(&mut world).await;
    assert!(!names(&checks).contains(&"change-tracking"));
    assert_eq!(check(&checks, "rights").health, Health::Well);
}

#[tokio::test]
async fn an_outcome_source_alone_needs_no_columns_but_the_key() {
    let mut world = World::new().await.map("lsync_nowhere = { from = 'touch.offer' }");
    world.settings.roles = vec![Role::OutcomeSource];
    let checks = examine(&mut world).await;
    assert!(!names(&checks).contains(&"fields"));
    assert!(
        checks.iter().all(|check| check.health != Health::Ill),
        "{checks:#?}"
    );
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_and_spoils_assertions() {
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/keys");
    let auth = format!(
        "auth = {{ certificate = {{ file = '{keys}/rsa-certificate.pem' }}, key = {{ file = '{keys}/rsa-pkcs8.pem' }} }}"
    );
    for (more, health) in [("", Health::Ailing), (auth.as_str(), Health::Ill)] {
        let mut world = World::with(more).await;
        let theirs = (crate::world::noon() + TimeDelta::minutes(9))
            .format("%a, %d %b %Y %H:%M:%S GMT")
            .to_string();
        world.crm.faults.when(
            "WhoAmI",
            1,
            Fault::Answer {
                status: 401,
                headers: vec![("date", theirs)],
                body: json!({}).to_string(),
            },
        );
        let checks = examine(&mut world).await;
        assert_eq!(
            check(&checks, "clock").health,
            health,
            "{}",
            check(&checks, "clock")
        );
    }
}
