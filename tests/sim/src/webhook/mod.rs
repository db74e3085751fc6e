//! A receiver of leads over HTTPS, strict and forgetful of nothing (contract https-endpoint 11).
//!
//! It writes down every request, checks its form and signature with an implementation of its own,
//! keeps the leads it was told of, and answers by script.

pub mod answer;
pub mod ledger;
pub mod signature;
pub mod strict;
pub mod token;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

pub use answer::Answer;
pub use ledger::{Held, Ledger, Recorded};
pub use strict::Rules;
pub use token::TokenEndpoint;

/// Larger requests are nothing a lead would need.
const LARGEST_REQUEST: usize = 8 << 20;

/// Tells the receiver's time, in Unix seconds.
pub type UnixClock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The receiver. Clones are the same receiver.
#[derive(Clone)]
pub struct Webhook {
    rules: Arc<Rules>,
    clock: UnixClock,
    state: Arc<Mutex<Ledger>>,
    script: Arc<Mutex<answer::Script>>,
    tokens: Option<TokenEndpoint>,
}

impl Webhook {
    /// A receiver with these rules and this clock.
    pub fn new(rules: Rules, clock: UnixClock) -> Self {
        Self {
            rules: Arc::new(rules),
            clock,
            state: Arc::default(),
            script: Arc::default(),
            tokens: None,
        }
    }

    /// Takes only requests with a bearer token this endpoint issued and that still lives.
    #[must_use]
    pub fn guarded_by(mut self, tokens: TokenEndpoint) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// The next requests get these answers, one each; then the usual one again.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.script().next.extend(answers);
    }

    /// Every request without an answer of its own gets this one; `None` is the usual one.
    pub fn answer_always(&self, answer: Option<Answer>) {
        self.script().always = answer;
    }

    /// A request that contains this text is refused as a whole with 400.
    pub fn refuse_containing(&self, text: impl Into<String>) {
        self.script().poison.push(text.into());
    }

    /// Every request, in the order of arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        self.ledger().requests.clone()
    }

    /// How many requests came.
    pub fn count(&self) -> usize {
        self.ledger().requests.len()
    }

    /// What was wrong with requests, in the order of arrival. Empty for a good sender.
    pub fn complaints(&self) -> Vec<String> {
        self.ledger().complaints.clone()
    }

    /// The leads it holds, by id.
    pub fn leads(&self) -> Vec<Held> {
        self.ledger().leads.values().cloned().collect()
    }

    /// How many different leads it holds.
    pub fn lead_count(&self) -> usize {
        self.ledger().leads.len()
    }

    /// Its routes: a `POST` to any path is a delivery.
    pub fn router(&self) -> Router {
        Router::new().fallback(receive).with_state(self.clone())
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn script(&self) -> std::sync::MutexGuard<'_, answer::Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, request: &Recorded) -> Response {
        let form = strict::check(&self.rules, request, &self.ledger(), (self.clock)());
        let mut ledger = self.ledger();
        ledger.remember(request);
        if let Err((status, text)) = form {
            ledger.complaints.push(text.clone());
            return answer::plain(StatusCode::from_u16(status).unwrap_or_default(), text);
        }
        if !self.admits(request) {
            return answer::plain(StatusCode::UNAUTHORIZED, "no valid token".to_owned());
        }
        let answer = self.script().take(&request.body);
        let answer = answer.unwrap_or_else(|| Answer::taken(&usual_body(&request.body)));
        if answer.applies {
            ledger.keep(request);
        }
        answer.into_response()
    }

    fn admits(&self, request: &Recorded) -> bool {
        let authorization = request.header("authorization").unwrap_or_default();
        self.tokens
            .as_ref()
            .is_none_or(|tokens| tokens.is_valid(authorization.strip_prefix("Bearer ").unwrap_or_default()))
    }
}

/// What a helpful receiver answers: the id of its own record.
fn usual_body(body: &[u8]) -> Value {
    let lead = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|sent| ledger::lead_id(&sent).map(str::to_owned));
    match lead {
        Some(lead) => json!({ "success": true, "id": format!("record-{lead}") }),
        None => json!({ "success": true }),
    }
}

async fn receive(State(webhook): State<Webhook>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_REQUEST)
        .await
        .unwrap_or_else(|_| Bytes::new());
    if head.method == http::Method::OPTIONS {
        return answer::plain(StatusCode::NO_CONTENT, String::new());
    }
    answer::send(webhook.handle(&Recorded::new(&head, body))).await
}
