//! An authority, an environment and a client with a token, in one process.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use http::HeaderMap;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::dataverse::Dataverse;
use crate::entra::Entra;

pub(super) const TENANT: &str = "72f988bf-0000-0000-0000-2d7cd011db47";
pub(super) const APP: &str = "11111111-1111-1111-1111-111111111111";
/// The lead of the fixtures.
pub(super) const LEAD: &str = "9b2d0c4e-5a6f-ee11-9ae7-000d3a993550";
/// Its key.
pub(super) const KEY: &str = "mpl_3f7a9c0e52b1d4f6";

pub(super) struct World {
    pub(super) entra: Entra,
    pub(super) crm: Dataverse,
    pub(super) router: Router,
    pub(super) token: String,
    now: Arc<AtomicI64>,
}

/// One answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub(super) fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

impl World {
    /// With the key column and an active key on leads.
    pub(super) async fn new() -> Self {
        let world = Self::bare().await;
        world.crm.add_text_column("lead", "lsync_MarketplaceLeadId", 100);
        world
            .crm
            .add_key("lead", "lsync_MarketplaceLeadKey", &["lsync_marketplaceleadid"]);
        world
    }

    /// As Microsoft ships it.
    pub(super) async fn bare() -> Self {
        let now = Arc::new(AtomicI64::new(1_735_689_600));
        let hand = Arc::clone(&now);
        let clock: crate::webhook::UnixClock = Arc::new(move || hand.load(Ordering::SeqCst));
        let entra = Entra::new(TENANT, "contoso.onmicrosoft.com", Arc::clone(&clock));
        entra.add_secret(APP, "s3cr3t", None);
        let crm = Dataverse::new(&entra, clock);
        let mut world = Self {
            router: crm.router(),
            entra,
            crm,
            token: String::new(),
            now,
        };
        world.token = world.new_token().await;
        world
    }

    pub(super) async fn new_token(&self) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id={APP}&client_secret=s3cr3t&\
             scope=https%3A%2F%2Fcontoso.crm.dynamics.com%2F.default"
        );
        let request = Request::post(format!("/{TENANT}/oauth2/v2.0/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
        let reply = reply(self.entra.router(), request).await;
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub(super) fn advance(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    /// A request below `/api/data/v9.2/`; a JSON body unless a content type is given.
    pub(super) async fn send(
        &self,
        method: &str,
        resource: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let target = if resource.starts_with('/') {
            resource.to_owned()
        } else {
            format!("/api/data/v9.2/{resource}")
        };
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header("authorization", format!("Bearer {}", self.token))
            .header("accept", "application/json")
            .header("odata-version", "4.0")
            .header("odata-maxversion", "4.0");
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json; charset=utf-8");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply(self.router.clone(), request.body(body.into()).unwrap()).await
    }

    pub(super) async fn get(&self, resource: &str) -> Reply {
        self.send("GET", resource, &[], Body::empty()).await
    }

    pub(super) async fn post(&self, resource: &str, body: &Value) -> Reply {
        self.send("POST", resource, &[], body.to_string()).await
    }

    pub(super) async fn patch(&self, resource: &str, body: &Value) -> Reply {
        self.send("PATCH", resource, &[], body.to_string()).await
    }

    /// The lead of the fixtures, with its key.
    pub(super) fn make_lead(&self) {
        let lead = json!({ "leadid": LEAD, "subject": "a", "lsync_marketplaceleadid": KEY });
        self.crm.make("lead", &lead);
    }
}

pub(super) async fn reply(router: Router, request: Request) -> Reply {
    let (head, body) = router.oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        text: String::from_utf8(body.to_vec()).unwrap(),
    }
}
