//! What salespeople do, by request and by hand (contract dynamics365 12.3, 12.4).

use serde_json::json;

use super::world::{KEY, LEAD, World};

#[tokio::test]
async fn a_qualified_lead_and_its_opportunity_know_each_other() {
    let world = World::new().await;
    world.make_lead();
    let opportunity = world.crm.qualify(KEY);
    let lead = world.crm.row("lead", KEY).unwrap();
    assert_eq!((&lead["statecode"], &lead["statuscode"]), (&json!(1), &json!(3)));
    assert_eq!(lead["_qualifyingopportunityid_value"], opportunity);
    let deal = world.crm.row("opportunity", &opportunity).unwrap();
    assert_eq!(deal["_originatingleadid_value"], LEAD);
    assert_eq!(deal["name"], "a");
    assert_eq!((world.crm.count("account"), world.crm.count("contact")), (1, 1));
}

#[tokio::test]
async fn a_lead_belongs_to_whoever_made_it_until_somebody_gets_it_and_hands_it_on() {
    let world = World::new().await;
    world.make_lead();
    let lead = || world.crm.row("lead", KEY).unwrap();
    let us = lead()["_createdby_value"].clone();
    assert_eq!(lead()["_ownerid_value"], us);
    world.crm.assign(KEY, "Ola Nordmann");
    let ola = lead()["_ownerid_value"].clone();
    assert_ne!(ola, us);
    let resource = format!("leads({LEAD})?$select=_ownerid_value,_createdby_value");
    let all = [("prefer", "odata.include-annotations=\"*\"")];
    let read = world.send("GET", &resource, &all, "").await.json();
    assert_eq!(
        read["_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"],
        "systemuser"
    );
    world.crm.give("lead", KEY, "team", "Inbound");
    assert_ne!(lead()["_ownerid_value"], ola);
    world.crm.assign(KEY, "Ola Nordmann");
    assert_eq!(lead()["_ownerid_value"], ola, "one person, one user");
    let deal = world.crm.qualify(KEY);
    let deal = world.crm.row("opportunity", &deal).unwrap();
    assert_eq!((&deal["_ownerid_value"], &deal["_createdby_value"]), (&ola, &us));
    let mine = json!({ "createdby@odata.bind": "/systemusers(00000000-0000-0000-0000-000000000001)" });
    assert_eq!(world.patch(&format!("leads({LEAD})"), &mine).await.status, 400);
}

#[tokio::test]
async fn a_won_opportunity_has_value_and_day_a_lost_one_has_a_reason() {
    let world = World::new().await;
    world.make_lead();
    let won = world.crm.qualify(KEY);
    world.crm.win(&won, 25_000.0, None);
    let deal = world.crm.row("opportunity", &won).unwrap();
    assert_eq!(deal["actualvalue"], 25_000.0);
    assert_eq!(deal["actualclosedate"], "2025-01-01");
    assert_eq!(deal["statuscode"], 3);
    world.crm.reopen("opportunity", &won);
    world.crm.lose(&won, 5);
    assert_eq!(world.crm.row("opportunity", &won).unwrap()["statecode"], 2);
}

#[tokio::test]
async fn what_is_closed_cannot_be_closed_again() {
    let world = World::new().await;
    world.make_lead();
    let opportunity = world.crm.qualify(KEY);
    let body =
        json!({ "CreateAccount": false, "CreateContact": false, "CreateOpportunity": true, "Status": 3 });
    let resource = format!("leads({LEAD})/Microsoft.Dynamics.CRM.QualifyLead");
    assert_eq!(world.post(&resource, &body).await.status, 400);
    let odd = json!({ "CreateEverything": true });
    assert_eq!(world.post(&resource, &odd).await.code(), "0x80048d19");
    let close = |status: i64| {
        let bound = format!("/opportunities({opportunity})");
        json!({ "Status": status, "OpportunityClose": { "subject": "x", "opportunityid@odata.bind": bound } })
    };
    assert_eq!(world.post("WinOpportunity", &close(4)).await.code(), "0x80048408");
    assert_eq!(world.post("LoseOpportunity", &close(4)).await.status, 204);
    assert_eq!(world.post("WinOpportunity", &close(3)).await.status, 400);
}

#[tokio::test]
async fn the_lead_of_an_opportunity_is_named_once() {
    let world = World::new().await;
    world.make_lead();
    let bound = format!("/leads({LEAD})");
    let body = json!({ "name": "deal", "originatingleadid@odata.bind": bound });
    let made = world.post("opportunities", &body).await;
    assert_eq!(made.status, 204);
    let id = made
        .header("odata-entityid")
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let changed = world
        .patch(&id, &json!({ "originatingleadid@odata.bind": bound }))
        .await;
    assert_eq!(changed.status, 400);
}
