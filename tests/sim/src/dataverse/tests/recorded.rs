//! Requests recorded from real clients, played as they were sent.

use std::fs;

use serde_json::{Value, json};

use super::world::{Reply, World};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/dynamics365/recorded");
/// The row the recordings name.
const ROW: &str = "11111111-2222-3333-4444-555555555555";

/// What the recordings expect to find: their rows and their key.
async fn world() -> World {
    let world = World::bare().await;
    for (column, key) in [
        ("new_MarketplaceLeadId", "new_MarketplaceLeadKey"),
        ("new_LeadId", "new_LeadKey"),
    ] {
        world.crm.add_text_column("lead", column, 100);
        world.crm.add_key("lead", key, &[&column.to_lowercase()]);
    }
    for (table, id) in [
        ("lead", "leadid"),
        ("opportunity", "opportunityid"),
        ("account", "accountid"),
    ] {
        world.crm.make(table, &json!({ id: ROW }));
    }
    world.crm.grant("prvBypassCustomPlugins");
    world.crm.grant("prvActOnBehalfOfAnotherUser");
    world
}

fn recorded(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(format!("{FOLDER}/{file}.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn send(world: &World, request: &Value) -> Reply {
    let own = [
        "authorization",
        "accept",
        "odata-version",
        "odata-maxversion",
        "user-agent",
    ];
    let headers: Vec<(String, &str)> = request["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| {
            (
                pair[0].as_str().unwrap().to_lowercase(),
                pair[1].as_str().unwrap(),
            )
        })
        .filter(|(name, _)| !own.contains(&name.as_str()))
        .collect();
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let text = |name: &str| request[name].as_str().unwrap().to_owned();
    world
        .send(&text("method"), &text("target"), &headers, text("body"))
        .await
}

/// The status of each request of a recording.
async fn statuses(file: &str) -> Vec<u16> {
    let requests = recorded(file);
    let mut statuses = Vec::new();
    for request in requests {
        // Each in a fresh environment: they were not recorded to follow one another.
        let world = world().await;
        statuses.push(send(&world, &request).await.status);
    }
    statuses
}

#[tokio::test]
async fn dataverse_api_is_understood() {
    assert_eq!(
        statuses("dataverse-api-1.4.3").await,
        [200, 200, 200, 200, 200, 200, 204]
    );
}

#[tokio::test]
async fn dynamics_web_api_is_understood_but_for_what_cannot_work() {
    let expected = [
        200, 204, 204, 201, 204, // WhoAmI and creates
        400, // a key with characters that do not work
        204, 201, 204, // by key
        412, // an old etag
        404, // no such key yet
        200, 200, // a query, tracking
        400, // a delta token from long ago
        200, 400, // a page, and a next link that was never handed out
        200, 204, 204, 200, 200, // actions, bulk, batches
        204, 204, // a column, a deletion
    ];
    assert_eq!(statuses("dynamics-web-api-2.5.0").await, expected);
}

#[tokio::test]
async fn the_official_python_client_is_understood_but_for_what_cannot_work() {
    let expected = [
        200, 200, // metadata before the first write
        400, // a navigation property with wrong capitals
        200, // CreateMultiple
        400, // a key with characters that do not work
        204, 204, // UpsertMultiple, update
        412, // one row twice in one request
        200, 200, // read, query
        400, // a next link that was never handed out
        204, 200, // deletion, metadata
        404, // a column, by the id of some other definition
        200, 400, 200, 200, // metadata, a key that is there already
        200, // a batch
    ];
    assert_eq!(statuses("powerplatform-dataverse-client-1.1.0").await, expected);
}

#[tokio::test]
async fn the_batches_of_all_three_clients_do_what_they_say() {
    for file in [
        "dataverse-api-1.4.3",
        "dynamics-web-api-2.5.0",
        "powerplatform-dataverse-client-1.1.0",
    ] {
        let requests = recorded(file);
        let batches = requests
            .iter()
            .filter(|request| request["target"].as_str().unwrap().ends_with("$batch"));
        let mut seen = 0;
        for request in batches {
            let world = world().await;
            let reply = send(&world, request).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
            assert!(!reply.text.contains("\"error\""), "{file}: {}", reply.text);
            assert!(world.crm.count("lead") >= 2, "{file}");
            seen += 1;
        }
        assert!(seen > 0, "{file}");
    }
}
