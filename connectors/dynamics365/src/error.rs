//! What Dataverse answered, told by who has to change (contract dynamics365 16).

use std::time::Duration;

use chrono::{DateTime, Utc};
use connector_kit::http::{Code, Fault, Response, retry_after};
use connector_kit::{ConnectorError, ErrorKind};
use serde::Deserialize;

/// How much of Dataverse's own words is kept.
const MESSAGE_CHARS: usize = 1000;

/// Why a call, or one part of a batch, did not succeed.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// There is no answer of the service.
    Silent(Fault, ConnectorError),
    /// The service said no.
    Refused(Refusal),
    /// Already told as the kit tells it.
    Told(ConnectorError),
}

impl Failure {
    /// Whether the service used this code.
    pub(crate) fn is(&self, code: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == code)
    }

    /// The record is not there. A 404 from anything but Dataverse says nothing about records.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == 404
            && matches!(refusal.code.as_str(), NO_SUCH_ID | NO_SUCH_KEY | "") && refusal.is_dataverse)
    }

    /// Somebody else made the record at the same moment.
    pub(crate) fn lost_a_race(&self) -> bool {
        self.is(KEY_TAKEN) || self.is(KEY_MATCHES)
    }

    /// The body was too large: nothing was done, and less may go at once.
    pub(crate) fn is_too_large(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == 413) || self.is(TOO_LARGE)
    }

    /// What was called is not there; a record that is not there has a code of its own.
    pub(crate) fn says_there_is_no_such_action(&self) -> bool {
        matches!(self, Self::Refused(refusal) if matches!(refusal.status, 404 | 405 | 501))
            && !self.is_not_found()
    }

    /// What was sent does not fit the table.
    pub(crate) fn blames_the_payload(&self) -> bool {
        BAD_PAYLOAD.iter().any(|code| self.is(code))
    }

    /// Metadata is changed by one at a time, and that is somebody else.
    pub(crate) fn is_somebody_elses_turn(&self) -> bool {
        let Self::Refused(refusal) = self else {
            return false;
        };
        let words = refusal.message.to_lowercase();
        refusal.code == CUSTOMIZATION_LOCK || (words.contains("another") && words.contains("running"))
    }

    /// A success whose body is not what it should be.
    pub(crate) fn unreadable(doing: &str) -> Self {
        Self::Told(ConnectorError::new(
            ErrorKind::Broken,
            format!("{doing}: the answer cannot be read"),
        ))
    }

    /// Less at once may succeed: too large, or too long for the time both sides allow.
    pub(crate) fn asks_for_less(&self) -> bool {
        match self {
            Self::Silent(fault, _) => *fault == Fault::Timeout,
            Self::Refused(_) | Self::Told(_) => self.is_too_large() || self.is(SQL_TIMEOUT),
        }
    }

    /// Who has to change.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Silent(_, error) | Self::Told(error) => error.kind(),
            Self::Refused(refusal) => refusal.verdict().0,
        }
    }

    /// Tells who has to change; `doing` completes "could not ...".
    pub(crate) fn into_error(self, doing: &str) -> ConnectorError {
        match self {
            Self::Silent(_, error) | Self::Told(error) => error,
            Self::Refused(refusal) => {
                let verdict = refusal.verdict();
                refusal.told(doing, verdict)
            }
        }
    }

    /// The same where neighbours went well: it is this record, not the table.
    pub(crate) fn into_error_of_the_record(self, doing: &str) -> ConnectorError {
        match self {
            Self::Refused(refusal) if BAD_PAYLOAD.contains(&refusal.code.as_str()) => {
                let hint = "a value of this lead has another type than its column: correct the mapping, then requeue";
                refusal.told(doing, (ErrorKind::Rejected, Some(hint)))
            }
            other => other.into_error(doing),
        }
    }
}

/// `lead With Id = .. Does Not Exist`
const NO_SUCH_ID: &str = "0x80040217";
/// No record with this key; the duplicates are others.
const NO_SUCH_KEY: &str = "0x80060891";
/// The alternate key is taken.
const KEY_TAKEN: &str = "0x80060892";
/// The primary key, or "matching key values".
const KEY_MATCHES: &str = "0x80040237";
/// A duplicate detection rule matched.
pub(crate) const DUPLICATE_RULE: &str = "0x80040333";
/// A property or key the table does not have, or a value of another type.
const BAD_PAYLOAD: [&str; 2] = ["0x80048d19", "0x80060888"];
/// Another customization is running.
const CUSTOMIZATION_LOCK: &str = "0x80071151";
const SQL_TIMEOUT: &str = "0x80044151";
const TOO_LARGE: &str = "0x8004418a";

/// A refusal in Dataverse's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// `0x` and eight lower-case digits; empty where there is none.
    pub code: String,
    /// The words; empty where there are none we can read.
    pub message: String,
    /// The answer has the shape of Dataverse's errors.
    pub is_dataverse: bool,
    request_id: Option<String>,
    retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads any answer; an HTML page or nothing at all is one, too.
    pub(crate) fn read(answer: &Response, now: DateTime<Utc>) -> Self {
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let spoken = spoken(answer.body());
        let (code, message) = spoken.clone().unwrap_or_default();
        Self {
            status: answer.status().as_u16(),
            code: code.to_ascii_lowercase(),
            message: message.chars().take(MESSAGE_CHARS).collect(),
            is_dataverse: spoken.is_some(),
            request_id: header("x-ms-service-request-id")
                .or_else(|| header("req_id"))
                .map(str::to_owned),
            retry_after: retry_after::of(answer.headers(), now),
        }
    }

    /// How long it asks us to wait.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.retry_after
    }

    fn told(self, doing: &str, (kind, hint): Verdict) -> ConnectorError {
        let mut text = format!("{doing}: {}", self.status);
        for (before, part) in [(" ", Some(&self.code)), (", request ", self.request_id.as_ref())] {
            if let Some(part) = part.filter(|part| !part.is_empty()) {
                text.push_str(before);
                text.push_str(&Code(part).to_string());
            }
        }
        let mut error = ConnectorError::new(kind, text).retry_after(self.retry_after);
        if kind == ErrorKind::Misconfigured {
            error = error.strikes(3);
        }
        if let Some(hint) = hint {
            error = error.hint(hint);
        }
        if self.message.is_empty() {
            return error;
        }
        error.answer(self.message)
    }

    /// The code decides, then the status.
    fn verdict(&self) -> Verdict {
        by_code(&self.code).unwrap_or_else(|| by_status(self.status))
    }
}

