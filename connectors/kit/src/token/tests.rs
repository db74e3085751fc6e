//! Vectors of contract https-endpoint 8, and what one credential may cost.

mod assertions;
mod keys;
mod refusals;

use std::collections::VecDeque;
use std::sync::Mutex as StdMutex;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::clock::ManualClock;
use crate::error::ErrorKind;
use crate::http::{Request, Response, TransportError};

/// Answers by script and writes the requests down; yields once, so that others get in between.
#[derive(Default)]
struct Endpoint {
    answers: StdMutex<VecDeque<(u16, String)>>,
    requests: StdMutex<Vec<Request>>,
}

impl Endpoint {
    fn answering(answers: impl IntoIterator<Item = (u16, Value)>) -> Arc<Self> {
        Arc::new(Self {
            answers: StdMutex::new(
                answers
                    .into_iter()
                    .map(|(status, body)| (status, body.to_string()))
                    .collect(),
            ),
            requests: StdMutex::default(),
        })
    }

    fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

#[async_trait]
impl Transport for Endpoint {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.requests.lock().unwrap().push(request);
        tokio::task::yield_now().await;
        let (status, body) = self.answers.lock().unwrap().pop_front().expect("one more answer");
        Ok(http::Response::builder()
            .status(status)
            .body(Bytes::from(body))
            .unwrap())
    }
}

fn fixture() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/https/auth-vectors.json"
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn clock() -> ManualClock {
    ManualClock::new("2026-11-20T12:00:00Z".parse().unwrap())
}

fn source(endpoint: &Arc<Endpoint>, clock: &ManualClock) -> TokenSource {
    source_of("leadsync", "s3cret", ClientAuth::Basic, endpoint, clock)
}

fn source_of(
    id: &str,
    secret: &str,
    auth: ClientAuth,
    endpoint: &Arc<Endpoint>,
    clock: &ManualClock,
) -> TokenSource {
    let credentials = ClientCredentials {
        token_url: "https://login.example/token?tenant=x".into(),
        client_id: id.into(),
        client_secret: Secret::new(secret),
        scopes: vec!["leads.write".into()],
        extra: std::collections::BTreeMap::new(),
        auth,
    };
    TokenSource::new(credentials, endpoint.clone(), Arc::new(clock.clone())).unwrap()
}

fn token(text: &str, life: i64) -> (u16, Value) {
    (
        200,
        json!({ "access_token": text, "token_type": "Bearer", "expires_in": life }),
    )
}

#[tokio::test]
async fn the_secret_travels_in_each_of_the_three_ways_exactly_as_the_vectors_say() {
    for vector in fixture()["oauth2_client_credentials"].as_array().unwrap() {
        let text = |key: &str| vector[key].as_str().unwrap();
        for (auth, header, body) in [
            (
                ClientAuth::Basic,
                Some("authorization_client_secret_basic"),
                "body_basic",
            ),
            (
                ClientAuth::BasicRaw,
                Some("authorization_raw_variant_some_servers_expect"),
                "body_basic",
            ),
            (ClientAuth::Post, None, "body_post"),
        ] {
            let endpoint = Endpoint::answering([token("t", 3600)]);
            let source = source_of(
                text("client_id"),
                text("client_secret"),
                auth,
                &endpoint,
                &clock(),
            );
            source.bearer().await.unwrap();
            let requests = endpoint.requests.lock().unwrap();
            let sent = requests[0]
                .headers()
                .get("authorization")
                .map(|value| value.to_str().unwrap());
            assert_eq!(sent, header.map(text), "{auth:?}");
            assert_eq!(requests[0].body(), text(body), "{auth:?}");
        }
    }
}

#[tokio::test]
async fn every_published_form_of_a_token_answer_is_understood() {
    let vectors = fixture();
    let mut answers = vectors["token_response_variants"].as_array().unwrap().clone();
    answers.push(vectors["token_response_200"].clone());
    answers.push(json!({ "access_token": "t", "token_type": "BEARER", "expires_in": 3599.0 }));
    answers.push(json!({ "access_token": "t", "token_type": "bearer", "expires_in": "soon" }));
    answers.push(json!({ "access_token": "t", "token_type": "bearer", "expires_in": null }));
    answers.push(json!({ "access_token": "t", "token_type": "bearer", "expires_in": -1 }));
    for answer in answers {
        let endpoint = Endpoint::answering([(200, answer.clone())]);
        let bearer = source(&endpoint, &clock()).bearer().await.unwrap();
        assert_eq!(bearer.expose(), answer["access_token"]);
    }
}

#[tokio::test]
async fn a_token_is_kept_until_a_minute_before_its_end() {
    let (clock, endpoint) = (
        clock(),
        Endpoint::answering([token("one", 3600), token("two", 3600)]),
    );
    let source = source(&endpoint, &clock);
    assert_eq!(source.bearer().await.unwrap().expose(), "one");
    clock.advance(TimeDelta::seconds(3539));
    assert_eq!(source.bearer().await.unwrap().expose(), "one");
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(source.bearer().await.unwrap().expose(), "two");
}

