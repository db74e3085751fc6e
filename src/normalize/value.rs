//! One JSON value, read as the text a person would see.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// A value as a field sees it.
pub(super) enum Value<'a> {
    /// `null`.
    Null,
    /// A string, or a number or truth value as written.
    Text(Cow<'a, str>),
    /// An object, as JSON.
    Object(&'a str),
    /// An array, as JSON.
    Array(&'a str),
}

impl<'a> Value<'a> {
    /// Reads it. A string whose escapes make no text stays as written.
    pub(super) fn of(raw: &'a RawValue) -> Self {
        let json = raw.get();
        match json.as_bytes().first() {
            Some(b'{') => Self::Object(json),
            Some(b'[') => Self::Array(json),
            Some(b'n') => Self::Null,
            Some(b'"') => Self::Text(unquoted(json)),
            _ => Self::Text(Cow::Borrowed(json)),
        }
    }
}

fn unquoted(json: &str) -> Cow<'_, str> {
    let inside = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(json);
    if !inside.contains('\\') {
        return Cow::Borrowed(inside);
    }
    serde_json::from_str(json).map_or(Cow::Borrowed(inside), Cow::Owned)
}
