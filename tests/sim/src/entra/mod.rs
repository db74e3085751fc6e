//! The token endpoint of Microsoft Entra, with secrets and certificates (contract dynamics365 3).
//!
//! One tenant; it signs nothing and encrypts nothing, but checks what it is shown: secrets by their
//! expiry, assertions by their signature.

mod assertion;
mod control;
mod discovery;
mod refusal;
mod token;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::faults::Faults;
use crate::webhook::UnixClock;

use assertion::Certificate;
use refusal::Refusal;

/// How long a token lives unless told otherwise, in seconds.
const LIFETIME: i64 = 3599;

/// The authority. Clones are the same authority.
#[derive(Clone)]
pub struct Entra {
    clock: UnixClock,
    book: Arc<Mutex<Book>>,
    /// What goes wrong with requests.
    pub faults: Faults,
}

struct Book {
    origin: String,
    tenant: String,
    domain: String,
    apps: BTreeMap<String, App>,
    resources: Vec<String>,
    lifetime: i64,
    expires_in: Option<Value>,
    issued: Vec<Issued>,
    requests: Vec<Asked>,
}

#[derive(Default)]
struct App {
    secrets: Vec<Secret>,
    certificates: Vec<Certificate>,
}

struct Secret {
    value: String,
    until: Option<i64>,
}

struct Issued {
    token: String,
    app: String,
    resource: String,
    until: i64,
    revoked: bool,
}

/// One request for a token.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The path it came to.
    pub path: String,
    /// The form, decoded, in order.
    pub form: Vec<(String, String)>,
    /// The status it was answered with.
    pub status: u16,
}

impl Asked {
    /// A member of the form.
    pub fn member(&self, name: &str) -> Option<&str> {
        member(&self.form, name)
    }
}

impl Entra {
    /// An authority with one tenant, known by its id and its domain; no applications yet.
    pub fn new(tenant: &str, domain: &str, clock: UnixClock) -> Self {
        Self {
            clock,
            book: Arc::new(Mutex::new(Book {
                origin: "https://login.microsoftonline.com".to_owned(),
                tenant: tenant.to_owned(),
                domain: domain.to_owned(),
                apps: BTreeMap::new(),
                resources: Vec::new(),
                lifetime: LIFETIME,
                expires_in: None,
                issued: Vec::new(),
                requests: Vec::new(),
            })),
            faults: Faults::default(),
        }
    }

    /// Its routes.
    pub fn router(&self) -> Router {
        let routes = Router::new().fallback(receive).with_state(self.clone());
        self.faults.wrap(routes)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, method: &Method, path: &str, query: &str, form: Vec<(String, String)>) -> Response {
        let now = (self.clock)();
        let mut book = self.book();
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (method, segments.as_slice()) {
            (&Method::POST, [tenant, "oauth2", "v2.0", "token"]) => {
                let tenant = decode(tenant);
                let answer = book.grant(&tenant, &form, now);
                let status = answer.as_ref().map_or_else(|refusal| refusal.status, |_| 200);
                book.requests.push(Asked {
                    path: path.to_owned(),
                    form,
                    status,
                });
                answer.map_or_else(
                    |refusal| refusal.response(now),
                    |body| refusal::json(StatusCode::OK, &body),
                )
            }
            (&Method::GET, [tenant, "v2.0", ".well-known", "openid-configuration"]) => {
                match book.knows_tenant(&decode(tenant)) {
                    Ok(()) => refusal::json(StatusCode::OK, &discovery::openid(&book.origin, tenant)),
                    Err(refusal) => refusal.response(now),
                }
            }
            (&Method::GET, ["common", "discovery", "instance"]) => discovery::instance(&book.origin, query)
                .map_or_else(
                    |refusal| refusal.response(now),
                    |body| refusal::json(StatusCode::OK, &body),
                ),
            (_, [_, "oauth2", "v2.0", "token"]) => refusal::empty(StatusCode::METHOD_NOT_ALLOWED),
            _ => refusal::empty(StatusCode::NOT_FOUND),
        }
    }
}

impl Book {
    fn knows_tenant(&self, tenant: &str) -> Result<(), Refusal> {
        if tenant.eq_ignore_ascii_case(&self.tenant) || tenant.eq_ignore_ascii_case(&self.domain) {
            return Ok(());
        }
        Err(Refusal::tenant(tenant))
    }
}

async fn receive(State(entra): State<Entra>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    let kind = head
        .headers
        .get("content-type")
        .and_then(|kind| kind.to_str().ok());
    let is_form = kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if head.method == Method::POST && !is_form {
        return Refusal::media_type().response((entra.clock)());
    }
    let form = read_form(&String::from_utf8_lossy(&body));
    entra.answer(
        &head.method,
        head.uri.path(),
        head.uri.query().unwrap_or_default(),
        form,
    )
}

fn read_form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn member<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}
