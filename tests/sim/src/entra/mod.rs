//! Microsoft Entra: tokens for applications (contract dynamics365 3) and for users who signed in
//! (contract partner-center 2).
//!
//! One tenant; it signs nothing and encrypts nothing, but checks what it is shown: secrets by their
//! expiry, assertions by their signature, codes and refresh tokens by what they were given for.

mod assertion;
mod authorize;
mod bearer;
mod control;
mod delegated;
mod device;
mod discovery;
mod people;
mod refresh;
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

pub use bearer::Bearer;
pub use refresh::Rotation;

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
    people: people::People,
    codes: Vec<authorize::Code>,
    devices: device::Devices,
    refresh: refresh::Refreshing,
    requests: Vec<Asked>,
}

#[derive(Default)]
struct App {
    secrets: Vec<Secret>,
    certificates: Vec<Certificate>,
    /// It lives where nothing can be kept secret, such as a person's machine.
    public: bool,
    redirects: Vec<String>,
}

struct Secret {
    value: String,
    until: Option<i64>,
}

struct Issued {
    token: String,
    app: String,
    /// Who signed in; nobody did for the application itself.
    user: Option<String>,
    resource: String,
    until: i64,
    revoked: bool,
}

/// Which of the two generations of endpoints was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    /// `/oauth2/token`: names a `resource`, writes numbers as text.
    V1,
    /// `/oauth2/v2.0/token`: names a `scope`, writes numbers.
    V2,
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
                people: people::People::default(),
                codes: Vec::new(),
                devices: device::Devices::default(),
                refresh: refresh::Refreshing::default(),
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
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (tenant, rest) = segments
            .split_first()
            .map_or(("", &[][..]), |(tenant, rest)| (*tenant, rest));
        let tenant = decode(tenant);
        let answer = match (method, rest) {
            (&Method::POST, ["oauth2", "v2.0", "token"]) => {
                return self.exchange(Version::V2, path, &tenant, form, now);
            }
            (&Method::POST, ["oauth2", "token"]) => {
                return self.exchange(Version::V1, path, &tenant, form, now);
            }
            (&Method::GET, ["oauth2", "v2.0", "authorize"]) => {
                return self.book().authorize(Version::V2, &tenant, query, now);
            }
            (&Method::GET, ["oauth2", "authorize"]) => {
                return self.book().authorize(Version::V1, &tenant, query, now);
            }
            (&Method::POST, ["oauth2", "v2.0", "devicecode"]) => {
                self.book().device_code(Version::V2, &tenant, &form, now)
            }
            (&Method::POST, ["oauth2", "devicecode"]) => {
                self.book().device_code(Version::V1, &tenant, &form, now)
            }
            (&Method::GET, ["v2.0", ".well-known", "openid-configuration"]) => {
                let book = self.book();
                let known = book.knows_tenant_or_any(&tenant);
                known.map(|()| discovery::openid(&book.origin, &tenant))
            }
            (&Method::GET, ["discovery", "instance"]) if tenant == "common" => {
                discovery::instance(&self.book().origin, query)
            }
            (_, ["oauth2", "v2.0", "token" | "devicecode"] | ["oauth2", "token" | "devicecode"]) => {
                return refusal::empty(StatusCode::METHOD_NOT_ALLOWED);
            }
            _ => return refusal::empty(StatusCode::NOT_FOUND),
        };
        answer.map_or_else(
            |refusal| refusal.response(now),
            |body| refusal::json(StatusCode::OK, &body),
        )
    }

    fn exchange(
        &self,
        version: Version,
        path: &str,
        tenant: &str,
        form: Vec<(String, String)>,
        now: i64,
    ) -> Response {
        let mut book = self.book();
        let answer = book.grant(version, tenant, &form, now);
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
}

impl Book {
    fn knows_tenant(&self, tenant: &str) -> Result<(), Refusal> {
        if tenant.eq_ignore_ascii_case(&self.tenant) || tenant.eq_ignore_ascii_case(&self.domain) {
            return Ok(());
        }
        Err(Refusal::tenant(tenant))
    }

    /// Users are told apart by their name, so they may come to a door that names no tenant.
    fn knows_tenant_or_any(&self, tenant: &str) -> Result<(), Refusal> {
        match tenant {
            "common" | "organizations" => Ok(()),
            _ => self.knows_tenant(tenant),
        }
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
