//! Faults on demand, for any router: the network's and the server's, at the request they are wanted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::CONTENT_LENGTH;
use http::{HeaderName, HeaderValue, StatusCode};
use tower::ServiceExt;

use crate::serve::HangUp;

mod bad_body;
#[cfg(test)]
mod tests;

use bad_body::{BadBody, Then};

/// Between two bytes of a slow body.
const DRIP: Duration = Duration::from_secs(1);

/// What goes wrong with one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing is done; this is the answer.
    Answer {
        /// The status code.
        status: u16,
        /// The headers.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: String,
    },
    /// Nothing is done; some machine in front answers this status and a page for people.
    HtmlPage(u16),
    /// Nothing is done, and the connection closes.
    CutBefore,
    /// The request is done; half of the answer comes, then the connection closes.
    CutDuring,
    /// The request is done, and the connection closes without an answer.
    CutAfter,
    /// The request is done and never answered.
    Stall,
    /// The request is done; the answer comes a byte a second.
    SlowBody,
}

impl Fault {
    /// An answer without headers or body.
    pub fn status(status: u16) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// An answer with a JSON body.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::Answer {
            status,
            headers: vec![("content-type", "application/json;charset=UTF-8".to_owned())],
            body: body.to_string(),
        }
    }
}

/// The faults to come, and how many requests have come. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    requests: u64,
    next: VecDeque<Fault>,
    at: BTreeMap<u64, Fault>,
    paths: Vec<(String, usize, Fault)>,
}

impl Faults {
    /// Adds a fault to the queue; each request without a fault of its own takes one.
    pub fn next(&self, fault: Fault) {
        self.script().next.push_back(fault);
    }

    /// The `n`-th request of all, counted from 1, gets this fault, whatever is queued.
    pub fn on_request(&self, n: u64, fault: Fault) {
        self.script().at.insert(n, fault);
    }

    /// So many requests whose path or query contains `path_part` get this fault, before the queue is asked.
    pub fn when(&self, path_part: &str, times: usize, fault: Fault) {
        self.script().paths.push((path_part.to_owned(), times, fault));
    }

    /// Forgets the faults that have not happened yet.
    pub fn clear(&self) {
        let mut script = self.script();
        *script = Script {
            requests: script.requests,
            ..Script::default()
        };
    }

    /// How many requests came, faulty ones included.
    pub fn requests(&self) -> u64 {
        self.script().requests
    }

    /// The same routes, with these faults in front.
    pub fn wrap(&self, router: Router) -> Router {
        Router::new().fallback(pass).with_state((self.clone(), router))
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Script {
    fn take(&mut self, path: &str) -> Option<Fault> {
        self.requests += 1;
        if let Some(fault) = self.at.remove(&self.requests) {
            return Some(fault);
        }
        let here = self
            .paths
            .iter_mut()
            .find(|(part, left, _)| *left > 0 && path.contains(part.as_str()));
        if let Some((_, left, fault)) = here {
            *left -= 1;
            return Some(fault.clone());
        }
        self.next.pop_front()
    }
}

async fn pass(State((faults, router)): State<(Faults, Router)>, request: Request) -> Response {
    let path = request
        .uri()
        .path_and_query()
        .map_or("", |path| path.as_str())
        .to_owned();
    let fault = faults.script().take(&path);
    match fault {
        None => done(router, request).await,
        Some(Fault::Answer {
            status,
            headers,
            body,
        }) => answer(status, &headers, body),
        Some(Fault::HtmlPage(status)) => page(status),
        Some(Fault::CutBefore) => hang_up(),
        Some(Fault::CutAfter) => {
            done(router, request).await;
            hang_up()
        }
        Some(Fault::Stall) => {
            done(router, request).await;
            std::future::pending().await
        }
        Some(Fault::CutDuring) => spoil(done(router, request).await, Then::Cut).await,
        Some(Fault::SlowBody) => spoil(done(router, request).await, Then::Drip(DRIP)).await,
    }
}

async fn done(router: Router, request: Request) -> Response {
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn answer(status: u16, headers: &[(&'static str, String)], body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response
                .headers_mut()
                .append(HeaderName::from_static(name), value);
        }
    }
    response
}

fn page(status: u16) -> Response {
    let headers = [("content-type", "text/html; charset=UTF-8".to_owned())];
    let body = "<!DOCTYPE html><html><head><title>Down for maintenance</title></head>\
                <body><h1>We will be back soon.</h1></body></html>";
    answer(status, &headers, body.to_owned())
}

/// No answer: a server on a socket closes the connection, a caller in process finds a broken body.
fn hang_up() -> Response {
    let mut response = Response::new(Body::new(BadBody::new(bytes::Bytes::new(), Then::Cut)));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.extensions_mut().insert(HangUp);
    response
}

/// The same head, announcing the whole body, and a body that does not keep the promise.
async fn spoil(response: Response, then: Then) -> Response {
    let (mut head, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    match then {
        Then::Cut if whole.is_empty() => return hang_up(),
        Then::Drip(_) if whole.is_empty() => return Response::from_parts(head, Body::empty()),
        Then::Cut | Then::Drip(_) => {}
    }
    head.headers
        .insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    Response::from_parts(head, Body::new(BadBody::new(whole, then)))
}