#[tokio::test]
async fn a_short_lived_token_is_kept_for_half_its_life_and_an_endless_one_for_minutes() {
    for (answer, kept) in [(json!(90), 45), (json!("100"), 50), (Value::Null, 240)] {
        let body = json!({ "access_token": "t", "token_type": "bearer", "expires_in": answer });
        let (clock, endpoint) = (clock(), Endpoint::answering([(200, body.clone()), (200, body)]));
        let source = source(&endpoint, &clock);
        source.bearer().await.unwrap();
        clock.advance(TimeDelta::seconds(kept - 1));
        source.bearer().await.unwrap();
        assert_eq!(endpoint.count(), 1, "{answer}");
        clock.advance(TimeDelta::seconds(1));
        source.bearer().await.unwrap();
        assert_eq!(endpoint.count(), 2, "{answer}");
    }
}

#[tokio::test]
async fn a_token_that_expires_at_once_serves_its_call_and_is_not_kept() {
    let (clock, endpoint) = (clock(), Endpoint::answering([token("one", 0), token("two", 0)]));
    let source = source(&endpoint, &clock);
    assert_eq!(source.bearer().await.unwrap().expose(), "one");
    assert_eq!(source.bearer().await.unwrap().expose(), "two");
}

#[tokio::test]
async fn a_hundred_who_ask_at_once_cost_one_fetch() {
    let (clock, endpoint) = (clock(), Endpoint::answering([token("one", 3600)]));
    let source = source(&endpoint, &clock);
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let source = source.clone();
        asking.spawn(async move { source.bearer().await.map(|secret| secret.expose().to_owned()) });
    }
    for answer in asking.join_all().await {
        assert_eq!(answer.unwrap(), "one");
    }
    assert_eq!(endpoint.count(), 1);
}

#[tokio::test]
async fn a_hundred_who_ask_at_once_share_one_refusal_too() {
    let refused = (400, json!({ "error": "invalid_client" }));
    let (clock, endpoint) = (clock(), Endpoint::answering([refused, token("later", 3600)]));
    let source = source(&endpoint, &clock);
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let source = source.clone();
        asking.spawn(async move { source.bearer().await });
    }
    for answer in asking.join_all().await {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Unauthorized);
    }
    assert_eq!(endpoint.count(), 1);
    assert_eq!(source.bearer().await.unwrap().expose(), "later");
}

#[tokio::test]
async fn many_who_were_refused_with_the_same_token_cause_one_new_fetch() {
    let (clock, endpoint) = (
        clock(),
        Endpoint::answering([token("one", 3600), token("two", 3600)]),
    );
    let source = source(&endpoint, &clock);
    let old = source.bearer().await.unwrap();
    for _ in 0..10 {
        source.invalidate(&old).await;
        assert_eq!(source.bearer().await.unwrap().expose(), "two");
    }
    assert_eq!(endpoint.count(), 2);
}

#[tokio::test]
async fn each_refusal_of_the_token_endpoint_names_who_has_to_change() {
    let error = |code: &str| json!({ "error": code });
    for (status, body, kind) in [
        (400, fixture()["token_error_400"].clone(), ErrorKind::Unauthorized),
        (401, json!("no"), ErrorKind::Unauthorized),
        (400, error("invalid_grant"), ErrorKind::Unauthorized),
        (400, error("unauthorized_client"), ErrorKind::Unauthorized),
        (400, error("invalid_scope"), ErrorKind::Unauthorized),
        (400, error("unsupported_grant_type"), ErrorKind::Misconfigured),
        (404, json!("no"), ErrorKind::Misconfigured),
        (302, json!(""), ErrorKind::Misconfigured),
        (200, json!("<html>"), ErrorKind::Misconfigured),
        (429, json!(""), ErrorKind::Throttled),
        (503, json!(""), ErrorKind::Throttled),
        (500, json!(""), ErrorKind::Unreachable),
        (502, json!(""), ErrorKind::Unreachable),
    ] {
        let endpoint = Endpoint::answering([(status, body)]);
        let refused = source(&endpoint, &clock()).bearer().await.unwrap_err();
        assert_eq!(refused.kind(), kind, "{status} {refused}");
        assert!(!refused.to_string().contains("tenant"), "{refused}");
    }
}

#[tokio::test]
async fn no_token_and_no_secret_shows_in_any_error() {
    for body in [
        json!({ "access_token": "canary-token", "expires_in": 3599 }),
        json!({ "access_token": "canary-token", "token_type": 7 }),
    ] {
        let endpoint = Endpoint::answering([(200, body)]);
        let refused = source(&endpoint, &clock()).bearer().await.unwrap_err();
        assert!(
            !format!("{refused:?} {refused}").contains("canary"),
            "{refused:?}"
        );
    }
    let echo = json!({ "error": "invalid_client", "error_description": "client_secret=s3cret is wrong" });
    let endpoint = Endpoint::answering([(401, echo)]);
    let refused = source(&endpoint, &clock()).bearer().await.unwrap_err();
    assert!(!format!("{refused:?}").contains("s3cret"), "{refused:?}");
}
