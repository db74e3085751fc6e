//! An org in process, and a client that knows no more than the contract.

mod bulk;
mod collections;
mod doors;
mod limits;
mod people;
mod provision;
mod queries;
mod records;
mod rules;

use std::sync::atomic::{AtomicI64, Ordering};

use http::{HeaderMap, Method};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;

/// 2026-01-01T00:00:00Z
const NEW_YEAR: i64 = 1_767_225_600;
const KEY: &str = "Marketplace_Lead_Id__c";
const BASE: &str = "/services/data/v62.0";

/// An org with an app, a key field on leads, and a client that has a token.
struct World {
    crm: Salesforce,
    now: Arc<AtomicI64>,
    token: String,
}

struct Told {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Told {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// The code of the first error of a refused request.
    fn code(&self) -> String {
        self.json()[0]["errorCode"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

impl World {
    async fn new() -> Self {
        let now = Arc::new(AtomicI64::new(NEW_YEAR));
        let clock = Arc::clone(&now);
        let crm = Salesforce::new(Arc::new(move || clock.load(Ordering::Relaxed)));
        crm.add_app("CK", "CS");
        crm.add_field(&format!("Lead.{KEY}"), &key_metadata());
        let mut world = Self {
            crm,
            now,
            token: String::new(),
        };
        world.sign_in().await;
        world
    }

    async fn sign_in(&mut self) {
        let told = self
            .ask_token("grant_type=client_credentials&client_id=CK&client_secret=CS", &[])
            .await;
        assert_eq!(told.status, 200, "{}", told.text);
        self.token = told.json()["access_token"].as_str().unwrap().to_owned();
    }

    fn advance(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    async fn ask_token(&self, form: &str, headers: &[(&str, &str)]) -> Told {
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/x-www-form-urlencoded"));
        self.send(Method::POST, "/services/oauth2/token", &headers, form.to_owned())
            .await
    }

    async fn get(&self, path: &str) -> Told {
        self.with(Method::GET, path, &[], String::new()).await
    }

    async fn post(&self, path: &str, body: Value) -> Told {
        self.with(
            Method::POST,
            path,
            &[("content-type", "application/json")],
            body.to_string(),
        )
        .await
    }

    async fn patch(&self, path: &str, body: Value) -> Told {
        self.with(
            Method::PATCH,
            path,
            &[("content-type", "application/json")],
            body.to_string(),
        )
        .await
    }

    async fn patch_with(&self, path: &str, header: (&str, &str), body: Value) -> Told {
        let headers = [("content-type", "application/json"), header];
        self.with(Method::PATCH, path, &headers, body.to_string()).await
    }

    /// Sends a request with the token; the path is below the version.
    async fn with(&self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Told {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = headers.to_vec();
        headers.push(("authorization", &bearer));
        let path = if path.starts_with("/services") || path.starts_with("/id/") {
            path.to_owned()
        } else {
            format!("{BASE}{path}")
        };
        self.send(method, &path, &headers, body).await
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Told {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).unwrap();
        let response = self.crm.router().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Told {
            status: head.status.as_u16(),
            headers: head.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Makes a lead with this key, and tells its id.
    async fn lead(&self, key: &str) -> String {
        let told = self.patch(&by_key(key), person()).await;
        assert_eq!(told.status, 201, "{}", told.text);
        told.json()["id"].as_str().unwrap().to_owned()
    }

    async fn query(&self, soql: &str) -> Told {
        self.get(&query_path(soql)).await
    }
}

fn query_path(soql: &str) -> String {
    let encoded = percent_encoding::utf8_percent_encode(soql, percent_encoding::NON_ALPHANUMERIC);
    format!("/query?q={encoded}")
}

fn by_key(key: &str) -> String {
    format!("/sobjects/Lead/{KEY}/{key}")
}

fn person() -> Value {
    json!({ "LastName": "Smith", "Company": "Contoso" })
}

fn key_metadata() -> Value {
    json!({ "label": "Marketplace Lead Id", "type": "Text", "length": 80, "required": false,
        "externalId": true, "unique": true, "caseSensitive": true })
}

fn fixture(name: &str) -> Value {
    let path = format!("{}/../fixtures/salesforce/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
