//! A request, taken apart.

use bytes::Bytes;
use http::request::Parts;
use http::{Method, header};
use percent_encoding::percent_decode_str;

/// What a client asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// `GET` for a `POST` that says so.
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) uri_bytes: usize,
    /// The query as it came.
    pub(super) query: String,
    pub(super) content_type: String,
    pub(super) bearer: Option<String>,
    pub(super) body: Bytes,
    params: Vec<(String, String)>,
}

impl Asked {
    pub(super) fn new(parts: &Parts, body: Bytes) -> Self {
        let header = |name| {
            let value = parts.headers.get(name)?;
            Some(value.to_str().ok()?.to_owned())
        };
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let mut asked = Self {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            uri_bytes: parts.uri.path_and_query().map_or(0, |text| text.as_str().len()),
            params: pairs(&query),
            query,
            content_type: header(header::CONTENT_TYPE).unwrap_or_default(),
            bearer: header(header::AUTHORIZATION)
                .and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned)),
            body,
        };
        if asked.is_form() {
            asked.params.extend(pairs(&String::from_utf8_lossy(&asked.body)));
        }
        if asked.method == Method::POST && asked.param("_method") == Some("GET") {
            asked.method = Method::GET;
        }
        asked
    }

    pub(super) fn is_form(&self) -> bool {
        self.content_type.starts_with("application/x-www-form-urlencoded")
    }

    pub(super) fn param(&self, name: &str) -> Option<&str> {
        let mut found = self.params.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The parts of a list between commas.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let text = self.param(name).unwrap_or_default();
        text.split(',').filter(|part| !part.is_empty()).collect()
    }

    /// Whether a value of the query holds an equals sign that is not encoded.
    pub(super) fn has_raw_equals(&self) -> bool {
        self.query.split('&').any(|pair| pair.matches('=').count() > 1)
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}
