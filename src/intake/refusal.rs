//! What a sender is told when what it brings is not taken: problem+json without any of its content.

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

/// Why something was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such path, no such source, or not its secret: one answer for all three.
    NotHere,
    /// Only POST brings something.
    Method,
    /// The request's framing is ambiguous or incomplete.
    Malformed(&'static str),
    /// The body did not come in time.
    TooSlow,
    /// The body is longer than so many bytes.
    TooLarge(usize),
    /// The body is compressed.
    Encoded,
    /// Nobody can read the body; it lies in quarantine.
    Unreadable {
        /// Why, without the content.
        reason: String,
        /// What would be right.
        hint: String,
    },
    /// It is no event of the documented form.
    NoEvent(&'static str),
    /// Nobody who is trusted has said it.
    Unproven,
    /// Whether it is believed cannot be decided now; perhaps after this time.
    Undecided(Duration),
    /// The sender, or the source, is too fast.
    TooFast(Duration),
    /// The store has enough to do.
    Busy,
    /// The disk is full.
    Full,
    /// The store fails.
    Failing,
    /// The store did not answer in time; the lead may yet be kept.
    Late,
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    hint: &'a str,
}

impl Refusal {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotHere => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Malformed(_) | Self::Unreadable { .. } | Self::NoEvent(_) => StatusCode::BAD_REQUEST,
            Self::Unproven => StatusCode::UNAUTHORIZED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooFast(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::Full | Self::Failing | Self::Late | Self::Undecided(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// When it makes sense to come again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooFast(wait) | Self::Undecided(wait) => Some(*wait),
            Self::Busy => Some(Duration::from_secs(1)),
            Self::Late => Some(Duration::from_secs(5)),
            Self::Failing => Some(Duration::from_secs(10)),
            Self::Full => Some(Duration::from_secs(30)),
            _ => None,
        }
    }

    /// The answer.
    pub fn answer(&self) -> Response<Full<Bytes>> {
        let body = serde_json::to_vec(&self.problem()).unwrap_or_default();
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(wait) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        match self {
            Self::Method => drop(headers.insert(header::ALLOW, HeaderValue::from_static("POST"))),
            Self::Unproven => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Signature"));
            }
            // The rest of the body may still come; nobody will read it.
            Self::TooSlow | Self::Malformed(_) => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }

    fn problem(&self) -> Problem<'_> {
        let (r#type, title) = self.kind();
        let (detail, hint) = match self {
            Self::Unreadable { reason, hint } => (reason.as_str(), hint.as_str()),
            Self::Malformed(reason) => (*reason, "send one well-formed HTTP/1.1 request"),
            Self::NoEvent(reason) => (*reason, "send an event as it is documented"),
            other => other.words(),
        };
        Problem {
            r#type,
            title,
            status: self.status().as_u16(),
            detail,
            hint,
        }
    }

    fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::NotHere => ("urn:leadsync:problem:not-found", "Not found"),
            Self::Method => ("urn:leadsync:problem:method", "Method not allowed"),
            Self::Malformed(_) => ("urn:leadsync:problem:malformed-request", "Malformed request"),
            Self::TooSlow => ("urn:leadsync:problem:too-slow", "Request timeout"),
            Self::TooLarge(_) => ("urn:leadsync:problem:too-large", "Body too large"),
            Self::Encoded => ("urn:leadsync:problem:encoded-body", "Encoded body"),
            Self::Unreadable { .. } => ("urn:leadsync:problem:unreadable-body", "Unreadable body"),
            Self::NoEvent(_) => ("urn:leadsync:problem:malformed-event", "Malformed event"),
            Self::Unproven => ("urn:leadsync:problem:unproven-event", "Unproven event"),
            Self::Undecided(_) => ("urn:leadsync:problem:undecided", "Not decided"),
            Self::TooFast(_) => ("urn:leadsync:problem:too-fast", "Too many requests"),
            Self::Busy => ("urn:leadsync:problem:busy", "Busy"),
            Self::Full => ("urn:leadsync:problem:full", "No space left"),
            Self::Failing => ("urn:leadsync:problem:failing", "Not available"),
            Self::Late => ("urn:leadsync:problem:late", "No answer in time"),
        }
    }

    fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::NotHere => (
                "nothing is here",
                "compare the URL with the one shown by the operator",
            ),
            Self::Method => ("only POST brings something here", "send it by POST"),
            Self::TooSlow => ("the body did not arrive in time", "send the body at once"),
            Self::TooLarge(_) => (
                "the body exceeds the limit",
                "send one lead or one event per request",
            ),
            Self::Encoded => (
                "the body has a Content-Encoding",
                "send the JSON without compression",
            ),
            Self::Unproven => (
                "the proof of who sent this is not believed",
                "sign the body as it is sent, and send it at once",
            ),
            Self::Undecided(_) => (
                "whether the proof holds cannot be decided now",
                "send the same request again",
            ),
            Self::TooFast(_) => ("requests come too fast", "wait as long as Retry-After says"),
            Self::Busy => ("more waits than can be kept now", "send the same request again"),
            Self::Full => (
                "the disk is full; nothing was kept",
                "send the same request again",
            ),
            Self::Failing => ("it could not be kept", "send the same request again"),
            Self::Late => (
                "nobody knows yet whether it is kept",
                "send the same request again; a repeat does no harm",
            ),
            Self::Malformed(_) | Self::Unreadable { .. } | Self::NoEvent(_) => ("", ""),
        }
    }
}

/// Never 0, which would mean at once.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_millis()
        .div_ceil(1000)
        .clamp(1, 86_400)
        .try_into()
        .unwrap_or(86_400)
}
