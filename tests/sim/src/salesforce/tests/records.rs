//! Records one by one (contract salesforce 3, 4).

use super::*;

#[tokio::test]
async fn a_lead_is_made_read_changed_and_deleted() {
    let world = World::new().await;
    let sample = fixture("lead-create-201.json");
    let made = world
        .post("/sobjects/Lead", sample["request"]["body"].clone())
        .await;
    assert_eq!(
        (made.status, made.json()),
        (201, sample["response"]["body"].clone())
    );
    assert_eq!(
        made.headers["location"],
        "/services/data/v62.0/sobjects/Lead/00Q5e0000000001EAA"
    );
    let path = "/sobjects/Lead/00Q5e0000000001EAA";
    let read = world
        .get(&format!("{path}?fields=Name,Status,CreatedDate"))
        .await
        .json();
    assert_eq!(read["Name"], "John Smith");
    assert_eq!(read["Status"], "Open - Not Contacted");
    assert_eq!(read["CreatedDate"], "2026-01-01T00:00:00.000+0000");
    let changed = world
        .patch(path, json!({ "Status": "Working - Contacted" }))
        .await;
    assert_eq!((changed.status, changed.text.as_str()), (204, ""));
    let deleted = world.with(Method::DELETE, path, &[], String::new()).await;
    assert_eq!(deleted.status, 204);
    let gone = world.get(path).await;
    assert_eq!((gone.status, gone.code().as_str()), (404, "ENTITY_IS_DELETED"));
}

#[tokio::test]
async fn an_upsert_makes_the_record_once_and_tells_so_since_version_46() {
    let world = World::new().await;
    let (first, again) = (
        fixture("lead-upsert-created-201.json"),
        fixture("lead-upsert-updated-200.json"),
    );
    let made = world
        .patch(&by_key("mp-0001"), first["request"]["body"].clone())
        .await;
    assert_eq!(
        (made.status, made.json()),
        (201, first["response"]["body"].clone())
    );
    let changed = world
        .patch(&by_key("mp-0001"), again["request"]["body"].clone())
        .await;
    assert_eq!(
        (changed.status, changed.json()),
        (200, again["response"]["body"].clone())
    );
    let old = fixture("lead-upsert-updated-204-legacy.json");
    let path = old["request"]["path"].as_str().unwrap();
    let legacy = world.patch(path, old["request"]["body"].clone()).await;
    assert_eq!((legacy.status, legacy.text.as_str()), (204, ""));
    assert_eq!(
        world.crm.creations_by("Lead", KEY),
        [("mp-0001".to_owned(), 1)].into()
    );
}

#[tokio::test]
async fn a_key_with_every_awkward_letter_is_taken_when_it_is_encoded() {
    let world = World::new().await;
    let sample = fixture("lead-upsert-encoded-key.json");
    let made = world
        .patch(sample["request"]["path"].as_str().unwrap(), person())
        .await;
    assert_eq!(made.status, 201);
    assert!(
        world
            .crm
            .record("Lead", sample["value"].as_str().unwrap())
            .is_some()
    );
    let unencoded = world.patch(&by_key("a/b"), person()).await;
    assert_eq!((unencoded.status, unencoded.code().as_str()), (404, "NOT_FOUND"));
}

#[tokio::test]
async fn the_key_must_not_be_in_the_body_of_a_single_upsert() {
    let world = World::new().await;
    for field in [KEY, "Id", "ID"] {
        let told = world
            .patch(
                &by_key("mp-1"),
                json!({ "LastName": "S", "Company": "C", field: "mp-1" }),
            )
            .await;
        assert_eq!(
            (told.status, told.code().as_str()),
            (400, "INVALID_FIELD"),
            "{field}"
        );
    }
    assert_eq!(world.crm.records("Lead").len(), 0);
}

