//! A partner with one administrator, a clock turned by hand, and requests as a client sends them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::entra::Entra;
use crate::partner_center::{MomentClock, PartnerCenter};

pub(super) const APP: &str = "22222222-2222-2222-2222-222222222222";
pub(super) const ADMIN: &str = "ada@contoso.example";
pub(super) const PARTNER: &str = "https://api.partner.microsoft.com";
pub(super) const CENTER: &str = "https://api.partnercenter.microsoft.com";
pub(super) const REFERRALS: &str = "/v1.0/engagements/referrals";
/// Where events go.
pub(super) const CALLBACK: &str = "https://leads.contoso.example/webhooks/partner-center/0f3c";
/// 2024-05-01T08:15:30.1234567Z, in units of 100 ns.
const BEGIN: i64 = 17_145_513_301_234_567;
pub(super) const DAY: i64 = 86_400;

pub(super) struct World {
    pub(super) center: PartnerCenter,
    pub(super) entra: Entra,
    now: Arc<AtomicI64>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Told {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The deepest code of the envelope of the service.
    pub(super) fn inner(&self) -> &str {
        self.body["error"]["innerError"]["code"]
            .as_str()
            .unwrap_or_default()
    }
}

impl World {
    pub(super) fn new() -> Self {
        let now = Arc::new(AtomicI64::new(BEGIN));
        let hand = Arc::clone(&now);
        let clock: MomentClock = Arc::new(move || time(hand.load(Ordering::SeqCst)));
        let seconds = Arc::clone(&clock);
        let entra = Entra::new(
            "72f988bf-0000-0000-0000-2d7cd011db47",
            "contoso.example",
            Arc::new(move || seconds().timestamp()),
        );
        let center = PartnerCenter::new(&entra, clock);
        entra.add_public_client(APP, &["http://localhost"]);
        entra.add_user(ADMIN, &["Referrals admin"]);
        entra.consent(APP, PARTNER);
        entra.consent(APP, CENTER);
        Self { center, entra, now }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        time(self.now.load(Ordering::SeqCst))
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds * 10_000_000, Ordering::SeqCst);
    }

    /// A token of this user for this host.
    pub(super) async fn token(&self, user: &str, resource: &str) -> String {
        let refresh = self.entra.refresh_token(APP, user, resource);
        let form =
            format!("grant_type=refresh_token&client_id={APP}&refresh_token={refresh}&resource={resource}");
        let request = Request::post("/common/oauth2/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
        let told = told(self.entra.router().oneshot(request).await.unwrap()).await;
        told.body["access_token"].as_str().unwrap().to_owned()
    }

    /// A request of the administrator to the referrals host.
    pub(super) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Told {
        let token = self.token(ADMIN, PARTNER).await;
        let request = request(method, &format!("{REFERRALS}{path}"), &token, headers, body);
        told(self.center.referrals_router().oneshot(request).await.unwrap()).await
    }

    /// A request of the administrator to the other host.
    pub(super) async fn center(&self, method: &str, path: &str, body: &Value) -> Told {
        let token = self.token(ADMIN, CENTER).await;
        let request = request(method, path, &token, &[], body);
        told(self.center.webhooks_router().oneshot(request).await.unwrap()).await
    }

    pub(super) async fn get(&self, path: &str) -> Told {
        self.ask("GET", path, &[], &Value::Null).await
    }

    /// Sets members of a referral, as `PATCH` does.
    pub(super) async fn set(&self, id: &str, changes: &[(&str, Value)]) -> Told {
        let operation =
            |(path, value): &(&str, Value)| json!({ "op": "replace", "path": path, "value": value });
        let operations: Vec<Value> = changes.iter().map(operation).collect();
        self.ask("PATCH", &format!("/{id}"), &[], &operations.into())
            .await
    }

    /// Brings a referral from one pair to another.
    pub(super) async fn go(&self, id: &str, status: &str, substatus: &str) -> Told {
        self.set(
            id,
            &[("/status", status.into()), ("/substatus", substatus.into())],
        )
        .await
    }
}

pub(super) fn request(
    method: &str,
    path: &str,
    token: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Request {
    let mut request = Request::builder().method(method).uri(path);
    request = request.header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if body.is_null() {
        return request.body(Body::empty()).unwrap();
    }
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/json");
    }
    request.body(Body::from(body.to_string())).unwrap()
}

pub(super) async fn told(response: Response) -> Told {
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    Told {
        status: head.status.as_u16(),
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    }
}

/// A documented sample.
macro_rules! sample {
    ($name:literal) => {
        serde_json::from_str::<serde_json::Value>(include_str!(concat!(
            "../../../../fixtures/referrals/",
            $name,
            ".json"
        )))
        .unwrap()
    };
}
pub(super) use sample;

fn time(ticks: i64) -> DateTime<Utc> {
    let nanos = u32::try_from(ticks % 10_000_000).unwrap() * 100;
    DateTime::from_timestamp(ticks / 10_000_000, nanos).unwrap()
}
