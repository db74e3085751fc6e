//! The instance itself behaves as the contract says.

mod likeness;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Marketo, Permissions};

/// Friday, 20 November 2026, noon UTC.
const NOON: i64 = 1_795_176_000_000;

struct World {
    instance: Marketo,
    clock: Arc<AtomicI64>,
    token: String,
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(AtomicI64::new(NOON));
        let hand = Arc::clone(&clock);
        let instance = Marketo::new("client", "secret", Arc::new(move || hand.load(Ordering::SeqCst)));
        let mut world = Self {
            instance,
            clock,
            token: String::new(),
        };
        world.token = world.fresh_token().await.0;
        world
    }

    fn advance(&self, millis: i64) {
        self.clock.fetch_add(millis, Ordering::SeqCst);
    }

    async fn fresh_token(&self) -> (String, i64) {
        let form = "grant_type=client_credentials&client_id=client&client_secret=secret";
        let request = Request::post("/identity/oauth/token")
            .header("content-type", "application/x-www-form-urlencoded");
        let (status, answer) = self.send(request.body(Body::from(form)).unwrap()).await;
        assert_eq!(status, 200);
        let token = answer["access_token"].as_str().unwrap().to_owned();
        (token, answer["expires_in"].as_i64().unwrap())
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.instance.router().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> Value {
        let request = Request::get(path).header("authorization", format!("Bearer {}", self.token));
        self.send(request.body(Body::empty()).unwrap()).await.1
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    async fn upsert(&self, input: Value) -> Value {
        self.post("/rest/v1/leads.json", &json!({ "input": input }))
            .await
            .1
    }
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn asking_early_gives_the_same_token_with_the_time_that_is_left() {
    let world = World::new().await;
    world.advance(3_540_000);
    assert_eq!(world.fresh_token().await, (world.token.clone(), 60));
    world.advance(60_000);
    assert_eq!(code(&world.get("/rest/v1/stats/usage.json").await), "602");
    let (newer, life) = world.fresh_token().await;
    assert_eq!((newer == world.token, life), (false, 3600));
    assert_eq!(world.instance.used_today(), 0, "602 does not count");
}

#[tokio::test]
async fn a_token_comes_by_query_too_but_not_for_wrong_credentials() {
    let world = World::new().await;
    for (method, secret, status) in [
        ("GET", "secret", 200),
        ("POST", "secret", 200),
        ("GET", "wrong", 401),
    ] {
        let uri = format!(
            "/identity/oauth/token?grant_type=client_credentials&client_id=client&client_secret={secret}"
        );
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .body(Body::empty())
            .unwrap();
        assert_eq!(world.send(request).await.0, status);
    }
}

#[tokio::test]
async fn no_token_of_ours_and_no_token_in_the_query_is_taken() {
    let mut world = World::new().await;
    let uri = format!("/rest/v1/stats/usage.json?access_token={}", world.token);
    assert_eq!(code(&world.get(&uri).await), "601");
    world.token = "another".into();
    assert_eq!(code(&world.get("/rest/v1/stats/usage.json").await), "601");
}

#[tokio::test]
async fn the_101st_call_in_any_20_seconds_is_refused() {
    let world = World::new().await;
    for n in 0..100 {
        assert_eq!(code(&world.get("/rest/v1/stats/usage.json").await), "");
        world.advance(if n == 49 { 10_000 } else { 0 });
    }
    assert_eq!(code(&world.get("/rest/v1/stats/usage.json").await), "606");
    world.advance(9_999);
    assert_eq!(code(&world.get("/rest/v1/stats/usage.json").await), "606");
    world.advance(1);
    for _ in 0..50 {
        assert_eq!(code(&world.get("/rest/v1/stats/usage.json").await), "");
    }
    assert_eq!(code(&world.get("/rest/v1/stats/usage.json").await), "606");
}

#[tokio::test]
async fn the_day_ends_at_midnight_in_us_central() {
    let mut world = World::new().await;
    world.instance.set_limits(|limits| limits.per_day = 2);
    world.get("/rest/v1/stats/usage.json").await;
    world.get("/rest/v1/stats/usage.json").await;
    assert_eq!(code(&world.get("/rest/v1/stats/usage.json").await), "607");
    // Noon UTC is 6:00 in winter there.
    world.advance(18 * 3_600_000 - 1);
    world.token = world.fresh_token().await.0;
    assert_eq!(code(&world.get("/rest/v1/stats/usage.json").await), "607");
    world.advance(1);
    assert_eq!(code(&world.get("/rest/v1/stats/usage.json").await), "");
}

#[tokio::test]
async fn the_eleventh_call_at_the_same_time_is_refused() {
    let world = World::new().await;
    world.instance.hold();
    let running = async { futures(&world, 11).await };
    let release = async {
        while world.instance.running() < 10 {
            tokio::task::yield_now().await;
        }
        world.instance.release();
    };
    let (answers, ()) = tokio::join!(running, release);
    let refused = answers.iter().filter(|answer| code(answer) == "615").count();
    assert_eq!(
        (refused, world.instance.most_at_once(), world.instance.running()),
        (1, 10, 0)
    );
}

async fn futures(world: &World, count: usize) -> Vec<Value> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (router, token) = (world.instance.router(), world.token.clone());
        tasks.spawn(async move {
            let request =
                Request::get("/rest/v1/stats/usage.json").header("authorization", format!("Bearer {token}"));
            let response = router
                .oneshot(request.body(Body::empty()).unwrap())
                .await
                .unwrap();
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            serde_json::from_slice(&body).unwrap()
        });
    }
    tasks.join_all().await
}

