//! Why there is no token, and who has to change.

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::exchange::Exchange;
use crate::error::{ConnectorError, ErrorKind};
use crate::http::{Code, Response, redact, retry_after};

/// What a token endpoint says when it refuses (RFC 6749, 5.2).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: String,
    error_description: String,
    /// One authority's own numbers.
    error_codes: Vec<Value>,
    /// Its closer word for `error`.
    suberror: String,
}

impl Refusal {
    /// The number behind `AADSTS`, by which that authority's refusals are told apart.
    fn number(&self) -> Option<u64> {
        let said = self.error_codes.first().and_then(Value::as_u64);
        said.or_else(|| {
            let text = self.error_description.strip_prefix("AADSTS")?;
            text.split(':').next()?.parse().ok()
        })
    }
}

/// The refusal in a response that is no 200. Pure.
pub(super) fn read(response: &Response, asked: &Exchange<'_>) -> ConnectorError {
    let status = response.status();
    let said: Refusal = serde_json::from_slice(response.body()).unwrap_or_default();
    let (kind, hint) = verdict(status, &said);
    let error = ConnectorError::new(kind, doing(status, &said, asked.host))
        .retry_after(retry_after::of(response.headers(), asked.now));
    match kind {
        ErrorKind::Unauthorized | ErrorKind::Misconfigured => error
            .answer(redact::answer(response.body(), asked.secrets.iter().copied()))
            .strikes(if kind == ErrorKind::Misconfigured { 3 } else { 1 })
            .hint(format!("{hint}, then release")),
        _ => error,
    }
}

/// A refusal of a request that speaks for a person.
pub(super) struct PersonRefusal {
    /// The error. No word of the answer is kept with it: those may name the person.
    pub(super) error: ConnectorError,
    /// What was shown (refresh token, code, device code) is not taken, or no longer.
    pub(super) spent: bool,
    /// Nothing is to be had by this sign-in, until somebody signs in again.
    pub(super) ended: bool,
    /// The word of the standard.
    pub(super) code: String,
}

/// The same as [`read`] for such a request; `connector` is whom the person signs in for. Pure.
pub(super) fn of_person(response: &Response, asked: &Exchange<'_>, connector: &str) -> PersonRefusal {
    let status = response.status();
    let said: Refusal = serde_json::from_slice(response.body()).unwrap_or_default();
    let (kind, hint) = verdict(status, &said);
    let passing = matches!(kind, ErrorKind::Throttled | ErrorKind::Unreachable);
    let consent = said.suberror == "consent_required" || said.error == "consent_required";
    let spent = !passing && said.error == "invalid_grant";
    let person = !passing
        && (consent
            || matches!(
                said.error.as_str(),
                "invalid_grant" | "interaction_required" | "login_required"
            ));
    let again = format!("run leadsync authorize {connector}, then release");
    let hint = match (person, said.number().and_then(by_number)) {
        (false, _) => format!("{hint}, then release"),
        (true, _) if consent => {
            format!("let an administrator consent to what the app may do, {again}")
        }
        (true, Some((_, known))) => format!("{known}, {again}"),
        (true, None) => again,
    };
    let kind = if person { ErrorKind::Unauthorized } else { kind };
    let error = ConnectorError::new(kind, doing(status, &said, asked.host))
        .retry_after(retry_after::of(response.headers(), asked.now));
    PersonRefusal {
        error: if passing { error } else { error.hint(hint) },
        spent,
        ended: person && !consent,
        code: said.error,
    }
}

fn doing(status: StatusCode, said: &Refusal, host: &str) -> String {
    let code = match said.error.as_str() {
        "" => String::new(),
        code => format!(" {}", Code(code)),
    };
    // Of free words only those we know are shown: others may quote what was sent.
    let known = match (said.number(), by_words(&said.error_description)) {
        (Some(number), _) => format!(" (AADSTS{number})"),
        (None, Some((words, ..))) => format!(" ({words})"),
        (None, None) => String::new(),
    };
    format!("fetch a token from {host}: {}{code}{known}", status.as_u16())
}

