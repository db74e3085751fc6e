//! Many records in a request (contract salesforce 5).

use super::*;

fn path() -> String {
    format!("/composite/sobjects/Lead/{KEY}")
}

fn record(key: &str) -> Value {
    json!({ "attributes": { "type": "Lead" }, KEY: key, "LastName": "Smith", "Company": "Contoso" })
}

fn batch(keys: &[&str]) -> Value {
    let records: Vec<_> = keys.iter().map(|key| record(key)).collect();
    json!({ "allOrNone": false, "records": records })
}

#[tokio::test]
async fn good_records_are_kept_beside_bad_ones_in_the_order_of_the_request() {
    let world = World::new().await;
    let sample = fixture("collections-upsert-mixed-200.json");
    // The second of the sample exists already.
    world.lead("first").await;
    assert!(world.crm.delete("Lead", "first"));
    world.lead("mp-2").await;
    let told = world.patch(&path(), sample["request"]["body"].clone()).await;
    assert_eq!(told.status, 200);
    let (told, expected) = (told.json(), sample["response"]["body"].clone());
    assert_eq!(told[1], expected[1]);
    assert_eq!(told[2], expected[2]);
    assert_eq!(
        (&told[0]["success"], &told[0]["created"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        world.crm.leads_by(KEY).into_keys().collect::<Vec<_>>(),
        ["mp-1", "mp-2"]
    );
}

#[tokio::test]
async fn all_or_none_takes_the_innocent_back() {
    let world = World::new().await;
    let sample = fixture("collections-all-or-none-200.json");
    let told = world.patch(&path(), sample["request"]["body"].clone()).await;
    assert_eq!(
        (told.status, told.json()),
        (200, sample["response"]["body"].clone())
    );
    assert_eq!(world.crm.records("Lead").len(), 0);
    assert_eq!(world.crm.assigned(), []);
    assert_eq!(
        world.patch(&by_key("mp-1"), person()).await.status,
        201,
        "the index is taken back too"
    );
}

#[tokio::test]
async fn a_key_named_twice_fails_in_every_row_that_names_it() {
    let world = World::new().await;
    let sample = fixture("collections-duplicate-key-in-request-200.json");
    let told = world.patch(&path(), sample["request"]["body"].clone()).await;
    assert_eq!(
        (told.status, told.json()),
        (200, sample["response"]["body"].clone())
    );
    assert_eq!(world.crm.records("Lead").len(), 0);
}

#[tokio::test]
async fn two_hundred_records_are_taken_and_one_more_is_too_many() {
    let world = World::new().await;
    let keys: Vec<_> = (0..201).map(|n| format!("mp-{n}")).collect();
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    let told = world.patch(&path(), batch(&keys)).await;
    let sample = fixture("collections-too-many-400.json");
    assert_eq!(
        (told.status, told.json()),
        (400, sample["response"]["body"].clone())
    );
    assert_eq!(world.patch(&path(), batch(&keys[..200])).await.status, 200);
    assert_eq!(world.crm.records("Lead").len(), 200);
}

#[tokio::test]
async fn a_row_without_a_key_or_of_another_object_is_refused() {
    let world = World::new().await;
    let told = world
        .patch(
            &path(),
            json!({ "records": [{ "attributes": { "type": "Lead" }, "LastName": "S", "Company": "C" }] }),
        )
        .await;
    assert_eq!(told.json()[0]["errors"][0]["statusCode"], "MISSING_ARGUMENT");
    let other = json!({ "records": [{ "attributes": { "type": "Contact" }, KEY: "mp-1", "LastName": "S" }] });
    assert_eq!(world.patch(&path(), other).await.status, 400);
    let nameless = json!({ "records": [{ KEY: "mp-1", "LastName": "S", "Company": "C" }] });
    assert_eq!(world.patch(&path(), nameless).await.status, 400);
}

#[tokio::test]
async fn an_unknown_field_fails_its_record_or_the_whole_call() {
    let world = World::new().await;
    let mut body = batch(&["mp-1", "mp-2"]);
    body["records"][1]["Nope__c"] = json!("x");
    world.crm.unknown_field_fails_collection(true);
    let told = world.patch(&path(), body.clone()).await;
    assert_eq!((told.status, told.code().as_str()), (400, "INVALID_FIELD"));
    world.crm.unknown_field_fails_collection(false);
    let told = world.patch(&path(), body).await.json();
    assert_eq!(told[0]["success"], true);
    assert_eq!(told[1]["errors"][0]["statusCode"], "INVALID_FIELD");
}

#[tokio::test]
async fn a_key_of_several_records_fails_its_row_alone() {
    let world = World::new().await;
    world.crm.add_field(
        "Lead.Loose__c",
        &json!({ "label": "Loose", "type": "Text", "length": 40, "externalId": true }),
    );
    world.crm.grant(Right::ViewAllData);
    for _ in 0..2 {
        world
            .crm
            .make(
                "Lead",
                &json!({ "LastName": "S", "Company": "C", "Loose__c": "dup" }),
            )
            .unwrap();
    }
    let row = |key: &str| json!({ "attributes": { "type": "Lead" }, "Loose__c": key, "LastName": "S", "Company": "C" });
    let told = world
        .patch(
            "/composite/sobjects/Lead/Loose__c",
            json!({ "records": [row("dup"), row("one")] }),
        )
        .await
        .json();
    assert_eq!(told[0]["errors"][0]["statusCode"], "DUPLICATE_EXTERNAL_ID");
    assert_eq!(told[1]["created"], true);
}

#[tokio::test]
async fn records_are_made_changed_and_deleted_together() {
    let world = World::new().await;
    let sample = fixture("collections-create-200.json");
    let made = world
        .post("/composite/sobjects", sample["request"]["body"].clone())
        .await;
    assert_eq!(
        (made.status, made.json()),
        (200, sample["response"]["body"].clone())
    );
    let id = "00Q5e0000000001EAA";
    let change = json!({ "records": [{ "attributes": { "type": "Lead" }, "id": id, "Title": "CTO" }] });
    assert_eq!(
        world.patch("/composite/sobjects", change).await.json()[0]["success"],
        true
    );
    assert_eq!(world.crm.record("Lead", id).unwrap()["Title"], "CTO");
    let gone = world
        .with(
            Method::DELETE,
            &format!("/composite/sobjects?ids={id}&allOrNone=false"),
            &[],
            String::new(),
        )
        .await;
    assert_eq!(gone.json()[0]["success"], true);
    assert_eq!(world.crm.records("Lead").len(), 0);
}

#[tokio::test]
async fn a_composite_builds_on_its_own_answers_and_counts_once() {
    let world = World::new().await;
    let sample = fixture("composite-200.json");
    let used = world.crm.usage();
    let told = world.post("/composite", sample["request"]["body"].clone()).await;
    let mut expected = sample["response"]["body"].clone();
    // Whoever owns the lead of the sample, here an assignment rule gave it to the queue.
    expected["compositeResponse"][1]["body"]["OwnerId"] = json!("00G5e0000000001EAA");
    assert_eq!((told.status, told.json()), (200, expected));
    assert_eq!(world.crm.usage(), used + 1);
}

#[tokio::test]
async fn a_composite_that_fails_together_leaves_nothing() {
    let world = World::new().await;
    let sample = fixture("composite-rolled-back-200.json");
    let told = world.post("/composite", sample["request"]["body"].clone()).await;
    assert_eq!(
        (told.status, told.json()),
        (200, sample["response"]["body"].clone())
    );
    assert_eq!(world.crm.records("Lead").len(), 0);
}

#[tokio::test]
async fn a_composite_has_25_parts_and_5_wide_ones_at_most() {
    let world = World::new().await;
    let parts = |count: usize, url: &str| {
        let parts: Vec<_> = (0..count)
            .map(
                |n| json!({ "method": "GET", "url": format!("{BASE}{url}"), "referenceId": format!("r{n}") }),
            )
            .collect();
        json!({ "compositeRequest": parts })
    };
    assert_eq!(world.post("/composite", parts(25, "/limits")).await.status, 200);
    assert_eq!(world.post("/composite", parts(26, "/limits")).await.status, 400);
    assert_eq!(
        world
            .post("/composite", parts(5, "/query?q=SELECT+Id+FROM+Lead"))
            .await
            .status,
        200
    );
    assert_eq!(
        world
            .post("/composite", parts(6, "/query?q=SELECT+Id+FROM+Lead"))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_batch_counts_every_part() {
    let world = World::new().await;
    world.lead("mp-1").await;
    let used = world.crm.usage();
    let sample = fixture("composite-batch-200.json");
    let told = world
        .post("/composite/batch", sample["request"]["body"].clone())
        .await
        .json();
    assert_eq!(told["hasErrors"], false);
    assert_eq!(told["results"][1], sample["response"]["body"]["results"][1]);
    assert_eq!(world.crm.usage(), used + 2);
}

#[tokio::test]
async fn every_graph_stands_or_falls_alone() {
    let world = World::new().await;
    let sample = fixture("composite-graph-200.json");
    let mut body = sample["request"]["body"].clone();
    let bad = json!({ "graphId": "g2", "compositeRequest": [
        { "method": "POST", "url": format!("{BASE}/sobjects/Lead"), "referenceId": "a", "body": person() },
        { "method": "POST", "url": format!("{BASE}/sobjects/Lead"), "referenceId": "b", "body": { "LastName": "S" } },
    ] });
    body["graphs"].as_array_mut().unwrap().push(bad);
    let told = world.post("/composite/graph", body).await.json();
    assert_eq!(told["graphs"][0], sample["response"]["body"]["graphs"][0]);
    assert_eq!(told["graphs"][1]["isSuccessful"], false);
    assert_eq!(world.crm.records("Lead").len(), 1);
}

#[tokio::test]
async fn composites_do_not_nest_and_graphs_hold_records_alone() {
    let world = World::new().await;
    let part = |url: &str| json!({ "method": "GET", "url": format!("{BASE}{url}"), "referenceId": "a" });
    let nested = json!({ "compositeRequest": [part("/composite")] });
    assert_eq!(world.post("/composite", nested).await.code(), "INVALID_INPUT");
    let query = part("/query?q=SELECT+Id+FROM+Lead");
    let graph = json!({ "graphs": [{ "graphId": "g", "compositeRequest": [query] }] });
    assert_eq!(
        world.post("/composite/graph", graph.clone()).await.code(),
        "INVALID_INPUT"
    );
    let old = world.post("/services/data/v49.0/composite/graph", graph).await;
    assert_eq!(old.status, 404, "it came with version 50");
}
