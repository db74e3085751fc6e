//! The documented requests are answered like the documented answers.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use super::World;

/// A documented answer.
fn fixture(name: &str) -> Value {
    let path = format!("{}/../fixtures/marketo/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Every member of the documented answer is there, of the same kind, all the way down.
fn is_like(documented: &Value, ours: &Value, place: &str) {
    match (documented, ours) {
        (Value::Object(documented), Value::Object(ours)) => {
            for (name, value) in documented {
                let found = ours.get(name);
                is_like(
                    value,
                    found.unwrap_or_else(|| panic!("no {place}/{name}")),
                    &format!("{place}/{name}"),
                );
            }
        }
        (Value::Array(documented), Value::Array(ours)) => {
            let pairs = documented.iter().zip(ours);
            pairs.for_each(|(documented, ours)| is_like(documented, ours, place));
        }
        _ => assert_eq!(
            std::mem::discriminant(documented),
            std::mem::discriminant(ours),
            "{place}: {ours}"
        ),
    }
}

#[tokio::test]
async fn the_documented_requests_are_answered_like_the_documented_answers() {
    let world = World::new().await;
    let form = Request::post(
        "/identity/oauth/token?grant_type=client_credentials&client_id=client&client_secret=secret",
    );
    let (_, token) = world.send(form.body(Body::empty()).unwrap()).await;
    is_like(&fixture("token-200.json"), &token, "token");
    let (_, made) = world
        .post(
            "/rest/v1/leads/schema/fields.json",
            &fixture("create-fields-request.json"),
        )
        .await;
    is_like(&fixture("create-fields-200.json"), &made, "fields");
    world.instance.add_field("msOfferTitle", "string");
    let (_, upserted) = world
        .post("/rest/v1/leads.json", &fixture("upsert-request.json"))
        .await;
    is_like(&fixture("upsert-200-partial.json"), &upserted, "upsert");
    let id = upserted["result"][0]["id"].as_u64().unwrap();
    world.instance.edit(id, "leadStatus", "Working");
    world.instance.edit(id, "leadStatus", "Closed - Won");
    let lookup = "/rest/v1/leads.json?filterType=email&filterValues=someone@contoso.com&fields=email,leadStatus,updatedAt,createdAt";
    is_like(&fixture("lookup-200.json"), &world.get(lookup).await, "lookup");
    let nobody = "/rest/v1/leads.json?filterType=email&filterValues=nobody@contoso.com";
    assert_eq!(
        world.get(nobody).await["result"],
        fixture("lookup-empty-200.json")["result"]
    );
    let since = "/rest/v1/activities/pagingtoken.json?sinceDatetime=2026-11-20T12%3A00%3A00Z";
    let first = world.get(since).await;
    is_like(&fixture("pagingtoken-200.json"), &first, "token of the feed");
    world.instance.look_through(1);
    let changes = |token: &Value| {
        let token = token["nextPageToken"].as_str().unwrap().replace('=', "%3D");
        format!("/rest/v1/activities/leadchanges.json?fields=leadStatus&nextPageToken={token}")
    };
    let new_lead = world.get(&changes(&first)).await;
    let working = world.get(&changes(&new_lead)).await;
    is_like(&fixture("leadchanges-empty-more-200.json"), &working, "changes");
    let mut found = world.get(&changes(&working)).await;
    let mut documented = fixture("leadchanges-200.json");
    // What follows says itself in words of each instance's own.
    documented["result"][0]["attributes"] = json!([]);
    found["result"][0]["attributes"] = json!([]);
    is_like(&documented, &found, "changes");
    for code in ["602", "606", "607", "615"] {
        world.instance.refuse("usage", 1, code);
        let refused = world.get("/rest/v1/stats/usage.json").await;
        assert_eq!(
            refused["errors"],
            fixture(&format!("error-{code}.json"))["errors"],
            "{code}"
        );
    }
}
