//! A system that repeats what it hears: each of its refusals quotes a whole request, the proof included.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use tower::ServiceExt;

/// Stands in front of a system, and is silent until it is told to repeat. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Parrot(Arc<Mood>);

#[derive(Default)]
struct Mood {
    /// The status it repeats with; 0 lets everything pass.
    status: AtomicU16,
    /// Lets pass what is about nobody.
    only_persons: AtomicBool,
    repeated: AtomicUsize,
}

impl Parrot {
    /// The same routes, with the parrot in front.
    pub(crate) fn over(&self, system: Router) -> Router {
        Router::new().fallback(hear).with_state((self.clone(), system))
    }

    /// From now on every request is answered with this status and its own words; 0: no more.
    pub(crate) fn repeat_with(&self, status: u16) {
        self.0.only_persons.store(false, Ordering::Relaxed);
        self.0.status.store(status, Ordering::Relaxed);
    }

    /// The same, of requests alone that name a person.
    pub(crate) fn repeat_persons_with(&self, status: u16) {
        self.0.only_persons.store(true, Ordering::Relaxed);
        self.0.status.store(status, Ordering::Relaxed);
    }

    /// How often it repeated something so far.
    pub(crate) fn repeated(&self) -> usize {
        self.0.repeated.load(Ordering::Relaxed)
    }
}

/// Stands in every address the tests give to a person who may not be named.
pub(crate) const PERSON: &str = "nightingale.mail";

async fn hear(State((parrot, system)): State<(Parrot, Router)>, request: Request) -> Response {
    let status = parrot.0.status.load(Ordering::Relaxed);
    if status == 0 {
        return system.oneshot(request).await.unwrap();
    }
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8_lossy(&body).into_owned();
    let is_about_somebody = text.contains(PERSON) || head.uri.to_string().contains(PERSON);
    if parrot.0.only_persons.load(Ordering::Relaxed) && !is_about_somebody {
        let whole = Request::from_parts(head, Body::from(body));
        return system.oneshot(whole).await.unwrap();
    }
    let words = format!(
        "{} {} {:?} {}",
        head.method,
        head.uri,
        head.headers.get("authorization"),
        text
    );
    let turn = parrot.0.repeated.fetch_add(1, Ordering::Relaxed);
    let answer = match turn % 3 {
        0 => json!([{ "message": words, "errorCode": words, "fields": [words] }]).to_string(),
        1 => json!({
            "error": { "code": words, "message": words, "innererror": { "message": words } },
            "error_description": words, "success": false, "message": words,
            "errors": [{ "code": "1006", "message": words }],
        })
        .to_string(),
        _ => words,
    };
    let mut response = Response::new(Body::from(answer));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
        .headers_mut()
        .insert("content-type", "application/json".parse().unwrap());
    response
}
