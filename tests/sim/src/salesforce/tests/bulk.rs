//! Bulk jobs (contract salesforce 6).

use super::*;

const JOBS: &str = "/jobs/ingest";

async fn open(world: &World) -> String {
    let body = json!({ "object": "Lead", "operation": "upsert", "externalIdFieldName": KEY });
    let told = world.post(JOBS, body).await;
    assert_eq!(told.status, 200, "{}", told.text);
    format!("{JOBS}/{}", told.json()["id"].as_str().unwrap())
}

async fn upload(world: &World, job: &str, csv: &str) -> Told {
    world
        .with(
            Method::PUT,
            &format!("{job}/batches"),
            &[("content-type", "text/csv")],
            csv.to_owned(),
        )
        .await
}

async fn close(world: &World, job: &str) {
    let told = world.patch(job, json!({ "state": "UploadComplete" })).await;
    assert_eq!(
        (told.status, &told.json()["state"]),
        (200, &json!("UploadComplete")),
        "{}",
        told.text
    );
}

async fn state(world: &World, job: &str) -> String {
    world.get(job).await.json()["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_job_runs_through_its_life_as_it_is_on_record() {
    let world = World::new().await;
    world.crm.set_bulk_pace(5, 10);
    let life = fixture("bulk2-ingest-upsert-lifecycle.json");
    for step in life["steps"].as_array().unwrap() {
        let (name, request, expected) = (&step["step"], &step["request"], &step["response"]);
        if name == "poll" {
            world.advance(20);
        }
        let media = request["headers"]["Content-Type"].as_str().unwrap_or_default();
        let body = request["body"]
            .as_str()
            .map_or_else(|| request["body"].to_string(), str::to_owned);
        let method = request["method"].as_str().unwrap().parse().unwrap();
        let told = world
            .with(
                method,
                request["path"].as_str().unwrap(),
                &[("content-type", media)],
                body,
            )
            .await;
        assert_eq!(json!(told.status), expected["status"], "{name}: {}", told.text);
        match &expected["body"] {
            Value::Null => {}
            Value::String(text) => assert_eq!(&told.text, text, "{name}"),
            Value::Object(fields) => {
                let told = told.json();
                // How long it takes is its own affair.
                for (field, value) in fields.iter().filter(|(field, _)| !field.ends_with("Time")) {
                    assert_eq!(&told[field], value, "{name}: {field}");
                }
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn nothing_runs_before_the_job_is_closed_and_its_time_has_come() {
    let world = World::new().await;
    world.crm.set_bulk_pace(5, 10);
    let job = open(&world).await;
    upload(&world, &job, &format!("{KEY},LastName,Company\nmp-1,S,C\n")).await;
    world.advance(100);
    assert_eq!(state(&world, &job).await, "Open");
    close(&world, &job).await;
    world.advance(6);
    assert_eq!(state(&world, &job).await, "InProgress");
    assert_eq!(
        world.get(&format!("{job}/successfulResults")).await.code(),
        "INVALIDJOBSTATE"
    );
    assert_eq!(world.crm.records("Lead").len(), 0);
    world.advance(9);
    assert_eq!(state(&world, &job).await, "JobComplete");
    assert_eq!(world.crm.records("Lead").len(), 1);
}

#[tokio::test]
async fn a_job_takes_one_upload_and_only_of_its_kind() {
    let world = World::new().await;
    let job = open(&world).await;
    let path = format!("{job}/batches");
    let wrong = world
        .with(
            Method::PUT,
            &path,
            &[("content-type", "application/json")],
            String::new(),
        )
        .await;
    assert_eq!(wrong.status, 415);
    assert_eq!(upload(&world, &job, &format!("{KEY}\na\n")).await.status, 201);
    assert_eq!(
        upload(&world, &job, &format!("{KEY}\nb\n")).await.code(),
        "INVALIDJOBSTATE"
    );
}

#[tokio::test]
async fn an_empty_cell_leaves_the_field_and_a_mark_empties_it() {
    let world = World::new().await;
    let person =
        json!({ "LastName": "S", "Company": "C", "Title": "CTO", "City": "Ulm", "NumberOfEmployees": 5 });
    world.patch(&by_key("mp-1"), person).await;
    let job = open(&world).await;
    upload(
        &world,
        &job,
        &format!("{KEY},Title,City,NumberOfEmployees\nmp-1,,#N/A,7\n"),
    )
    .await;
    close(&world, &job).await;
    assert_eq!(state(&world, &job).await, "JobComplete");
    let lead = world.crm.record("Lead", "mp-1").unwrap();
    assert_eq!(
        (&lead["Title"], &lead["City"], &lead["NumberOfEmployees"]),
        (&json!("CTO"), &Value::Null, &json!(7))
    );
}

#[tokio::test]
async fn a_key_named_twice_in_an_upload_fails_in_both_rows() {
    let world = World::new().await;
    let job = open(&world).await;
    upload(
        &world,
        &job,
        &format!("{KEY},LastName,Company\nmp-1,A,C\nmp-2,B,C\nmp-1,D,C\n"),
    )
    .await;
    close(&world, &job).await;
    assert_eq!(world.get(&job).await.json()["numberRecordsFailed"], 2);
    let failed = world.get(&format!("{job}/failedResults")).await.text;
    assert_eq!(
        failed
            .matches("DUPLICATE_VALUE:Duplicate external id specified: mp-1")
            .count(),
        2
    );
    assert_eq!(world.crm.leads_by(KEY).into_keys().collect::<Vec<_>>(), ["mp-2"]);
}

#[tokio::test]
async fn a_failed_job_tells_its_rows_as_unprocessed() {
    let world = World::new().await;
    world.crm.fail_next_job("InternalServerError : try again");
    let job = open(&world).await;
    upload(&world, &job, &format!("{KEY},LastName,Company\nmp-1,S,C\n")).await;
    close(&world, &job).await;
    let told = world.get(&job).await.json();
    assert_eq!(
        (&told["state"], &told["errorMessage"]),
        (&json!("Failed"), &json!("InternalServerError : try again"))
    );
    let left = world.get(&format!("{job}/unprocessedRecords")).await.text;
    assert_eq!(left, format!("{KEY},LastName,Company\nmp-1,S,C\n"));
    assert_eq!(world.crm.records("Lead").len(), 0);
}

#[tokio::test]
async fn a_column_nobody_knows_fails_the_job() {
    let world = World::new().await;
    let job = open(&world).await;
    upload(&world, &job, &format!("{KEY},Nope__c\nmp-1,x\n")).await;
    close(&world, &job).await;
    assert_eq!(
        world.get(&job).await.json()["errorMessage"],
        "InvalidBatch : Field name not found : Nope__c"
    );
}

#[tokio::test]
async fn a_job_without_a_key_or_an_operation_is_not_opened() {
    let world = World::new().await;
    let told = world
        .post(JOBS, json!({ "object": "Lead", "operation": "upsert" }))
        .await;
    assert_eq!(told.code(), "INVALIDJOB");
    let told = world
        .post(JOBS, json!({ "object": "Lead", "operation": "merge" }))
        .await;
    assert_eq!(told.code(), "INVALIDJOB");
}

#[tokio::test]
async fn an_aborted_job_does_nothing() {
    let world = World::new().await;
    world.crm.set_bulk_pace(60, 0);
    let job = open(&world).await;
    upload(&world, &job, &format!("{KEY},LastName,Company\nmp-1,S,C\n")).await;
    close(&world, &job).await;
    world.patch(&job, json!({ "state": "Aborted" })).await;
    world.advance(100);
    assert_eq!(state(&world, &job).await, "Aborted");
    assert_eq!(world.crm.records("Lead").len(), 0);
}

#[tokio::test]
async fn only_the_rule_of_the_job_assigns() {
    let world = World::new().await;
    let job = open(&world).await;
    upload(&world, &job, &format!("{KEY},LastName,Company\nmp-1,S,C\n")).await;
    close(&world, &job).await;
    assert_eq!(state(&world, &job).await, "JobComplete");
    assert_eq!(world.crm.assigned(), []);
}
