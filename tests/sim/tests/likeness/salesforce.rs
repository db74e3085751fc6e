//! jsforce, simple-salesforce and the crate `force` against the simulated Salesforce (contract salesforce 15).

use std::sync::Arc;

use leadsync_sim::salesforce::Salesforce;
use leadsync_sim::serve::{Server, serve};
use serde_json::{Value, json};

use crate::client::{Steps, program, run};

const KEY: &str = "Marketplace_Lead_Id__c";
const PRIVATE_KEY: &str = include_str!("../../../fixtures/keys/rsa-pkcs8.pem");
const PUBLIC_KEY: &str = include_str!("../../../fixtures/keys/rsa-public.pem");

/// An org on a socket, which lets the clients in and has pages of two records.
async fn org() -> (Salesforce, Server, String) {
    let new_year = 1_767_225_600;
    let crm = Salesforce::new(Arc::new(move || new_year));
    crm.add_app("CK", "CS");
    crm.add_jwt_app("CK", PUBLIC_KEY);
    let key = json!({ "label": "Marketplace Lead Id", "type": "Text", "length": 80, "externalId": true,
        "unique": true, "caseSensitive": true });
    crm.add_field(&format!("Lead.{KEY}"), &key);
    crm.set_page_size(2);
    let server = serve(crm.router()).await.unwrap();
    let url = format!("http://{}", server.addr);
    (crm, server, url)
}

async fn drive(path: &str, arguments: &[&str], url: &str) -> Steps {
    let environment = [("LIKENESS_URL", url), ("LIKENESS_KEY", PRIVATE_KEY)];
    run(&program(path), arguments, &environment).await
}

/// The keys of the leads, those without one left out.
fn keys(crm: &Salesforce) -> Vec<String> {
    crm.leads_by(KEY).into_keys().collect()
}

/// Every key was made once, whatever roads it came by.
fn once_each(crm: &Salesforce) {
    assert!(crm.creations_by("Lead", KEY).values().all(|times| *times == 1));
}

/// The field the client made stands in the org, and nobody sees it yet.
fn made_a_field(crm: &Salesforce, name: &str) {
    let made = crm.records("CustomField");
    assert!(
        made.iter()
            .any(|field| field["FullName"] == format!("Lead.{name}__c")),
        "{made:?}"
    );
}