#[tokio::test]
async fn several_records_with_the_key_are_300_and_nothing_is_written() {
    let world = World::new().await;
    world.crm.add_field(
        "Lead.Loose__c",
        &json!({ "label": "Loose", "type": "Text", "length": 40, "externalId": true }),
    );
    world.crm.grant(Right::ViewAllData);
    for _ in 0..2 {
        assert!(
            world
                .crm
                .make(
                    "Lead",
                    &json!({ "LastName": "S", "Company": "C", "Loose__c": "dup-1" })
                )
                .is_some()
        );
    }
    let told = world
        .patch("/sobjects/Lead/Loose__c/dup-1", json!({ "LastName": "New" }))
        .await;
    let sample = fixture("lead-upsert-multiple-300.json");
    assert_eq!(
        (told.status, told.json()),
        (300, sample["response"]["body"].clone())
    );
    assert!(
        world
            .crm
            .records("Lead")
            .iter()
            .all(|lead| lead["LastName"] == "S")
    );
}

#[tokio::test]
async fn a_key_that_is_not_unique_needs_the_right_to_see_everything() {
    let world = World::new().await;
    world.crm.add_field(
        "Lead.Loose__c",
        &json!({ "label": "Loose", "type": "Text", "length": 40, "externalId": true }),
    );
    let told = world.patch("/sobjects/Lead/Loose__c/one", person()).await;
    assert_eq!((told.status, told.code().as_str()), (403, "INSUFFICIENT_ACCESS"));
    world.crm.grant(Right::ViewAllData);
    assert_eq!(
        world.patch("/sobjects/Lead/Loose__c/one", person()).await.status,
        201
    );
}

#[tokio::test]
async fn a_deleted_record_frees_its_key() {
    let world = World::new().await;
    let first = world.lead("mp-1").await;
    assert!(world.crm.delete("Lead", "mp-1"));
    assert_ne!(world.lead("mp-1").await, first);
    assert_eq!(
        world.crm.creations_by("Lead", KEY),
        [("mp-1".to_owned(), 2)].into()
    );
}

#[tokio::test]
async fn an_id_with_a_wrong_checksum_is_nobodys() {
    let world = World::new().await;
    world.lead("mp-1").await;
    assert_eq!(world.get("/sobjects/Lead/00Q5e0000000001AAA").await.status, 404);
    assert_eq!(world.get("/sobjects/Lead/00Q5e0000000001").await.status, 200);
    let told = world
        .patch(&by_key("mp-1"), json!({ "OwnerId": "0055e0000000001EAA" }))
        .await;
    assert_eq!(told.code(), "MALFORMED_ID");
}

#[tokio::test]
async fn unknown_objects_fields_keys_and_methods_are_refused() {
    let world = World::new().await;
    assert_eq!(
        world.post("/sobjects/Prospect", person()).await.code(),
        "NOT_FOUND"
    );
    let told = world.patch("/sobjects/Lead/Nope__c/1", person()).await;
    assert_eq!((told.status, told.code().as_str()), (404, "NOT_FOUND"));
    assert!(told.text.contains("does not exist or is not accessible: Nope__c"));
    assert_eq!(
        world
            .patch("/sobjects/Lead/Email/a@b.example", person())
            .await
            .status,
        404
    );
    let told = world.patch("/sobjects/Lead", person()).await;
    assert_eq!((told.status, told.code().as_str()), (405, "METHOD_NOT_ALLOWED"));
    let told = world
        .with(
            Method::POST,
            "/sobjects/Lead",
            &[("content-type", "text/plain")],
            person().to_string(),
        )
        .await;
    assert_eq!(told.status, 415);
    let told = world
        .with(
            Method::POST,
            "/sobjects/Lead",
            &[("content-type", "application/json")],
            "{".to_owned(),
        )
        .await;
    assert_eq!(told.code(), "JSON_PARSER_ERROR");
}

#[tokio::test]
async fn a_key_that_looks_like_a_file_is_not_found() {
    let world = World::new().await;
    assert_eq!(
        world.patch(&by_key("ada@contoso.inc"), person()).await.status,
        404
    );
}

#[tokio::test]
async fn an_object_nobody_opened_is_not_there() {
    let world = World::new().await;
    world.crm.hide_object("Lead");
    assert_eq!(world.get("/sobjects/Lead/describe").await.status, 404);
    assert_eq!(world.query("SELECT Id FROM Lead").await.code(), "INVALID_TYPE");
}
