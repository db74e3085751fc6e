//! One request of the Web API, to be sent alone or as a part of a batch.

use std::fmt::Write as _;

use connector_kit::LeadId;
use http::header::IF_MATCH;
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Map, Value};

/// The header that tells whether duplicate detection stays off; `false` switches it on.
const SUPPRESS_DETECTION: HeaderName = HeaderName::from_static("mscrm.suppressduplicatedetection");

/// One request, before it has an environment and a token.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// The verb.
    pub method: Method,
    /// Path and query below `/api/data/v9.2/`.
    pub path: String,
    /// What this request says beyond what all say.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// JSON.
    pub body: Option<String>,
}

impl Operation {
    /// Reads.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// Acts, or creates.
    pub(crate) fn post(path: impl Into<String>, body: &Value) -> Self {
        Self {
            method: Method::POST,
            body: Some(body.to_string()),
            ..Self::get(path)
        }
    }

    /// Deletes what still is as it was seen.
    pub(crate) fn delete(path: impl Into<String>, tag: &str) -> Self {
        let tag = HeaderValue::from_str(tag).ok();
        Self {
            method: Method::DELETE,
            headers: tag.map(|tag| (IF_MATCH, tag)).into_iter().collect(),
            ..Self::get(path)
        }
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        let pair = (HeaderName::from_static(name), HeaderValue::from_static(value));
        self.headers.push(pair);
        self
    }

    /// About how many bytes it takes.
    pub(crate) fn weight(&self) -> usize {
        self.path.len() + self.body.as_ref().map_or(0, String::len)
    }
}

/// How one of our records is named: by the alternate key, never by anything a stranger wrote.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    column: String,
}

impl Key {
    /// The column is a logical name, checked with the config.
    pub(crate) fn new(column: &str) -> Self {
        Self {
            column: column.to_owned(),
        }
    }

    /// The column of the key.
    pub(crate) fn column(&self) -> &str {
        &self.column
    }

    /// `leads(lsync_marketplaceleadid='..')`. An id is hex, so nothing needs quoting or encoding:
    /// percent signs would not help a `/` or `+` anyway (contract dynamics365 1.3).
    pub(crate) fn of(&self, lead: LeadId) -> String {
        let mut name = String::with_capacity(self.column.len() + 44);
        let _ = write!(name, "leads({}='{lead}')", self.column);
        name
    }
}

/// One lead on its way.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Which delivery it is.
    pub delivery: usize,
    /// The record's key.
    pub lead: LeadId,
    /// The columns, without the key's.
    pub columns: Map<String, Value>,
    /// The destination named a record for it before.
    pub was_held: bool,
    /// A record must be there: one that was deleted is not made again.
    pub update_only: bool,
    /// Dataverse looks for duplicates.
    pub detect: bool,
    /// How often it was attempted before.
    pub attempt: u32,
    /// The operator wants a record that is gone made anew; and what only a new one gets.
    pub anew: Option<Map<String, Value>>,
}

impl Row {
    /// The same to be made anew, where the operator wants that.
    pub(crate) fn made_anew(&self) -> Option<Self> {
        let mut row = self.clone();
        row.columns.append(row.anew.as_mut()?);
        row.anew = None;
        (row.was_held, row.update_only) = (false, false);
        Some(row)
    }

    /// `PATCH` by key: makes the record or changes it, and tells its id.
    pub(crate) fn patch(&self, key: &Key) -> Operation {
        let mut operation = Operation {
            method: Method::PATCH,
            path: format!("{}?$select=leadid", key.of(self.lead)),
            headers: Vec::new(),
            body: Some(Value::Object(self.columns.clone()).to_string()),
        }
        .header("prefer", "return=representation");
        if self.update_only {
            operation = operation.header("if-match", "*");
        }
        if self.detect {
            let off = (SUPPRESS_DETECTION, HeaderValue::from_static("false"));
            operation.headers.push(off);
        }
        operation
    }

    /// `GET` by key: whether the record is there and takes changes.
    pub(crate) fn look(&self, key: &Key) -> Operation {
        Operation::get(format!("{}?$select=statecode", key.of(self.lead)))
    }

    /// The same as one of the targets of `UpsertMultiple`.
    pub(crate) fn target(&self, key: &Key) -> Value {
        let mut target = self.columns.clone();
        target.insert("@odata.type".to_owned(), "Microsoft.Dynamics.CRM.lead".into());
        target.insert("@odata.id".to_owned(), key.of(self.lead).into());
        Value::Object(target)
    }
}

#[cfg(test)]
#[path = "operation/tests.rs"]
mod tests;