#[tokio::test]
async fn jsforce_is_understood() {
    let (crm, _server, url) = org().await;
    program("tests/likeness/salesforce/node_modules/jsforce/package.json");
    let environment = [("LIKENESS_URL", url.as_str()), ("LIKENESS_KEY", PRIVATE_KEY)];
    let steps = run(
        "node".as_ref(),
        &["tests/likeness/salesforce/client.mjs"],
        &environment,
    )
    .await;
    let limit = json!(15_000);
    assert_eq!(steps.told("jwt"), &json!({ "instance": url }));
    assert_eq!(steps.told("token"), &json!({ "organization": crm.org_id() }));
    assert_eq!(steps.told("identity"), "integration@acme.example");
    assert_eq!(steps.told("create")["success"], true);
    assert_eq!(steps.told("upsert new")["created"], true);
    assert_eq!(steps.told("upsert known")["created"], false);
    let collection = steps.told("collection");
    let seen: Vec<_> = (0..3)
        .map(|n| (&collection[n]["success"], &collection[n]["created"]))
        .collect();
    assert_eq!(seen[0], (&json!(true), &json!(false)));
    assert_eq!(seen[1], (&json!(true), &json!(true)));
    assert_eq!(seen[2].0, &json!(false));
    assert_eq!(collection[2]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");
    assert_eq!(steps.told("create many")[1]["success"], false);
    assert_eq!(steps.told("query"), &json!({ "total": 4, "pages": [2, 2] }));
    assert_eq!(steps.told("updated"), 4);
    assert_eq!(steps.told("delete"), true);
    assert_eq!(steps.told("deleted"), &json!([true]));
    assert_eq!(steps.told("query all"), 1);
    assert_eq!(
        steps.told("describe"),
        &json!({ "externalId": true, "unique": true, "length": 80 })
    );
    assert_eq!((steps.told("limits"), steps.told("usage")), (&limit, &limit));
    let bulk = json!({ "done": [["js-bulk-1", "true"]], "failed": [["js-bulk-2", "REQUIRED_FIELD_MISSING"]], "left": 0 });
    assert_eq!(steps.told("bulk"), &bulk);
    assert_eq!(steps.told("custom field"), true);
    assert_eq!(steps.told("refused"), "INVALID_FIELD");
    assert_eq!(steps.told("expired"), "INVALID_SESSION_ID");
    assert_eq!(keys(&crm), ["js-1", "js-2", "js-bulk-1"]);
    assert_eq!(
        crm.record("Lead", "js-bulk-1").unwrap()["Company"],
        "Acme, \"Inc\"\nLtd"
    );
    once_each(&crm);
    made_a_field(&crm, "From_Js");
}

#[tokio::test]
async fn simple_salesforce_is_understood() {
    let (crm, _server, url) = org().await;
    let python = "target/likeness-venv/salesforce/bin/python";
    let steps = drive(python, &["tests/likeness/salesforce/client.py"], &url).await;
    let limit = json!(15_000);
    assert_eq!(steps.told("jwt"), &limit);
    assert_eq!(steps.told("create")["success"], true);
    assert_eq!(
        (steps.told("upsert new"), steps.told("upsert known")),
        (&json!(201), &json!(200))
    );
    let collection = steps.told("collection").as_array().unwrap();
    let told: Vec<_> = collection
        .iter()
        .map(|row| row["success"].as_bool().unwrap())
        .collect();
    assert_eq!(told, [true, true, false]);
    assert_eq!(steps.told("query"), &json!([null, "py-1", "py-2"]));
    assert_eq!(steps.told("updated"), 3);
    assert_eq!(steps.told("delete"), 204);
    assert_eq!(steps.told("deleted"), &json!([true]));
    assert_eq!(steps.told("query all"), 1);
    assert_eq!(
        steps.told("describe"),
        &json!({ "externalId": true, "unique": true, "length": 80 })
    );
    assert_eq!((steps.told("limits"), steps.told("usage")), (&limit, &limit));
    assert_eq!(steps.told("bulk"), &json!({ "failed": 1, "processed": 2 }));
    let text = |step: &str| steps.told(step).as_str().unwrap().to_owned();
    assert!(
        text("bulk failed").contains("\"REQUIRED_FIELD_MISSING:"),
        "{}",
        text("bulk failed")
    );
    assert!(
        text("bulk done").contains("\"Acme, \"\"Inc\"\"\""),
        "{}",
        text("bulk done")
    );
    assert_eq!(text("bulk left").lines().count(), 1);
    assert_eq!(steps.told("custom field"), true);
    assert_eq!(steps.told("refused"), "ENTITY_IS_DELETED");
    assert_eq!(steps.told("expired"), "INVALID_SESSION_ID");
    assert_eq!(keys(&crm), ["py-1", "py-2", "py-bulk-1"]);
    once_each(&crm);
    made_a_field(&crm, "From_Py");
}

#[tokio::test]
async fn the_crate_force_is_understood() {
    let (crm, _server, url) = org().await;
    let steps = drive("target/likeness/debug/force-client", &[], &url).await;
    assert_eq!(steps.told("jwt"), 15_000);
    assert_eq!(steps.told("create"), true);
    let created = ["upsert new", "upsert known", "upsert awkward"].map(|step| steps.told(step));
    assert_eq!(created, [true, false, true].map(Value::from).each_ref());
    assert_eq!(steps.told("read"), "CTO");
    assert_eq!(steps.told("gone"), true);
    assert_eq!(steps.told("custom field"), true);
    assert_eq!(steps.told("query"), &json!({ "total": 5, "pages": [2, 2, 1] }));
    assert_eq!(
        steps.told("describe"),
        &json!({ "externalId": true, "unique": true, "length": 80 })
    );
    assert_eq!(steps.told("limits"), 15_000);
    assert_eq!(steps.told("versions"), true);
    assert_eq!(
        steps.told("batch"),
        &json!({ "hasErrors": true, "statuses": [201, 400] })
    );
    let lines = |step: &str| steps.told(step).as_array().unwrap().len();
    assert_eq!(
        (lines("bulk done"), lines("bulk failed"), lines("bulk left")),
        (1, 1, 0)
    );
    assert_eq!(
        keys(&crm),
        ["new a/b?c#d+é", "rs-1", "rs-2", "rs-3", "rs-4", "rs-bulk-1"]
    );
    once_each(&crm);
    made_a_field(&crm, "From_Rust");
}
