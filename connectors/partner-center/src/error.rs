//! What Partner Center answered, told by who has to change (contract partner-center 7).

use std::time::Duration;

use chrono::{DateTime, Utc};
use connector_kit::http::{Code, Response, redact, retry_after};
use connector_kit::{ConnectorError, ErrorKind};
use serde_json::Value;

/// Codes any document names, and what they mean whatever the status; none: the status tells.
const KNOWN: [(&str, Option<ErrorKind>); 9] = [
    ("accessDenied", Some(ErrorKind::Unauthorized)),
    ("generalException", None),
    ("invalidRequest", None),
    ("itemNotFound", None),
    ("preconditionFailed", Some(ErrorKind::Conflict)),
    ("resourceModified", Some(ErrorKind::Conflict)),
    ("serviceNotAvailable", Some(ErrorKind::Throttled)),
    ("unauthenticated", Some(ErrorKind::Unauthorized)),
    // Not in the list of codes, but in its example.
    ("unAuthorized", Some(ErrorKind::Unauthorized)),
];
/// Errors within errors are followed so far.
const DEPTH: usize = 16;
/// What the gateway says where it gives no `Retry-After`.
const TRY_AGAIN: &str = "try again in ";

/// Why a call did not succeed.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// There is no whole answer; whether the request arrived.
    Silent {
        /// It may have been done.
        may_be_done: bool,
        /// As the kit tells it.
        error: ConnectorError,
    },
    /// The service said no.
    Refused(Refusal),
    /// Nothing was sent, or what came is none of its answers.
    Told(ConnectorError),
}

/// The service said no.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The status; that of the gateway's body where the two differ.
    pub status: u16,
    /// The deepest code any document names, else the outermost.
    pub code: String,
    wait: Option<Duration>,
    answer: String,
}

impl Failure {
    /// Who has to change.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Silent { error, .. } | Self::Told(error) => error.kind(),
            Self::Refused(refusal) => refusal.verdict().0,
        }
    }

    /// The service does not know it.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == 404 || refusal.is("itemNotFound"))
    }

    /// The service would not have it as it was asked.
    pub(crate) fn is_bad_request(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == 400)
    }

    /// We are not let in, or not there.
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == 403 || refusal.is("accessDenied"))
    }

    /// A write may have been done all the same.
    pub(crate) fn may_be_done(&self) -> bool {
        match self {
            Self::Silent { may_be_done, .. } => *may_be_done,
            // 503 and 509, too: whoever says so may stand in front of the one who did it.
            Self::Refused(refusal) => refusal.status == 408 || refusal.status >= 500,
            Self::Told(error) => error.kind() == ErrorKind::Broken,
        }
    }

    /// As the kit tells it.
    pub(crate) fn into_error(self, doing: &str) -> ConnectorError {
        match self {
            Self::Silent { error, .. } | Self::Told(error) => error,
            Self::Refused(refusal) => refusal.into_error(doing),
        }
    }
}

impl Refusal {
    /// Reads an answer that is no success. Pure.
    pub(crate) fn read(answer: &Response, now: DateTime<Utc>) -> Self {
        let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let told = member(&body, "statusCode").and_then(Value::as_u64);
        let message = member(&body, "message")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let request = answer
            .headers()
            .get("request-id")
            .or_else(|| answer.headers().get("ms-requestid"));
        let request = request.and_then(|id| id.to_str().ok()).unwrap_or("none");
        Self {
            status: told
                .and_then(|status| u16::try_from(status).ok())
                .unwrap_or(answer.status().as_u16()),
            code: code(&body).unwrap_or_default(),
            wait: retry_after::of(answer.headers(), now).or_else(|| seconds_in(message)),
            answer: format!(
                "request-id {}\n{}",
                Code(request),
                redact::answer(answer.body(), [])
            ),
        }
    }