type Verdict = (ErrorKind, &'static str);

fn verdict(status: StatusCode, said: &Refusal) -> Verdict {
    let known = match said.number() {
        Some(number) => by_number(number),
        None => by_words(&said.error_description).map(|(_, kind, hint)| (kind, hint)),
    };
    match by_code(status, &said.error) {
        // Whatever the words say: nobody has to change when the endpoint itself is in trouble.
        passing @ (ErrorKind::Throttled | ErrorKind::Unreachable, _) => passing,
        general => known.unwrap_or(general),
    }
}

fn by_code(status: StatusCode, code: &str) -> Verdict {
    match (status.as_u16(), code) {
        (429 | 503, _) | (_, "slow_down") => (ErrorKind::Throttled, ""),
        // The delivery is not at fault when the token endpoint breaks: hold, do not count.
        (408 | 500 | 502 | 504.., _) | (_, "temporarily_unavailable" | "server_error") => {
            (ErrorKind::Unreachable, "")
        }
        (_, "invalid_client_id") => (
            ErrorKind::Misconfigured,
            "correct client_id (an app made a moment ago is known after about ten minutes)",
        ),
        (401 | 403, _)
        | (
            _,
            "invalid_client" | "invalid_grant" | "unauthorized_client" | "invalid_scope" | "access_denied",
        ) => (
            ErrorKind::Unauthorized,
            "renew the client secret, the certificate or their permissions",
        ),
        _ => (
            ErrorKind::Misconfigured,
            "correct token_url or the token parameters",
        ),
    }
}

/// Refusals known by a part of their words (contract salesforce 2.6).
const WORDS: [(&str, ErrorKind, &str); 13] = [
    ("login rate exceeded", ErrorKind::Throttled, ""),
    (
        "approved this consumer",
        ErrorKind::Unauthorized,
        "let an administrator pre-authorise the app for this user's profile or permission set",
    ),
    (
        "invalid assertion",
        ErrorKind::Unauthorized,
        "give the app the certificate that belongs to private_key, and set this machine's clock right",
    ),
    (
        "audience validation failed",
        ErrorKind::Misconfigured,
        "correct audience: production and sandbox want different ones",
    ),
    (
        "audience is invalid",
        ErrorKind::Misconfigured,
        "correct audience: production and sandbox want different ones",
    ),
    (
        "not supported on this domain",
        ErrorKind::Misconfigured,
        "set the login host to the organisation's own domain instead of the common one",
    ),
    (
        "no client credentials user enabled",
        ErrorKind::Unauthorized,
        "choose a run-as user for the client credentials flow in the app",
    ),
    (
        "no valid scopes",
        ErrorKind::Unauthorized,
        "give the app the scope for the API",
    ),
    (
        "authentication failure",
        ErrorKind::Unauthorized,
        "check that the user exists, is active and may use the app",
    ),
    (
        "expired access/refresh token",
        ErrorKind::Unauthorized,
        "let the app approve this user again",
    ),
    (
        "invalid client credentials",
        ErrorKind::Unauthorized,
        "renew the client secret",
    ),
    (
        "ip restricted",
        ErrorKind::Unauthorized,
        "allow this machine's address for the user and the app",
    ),
    ("inactive user", ErrorKind::Unauthorized, "activate the user"),
];

fn by_words(description: &str) -> Option<(&'static str, ErrorKind, &'static str)> {
    let said = description.to_lowercase();
    WORDS.into_iter().find(|(words, ..)| said.contains(words))
}

/// Refusals known by number (contract dynamics365 3).
fn by_number(number: u64) -> Option<Verdict> {
    let verdict = match number {
        7_000_215 => (
            ErrorKind::Unauthorized,
            "correct client_secret: it has to hold the secret's value, not its id",
        ),
        7_000_222 => (
            ErrorKind::Unauthorized,
            "make a new client secret at the app registration, the old one has expired",
        ),
        700_016 => (
            ErrorKind::Unauthorized,
            "check client_id and tenant: this tenant does not know the app",
        ),
        700_024 => (
            ErrorKind::Unauthorized,
            "set this machine's clock right: the assertion is not valid now",
        ),
        700_027 => (
            ErrorKind::Unauthorized,
            "upload the configured certificate to the app registration",
        ),
        700_025 => (
            ErrorKind::Misconfigured,
            "leave out client_secret: the app is registered as a public client",
        ),
        7_000_218 => (
            ErrorKind::Misconfigured,
            "set client_secret, or let the app's registration allow public client flows (a device code needs them)",
        ),
        50_057 => (ErrorKind::Unauthorized, "enable the person's account again"),
        7_000_112 => (ErrorKind::Unauthorized, "enable the app again"),
        53_003 => (
            ErrorKind::Unauthorized,
            "let the access policies of the tenant admit this app from this machine",
        ),
        90_002 => (ErrorKind::Misconfigured, "correct tenant: it does not exist"),
        500_011 => (
            ErrorKind::Misconfigured,
            "check the environment's address: this tenant does not know it",
        ),
        1_002_012 => (
            ErrorKind::Misconfigured,
            "correct the scope: it ends in /.default",
        ),
        _ => return None,
    };
    Some(verdict)
}
