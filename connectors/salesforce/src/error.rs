//! Their answer -> [`ConnectorError`] (contract salesforce 7). Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};
use connector_kit::http::{Clean, Code, Response, redact, retry_after};
use connector_kit::{ConnectorError, ErrorKind};
use serde_json::Value;

/// The day's calls come back one by one over 24 hours: worth a look now and then.
const DAILY_REST: Duration = Duration::from_mins(15);
/// Long-running requests end by themselves.
const BUSY_REST: Duration = Duration::from_secs(30);

/// One thing Salesforce objects to, in either of its two shapes: whole requests say `errorCode`,
/// records inside a collection say `statusCode`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fault {
    /// `REQUIRED_FIELD_MISSING`
    pub code: String,
    /// Salesforce's own words; may quote the lead.
    pub message: String,
    /// The fields it names.
    pub fields: Vec<String>,
    /// What a duplicate rule found.
    pub duplicate: Option<Duplicate>,
}

/// What a duplicate rule found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Duplicate {
    /// The rule only warns: the record may be saved with a header.
    pub may_save: bool,
    /// The leads it may be, best first.
    pub leads: Vec<String>,
    /// How many records of other kinds it may be.
    pub others: usize,
}

/// Where a fault was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It concerns the whole request.
    Request,
    /// A record that was to be made.
    Create,
    /// A record that is there.
    Update,
}

