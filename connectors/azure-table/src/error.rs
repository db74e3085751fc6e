//! What the service's answer means (contract azure-table 9).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::http::retry_after;
use connector_kit::{ConnectorError, ErrorKind};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

/// A table that is being deleted cannot be made again for so long.
const DELETING: Duration = Duration::from_secs(45);
/// Signatures are refused beyond this difference of clocks.
const SKEW: TimeDelta = TimeDelta::minutes(15);
/// How much of the service's message is kept.
const MESSAGE_CHARS: usize = 200;

/// An answer that says no, reduced to what decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The status.
    pub status: u16,
    /// The service's own word for it.
    pub code: Option<String>,
    /// Which operation of a batch it is about.
    pub index: Option<usize>,
    /// The first line of the message, without the index.
    pub message: String,
    /// What Microsoft's support asks for.
    pub request_id: Option<String>,
    /// How long we are asked to wait.
    pub retry_after: Option<Duration>,
    /// How far our clock is ahead of theirs.
    pub skew: Option<TimeDelta>,
}

impl Refusal {
    /// Reads an answer, whatever shape it has: JSON, XML, Atom, HTML or nothing.
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let text = String::from_utf8_lossy(body);
        let (body_code, message) = json(&text).or_else(|| xml(&text)).unwrap_or_default();
        let code = header("x-ms-error-code")
            .map(str::to_owned)
            .or(Some(body_code))
            .filter(|code| is_word(code));
        let (index, message) = split_index(&message);
        let mut lines = message.lines();
        let first = lines.next().unwrap_or_default().trim();
        let named = lines.find_map(|line| line.trim().strip_prefix("RequestId:"));
        Self {
            status: status.as_u16(),
            code,
            index,
            message: first.chars().take(MESSAGE_CHARS).collect(),
            request_id: header("x-ms-request-id")
                .or(named)
                .filter(|id| is_word(id))
                .map(str::to_owned),
            retry_after: wait(headers, now),
            skew: header("date")
                .and_then(|date| DateTime::parse_from_rfc2822(date).ok())
                .map(|date| now - date.to_utc()),
        }
    }

    /// Whether the service used this word.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Another of the account's keys might open: the signature is what was refused.
    pub(crate) fn doubts_the_key(&self) -> bool {
        matches!(self.status, 401 | 403)
            && [
                "AuthenticationFailed",
                "AuthorizationFailure",
                "InvalidAuthenticationInfo",
                "Unauthorized",
            ]
            .iter()
            .any(|code| self.is(code))
    }

    /// Tells who has to change; `doing` completes "could not ...".
    pub(crate) fn into_error(self, doing: &str) -> ConnectorError {
        let (kind, hint) = self.verdict();
        let mut text = format!("{doing}: {}", self.status);
        for (before, part) in [(" ", &self.code), (", request ", &self.request_id)] {
            if let Some(part) = part {
                text.push_str(before);
                text.push_str(part);
            }
        }
        let wait = self
            .retry_after
            .or_else(|| self.is("TableBeingDeleted").then_some(DELETING));
        let mut error = ConnectorError::new(kind, text).retry_after(wait);
        if let Some(hint) = hint {
            error = error.hint(hint);
        }
        if !self.message.is_empty() {
            error = error.answer(self.message);
        }
        error
    }

    /// Who has to change.
    pub(crate) fn kind(&self) -> ErrorKind {
        self.verdict().0
    }

    fn verdict(&self) -> (ErrorKind, Option<String>) {
        match self.code.as_deref() {
            Some("InvalidResourceName" | "InvalidHeaderValue") => {
                return (
                    ErrorKind::Misconfigured,
                    Some("correct the table's name or the endpoint in the config".into()),
                );
            }
            Some("InvalidAuthenticationInfo" | "NoAuthenticationInformation") => {
                return (ErrorKind::Unauthorized, Some(self.way_in()));
            }
            Some("TableNotFound") => {
                return (
                    ErrorKind::Misconfigured,
                    Some("create the table, or correct its name in the config".into()),
                );
            }
            Some("TableBeingDeleted" | "OperationTimedOut") => return (ErrorKind::Throttled, None),
            _ => {}
        }
        match self.status {
            400 | 413 | 422 => (ErrorKind::Rejected, None),
            401 | 403 => (ErrorKind::Unauthorized, Some(self.way_in())),
            408 | 502 | 504 => (ErrorKind::Unreachable, None),
            409 | 412 => (ErrorKind::Conflict, None),
            429 | 503 => (ErrorKind::Throttled, None),
            500.. if self.status != 501 && self.status != 505 => (ErrorKind::Broken, None),
            // 404 without the service's word, 405, 415, 501, redirects: no lead can be at fault.
            _ => (
                ErrorKind::Misconfigured,
                Some("what answers there is not the Table service as we know it: check the endpoint and what stands before it".into()),
            ),
        }
    }

    /// What a person can do about a closed door.
    fn way_in(&self) -> String {
        if let Some(skew) = self.skew.filter(|skew| skew.abs() > SKEW) {
            let side = if skew > TimeDelta::zero() {
                "ahead of"
            } else {
                "behind"
            };
            return format!(
                "this machine's clock is {} minutes {side} the service's: set the clock (NTP)",
                skew.num_minutes().abs()
            );
        }
        match self.code.as_deref() {
            Some("AuthorizationPermissionMismatch" | "InsufficientAccountPermissions") => {
                "grant more: a table SAS needs r to read, rau to write; a login needs the role Storage Table Data \
                 Reader or Contributor, which can take 30 minutes to act"
            }
            Some("AuthorizationSourceIPMismatch") => "allow this machine's address in the SAS",
            Some("KeyBasedAuthenticationNotPermitted") => {
                "the account forbids keys: use auth.entra, or allow shared key access"
            }
            Some("AccountIsDisabled") => "the storage account is disabled: see the Azure portal",
            _ => "renew the key or the SAS, or allow this machine in the account's firewall, then release",
        }
        .to_owned()
    }
}