    /// How long we were asked to wait.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.wait
    }

    fn is(&self, code: &str) -> bool {
        self.code.eq_ignore_ascii_case(code)
    }

    fn verdict(&self) -> Verdict {
        let general = by_status(self.status);
        if general.0 == ErrorKind::Throttled {
            return general;
        }
        let known = KNOWN.iter().find(|(known, _)| self.is(known));
        match known.and_then(|(_, kind)| *kind) {
            // The hint of the status fits where both say the same.
            Some(kind) if kind != general.0 => (kind, hint_of(kind)),
            _ => general,
        }
    }

    fn into_error(self, doing: &str) -> ConnectorError {
        let (kind, hint) = self.verdict();
        let code = match self.code.as_str() {
            "" => String::new(),
            code => format!(" {}", Code(code)),
        };
        let error = ConnectorError::new(kind, format!("{doing}: {}{code}", self.status))
            .retry_after(self.wait)
            .answer(self.answer);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// Who has to change, and what a person should do.
type Verdict = (ErrorKind, Option<&'static str>);

const ROLE: &str = "give the signed-in user the role Referrals admin in Partner Center, and let them sign in again \
                    (leadsync authorize), then release";

fn hint_of(kind: ErrorKind) -> Option<&'static str> {
    (kind == ErrorKind::Unauthorized).then_some(ROLE)
}

fn by_status(status: u16) -> Verdict {
    match status {
        400 | 404 | 410 | 413 | 422 => (ErrorKind::Rejected, None),
        401 => (
            ErrorKind::Unauthorized,
            Some(
                "Partner Center refuses a fresh token: check the app's API permissions and the signed-in user, then release",
            ),
        ),
        403 => (ErrorKind::Unauthorized, Some(ROLE)),
        408 | 502 | 504 => (ErrorKind::Unreachable, None),
        409 | 412 | 423 => (ErrorKind::Conflict, None),
        429 | 503 | 509 => (ErrorKind::Throttled, None),
        500.. if status != 501 && status != 505 => (ErrorKind::Broken, None),
        // 405, 415, 501, redirects: no referral can be at fault.
        _ => (
            ErrorKind::Misconfigured,
            Some(
                "what answers there is not Partner Center as we know it: check the addresses in the settings",
            ),
        ),
    }
}

/// A member by name, in any case of letters.
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let members = value.as_object()?;
    members.get(name).or_else(|| {
        let found = members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    })
}

/// The deepest code any document names, else the outermost.
fn code(body: &Value) -> Option<String> {
    let mut next = member(body, "error");
    let (mut outermost, mut deepest) = (None, None);
    for _ in 0..DEPTH {
        let Some(error) = next else { break };
        if let Some(code) = member(error, "code").and_then(Value::as_str) {
            outermost = outermost.or(Some(code));
            let known = KNOWN.iter().find(|(known, _)| known.eq_ignore_ascii_case(code));
            deepest = known.map(|(known, _)| *known).or(deepest);
        }
        next = member(error, "innerError");
    }
    deepest.or(outermost).map(str::to_owned)
}

/// `Rate limit is exceeded. Try again in 57 seconds.`
fn seconds_in(message: &str) -> Option<Duration> {
    let said = message.to_ascii_lowercase();
    let (_, rest) = said.split_once(TRY_AGAIN)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let wait = Duration::from_secs(digits.parse().ok()?);
    Some(wait.min(retry_after::CAP))
}

/// The answer when it is a success; a login page with status 200 is none.
pub(crate) fn success(answer: Response, now: DateTime<Utc>) -> Result<Response, Failure> {
    if !answer.status().is_success() {
        return Err(Failure::Refused(Refusal::read(&answer, now)));
    }
    let first = answer.body().iter().find(|byte| !byte.is_ascii_whitespace());
    if matches!(first, None | Some(b'{' | b'[')) {
        return Ok(answer);
    }
    Err(Failure::Told(
        ConnectorError::new(
            ErrorKind::Broken,
            format!(
                "reach Partner Center: {}, but not from Partner Center",
                answer.status().as_u16()
            ),
        )
        .hint("see what stands between this machine and Partner Center: a proxy or a login page"),
    ))
}

#[cfg(test)]
#[path = "error/tests.rs"]
mod tests;
