//! Answers and refusals, in both envelopes (contract partner-center 7).

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::settings::Envelope;

const JSON: &str = "application/json; charset=utf-8";

/// What goes back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(super) fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type", JSON.to_owned())],
            body: body.into(),
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or_default();
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response
                    .headers_mut()
                    .append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// What stands behind a refusal; a checker asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The table of states forbids the change.
    Illegal,
    /// The referral is closed for good.
    Terminal,
    /// The referral changed since it was read.
    Stale,
    /// A field the change needs is missing.
    Required,
    /// The request cannot be understood, or a value does not fit its field.
    Malformed,
    /// There is no such referral, or not yet.
    Unknown,
    /// The caller may not.
    Forbidden,
    /// Too many requests.
    Throttled,
}

/// Why something is not done.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) cause: Cause,
    code: &'static str,
    message: String,
    inner: Option<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
    envelope: Envelope,
}

impl Refusal {
    pub(super) fn new(status: u16, cause: Cause, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            cause,
            code,
            message: message.into(),
            inner: None,
            headers: Vec::new(),
            envelope: Envelope::Service,
        }
    }

    fn inner(mut self, code: &'static str, message: impl Into<String>) -> Self {
        self.inner = Some((code, message.into()));
        self
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn answer(self) -> Answer {
        let body = match self.envelope {
            Envelope::Gateway => json!({ "statusCode": self.status, "message": self.message }),
            Envelope::Service => {
                let mut error = json!({
                    "code": self.code,
                    "message": self.message,
                    "target": "referral",
                });
                if let Some((code, message)) = self.inner {
                    error["innerError"] = json!({ "code": code, "message": message });
                }
                json!({ "error": error })
            }
        };
        let mut answer = Answer::json(self.status, body.to_string());
        answer.headers.extend(self.headers);
        answer
    }

    /// No token, or one for somebody else. The code is the one of the documented sample.
    pub(super) fn unauthenticated() -> Self {
        let message = "Caller is not authorized to access the resource.";
        Self::new(401, Cause::Forbidden, "unAuthorized", message)
            .inner("innerErrorCode", "Unauthorized referral access")
            .with("www-authenticate", "Bearer")
    }

    pub(super) fn denied(why: impl Into<String>) -> Self {
        let message = "The caller does not have permission to perform the action.";
        Self::new(403, Cause::Forbidden, "accessDenied", message).inner("insufficientPermissions", why)
    }

    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, Cause::Malformed, "invalidRequest", message)
    }

    pub(super) fn illegal(from: &str, to: &str) -> Self {
        let message = format!("A referral cannot go from {from} to {to}.");
        Self::new(400, Cause::Illegal, "invalidRequest", message).inner(
            "invalidStateTransition",
            "The status and substatus are not valid together here.",
        )
    }

    pub(super) fn terminal(stage: &str) -> Self {
        let message = format!("The referral is {stage} and cannot be changed.");
        Self::new(400, Cause::Terminal, "invalidRequest", message)
            .inner("referralClosed", "No change is possible in a terminal state.")
    }

    pub(super) fn required(names: &[&str]) -> Self {
        let message = format!("Required for this change: {}.", names.join(", "));
        Self::new(400, Cause::Required, "invalidRequest", message)
            .inner("requiredFieldMissing", names.join(", "))
    }

    pub(super) fn unknown() -> Self {
        let message = "The requested referral does not exist.";
        Self::new(404, Cause::Unknown, "itemNotFound", message)
    }

    /// The eTag differs; some say 412, some 409.
    pub(super) fn stale(status: u16) -> Self {
        let (code, message) = match status {
            409 => (
                "resourceModified",
                "The resource has changed since the caller last read it.",
            ),
            _ => (
                "preconditionFailed",
                "The If-Match value does not match the current state of the resource.",
            ),
        };
        Self::new(status, Cause::Stale, code, message).inner("resourceModified", "eTag mismatch")
    }

    pub(super) fn no_if_match() -> Self {
        let message = "The request needs an If-Match header.";
        Self::new(412, Cause::Malformed, "preconditionFailed", message)
    }

    pub(super) fn method(allowed: &str) -> Self {
        let message = "The resource does not support this method.";
        Self::new(405, Cause::Malformed, "invalidRequest", message).with("allow", allowed)
    }

    pub(super) fn not_acceptable() -> Self {
        Self::new(
            406,
            Cause::Malformed,
            "invalidRequest",
            "Only application/json can be answered.",
        )
    }

    pub(super) fn media_type() -> Self {
        Self::new(
            415,
            Cause::Malformed,
            "invalidRequest",
            "Only application/json is understood.",
        )
    }

    pub(super) fn too_large() -> Self {
        Self::new(
            413,
            Cause::Malformed,
            "invalidRequest",
            "The request is too large.",
        )
    }

    pub(super) fn throttled(envelope: Envelope, seconds: i64) -> Self {
        let message = format!("Rate limit is exceeded. Try again in {seconds} seconds.");
        let mut refusal = Self::new(429, Cause::Throttled, "serviceNotAvailable", message)
            .inner("tooManyRequests", "The limit of the tenant is reached.")
            .with("retry-after", seconds.to_string());
        refusal.envelope = envelope;
        refusal
    }

    /// What the other host answers; it has an envelope of its own for what it refuses.
    pub(super) fn center(status: u16, message: impl Into<String>) -> Self {
        let mut refusal = Self::new(status, Cause::Malformed, "invalidRequest", message);
        refusal.envelope = Envelope::Gateway;
        refusal
    }
}

/// A refusal as a fault to put in front of a router.
pub(super) fn fault(refusal: Refusal) -> crate::faults::Fault {
    let answer = refusal.answer();
    crate::faults::Fault::Answer {
        status: answer.status,
        headers: answer.headers,
        body: String::from_utf8_lossy(&answer.body).into_owned(),
    }
}

/// A text as JSON writes it.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
