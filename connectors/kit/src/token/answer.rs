//! What a token endpoint answers when it does not answer by the book.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use http::StatusCode;
use serde_json::Value;

use crate::error::{ConnectorError, ErrorKind};
use crate::http::{Clean, Response, redact, retry_after};

/// Who has to change when there is no token. Pure.
pub(super) fn refusal(response: &Response, host: &str, secret: &str, now: DateTime<Utc>) -> ConnectorError {
    let status = response.status();
    let code = serde_json::from_slice::<Value>(response.body())
        .ok()
        .and_then(|body| Some(body.get("error")?.as_str()?.to_owned()))
        .unwrap_or_default();
    let doing = format!("fetch a token from {host}: {} {}", status.as_u16(), Clean(&code));
    let error = ConnectorError::new(kind(status, &code), doing.trim_end().to_owned())
        .retry_after(retry_after::of(response.headers(), now));
    match error.kind() {
        ErrorKind::Unauthorized => error
            .answer(redact::answer(response.body(), [secret]))
            .hint("renew the client secret or its permissions, then release"),
        ErrorKind::Misconfigured => error
            .answer(redact::answer(response.body(), [secret]))
            .strikes(3)
            .hint("correct token_url or the token parameters, then release"),
        _ => error,
    }
}

fn kind(status: StatusCode, code: &str) -> ErrorKind {
    match (status.as_u16(), code) {
        (429 | 503, _) | (_, "slow_down") => ErrorKind::Throttled,
        // The delivery is not at fault when the token endpoint breaks: hold, do not count.
        (408 | 500 | 502 | 504.., _) | (_, "temporarily_unavailable" | "server_error") => {
            ErrorKind::Unreachable
        }
        (401 | 403, _)
        | (
            _,
            "invalid_client" | "invalid_grant" | "unauthorized_client" | "invalid_scope" | "access_denied",
        ) => ErrorKind::Unauthorized,
        _ => ErrorKind::Misconfigured,
    }
}

/// The token answer with `expires_in` as a number, or without it when it is nothing of the kind;
/// none when it is fine as it is.
pub(super) fn with_readable_life(body: &[u8]) -> Option<Vec<u8>> {
    let mut answer: Value = serde_json::from_slice(body).ok()?;
    let members = answer.as_object_mut()?;
    let seconds = match members.get("expires_in")? {
        Value::Number(number) if number.is_u64() => return None,
        Value::Number(number) => number
            .as_f64()
            .filter(|n| n.is_finite() && *n >= 0.0)
            .map(|n| format!("{n:.0}")),
        Value::String(text) => Some(text.trim().to_owned()),
        _ => None,
    };
    match seconds.and_then(|text| text.parse::<u64>().ok()) {
        Some(seconds) => members.insert("expires_in".into(), seconds.into()),
        None => members.remove("expires_in"),
    };
    serde_json::to_vec(&answer).ok()
}

/// What a token answer says in words beside its tokens.
pub(super) fn members(body: &[u8]) -> BTreeMap<String, String> {
    let answer: serde_json::Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    let said = answer.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) if !name.ends_with("_token") && name != "signature" => Some((name, text)),
        _ => None,
    });
    said.collect()
}
