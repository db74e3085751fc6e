//! How it answers: an envelope, nearly always with HTTP 200 (contract marketo A3).

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value, json};

/// Why a whole call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Inside an envelope, with HTTP 200.
    Code(String, String),
    /// By the gateway before it, as a page.
    Page(u16),
}

impl Trouble {
    pub(super) fn new(code: &str) -> Self {
        Self::Code(code.to_owned(), message(code).to_owned())
    }

    pub(super) fn saying(code: &str, text: impl Into<String>) -> Self {
        Self::Code(code.to_owned(), text.into())
    }
}

/// The members of a good answer beside `requestId` and `success`.
pub(super) type Members = Map<String, Value>;

/// A good answer that holds only a result.
pub(super) fn result(records: Vec<Value>) -> Members {
    let mut members = Map::new();
    members.insert("result".into(), records.into());
    members
}

/// The answer on the wire.
pub(super) fn envelope(number: u64, outcome: Result<Members, Trouble>) -> Response {
    let mut body = Map::new();
    body.insert("requestId".into(), format!("e42b#19aa{number:07x}").into());
    match outcome {
        Ok(members) => {
            body.insert("success".into(), true.into());
            body.extend(members);
        }
        Err(Trouble::Code(code, text)) => {
            body.insert("success".into(), false.into());
            body.insert("errors".into(), json!([{ "code": code, "message": text }]));
        }
        Err(Trouble::Page(status)) => return page(status),
    }
    reply(
        200,
        "application/json;charset=UTF-8",
        Value::Object(body).to_string(),
    )
}

/// What a gateway says.
pub(super) fn page(status: u16) -> Response {
    reply(
        status,
        "text/html",
        format!("<html><body><h1>{status}</h1></body></html>"),
    )
}

pub(super) fn reply(status: u16, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Codes that do not count against the daily quota.
pub(super) const UNCOUNTED: [&str; 6] = ["601", "602", "604", "605", "608", "611"];

/// What it says beside a code.
pub(super) fn message(code: &str) -> &'static str {
    match code {
        "500" => "Internal server error",
        "502" => "Bad Gateway",
        "601" => "Access token invalid",
        "602" => "Access token expired",
        "603" => "Access denied",
        "604" => "Request timed out",
        "605" => "HTTP Method not supported",
        "606" => "Max rate limit '100' exceeded with in '20' secs",
        "607" => "Daily API Request Limit Reached",
        "608" => "API Temporarily Unavailable",
        "609" => "Invalid JSON",
        "610" => "Requested resource not found",
        "611" => "System error",
        "612" => "Invalid Content Type",
        "613" => "Invalid Multipart Request",
        "614" => "Invalid Subscription",
        "615" => "Concurrent access limit reached",
        "701" => "Field cannot be blank",
        "702" => "No data found for a given search scenario",
        "703" => "The feature is not enabled for the subscription",
        "704" => "Invalid date format",
        "709" => "Business Rule Violation",
        "713" => "Transient Error",
        "719" => "Lock wait timeout exception",
        "1001" => "Invalid value",
        "1002" => "Missing value for required parameter",
        "1003" => "Invalid data",
        "1004" => "Lead not found",
        "1005" => "Lead already exists",
        "1006" => "Field not found",
        "1007" => "Multiple leads match lookup criteria",
        "1008" => "Access to the partition is denied",
        "1009" => "Partition name must be specified",
        "1010" => "Partition update not allowed",
        "1011" => "Field not supported",
        "1016" => "Too many imports",
        "1018" => "CRM enabled",
        "1021" => "Company update not allowed",
        "1036" => "Duplicate object found in input",
        _ => "Refused",
    }
}
