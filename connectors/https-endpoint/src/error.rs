//! Their answer becomes a receipt or a [`ConnectorError`] (contract https-endpoint 6). Pure.

use chrono::{DateTime, Utc};
use connector_kit::http::{Clean, Response, redact, retry_after};
use connector_kit::secret::Secret;
use connector_kit::{ConnectorError, ErrorKind, Receipt, RecordRef};
use http::StatusCode;
use http::header::LOCATION;
use serde_json::Value;

use crate::config::{IdempotencyKey, Settings, SuccessRule};

/// How to read an answer.
pub(crate) struct Reading {
    /// The receiver, for messages: its host and nothing more.
    pub(crate) host: String,
    idempotent: bool,
    success: Option<SuccessRule>,
    record: Option<String>,
    secrets: Vec<Secret>,
}

/// So many in a row park the destination, where one may be a deployment going on.
const STRIKES: u8 = 3;

impl Reading {
    pub(crate) fn new(settings: &Settings, host: String, secrets: Vec<Secret>) -> Self {
        Self {
            host,
            idempotent: settings.idempotency_key != IdempotencyKey::Off,
            success: settings.success_rule.clone(),
            record: settings.record_pointer.clone(),
            secrets,
        }
    }

    /// What the answer means for everything that was in the request.
    pub(crate) fn read(&self, response: &Response, now: DateTime<Utc>) -> Result<Receipt, ConnectorError> {
        if response.status().is_success() {
            return self.taken(response);
        }
        Err(self.refused(response, now))
    }

    fn taken(&self, response: &Response) -> Result<Receipt, ConnectorError> {
        if self.success.is_none() && self.record.is_none() {
            return Ok(Receipt::default());
        }
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        if let Some(rule) = &self.success
            && body.pointer(&rule.pointer) != Some(&rule.equals)
        {
            let what = format!(
                "{} without {} = {}",
                response.status().as_u16(),
                rule.pointer,
                rule.equals
            );
            return Err(self
                .error(ErrorKind::Broken, &what, response)
                .hint("the receiver answers 2xx, but not what success_rule asks for: look at its answer"));
        }
        let record = self
            .record
            .as_deref()
            .and_then(|pointer| match body.pointer(pointer)? {
                Value::String(text) if !text.is_empty() && text.len() <= 512 => Some(RecordRef(text.clone())),
                Value::Number(number) => Some(RecordRef(number.to_string())),
                _ => None,
            });
        Ok(Receipt {
            record,
            closed: false,
        })
    }

    fn refused(&self, response: &Response, now: DateTime<Utc>) -> ConnectorError {
        let status = response.status();
        let kind = self.kind(status);
        let what = match response.headers().get(LOCATION) {
            Some(location) if status.is_redirection() => {
                format!("{} to {}", status.as_u16(), target_host(location.as_bytes()))
            }
            _ => status.as_u16().to_string(),
        };
        let mut error = self
            .error(kind, &what, response)
            .retry_after(retry_after::of(response.headers(), now));
        if kind == ErrorKind::Misconfigured && status != StatusCode::GONE {
            error = error.strikes(STRIKES);
        }
        match hint(status) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// What must not show in anything kept of an answer.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(Secret::expose)
    }

    fn kind(&self, status: StatusCode) -> ErrorKind {
        match status.as_u16() {
            401 | 403 => ErrorKind::Unauthorized,
            300..=399 | 402 | 404 | 405 | 407 | 410 | 426 | 501 | 505 => ErrorKind::Misconfigured,
            429 | 503 => ErrorKind::Throttled,
            502 | 504 => ErrorKind::Unreachable,
            409 if self.idempotent => ErrorKind::Conflict,
            408 | 421 | 423 | 425 => ErrorKind::Broken,
            400..=499 => ErrorKind::Rejected,
            _ => ErrorKind::Broken,
        }
    }

    fn error(&self, kind: ErrorKind, what: &str, response: &Response) -> ConnectorError {
        let answer = redact::answer(response.body(), self.secrets());
        ConnectorError::new(kind, format!("post to {}: {what}", self.host)).answer(answer)
    }
}

/// A batch may fail for one of its members: these failures are worth looking for it.
pub(crate) fn may_be_one_member(error: &ConnectorError, status: StatusCode) -> bool {
    error.kind() == ErrorKind::Rejected || status.is_success()
}

/// After these failures nothing more is sent in this call: they concern the receiver, not a lead.
pub(crate) fn concerns_everyone(error: &ConnectorError) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::Rejected | ErrorKind::Broken | ErrorKind::Conflict
    )
}

fn hint(status: StatusCode) -> Option<&'static str> {
    Some(match status.as_u16() {
        300..=399 => "redirects are not followed: set url to where the receiver really is, then release",
        401 => "the receiver refuses our credentials: renew them, then release",
        403 => "the receiver or a firewall refuses us: allow us there, then release",
        404 | 405 | 426 | 501 | 505 => "nothing takes a POST at this url: correct it, then release",
        402 => "the receiver asks for payment: settle it there, then release",
        407 => "the proxy refuses us: correct proxy, then release",
        410 => "the receiver is gone for good: set a new url, then release",
        413 => "the body is too large for the receiver: lower batch_max, then requeue",
        415 => "the receiver wants another payload_format: correct it, then requeue",
        _ => return None,
    })
}

/// The host a redirect leads to, or that it stays; never its path or query.
fn target_host(location: &[u8]) -> String {
    let text = String::from_utf8_lossy(location);
    match url::Url::parse(&text)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
    {
        Some(host) => Clean(host).to_string(),
        None => "another path of the same host".to_owned(),
    }
}