/// Who has to change, and what a person should do.
type Verdict = (ErrorKind, Option<&'static str>);

fn by_code(code: &str) -> Option<Verdict> {
    let (kind, hint) = match code {
        "0x80044331" | "0x8004431a" | "0x80048408" | "0x80040265" | "0x80040203" | "0x80040200"
        | TOO_LARGE => (ErrorKind::Rejected, None),
        DUPLICATE_RULE => (
            ErrorKind::Rejected,
            Some("a duplicate detection rule matched: merge in Dynamics, or set on_duplicate, then requeue"),
        ),
        "0x8006088a" => (
            ErrorKind::Misconfigured,
            Some("Dataverse cannot read the URL: check environment, api_version and key_column"),
        ),
        "0x80060888" | "0x80048d19" => (
            ErrorKind::Misconfigured,
            Some(
                "a column or the key of the mapping is not there, or has another type: run `leadsync provision`, then release",
            ),
        ),
        "0x80040220" | "0x80048306" | "0x80040231" => (
            ErrorKind::Unauthorized,
            Some("give the application user's security role the privilege Dataverse names, then release"),
        ),
        "0x80072560" => (
            ErrorKind::Unauthorized,
            Some("create an application user for this client id in the environment, then release"),
        ),
        KEY_TAKEN | KEY_MATCHES | "0x80060882" => (ErrorKind::Conflict, None),
        "0x80072321" | "0x80072322" | "0x80072326" => (ErrorKind::Throttled, None),
        "0x80044150" | SQL_TIMEOUT | "0x80040216" => (ErrorKind::Broken, None),
        _ => return None,
    };
    Some((kind, hint))
}

fn by_status(status: u16) -> Verdict {
    match status {
        400 | 413 | 422 => (ErrorKind::Rejected, None),
        401 => (
            ErrorKind::Unauthorized,
            Some(
                "Dataverse refuses a fresh token: check tenant, client_id and the application user, then release",
            ),
        ),
        403 => (
            ErrorKind::Unauthorized,
            Some("check the application user and its security role, then release"),
        ),
        408 | 502 | 504 => (ErrorKind::Unreachable, None),
        409 | 412 => (ErrorKind::Conflict, None),
        429 | 503 => (ErrorKind::Throttled, None),
        500.. if status != 501 && status != 505 => (ErrorKind::Broken, None),
        // 404 without a record's code, 405, 501, redirects: no lead can be at fault.
        _ => (
            ErrorKind::Misconfigured,
            Some("what answers there is not the Web API as we know it: check environment and api_version"),
        ),
    }
}

#[derive(Deserialize)]
struct Wrapped {
    error: Inner,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Inner {
    code: serde_json::Value,
    message: serde_json::Value,
}

/// The shape some layers before the Web API use.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Flat {
    message: String,
    #[serde(default)]
    exception_message: Option<String>,
    #[serde(default)]
    error_code: serde_json::Value,
}

/// Code and words, where the body has the shape of an error.
fn spoken(body: &[u8]) -> Option<(String, String)> {
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        serde_json::Value::Number(number) => signed_code(&number),
        _ => String::new(),
    };
    if let Ok(Wrapped { error }) = serde_json::from_slice(body) {
        return Some((text(error.code), text(error.message)));
    }
    let flat: Flat = serde_json::from_slice(body).ok()?;
    Some((
        text(flat.error_code),
        flat.exception_message.unwrap_or(flat.message),
    ))
}

/// `-2147015902` is how some layers write `0x80072322`.
fn signed_code(number: &serde_json::Number) -> String {
    let code = number.as_i64().and_then(|code| i32::try_from(code).ok());
    code.map_or_else(String::new, |code| format!("{code:#010x}"))
}

/// The answer when it is a success of Dataverse; a login page with status 200 is none.
pub(crate) fn success(answer: Response, now: DateTime<Utc>) -> Result<Response, Failure> {
    if !answer.status().is_success() {
        return Err(Failure::Refused(Refusal::read(&answer, now)));
    }
    let speaks_odata = answer.headers().contains_key("odata-version")
        || answer.body().windows(CONTEXT.len()).any(|part| part == CONTEXT);
    if speaks_odata {
        return Ok(answer);
    }
    Err(Failure::Told(
        ConnectorError::new(
            ErrorKind::Unreachable,
            format!(
                "reach Dataverse: {}, but not from Dataverse",
                answer.status().as_u16()
            ),
        )
        .hint("see what stands between this machine and Dynamics: a proxy or a login page"),
    ))
}

/// What every body of a success carries.
const CONTEXT: &[u8] = b"@odata.context";

#[cfg(test)]
#[path = "error/tests.rs"]
mod tests;
