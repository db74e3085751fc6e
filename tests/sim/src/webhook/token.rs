//! An OAuth2 token endpoint for client credentials (RFC 6749, 4.4): short lives, exact counts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::UnixClock;
use super::answer::{self, Answer};

/// Issues tokens `token-1`, `token-2` and so on. Clones are the same endpoint.
#[derive(Clone)]
pub struct TokenEndpoint {
    clock: UnixClock,
    client: Arc<(String, String)>,
    state: Arc<Mutex<Book>>,
}

#[derive(Default)]
struct Book {
    lifetime: i64,
    expires_in: Option<Value>,
    issued: Vec<(String, i64)>,
    requests: Vec<Seen>,
    script: VecDeque<Answer>,
    revoked: usize,
}

/// One request for a token.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The form, as sent.
    pub body: String,
}

impl TokenEndpoint {
    /// Knows one client; its tokens live `lifetime` seconds.
    pub fn new(client_id: &str, client_secret: &str, lifetime: i64, clock: UnixClock) -> Self {
        Self {
            clock,
            client: Arc::new((client_id.to_owned(), client_secret.to_owned())),
            state: Arc::new(Mutex::new(Book {
                lifetime,
                ..Book::default()
            })),
        }
    }

    /// What to write as `expires_in`, instead of the lifetime; null leaves it out.
    pub fn say_expires_in(&self, value: Value) {
        self.lock().expires_in = Some(value);
    }

    /// The next requests get these answers instead of a token.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.lock().script.extend(answers);
    }

    /// Forgets all tokens it ever issued.
    pub fn revoke_all(&self) {
        let mut state = self.lock();
        state.revoked = state.issued.len();
    }

    /// How many requests came.
    pub fn fetches(&self) -> usize {
        self.lock().requests.len()
    }

    /// Every request.
    pub fn requests(&self) -> Vec<Seen> {
        self.lock().requests.clone()
    }

    /// Whether it issued this token and it still lives.
    pub fn is_valid(&self, token: &str) -> bool {
        let now = (self.clock)();
        let state = self.lock();
        state.issued[state.revoked..]
            .iter()
            .any(|(issued, until)| issued == token && now < *until)
    }

    /// Its routes: `POST` to any path.
    pub fn router(&self) -> Router {
        Router::new().fallback(token).with_state(self.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Book> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, seen: Seen) -> Response {
        let now = (self.clock)();
        let known = self.knows(&seen);
        let grant = field(&seen.body, "grant_type").as_deref() == Some("client_credentials");
        let mut state = self.lock();
        state.requests.push(seen);
        if let Some(answer) = state.script.pop_front() {
            return answer.into_response();
        }
        if !known || !grant {
            return Answer::status(401)
                .header("content-type", "application/json")
                .body(
                    json!({ "error": "invalid_client", "error_description": "Client authentication failed" })
                        .to_string(),
                )
                .into_response();
        }
        let token = format!("token-{}", state.issued.len() + 1);
        let until = now + state.lifetime;
        state.issued.push((token.clone(), until));
        let mut body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": state.lifetime });
        match &state.expires_in {
            Some(Value::Null) => body["expires_in"].take(),
            Some(other) => std::mem::replace(&mut body["expires_in"], other.clone()),
            None => Value::Null,
        };
        if body["expires_in"].is_null() {
            body = json!({ "access_token": token, "token_type": "bearer" });
        }
        Answer::taken(&body)
            .header("content-type", "application/json")
            .into_response()
    }

    /// Basic with both parts form-urlencoded, or both parts in the form; never both ways at once.
    fn knows(&self, seen: &Seen) -> bool {
        let posted = field(&seen.body, "client_id").zip(field(&seen.body, "client_secret"));
        let basic = seen.authorization.as_deref().and_then(|header| {
            let decoded = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
            let (id, secret) = std::str::from_utf8(&decoded)
                .ok()?
                .split_once(':')
                .map(|(a, b)| (decode(a), decode(b)))?;
            Some((id, secret))
        });
        match (posted, basic) {
            (Some(given), None) | (None, Some(given)) => given == *self.client,
            _ => false,
        }
    }
}

fn field(form: &str, name: &str) -> Option<String> {
    let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(key, _)| *key == name)
        .map(|(_, value)| decode(value))
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

async fn token(State(endpoint): State<TokenEndpoint>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    if head.method != http::Method::POST {
        return answer::plain(StatusCode::METHOD_NOT_ALLOWED, String::new());
    }
    let body = to_bytes(body, 64 * 1024).await.unwrap_or_default();
    let authorization = head
        .headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    endpoint.handle(Seen {
        authorization: authorization.map(str::to_owned),
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
