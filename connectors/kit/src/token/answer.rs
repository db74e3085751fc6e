//! What a token endpoint grants, also when it does not answer by the book.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use oauth2::TokenResponse;
use oauth2::basic::{BasicTokenResponse, BasicTokenType};
use serde_json::Value;

use super::Granted;
use crate::error::{ConnectorError, ErrorKind};
use crate::http::Code;
use crate::secret::Secret;

/// A life to assume when the answer names none.
const UNKNOWN_LIFE: TimeDelta = TimeDelta::minutes(5);

/// The token in the body of a 200.
pub(super) fn read(body: &[u8], host: &str) -> Result<Granted, ConnectorError> {
    let token: BasicTokenResponse = serde_json::from_slice(body).map_err(|_| unreadable(host))?;
    granted(&token, members(body), host)
}

/// The same, with the token that lasts, where one came along.
pub(super) fn read_lasting(body: &[u8], host: &str) -> Result<(Granted, Option<Secret>), ConnectorError> {
    let readable = with_readable_life(body);
    let body = readable.as_deref().unwrap_or(body);
    let token: BasicTokenResponse = serde_json::from_slice(body).map_err(|_| unreadable(host))?;
    let lasting = token
        .refresh_token()
        .map(|token| Secret::new(token.secret().clone()))
        .filter(|token| !token.expose().is_empty());
    Ok((granted(&token, members(body), host)?, lasting))
}

/// A token the crate has read.
pub(super) fn granted(
    token: &BasicTokenResponse,
    members: BTreeMap<String, String>,
    host: &str,
) -> Result<Granted, ConnectorError> {
    if *token.token_type() != BasicTokenType::Bearer {
        return Err(not_a_bearer(token.token_type(), host));
    }
    let life = token.expires_in().map_or(UNKNOWN_LIFE, |life| {
        TimeDelta::from_std(life).unwrap_or(TimeDelta::hours(24))
    });
    Ok(Granted {
        secret: Secret::new(token.access_token().secret().clone()),
        life,
        members,
    })
}

/// The answer is no token response; nothing of it is kept, for it may hold a token all the same.
pub(super) fn unreadable(host: &str) -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Misconfigured,
        format!("fetch a token from {host}: the answer is not a token response"),
    )
    .strikes(3)
    .hint("check token_url: it answers 200, but not as an OAuth2 token endpoint")
}

fn not_a_bearer(kind: &BasicTokenType, host: &str) -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Misconfigured,
        format!(
            "fetch a token from {host}: the token is of type {}",
            Code(kind.as_ref())
        ),
    )
    .hint("let the app issue bearer tokens: tokens bound to a key cannot be used here")
}

/// The token answer with `expires_in` as a number, or without it when it is nothing of the kind;
/// none when it is fine as it is.
pub(super) fn with_readable_life(body: &[u8]) -> Option<Vec<u8>> {
    let mut answer: Value = serde_json::from_slice(body).ok()?;
    let members = answer.as_object_mut()?;
    let said = members.get("expires_in")?;
    if said.is_u64() {
        return None;
    }
    match seconds(said) {
        Some(seconds) => members.insert("expires_in".into(), seconds.into()),
        None => members.remove("expires_in"),
    };
    serde_json::to_vec(&answer).ok()
}

/// A time in seconds: a number, or one in quotes (contract partner-center 2.2).
pub(super) fn seconds(said: &Value) -> Option<u64> {
    match said {
        Value::Number(number) if number.is_u64() => number.as_u64(),
        Value::Number(number) => {
            let number = number.as_f64().filter(|n| n.is_finite() && *n >= 0.0)?;
            format!("{number:.0}").parse().ok()
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
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