/// How long the answer asks us to wait: the milliseconds some gateways name, else `Retry-After`.
fn wait(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let millis = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
    };
    match ["x-ms-retry-after-ms", "retry-after-ms"]
        .into_iter()
        .find_map(millis)
    {
        Some(millis) => Some(Duration::from_millis(millis).min(retry_after::CAP)),
        None => retry_after::of(headers, now),
    }
}

#[derive(Deserialize)]
struct Wrapped {
    #[serde(rename = "odata.error", alias = "error")]
    error: Inner,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Inner {
    code: String,
    message: serde_json::Value,
}

/// Code and message of a JSON body; Cosmos DB writes code and message without a wrapper at times.
fn json(text: &str) -> Option<(String, String)> {
    let inner = match serde_json::from_str::<Wrapped>(text) {
        Ok(wrapped) => wrapped.error,
        Err(_) => serde_json::from_str::<Inner>(text).ok()?,
    };
    let message = inner
        .message
        .get("value")
        .unwrap_or(&inner.message)
        .as_str()
        .unwrap_or_default()
        .to_owned();
    Some((inner.code, message))
}

/// Code and message of `<Error><Code>..` or `<m:error><m:code>..`; an HTML page has neither.
fn xml(text: &str) -> Option<(String, String)> {
    let code = element(text, "code")?;
    Some((code, element(text, "message").unwrap_or_default()))
}

/// The text of the first element of this name, whatever its case and prefix.
fn element(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, content) = after.split_once('>')?;
        let full = tag.split_whitespace().next().unwrap_or_default();
        let local = full.rsplit(':').next().unwrap_or_default();
        if local.eq_ignore_ascii_case(name) && !tag.ends_with('/') {
            let (value, _) = content.split_once('<')?;
            return Some(value.trim().to_owned());
        }
        rest = content;
    }
    None
}

/// `3:The message` names the fourth operation of a batch.
fn split_index(message: &str) -> (Option<usize>, &str) {
    match message.split_once(':') {
        Some((digits, rest)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            (digits.parse().ok(), rest)
        }
        _ => (None, message),
    }
}

/// A code or an id: short, and nothing a log would stumble over.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
#[path = "error/tests.rs"]
mod tests;
