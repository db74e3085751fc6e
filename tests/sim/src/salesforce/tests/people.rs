//! What people do, and what it leaves behind (contract salesforce 11).

use super::*;

#[tokio::test]
async fn a_converted_lead_is_frozen_and_its_successors_are_there() {
    let world = World::new().await;
    world.lead("mp-1").await;
    world.advance(60);
    let made = world.crm.convert("mp-1", true).unwrap();
    let lead = world.crm.record("Lead", "mp-1").unwrap();
    assert_eq!(
        (&lead["IsConverted"], &lead["Status"]),
        (&json!(true), &json!("Closed - Converted"))
    );
    assert_eq!(lead["ConvertedOpportunityId"], json!(made.opportunity));
    assert_eq!(lead["SystemModstamp"], "2026-01-01T00:01:00.000+0000");
    assert_ne!(lead["LastModifiedById"], json!(world.crm.integration_user()));
    assert_eq!(
        world.crm.record("Account", &made.account).unwrap()["Name"],
        "Contoso"
    );
    assert_eq!(
        world.crm.record("Contact", &made.contact).unwrap()["AccountId"],
        json!(made.account)
    );
    let recorded = fixture("errors/rest-errors.json");
    let frozen = recorded["errors"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "cannot-update-converted-lead")
        .unwrap();
    let told = world.patch(&by_key("mp-1"), json!({ "Title": "CTO" })).await;
    assert_eq!(told.status, 400);
    assert_eq!(
        (&told.json()[0]["errorCode"], &told.json()[0]["message"]),
        (&frozen["body"][0]["errorCode"], &frozen["body"][0]["message"])
    );
    assert_eq!(world.crm.convert("mp-1", true), None, "once");
}

#[tokio::test]
async fn a_lead_belongs_to_whoever_it_is_given_to() {
    let world = World::new().await;
    world.lead("mp-1").await;
    let owner = || {
        world.crm.record("Lead", "mp-1").unwrap()["OwnerId"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(world.crm.assign("mp-1", "Dana Fox"));
    let dana = owner();
    assert!(
        dana.starts_with("005") && dana != world.crm.integration_user(),
        "{dana}"
    );
    assert!(world.crm.give_to_queue("mp-1", "Marketplace Leads"));
    assert!(owner().starts_with("00G"));
    assert!(world.crm.assign("mp-1", "Dana Fox"));
    assert_eq!(owner(), dana, "one person, one user");
    assert!(!world.crm.assign("mp-2", "Dana Fox"), "no such lead");
}

#[tokio::test]
async fn a_conversion_needs_no_opportunity() {
    let world = World::new().await;
    world.lead("mp-1").await;
    assert_eq!(world.crm.convert("mp-1", false).unwrap().opportunity, None);
    assert_eq!(
        world.crm.record("Lead", "mp-1").unwrap()["ConvertedOpportunityId"],
        Value::Null
    );
    assert!(!world.crm.close_opportunity("mp-1", true, 1.0, "2026-02-01"));
}

#[tokio::test]
async fn closing_an_opportunity_leaves_the_stamp_of_the_lead() {
    let world = World::new().await;
    world.lead("mp-1").await;
    let opportunity = world.crm.convert("mp-1", true).unwrap().opportunity.unwrap();
    world.advance(3600);
    assert!(world.crm.close_opportunity("mp-1", false, 100.5, "2026-02-01"));
    let deal = world.crm.record("Opportunity", &opportunity).unwrap();
    assert_eq!(
        (&deal["IsClosed"], &deal["IsWon"], &deal["Amount"]),
        (&json!(true), &json!(false), &json!(100.5))
    );
    assert_eq!(deal["SystemModstamp"], "2026-01-01T01:00:00.000+0000");
    assert_eq!(
        world.crm.record("Lead", "mp-1").unwrap()["SystemModstamp"],
        "2026-01-01T00:00:00.000+0000"
    );
}

#[tokio::test]
async fn a_stage_of_the_orgs_own_tells_by_its_flags() {
    let world = World::new().await;
    world.lead("mp-1").await;
    let opportunity = world.crm.convert("mp-1", true).unwrap().opportunity.unwrap();
    world.crm.add_stage("Gewonnen", true, true);
    assert!(
        world
            .crm
            .change_opportunity("mp-1", &json!({ "StageName": "Gewonnen" }))
    );
    let deal = world.crm.record("Opportunity", &opportunity).unwrap();
    assert_eq!((&deal["IsClosed"], &deal["IsWon"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn a_merged_lead_is_deleted_and_remembers_its_winner() {
    let world = World::new().await;
    let loser = world.lead("mp-1").await;
    let winner = world.lead("mp-2").await;
    assert!(world.crm.merge("mp-1", "mp-2"));
    let gone = world.crm.record("Lead", &loser).unwrap();
    assert_eq!(
        (&gone["IsDeleted"], &gone["MasterRecordId"]),
        (&json!(true), &json!(winner))
    );
    assert_ne!(world.lead("mp-1").await, loser, "the key is free again");
}

#[tokio::test]
async fn a_follow_up_hangs_on_the_contact_not_on_the_converted_lead() {
    let world = World::new().await;
    let lead = world.lead("mp-1").await;
    let made = world.crm.convert("mp-1", true).unwrap();
    let task = |who: &str| json!({ "WhoId": who, "WhatId": made.opportunity, "Subject": "New touchpoint" });
    assert_eq!(
        world.post("/sobjects/Task", task(&lead)).await.code(),
        "CANNOT_UPDATE_CONVERTED_LEAD"
    );
    assert_eq!(
        world.post("/sobjects/Task", task(&made.contact)).await.status,
        201
    );
    let note = json!({ "ParentId": made.opportunity, "Title": "New touchpoint", "Body": "again" });
    assert_eq!(world.post("/sobjects/Note", note).await.status, 201);
    let told = world
        .query(&format!(
            "SELECT Subject, Who.Name, IsClosed FROM Task WHERE WhatId = '{}'",
            made.opportunity.unwrap()
        ))
        .await;
    let row = &told.json()["records"][0];
    assert_eq!(
        (&row["Subject"], &row["Who"]["Name"], &row["IsClosed"]),
        (&json!("New touchpoint"), &json!("Smith"), &json!(false))
    );
}

#[tokio::test]
async fn a_reference_to_nothing_or_to_another_kind_is_refused() {
    let world = World::new().await;
    let lead = world.lead("mp-1").await;
    let told = world
        .post(
            "/sobjects/Task",
            json!({ "WhoId": "0035e0000000009AAA", "Subject": "x" }),
        )
        .await;
    assert_eq!(told.code(), "INVALID_CROSS_REFERENCE_KEY");
    let told = world
        .post("/sobjects/Task", json!({ "WhatId": lead, "Subject": "x" }))
        .await;
    assert_eq!(told.code(), "FIELD_INTEGRITY_EXCEPTION");
}