#[tokio::test]
async fn two_upserts_of_one_address_at_the_same_time_make_two_people() {
    let world = World::new().await;
    world.instance.hold();
    let release = async {
        while world.instance.running() < 2 {
            tokio::task::yield_now().await;
        }
        world.instance.release();
    };
    let one = world.upsert(json!([{ "email": "a@contoso.com" }]));
    let two = world.upsert(json!([{ "email": "A@contoso.com" }]));
    let (one, two, ()) = tokio::join!(one, two, release);
    assert_eq!(one["result"][0]["status"], "created");
    assert_eq!(two["result"][0]["status"], "created");
    assert_eq!((world.instance.leads().len(), world.instance.overlaps()), (2, 1));
    let third = world.upsert(json!([{ "email": "a@contoso.com" }])).await;
    assert_eq!(third["result"][0]["reasons"][0]["code"], "1007");
}

#[tokio::test]
async fn results_stand_in_the_order_of_the_input_and_each_record_fails_alone() {
    let world = World::new().await;
    let answer = world
        .upsert(json!([
            { "email": "b@contoso.com" }, { "email": "not-an-address" }, { "email": "a@contoso.com", "nope": 1 },
            { "firstName": "x" }, { "email": "c@contoso.com", "firstName": "y".repeat(256) }, { "email": "ü@contoso.com" },
            { "email": "a@contoso.com", "unsubscribed": "yes" },
        ]))
        .await;
    assert_eq!(answer["errors"][0]["code"], "1036", "the same address twice");
    let answer = world
        .upsert(json!([
            { "email": "b@contoso.com" }, { "email": "not-an-address" }, { "email": "a@contoso.com", "nope": 1 },
            { "firstName": "x" }, { "email": "c@contoso.com", "firstName": "y".repeat(256) }, { "email": "ü@contoso.com" },
            { "email": "d@contoso.com", "unsubscribed": "yes" },
        ]))
        .await;
    let codes: Vec<&str> = answer["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["reasons"][0]["code"].as_str().unwrap_or("done"))
        .collect();
    assert_eq!(codes, ["done", "1003", "1006", "1003", "1003", "1003", "1001"]);
}

#[tokio::test]
async fn a_null_clears_a_field_and_the_feed_tells_what_changed() {
    let world = World::new().await;
    world.instance.look_through(1);
    let made = world
        .upsert(json!([{ "email": "a@contoso.com", "firstName": "A" }]))
        .await;
    let id = made["result"][0]["id"].as_u64().unwrap();
    world
        .upsert(json!([{ "email": "a@contoso.com", "firstName": null }]))
        .await;
    world.instance.edit(id, "leadStatus", "Working");
    let since = "/rest/v1/activities/pagingtoken.json?sinceDatetime=2026-11-20T12%3A00%3A00Z";
    let mut token = world.get(since).await["nextPageToken"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut pages = Vec::new();
    loop {
        let uri = format!(
            "/rest/v1/activities/leadchanges.json?fields=leadStatus&nextPageToken={}",
            token.replace('=', "%3D")
        );
        let page = world.get(&uri).await;
        let kinds = page["result"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["activityTypeId"].clone());
        pages.push(kinds.collect::<Vec<_>>());
        token = page["nextPageToken"].as_str().unwrap().to_owned();
        if page["moreResult"] == false {
            break;
        }
    }
    assert_eq!(
        pages,
        [vec![json!(12)], vec![], vec![json!(13)]],
        "an empty page with more behind it"
    );
    let raw = format!("/rest/v1/activities/leadchanges.json?fields=leadStatus&nextPageToken={token}");
    assert_eq!(
        code(&world.get(&raw).await),
        "1003",
        "the equals signs must be encoded"
    );
}

#[tokio::test]
async fn large_bodies_long_addresses_and_missing_rights_are_refused() {
    let world = World::new().await;
    let huge = json!({ "input": [{ "email": "a@contoso.com", "firstName": "x".repeat(1 << 20) }] });
    assert_eq!(world.post("/rest/v1/leads.json", &huge).await.0, 413);
    let long = format!(
        "/rest/v1/leads.json?filterType=email&filterValues={}",
        "a".repeat(8 << 10)
    );
    let request = Request::get(long).header("authorization", format!("Bearer {}", world.token));
    assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.0, 414);
    world.instance.set_permissions(Permissions {
        leads: false,
        ..Permissions::default()
    });
    assert_eq!(
        code(&world.upsert(json!([{ "email": "a@contoso.com" }])).await),
        "603"
    );
    let none: Vec<Value> = (0..301)
        .map(|n| json!({ "email": format!("{n}@contoso.com") }))
        .collect();
    world.instance.set_permissions(Permissions::default());
    assert_eq!(code(&world.upsert(none.into()).await), "1003");
}

#[tokio::test]
async fn a_field_is_made_once() {
    let world = World::new().await;
    let wish =
        json!({ "input": [{ "displayName": "MS Lead Id", "name": "msLeadId", "dataType": "string" }] });
    let (_, made) = world.post("/rest/v1/leads/schema/fields.json", &wish).await;
    assert_eq!(
        made["result"][0],
        json!({ "name": "msLeadId", "status": "created" })
    );
    let (_, again) = world.post("/rest/v1/leads/schema/fields.json", &wish).await;
    assert_eq!(again["result"][0]["status"], "skipped");
    let described = world.get("/rest/v1/leads/describe2.json").await;
    assert!(
        described["result"][0]["searchableFields"]
            .as_array()
            .unwrap()
            .contains(&json!(["msLeadId"]))
    );
}
