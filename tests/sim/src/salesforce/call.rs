//! A request as it came, and what its headers ask for (contract salesforce 1, 7, 8).

use bytes::Bytes;
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::answer::Refusal;

/// The first version that knows `Sforce-Duplicate-Rule-Header`.
const DUPLICATE_HEADER_SINCE: u32 = 52;

/// A request, or a part of a composite one.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// The path as sent.
    pub(super) path: String,
    /// The query as sent.
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// How records are to be saved.
#[derive(Clone, Debug, Default)]
pub(super) struct Manner {
    /// The assignment rule that runs: `None` is none, an empty text the active one.
    pub(super) assign: Option<String>,
    /// Whether a duplicate rule that only alerts lets the record pass.
    pub(super) allow_save: bool,
}

impl Call {
    /// The parts of the path, decoded; one slash at the end makes no difference.
    pub(super) fn segments(&self) -> Vec<String> {
        let path = self.path.trim_start_matches('/');
        let path = path.strip_suffix('/').unwrap_or(path);
        path.split('/').map(decode).collect()
    }

    /// A parameter of the query; `+` is a space.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        field(&self.query, name)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body, which has to be JSON and say so.
    pub(super) fn json(&self) -> Result<Value, Refusal> {
        let media = self.header("content-type").unwrap_or_default();
        if !media.to_ascii_lowercase().starts_with("application/json") {
            let message = format!("Content-Type not supported: {media}");
            return Err(Refusal::new("UNSUPPORTED_MEDIA_TYPE", message).with_status(415));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| Refusal::new("JSON_PARSER_ERROR", format!("Unexpected character: {error}")))
    }

    /// The body, which has to be a JSON object.
    pub(super) fn object(&self) -> Result<serde_json::Map<String, Value>, Refusal> {
        match self.json()? {
            Value::Object(object) => Ok(object),
            _ => Err(Refusal::new(
                "JSON_PARSER_ERROR",
                "The HTTP entity body is required to be an object",
            )),
        }
    }

    pub(super) fn manner(&self, version: u32) -> Manner {
        let assign = self.header("sforce-auto-assign").unwrap_or("TRUE");
        let rules = self.header("sforce-duplicate-rule-header").unwrap_or_default();
        Manner {
            assign: match assign.to_ascii_uppercase().as_str() {
                "FALSE" => None,
                "TRUE" => Some(String::new()),
                _ => Some(assign.to_owned()),
            },
            allow_save: version >= DUPLICATE_HEADER_SINCE && flag(rules, "allowSave"),
        }
    }
}

/// A field of a form or a query.
pub(super) fn field(form: &str, name: &str) -> Option<String> {
    let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(decode(&value.replace('+', " ")))
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// `name=true` among parts divided by semicolons or commas.
fn flag(header: &str, name: &str) -> bool {
    header.split([';', ',']).any(|part| {
        part.split_once('=').is_some_and(|(key, value)| {
            key.trim().eq_ignore_ascii_case(name) && value.trim().eq_ignore_ascii_case("true")
        })
    })
}
