//! A request as the Web API reads it: from the network, or out of a batch.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Map, Value};

use super::answer::Refusal;

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// The version in the path, as in `v9.2`.
    pub(super) version: String,
    /// The raw path after the version.
    pub(super) path: String,
    /// The raw query.
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// URLs of rows of the same change set, by Content-ID.
    pub(super) references: HashMap<String, String>,
    /// Who calls.
    pub(super) user: Arc<str>,
}

/// A condition on the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    None,
    /// `*`
    Any,
    /// An entity tag.
    Tag(String),
}

/// What `Prefer` asks for.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a preference of its own")]
pub(super) struct Preferences {
    pub(super) representation: bool,
    pub(super) page_size: Option<usize>,
    pub(super) track_changes: bool,
    pub(super) continue_on_error: bool,
    pub(super) annotations: bool,
    applied: Vec<String>,
}

impl Call {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether a header says `value`, in any case.
    pub(super) fn says(&self, name: &str, value: &str) -> bool {
        self.header(name)
            .is_some_and(|given| given.eq_ignore_ascii_case(value))
    }

    pub(super) fn if_match(&self) -> Condition {
        condition(self.header("if-match"))
    }

    /// The word `null` is no condition.
    pub(super) fn if_none_match(&self) -> Condition {
        condition(self.header("if-none-match").filter(|value| *value != "null"))
    }

    /// The body, which has to be a JSON object.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        let kind = self.header("content-type").unwrap_or_default();
        if !kind.starts_with("application/json") {
            let message = format!("The content type '{kind}' is not supported.");
            return Err(Refusal::new(415, "0x80060888", message));
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(members)) => Ok(members),
            Ok(_) => Err(Refusal::payload("The payload is not an object.")),
            Err(error) => Err(Refusal::payload(format!(
                "Error identified in Payload provided by the user: {error}."
            ))),
        }
    }

    pub(super) fn preferences(&self) -> Preferences {
        let mut preferences = Preferences::default();
        let values = self.headers.get_all("prefer").iter();
        let values = values.filter_map(|value| value.to_str().ok());
        for preference in values.flat_map(|value| value.split(',')).map(str::trim) {
            preferences.apply(preference);
        }
        preferences
    }
}

impl Preferences {
    fn apply(&mut self, preference: &str) {
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        match (name, value.trim_matches('"')) {
            ("return", "representation") => self.representation = true,
            ("odata.track-changes", "") => self.track_changes = true,
            ("odata.continue-on-error", "" | "true") => self.continue_on_error = true,
            ("odata.include-annotations", "*") => self.annotations = true,
            ("odata.maxpagesize", size) if size.parse::<usize>().is_ok_and(|size| size > 0) => {
                self.page_size = size.parse().ok();
            }
            _ => return,
        }
        self.applied.push(preference.to_owned());
    }

    /// What goes into `Preference-Applied`, if anything.
    pub(super) fn applied(&self) -> Option<String> {
        (!self.applied.is_empty()).then(|| self.applied.join(","))
    }
}

fn condition(value: Option<&str>) -> Condition {
    match value {
        None => Condition::None,
        Some("*") => Condition::Any,
        Some(tag) => Condition::Tag(tag.to_owned()),
    }
}
