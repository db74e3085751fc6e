//! Where leads go, and where they never go.

use leadsync::route::RouteConfig;

use crate::world::{ACCOUNT, Plan, World, lead};

fn route(when: &str, to: &str) -> RouteConfig {
    RouteConfig {
        when: Some(when.into()),
        to: vec![to.into()],
    }
}

#[tokio::test]
async fn a_lead_no_route_takes_goes_nowhere_until_one_takes_it() {
    let mut world = World::with(Plan {
        routes: vec![route("hot", "crm")],
        ..Plan::default()
    })
    .await;
    let ada = lead("ada@example.com");
    world.send(&ada.clone().did("StartTestDrive")).await;
    world.run_until_idle().await;
    assert_eq!(world.fate("ada@example.com").await, "suppressed: no route");
    assert_eq!(world.crm.call_count(), 0);
    world.assert_all_settled().await;

    world.send(&ada.did("INS")).await;
    world.run_until_idle().await;
    assert_eq!(world.crm.contactable(), ["ada@example.com"]);
    world.assert_all_settled().await;
}

#[tokio::test]
async fn a_destination_that_is_away_keeps_no_other_waiting() {
    let mut world = World::with(Plan {
        destinations: vec![("crm", ACCOUNT), ("archive", ACCOUNT)],
        ..Plan::default()
    })
    .await;
    world
        .crm
        .always(crate::world::Answer::Fails(crate::world::failing(
            connector_kit::ErrorKind::Unauthorized,
        )));
    world
        .take_in((0..300).map(|n| lead(format!("person{n}@example.com"))))
        .await;
    world.run_until_idle().await;
    assert_eq!(world.crm("archive").contactable().len(), 300);
    assert_eq!(world.totals().await.pending, 300);
    world.crm.recover();
    world.release().await;
    world.run_until_idle().await;
    world.assert_all_settled().await;
}

// I22
#[tokio::test]
async fn one_person_known_to_two_publishers_is_two_leads_that_never_meet() {
    let mut world = World::with(Plan {
        destinations: vec![("crm", ACCOUNT), ("theirs", "fabrikam")],
        sources: vec![("web", ACCOUNT), ("their-web", "fabrikam")],
        ..Plan::default()
    })
    .await;
    let ours = lead("ada@example.com");
    let theirs = ours.clone().through("their-web", "fabrikam");
    world.send(&ours).await;
    world.send(&theirs.clone().titled("Countess")).await;
    world.run_until_idle().await;
    assert_eq!(world.leads().await.len(), 2);
    assert_eq!(world.crm.record("ada@example.com").unwrap().title, "Analyst");
    assert_eq!(
        world.crm("theirs").record("ada@example.com").unwrap().title,
        "Countess"
    );

    // Even the wish not to be contacted was told to one of them only.
    world.send(&theirs.did("DNC")).await;
    world.run_until_idle().await;
    assert_eq!(world.crm.contactable(), ["ada@example.com"]);
    assert_eq!(world.crm("theirs").contactable(), Vec::<String>::new());
    world.assert_all_settled().await;
}

// I21
#[tokio::test]
async fn a_test_lead_is_kept_and_goes_nowhere() {
    let mut world = World::start().await;
    world.send(&lead("MSFT_TEST_636573304831318844@test.com")).await;
    world.run_until_idle().await;
    assert_eq!(world.crm.call_count(), 0);
    assert_eq!(world.totals().await.suppressed_test, 1);
    world.assert_all_settled().await;
}
