//! Registrations and test events.

use serde_json::{Value, json};
use tower::ServiceExt;

use super::world::{ADMIN, CALLBACK, CENTER, DAY, PARTNER, World, request, sample, told};
use crate::partner_center::Casing;

const HERE: &str = "/webhooks/v1/registration";
const TESTS: &str = "/webhooks/v1/registration/validationEvents";

#[tokio::test]
async fn there_is_one_registration_and_it_is_replaced_not_doubled() {
    let world = World::new();
    let wish = sample!("webhook_registration_request");
    assert_eq!(world.center("GET", HERE, &Value::Null).await.status, 404);
    assert_eq!(world.center("PUT", HERE, &wish).await.status, 404);
    let told = world.center("POST", HERE, &wish).await;
    assert_eq!(told.status, 200);
    let mut documented = sample!("webhook_registration_response");
    documented["SubscriberId"] = told.body["SubscriberId"].clone();
    assert_eq!(told.body, documented);
    assert_eq!(world.center("GET", HERE, &Value::Null).await.body, documented);
    assert_eq!(world.center("POST", HERE, &wish).await.status, 409);
    // Names are understood however they are written.
    let other = json!({
        "webhookUrl": "https://other.example/hook",
        "webhookevents": ["referral-updated"],
        "signatureTokenToMsSignatureHeader": false,
    });
    let changed = world.center("PUT", HERE, &other).await;
    assert_eq!(changed.body["SubscriberId"], documented["SubscriberId"]);
    let registration = world.center.registration().unwrap();
    assert_eq!(registration.url, "https://other.example/hook");
    assert_eq!(
        (registration.events, registration.by_own_header),
        (vec!["referral-updated".to_owned()], false)
    );
    world.center.set(|settings| settings.casing = Casing::Camel);
    let told = world.center("GET", HERE, &Value::Null).await;
    assert_eq!(told.body["webhookUrl"], "https://other.example/hook");
    let events = world
        .center("GET", "/webhooks/v1/registration/events", &Value::Null)
        .await;
    assert_eq!(events.body.as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_registration_that_leads_nowhere_is_refused() {
    let world = World::new();
    let wish = |url: &str, events: Value| json!({ "WebhookUrl": url, "WebhookEvents": events });
    let some = || json!(["test-created"]);
    for bad in [
        wish("http://leads.example/hook", some()),
        wish("leads.example", some()),
        wish("https://", some()),
        wish(CALLBACK, json!([])),
        wish(CALLBACK, json!(["referral-deleted"])),
        wish(CALLBACK, Value::Null),
        json!([]),
    ] {
        assert_eq!(world.center("POST", HERE, &bad).await.status, 400, "{bad}");
    }
    world.center.set(|settings| settings.plain_callbacks = true);
    assert_eq!(
        world
            .center("POST", HERE, &wish("http://127.0.0.1:1/hook", some()))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn the_host_has_an_audience_of_its_own_and_may_want_an_administrator() {
    let world = World::new();
    world.entra.add_user("bob@contoso.example", &["Referrals user"]);
    let ask = async |user: &str, audience: &str| {
        let token = world.token(user, audience).await;
        let request = request("GET", HERE, &token, &[], &Value::Null);
        told(world.center.webhooks_router().oneshot(request).await.unwrap())
            .await
            .status
    };
    assert_eq!(ask(ADMIN, PARTNER).await, 401);
    assert_eq!(ask("bob@contoso.example", CENTER).await, 404);
    world
        .center
        .set(|settings| settings.registration_needs_admin = true);
    assert_eq!(ask("bob@contoso.example", CENTER).await, 403);
    assert_eq!(ask(ADMIN, CENTER).await, 404);
}

#[tokio::test]
async fn a_test_event_tells_of_each_attempt_and_is_forgotten_after_a_week() {
    let world = World::new();
    assert_eq!(
        world.center("POST", TESTS, &Value::Null).await.status,
        404,
        "nobody registered"
    );
    world.center.register(CALLBACK, true);
    let asked = world.center("POST", TESTS, &Value::Null).await;
    let id = asked.body["correlationId"].as_str().unwrap().to_owned();
    let path = format!("{TESTS}/{id}");
    assert_eq!(
        world.center("GET", &path, &Value::Null).await.body["status"],
        "pending"
    );
    let due = world.center.due_deliveries(world.now());
    let body: Value = serde_json::from_slice(&due[0].body).unwrap();
    let mut documented = sample!("webhook_event_test_created");
    documented["ResourceUri"] = format!("http://api.partnercenter.microsoft.com{path}").into();
    documented["ResourceChangeUtcDate"] = body["ResourceChangeUtcDate"].clone();
    assert_eq!(body, documented);
    world.center.answered(due[0].id, Some(500));
    world.pass(10);
    let due = world.center.due_deliveries(world.now());
    world.pass(10);
    assert!(world.center.due_deliveries(world.now()).is_empty());
    world.pass(10);
    let last = world.center.due_deliveries(world.now());
    assert_eq!((due.len(), last[0].attempt), (1, 3));
    world.center.answered(last[0].id, Some(200));
    let told = world.center("GET", &path, &Value::Null).await.body;
    let codes: Vec<_> = told["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["responseCode"].clone())
        .collect();
    assert_eq!(codes, ["InternalServerError", "", "OK"]);
    let documented = sample!("webhook_validation_event_status");
    assert_eq!(
        (&told["status"], &told["callbackUrl"]),
        (&json!("completed"), &json!(CALLBACK))
    );
    let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&told), members(&documented));
    assert_eq!(members(&told["results"][0]), members(&documented["results"][0]));
    world.pass(7 * DAY);
    assert_eq!(world.center("GET", &path, &Value::Null).await.status, 404);
}

#[tokio::test]
async fn two_test_events_a_minute_are_enough() {
    let world = World::new();
    world.center.register(CALLBACK, true);
    assert_eq!(world.center("POST", TESTS, &Value::Null).await.status, 200);
    world.pass(3);
    assert_eq!(world.center("POST", TESTS, &Value::Null).await.status, 200);
    let refused = world.center("POST", TESTS, &Value::Null).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "57"));
    assert_eq!(refused.body, sample!("error_429_gateway"));
    world.pass(57);
    assert_eq!(world.center("POST", TESTS, &Value::Null).await.status, 200);
    world.pass(60);
    let wish = json!({ "WebhookUrl": CALLBACK, "WebhookEvents": ["referral-created"] });
    assert_eq!(world.center("PUT", HERE, &wish).await.status, 200);
    assert_eq!(
        world.center("POST", TESTS, &Value::Null).await.status,
        400,
        "nobody wants it"
    );
}