impl Fault {
    /// Reads one fault; none when the value is nothing of the kind.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let duplicate = value
            .get("duplicateResut")
            .or_else(|| value.get("duplicateResult"));
        Some(Self {
            code: text("errorCode").or_else(|| text("statusCode"))?,
            message: text("message").unwrap_or_default(),
            fields: strings(value.get("fields")),
            duplicate: duplicate.filter(|found| found.is_object()).map(Duplicate::read),
        })
    }

    /// All faults of the body of a refused request; none when it is a page or nothing.
    pub(crate) fn all(body: &[u8]) -> Vec<Self> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        match &body {
            Value::Array(faults) => faults.iter().filter_map(Self::read).collect(),
            one => Self::read(one).into_iter().collect(),
        }
    }

    /// Some other work holds the record; automation hides that behind codes of its own.
    pub(crate) fn is_lock(&self) -> bool {
        self.code == "UNABLE_TO_LOCK_ROW" || self.message.contains("UNABLE_TO_LOCK_ROW")
    }

    /// The record lacks one of our fields, or we may not write it: the description is out of date.
    pub(crate) fn is_about_schema(&self) -> bool {
        matches!(
            self.code.as_str(),
            "INVALID_FIELD" | "INVALID_FIELD_FOR_INSERT_UPDATE"
        )
    }

    /// The record is deleted, merged, or was never there.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(
            self.code.as_str(),
            "ENTITY_IS_DELETED" | "INVALID_CROSS_REFERENCE_KEY" | "NOT_FOUND" | "MALFORMED_ID"
        )
    }

    /// Another record holds the value, and the value is our key.
    pub(crate) fn is_race_for(&self, key_field: &str) -> bool {
        self.code == "DUPLICATE_VALUE"
            && (self.message.contains(key_field) || self.fields.iter().any(|field| field == key_field))
    }

    /// What this means for one record.
    pub(crate) fn error(&self, doing: &str, place: Place) -> ConnectorError {
        let fields = if self.fields.is_empty() {
            String::new()
        } else {
            let names: Vec<String> = self.fields.iter().map(|name| Code(name).to_string()).collect();
            format!(" ({})", names.join(", "))
        };
        let kind = kind(self, 400, place);
        let error = ConnectorError::new(kind, format!("{doing}: {}{}", Code(&self.code), Clean(fields)))
            .answer(redact::answer(self.message.as_bytes(), []))
            .retry_after(rest(self));
        match hint(self, place) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl Duplicate {
    fn read(value: &Value) -> Self {
        let mut found = Self {
            may_save: value
                .get("allowSave")
                .and_then(Value::as_bool)
                .unwrap_or_default(),
            ..Self::default()
        };
        let results = value
            .get("matchResults")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let records = results
            .filter_map(|result| result.get("matchRecords")?.as_array())
            .flatten()
            .filter_map(|record| record.get("record"));
        for record in records {
            let id = record.get("Id").and_then(Value::as_str);
            match (record.pointer("/attributes/type").and_then(Value::as_str), id) {
                (Some("Lead"), Some(id)) => found.leads.push(id.to_owned()),
                _ => found.others += 1,
            }
        }
        found
    }
}

/// What a refused request means for everything that was in it.
pub(crate) fn refusal(
    response: &Response,
    faults: &[Fault],
    doing: &str,
    now: DateTime<Utc>,
) -> ConnectorError {
    let status = response.status().as_u16();
    let none = Fault::default();
    let fault = faults.first().unwrap_or(&none);
    let text = format!("{doing}: {status} {}", Code(&fault.code));
    let error = ConnectorError::new(kind(fault, status, Place::Request), text.trim_end())
        .answer(redact::answer(response.body(), []))
        .retry_after(rest(fault).or_else(|| retry_after::of(response.headers(), now)));
    match hint(fault, Place::Request) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn rest(fault: &Fault) -> Option<Duration> {
    (fault.code == "REQUEST_LIMIT_EXCEEDED").then(|| if is_busy(fault) { BUSY_REST } else { DAILY_REST })
}

/// Too many requests at once, not too many a day.
fn is_busy(fault: &Fault) -> bool {
    fault.message.contains("ConcurrentPerOrgLongTxn") || fault.message.contains("ConcurrentRequests")
}

/// Who has to change. The code decides, then the status.
fn kind(fault: &Fault, status: u16, place: Place) -> ErrorKind {
    if fault.is_lock() {
        return ErrorKind::Conflict;
    }
    match fault.code.as_str() {
        "" => of_status(status),
        "REQUEST_LIMIT_EXCEEDED" | "SERVER_UNAVAILABLE" | "TXN_SECURITY_METERING_ERROR" => {
            ErrorKind::Throttled
        }
        "INVALID_SESSION_ID"
        | "INVALID_AUTH_HEADER"
        | "INVALID_OPERATION_WITH_EXPIRED_PASSWORD"
        | "API_DISABLED_FOR_ORG"
        | "API_CURRENTLY_DISABLED" => ErrorKind::Unauthorized,
        code if code.starts_with("TXN_SECURITY") => ErrorKind::Unauthorized,
        // A record that is there may be somebody's own; the right to make one is everybody's or nobody's.
        "INSUFFICIENT_ACCESS" | "INSUFFICIENT_ACCESS_OR_READONLY" if place == Place::Update => {
            ErrorKind::Rejected
        }
        "INSUFFICIENT_ACCESS" | "INSUFFICIENT_ACCESS_OR_READONLY" => ErrorKind::Unauthorized,
        "FUNCTIONALITY_NOT_ENABLED"
        | "STORAGE_LIMIT_EXCEEDED"
        | "INVALID_FIELD"
        | "INVALID_FIELD_FOR_INSERT_UPDATE"
        | "INVALID_TYPE"
        | "UNSUPPORTED_API_VERSION"
        | "METHOD_NOT_ALLOWED"
        | "MALFORMED_QUERY" => ErrorKind::Misconfigured,
        "NOT_FOUND" if place == Place::Request => ErrorKind::Misconfigured,
        "UNKNOWN_EXCEPTION" | "QUERY_TIMEOUT" | "INVALID_QUERY_LOCATOR" => ErrorKind::Broken,
        _ if status >= 500 => of_status(status),
        _ => ErrorKind::Rejected,
    }
}

/// The edge of the network answers without a code, with a page or with nothing.
fn of_status(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::Unauthorized,
        420 | 429 | 503 => ErrorKind::Throttled,
        406 | 408 | 502 | 504 => ErrorKind::Unreachable,
        409 | 412 => ErrorKind::Conflict,
        400 | 413 | 422 => ErrorKind::Rejected,
        300..=499 => ErrorKind::Misconfigured,
        _ => ErrorKind::Broken,
    }
}

fn hint(fault: &Fault, place: Place) -> Option<&'static str> {
    Some(match fault.code.as_str() {
        "REQUEST_LIMIT_EXCEEDED" if !is_busy(fault) => {
            "the organisation's API calls of 24 hours are used up; leads go on when some come back"
        }
        "INVALID_SESSION_ID" | "INVALID_AUTH_HEADER" => {
            "Salesforce refuses a fresh token: check the app's scopes (api) and policies, then release"
        }
        "INVALID_OPERATION_WITH_EXPIRED_PASSWORD" => {
            "the integration user's password has expired: renew it, or exempt the user, then release"
        }
        "API_DISABLED_FOR_ORG" | "API_CURRENTLY_DISABLED" | "FUNCTIONALITY_NOT_ENABLED" => {
            "the organisation or the user lacks API access: give the permission API Enabled, then release"
        }
        "INSUFFICIENT_ACCESS" | "INSUFFICIENT_ACCESS_OR_READONLY" if place == Place::Update => {
            "the integration user may not edit this record: share it, or give Edit on Lead, then requeue"
        }
        "INSUFFICIENT_ACCESS" | "INSUFFICIENT_ACCESS_OR_READONLY" => {
            "give the integration user Create and Edit on Lead (leadsync provision), then release"
        }
        "INVALID_FIELD" | "INVALID_FIELD_FOR_INSERT_UPDATE" => {
            "run leadsync doctor: a field is missing or not writable for the integration user"
        }
        "NOT_FOUND" if place == Place::Request => {
            "run leadsync provision: the key field is missing or hidden from the integration user, then release"
        }
        "STORAGE_LIMIT_EXCEEDED" => "the organisation's data storage is full: make room, then release",
        "UNSUPPORTED_API_VERSION" => "set api_version to one the organisation knows, then release",
        "DUPLICATES_DETECTED" => {
            "a duplicate rule objects: merge the records it names, or set duplicate_rule, then requeue"
        }
        "DUPLICATE_EXTERNAL_ID" | "MULTIPLE_CHOICES" => {
            "several records carry this lead's key: merge them and make the key field unique, then requeue"
        }
        "DUPLICATE_VALUE" => "another record holds a value that has to be unique: merge them, then requeue",
        "FIELD_INTEGRITY_EXCEPTION" => {
            "a value does not fit the organisation's lists (countries and states): correct the mapping, then requeue"
        }
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" => {
            "add the value to the picklist, or map it to one that is there, then requeue"
        }
        "FIELD_CUSTOM_VALIDATION_EXCEPTION" => {
            "a validation rule of the organisation objects: see the answer, correct the mapping or the rule, then requeue"
        }
        code if code.starts_with("TXN_SECURITY") => {
            "give the integration user Exempt from Transaction Security, then release"
        }
        _ => return None,
    })
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
