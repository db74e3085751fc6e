//! How the authority says no: an OAuth error with an AADSTS number.

use axum::body::Body;
use axum::response::Response;
use chrono::DateTime;
use http::StatusCode;
use serde_json::{Value, json};

use super::Version;

mod delegated;

const TRACE: &str = "00000000-0000-0000-0000-000000000001";
const CORRELATION: &str = "00000000-0000-0000-0000-000000000002";

/// Nobody agreed that the application acts for the user.
const CONSENT: u32 = 65_001;

/// One refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) error: &'static str,
    number: u32,
    text: String,
    suberror: Option<&'static str>,
}

impl Refusal {
    fn new(status: u16, error: &'static str, number: u32, text: impl Into<String>) -> Self {
        Self {
            status,
            error,
            number,
            text: text.into(),
            suberror: None,
        }
    }

    fn because(self, suberror: &'static str) -> Self {
        Self {
            suberror: Some(suberror),
            ..self
        }
    }

    pub(super) fn tenant(tenant: &str) -> Self {
        let text = format!("Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.");
        Self::new(400, "invalid_request", 90_002, text)
    }

    pub(super) fn app(app: &str) -> Self {
        let text = format!("Application with identifier '{app}' was not found in the directory 'Contoso'.");
        Self::new(400, "unauthorized_client", 700_016, text)
    }

    pub(super) fn resource(resource: &str) -> Self {
        let text = format!("The resource principal named {resource} was not found in the tenant.");
        Self::new(400, "invalid_resource", 500_011, text)
    }

    pub(super) fn scope(scope: &str) -> Self {
        let text =
            format!("The provided value for scope {scope} is not valid; it needs the suffix /.default.");
        Self::new(400, "invalid_scope", 70_011, text)
    }

    pub(super) fn missing(member: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{member}'.");
        Self::new(400, "invalid_request", 900_144, text)
    }

    pub(super) fn credential() -> Self {
        let text = "The request body must contain 'client_assertion' or 'client_secret'.";
        Self::new(401, "invalid_client", 7_000_218, text)
    }

    pub(super) fn grant_type() -> Self {
        Self::new(
            400,
            "unsupported_grant_type",
            70_003,
            "The app requested an unsupported grant type.",
        )
    }

    pub(super) fn secret() -> Self {
        Self::new(
            401,
            "invalid_client",
            7_000_215,
            "Invalid client secret provided.",
        )
    }

    pub(super) fn secret_expired() -> Self {
        Self::new(
            401,
            "invalid_client",
            7_000_222,
            "The provided client secret keys are expired.",
        )
    }

    /// The assertion is no token, or lacks something.
    pub(super) fn assertion(text: &str) -> Self {
        Self::new(
            401,
            "invalid_client",
            50_027,
            format!("JWT token is invalid or malformed: {text}."),
        )
    }

    pub(super) fn signature() -> Self {
        Self::new(
            401,
            "invalid_client",
            700_027,
            "Client assertion failed signature validation.",
        )
    }

    pub(super) fn assertion_time() -> Self {
        Self::new(
            401,
            "invalid_client",
            700_024,
            "Client assertion is not within its valid time range.",
        )
    }

    pub(super) fn audience() -> Self {
        Self::new(
            401,
            "invalid_client",
            700_023,
            "Client assertion audience claim does not match Realm issuer.",
        )
    }

    pub(super) fn media_type() -> Self {
        let text = "The request must be of the type application/x-www-form-urlencoded.";
        Self::new(400, "invalid_request", 900_561, text)
    }

    /// The newer endpoint calls a missing consent a bad grant (contract partner-center 2.2).
    pub(super) fn said_by(self, version: Version) -> Self {
        match (version, self.number) {
            (Version::V2, CONSENT) => Self {
                error: "invalid_grant",
                ..self
            },
            _ => self,
        }
    }

    /// The text, as it is told to applications.
    pub(super) fn description(&self, now: i64) -> String {
        format!(
            "AADSTS{}: {} Trace ID: {TRACE} Correlation ID: {CORRELATION} Timestamp: {}",
            self.number,
            self.text,
            timestamp(now)
        )
    }

    pub(super) fn response(&self, now: i64) -> Response {
        let mut body = json!({
            "error": self.error,
            "error_description": self.description(now),
            "error_codes": [self.number],
            "timestamp": timestamp(now),
            "trace_id": TRACE,
            "correlation_id": CORRELATION,
        });
        if let Some(suberror) = self.suberror {
            body["suberror"] = suberror.into();
        }
        json(StatusCode::from_u16(self.status).unwrap_or_default(), &body)
    }
}

fn timestamp(now: i64) -> String {
    let at = DateTime::from_timestamp(now, 0).unwrap_or_default();
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let kind = http::HeaderValue::from_static("application/json; charset=utf-8");
    headers.insert(http::header::CONTENT_TYPE, kind);
    let caching = http::HeaderValue::from_static("no-store, no-cache");
    headers.insert(http::header::CACHE_CONTROL, caching);
    response
}

pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
