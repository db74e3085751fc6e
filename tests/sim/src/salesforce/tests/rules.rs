//! What rules say to a record (contract salesforce 7, 8).

use super::*;

#[tokio::test]
async fn refusals_of_fields_are_those_on_record() {
    let world = World::new().await;
    world.crm.restrict_picklist("Lead", "LeadSource", &["Web"]);
    let cases = [
        (json!({ "LastName": "S" }), "required-field-missing"),
        (
            json!({ "LastName": "S", "Company": "C", "Email": "not-an-email" }),
            "invalid-email-address",
        ),
        (
            json!({ "LastName": "S", "Company": "C", "LeadSource": "AzureMarketplace" }),
            "restricted-picklist",
        ),
        (
            json!({ "LastName": "S", "Company": "C", "HasOptedOutOfEmail": true }),
            "invalid-field",
        ),
        (
            json!({ "LastName": "S", "Company": "C", "FirstName": "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwaren" }),
            "string-too-long",
        ),
        (
            json!({ "LastName": "S", "Company": "C", "ConvertedOpportunityId": "0065e0000000001AAA" }),
            "invalid-field-for-insert-update",
        ),
    ];
    let recorded = fixture("errors/rest-errors.json");
    for (body, name) in cases {
        let errors = recorded["errors"].as_array().unwrap();
        let expected = errors.iter().find(|it| it["name"] == name).unwrap();
        let told = world.post("/sobjects/Lead", body).await;
        assert_eq!(json!(told.status), expected["status"], "{name}");
        assert_eq!(told.json(), expected["body"], "{name}");
    }
    assert_eq!(world.crm.records("Lead").len(), 0);
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_refused() {
    let world = World::new().await;
    for wrong in [
        json!({ "LastName": 7 }),
        json!({ "NumberOfEmployees": "many" }),
        json!({ "IsUnreadByOwner": null }),
    ] {
        let mut body = json!({ "LastName": "S", "Company": "C" });
        body.as_object_mut()
            .unwrap()
            .extend(wrong.as_object().unwrap().clone());
        assert_eq!(
            world.post("/sobjects/Lead", body).await.code(),
            "INVALID_TYPE_ON_FIELD_IN_RECORD",
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn the_unique_index_holds_against_plain_creates_too() {
    let world = World::new().await;
    let body = json!({ "LastName": "S", "Company": "C", KEY: "mp-1" });
    assert_eq!(world.post("/sobjects/Lead", body.clone()).await.status, 201);
    let told = world.post("/sobjects/Lead", body).await;
    assert_eq!(told.code(), "DUPLICATE_VALUE");
    assert!(told.text.contains("00Q5e0000000001\""), "{}", told.text);
}

#[tokio::test]
async fn assignment_runs_on_create_and_on_update_unless_it_is_switched_off() {
    let world = World::new().await;
    let id = world.lead("mp-1").await;
    let off = world
        .patch_with(
            &by_key("mp-1"),
            ("sforce-auto-assign", "FALSE"),
            json!({ "Title": "CTO" }),
        )
        .await;
    assert_eq!(off.status, 200);
    world.patch(&by_key("mp-1"), json!({ "Title": "CEO" })).await;
    let seen: Vec<_> = world
        .crm
        .assigned()
        .into_iter()
        .map(|it| (it.record, it.created))
        .collect();
    assert_eq!(seen, [(id.clone(), true), (id, false)]);
}

#[tokio::test]
async fn a_duplicate_rule_that_alerts_lets_pass_what_says_so() {
    let world = World::new().await;
    let body = json!({ "LastName": "S", "Company": "C", "Email": "ada@contoso.example" });
    assert_eq!(world.patch(&by_key("mp-1"), body.clone()).await.status, 201);
    let recorded = fixture("errors/rest-errors.json");
    let expected = |name: &str| {
        let errors = recorded["errors"].as_array().unwrap();
        errors.iter().find(|it| it["name"] == name).unwrap()["body"].clone()
    };
    world.crm.set_duplicate_rule(Some(DuplicateRule::Alert));
    assert_eq!(
        world.patch(&by_key("mp-2"), body.clone()).await.json(),
        expected("duplicates-detected-alert")
    );
    world.crm.spell_duplicates_right(true);
    assert_eq!(
        world.patch(&by_key("mp-2"), body.clone()).await.json(),
        expected("duplicates-detected-alert-newer-spelling")
    );
    let save = (
        "sforce-duplicate-rule-header",
        "allowSave=true; includeRecordDetails=false",
    );
    assert_eq!(
        world.patch_with(&by_key("mp-2"), save, body.clone()).await.status,
        201
    );
    let old = format!("/services/data/v51.0{}", by_key("mp-3"));
    assert_eq!(
        world.patch_with(&old, save, body).await.code(),
        "DUPLICATES_DETECTED"
    );
}

#[tokio::test]
async fn a_duplicate_rule_that_blocks_does_so_whatever_is_said() {
    let world = World::new().await;
    let body = json!({ "LastName": "S", "Company": "C", "Email": "ada@contoso.example" });
    world.patch(&by_key("mp-1"), body.clone()).await;
    world.crm.set_duplicate_rule(Some(DuplicateRule::Block));
    let told = world
        .patch_with(
            &by_key("mp-2"),
            ("sforce-duplicate-rule-header", "allowSave=true"),
            body.clone(),
        )
        .await;
    let recorded = fixture("errors/rest-errors.json");
    let errors = recorded["errors"].as_array().unwrap();
    let blocked = errors
        .iter()
        .find(|it| it["name"] == "duplicates-detected-block")
        .unwrap();
    assert_eq!(told.json(), blocked["body"]);
    // A record is no duplicate of itself.
    assert_eq!(world.patch(&by_key("mp-1"), body).await.status, 200);
}

#[tokio::test]
async fn a_locked_row_is_free_again_after_its_turns() {
    let world = World::new().await;
    world.lead("mp-1").await;
    world.crm.lock_row("mp-1", 2);
    for _ in 0..2 {
        assert_eq!(
            world
                .patch(&by_key("mp-1"), json!({ "Title": "CTO" }))
                .await
                .code(),
            "UNABLE_TO_LOCK_ROW"
        );
    }
    assert_eq!(
        world
            .patch(&by_key("mp-1"), json!({ "Title": "CTO" }))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_rule_of_the_admin_is_told_in_the_admins_words() {
    let world = World::new().await;
    world
        .crm
        .add_validation("Lead", "Phone must contain at least 7 digits", |lead| {
            lead.get("Phone")
                .and_then(Value::as_str)
                .is_none_or(|phone| phone.len() >= 7)
        });
    let told = world
        .post(
            "/sobjects/Lead",
            json!({ "LastName": "S", "Company": "C", "Phone": "123" }),
        )
        .await;
    assert_eq!(told.code(), "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    assert_eq!(told.json()[0]["message"], "Phone must contain at least 7 digits");
}
