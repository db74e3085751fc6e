//! The doors: methods, headers, bodies, throttling, faults, and what is noted about those who knock.

use axum::body::to_bytes;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::world::{ADMIN, CENTER, PARTNER, REFERRALS, World, request, sample, told};
use crate::faults::Fault;
use crate::partner_center::{
    Envelope, Gzip, Kind, Limit, NewReferral, over_bandwidth, throttled, unavailable,
};

fn lead() -> NewReferral {
    NewReferral::marketplace_lead("ada@fabrikam.example")
}

#[tokio::test]
async fn what_is_not_served_is_refused_by_its_status() {
    let world = World::new();
    let id = world.center.create(lead());
    let one = format!("/{id}");
    let body = json!([{ "op": "replace", "path": "/name", "value": "x" }]);
    let typed = [("content-type", "application/json-patch+json")];
    let picky = [("accept", "application/xml")];
    let large = json!("x".repeat(1 << 20));
    let cases = [
        ("DELETE", one.as_str(), &[][..], &Value::Null, 405),
        ("POST", &one, &[], &body, 405),
        ("PUT", "", &[], &body, 405),
        (
            "GET",
            "/61c65492-0000-4000-8000-3654499bc1da",
            &[],
            &Value::Null,
            404,
        ),
        ("GET", "/nobody", &[], &Value::Null, 404),
        ("PATCH", &one, &typed, &body, 415),
        ("GET", &one, &picky, &Value::Null, 406),
        ("PATCH", &one, &[], &large, 413),
    ];
    for (method, path, headers, body, status) in cases {
        let told = world.ask(method, path, headers, body).await;
        assert_eq!(told.status, status, "{method} {path} {headers:?}");
        assert!(told.body["error"]["code"].is_string());
    }
    assert_eq!(
        world.ask("DELETE", &one, &[], &Value::Null).await.header("allow"),
        "GET, PATCH, PUT"
    );
    // The odd link is no address of anything.
    let token = world.token(ADMIN, PARTNER).await;
    let odd = request("GET", "/v1.0/referrals?$skiptoken=x", &token, &[], &Value::Null);
    assert_eq!(
        told(world.center.referrals_router().oneshot(odd).await.unwrap())
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn ids_of_requests_come_back_and_their_lack_is_noted_not_refused() {
    let world = World::new();
    let id = "0b1c2d3e-0000-4000-8000-000000000001";
    let good = [("client-request-id", id), ("accept", "application/json")];
    let first = world.ask("GET", "", &good, &Value::Null).await;
    assert_eq!((first.status, first.header("client-request-id")), (200, id));
    assert!(world.center.complaints().is_empty());
    for headers in [
        &good[..],
        &[("accept", "*/*")],
        &[("client-request-id", "7"), ("accept", "*/*")],
        &[],
    ] {
        assert_eq!(world.ask("GET", "", headers, &Value::Null).await.status, 200);
    }
    let complaints = world.center.complaints();
    let expected = [
        "List: the client-request-id was used before",
        "List: no client-request-id",
        "List: the client-request-id is no GUID",
        "List: no client-request-id",
        "List: no Accept",
    ];
    assert_eq!(complaints, expected);
    assert_eq!(
        (world.center.count(Kind::List), world.center.requests().len()),
        (5, 5)
    );
}

#[tokio::test]
async fn ids_of_requests_can_be_demanded() {
    let world = World::new();
    world.center.set(|settings| settings.ids_demanded = true);
    assert_eq!(world.get("").await.status, 400);
    let named = [("client-request-id", "0b1c2d3e-0000-4000-8000-000000000001")];
    assert_eq!(world.ask("GET", "", &named, &Value::Null).await.status, 200);
    let events = "/webhooks/v1/registration/events";
    assert_eq!(world.center("GET", events, &Value::Null).await.status, 400);
    let token = world.token(ADMIN, CENTER).await;
    let named = [
        ("ms-requestid", "1"),
        ("ms-correlationid", "2"),
        ("ms-contract-version", "v1"),
    ];
    let request = request("GET", events, &token, &named, &Value::Null);
    let response = world.center.webhooks_router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn the_limit_is_told_in_either_envelope_and_writes_reach_it_sooner() {
    let world = World::new();
    let id = world.center.create(lead());
    for envelope in [Envelope::Gateway, Envelope::Service] {
        let limit = Limit {
            reads: 3,
            writes: 1,
            seconds: 60,
            envelope,
        };
        world.center.set(|settings| settings.limit = Some(limit));
        world.pass(60);
        assert_eq!(world.set(&id, &[("/favorite", true.into())]).await.status, 204);
        world.pass(3);
        let told = world.set(&id, &[("/favorite", true.into())]).await;
        assert_eq!((told.status, told.header("retry-after")), (429, "57"));
        match envelope {
            Envelope::Gateway => assert_eq!(told.body, sample!("error_429_gateway")),
            Envelope::Service => assert_eq!(told.inner(), "tooManyRequests"),
        }
        let reads = [200, 200, 200, 429].map(Some);
        for expected in reads {
            assert_eq!(Some(world.get("").await.status), expected);
        }
    }
    world.pass(60);
    assert_eq!(world.get("").await.status, 200);
}

#[tokio::test]
async fn bad_days_come_when_they_are_told_to() {
    let world = World::new();
    let faults = &world.center.referral_faults;
    for fault in [
        throttled(Envelope::Gateway, 57),
        throttled(Envelope::Service, 5),
        unavailable(Some(9)),
        unavailable(None),
        over_bandwidth(),
    ] {
        faults.next(fault);
    }
    let mut seen = Vec::new();
    for _ in 0..6 {
        let told = world.get("").await;
        seen.push((told.status, told.header("retry-after").to_owned()));
    }
    let expected = [
        (429, "57"),
        (429, "5"),
        (503, "9"),
        (503, ""),
        (509, ""),
        (200, ""),
    ];
    assert_eq!(seen, expected.map(|(status, after)| (status, after.to_owned())));
    assert_eq!(
        world.center.count(Kind::List),
        1,
        "the others never reached the service"
    );
}

#[tokio::test]
async fn a_request_can_be_cut_before_it_is_done_or_after() {
    let world = World::new();
    let id = world.center.create(lead());
    for (fault, name) in [
        (Fault::CutBefore, Value::from("Fabrikam Inc - inquiry")),
        (Fault::CutAfter, json!("done")),
    ] {
        world.center.referral_faults.next(fault);
        let told = world.set(&id, &[("/name", "done".into())]).await;
        assert_eq!((told.status, &told.body), (502, &Value::Null));
        assert_eq!(world.center.referral(&id).unwrap()["name"], name);
    }
    assert_eq!(world.center.writes_of(&id).len(), 1);
    world.center.center_faults.next(Fault::CutBefore);
    assert_eq!(
        world
            .center("GET", "/webhooks/v1/registration", &Value::Null)
            .await
            .status,
        502
    );
}

#[tokio::test]
async fn a_body_may_come_so_slowly_that_nobody_waits_for_it() {
    let world = World::new();
    world.center.referral_faults.next(Fault::SlowBody);
    let token = world.token(ADMIN, PARTNER).await;
    let request = request("GET", REFERRALS, &token, &[], &Value::Null);
    let response = world.center.referrals_router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let patience = std::time::Duration::from_millis(1);
    let whole = tokio::time::timeout(patience, to_bytes(response.into_body(), usize::MAX)).await;
    assert!(whole.is_err(), "it came at once");
    assert_eq!(world.center.count(Kind::List), 1);
}

/// What a reader of gzip with stored blocks finds.
fn unpacked(packed: &[u8]) -> Vec<u8> {
    assert_eq!(packed[..4], [0x1f, 0x8b, 8, 0]);
    let (mut body, mut rest, mut last) = (Vec::new(), &packed[10..], false);
    while !last {
        last = rest[0] & 1 == 1;
        let length = u16::from_le_bytes([rest[1], rest[2]]);
        assert_eq!(u16::from_le_bytes([rest[3], rest[4]]), !length);
        let length = usize::from(length);
        body.extend_from_slice(&rest[5..5 + length]);
        rest = &rest[5 + length..];
    }
    assert_eq!(rest.len(), 8);
    assert_eq!(
        u32::from_le_bytes(rest[4..].try_into().unwrap()) as usize,
        body.len()
    );
    body
}

#[tokio::test]
async fn bodies_are_packed_when_the_client_can_read_that_or_always() {
    let world = World::new();
    for _ in 0..40 {
        world.center.create(lead());
    }
    let accepts = [("accept-encoding", "gzip, deflate")];
    for (how, headers, packed) in [
        (Gzip::WhenAccepted, &accepts[..], true),
        (Gzip::WhenAccepted, &[], false),
        (Gzip::Never, &accepts, false),
        (Gzip::Always, &[], true),
    ] {
        world.center.set(|settings| settings.gzip = how);
        let token = world.token(ADMIN, PARTNER).await;
        let request = request("GET", REFERRALS, &token, headers, &Value::Null);
        let response = world.center.referrals_router().oneshot(request).await.unwrap();
        assert_eq!(
            response.headers().contains_key("content-encoding"),
            packed,
            "{how:?}"
        );
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = if packed { unpacked(&body) } else { body.to_vec() };
        let list: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(list["value"].as_array().unwrap().len(), 40);
    }
}

#[tokio::test]
async fn an_event_leads_to_a_referral_at_the_other_host_with_the_token_of_that_host() {
    let world = World::new();
    let id = world.center.create(lead());
    let path = format!("/engagements/v1/referrals/{id}");
    let told_here = world.center("GET", &path, &Value::Null).await;
    assert_eq!((told_here.status, &told_here.body["id"]), (200, &json!(id)));
    assert_eq!(told_here.header("x-locale"), "en-US");
    let token = world.token(ADMIN, PARTNER).await;
    let request = request("GET", &path, &token, &[], &Value::Null);
    assert_eq!(
        told(world.center.webhooks_router().oneshot(request).await.unwrap())
            .await
            .status,
        401
    );
    assert_eq!(world.center.count(Kind::GetByEvent), 2);
    let complaints = world.center.complaints();
    assert!(
        complaints.iter().any(|one| one.contains("ms-contract-version")),
        "{complaints:?}"
    );
    assert_eq!(world.entra.bearer(&token, CENTER), None);
}
