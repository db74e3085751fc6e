//! The document: whether bytes are one JSON object of decent size, and why not.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

/// How much a body may hold. Its size is the receiver's affair; depth is 127 levels at most.
#[derive(Clone, Debug)]
pub struct BodyLimits {
    /// Keys in all objects together.
    pub max_keys: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { max_keys: 256 }
    }
}

/// Why a body cannot be read, without a word of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// There are no bytes, or only white space.
    Empty,
    /// Some byte is not UTF-8.
    NotUtf8,
    /// Every other byte is zero.
    Utf16,
    /// A form, as a browser sends it.
    FormEncoded,
    /// No JSON, or more than one document.
    NotJson,
    /// JSON, but not an object.
    NotAnObject,
    /// Nested too deep.
    TooDeep,
    /// More keys than allowed.
    TooManyKeys,
    /// A number no machine type holds.
    NumberOutOfRange,
    /// Half of a surrogate pair.
    LoneSurrogate,
    /// No referral, in the words of whoever read it.
    NoReferral(&'static str),
}

impl Reason {
    /// What the sender should change.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Empty => "send the lead as a JSON object in the body",
            Self::NotUtf8 => "encode the body as UTF-8; it looks like Latin-1 or Windows-1252",
            Self::Utf16 => "encode the body as UTF-8; it looks like UTF-16",
            Self::FormEncoded => "send the JSON itself as the body, not a form with a field",
            Self::NotJson => "send exactly one JSON object, without comments or text around it",
            Self::NotAnObject => "send a JSON object; arrays and bare values carry no lead",
            Self::TooDeep => "nest objects and arrays less than 128 levels deep",
            Self::TooManyKeys => "send fewer members",
            Self::NumberOutOfRange => "send numbers below 1e308, or as strings",
            Self::LoneSurrogate => "escape characters beyond U+FFFF as a pair of surrogates",
            Self::NoReferral(_) => "a later version of it is read by itself; the bytes are kept",
        }
    }

    /// A short name for counters and problem documents.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotUtf8 => "not-utf-8",
            Self::Utf16 => "utf-16",
            Self::FormEncoded => "form-encoded",
            Self::NotJson => "not-json",
            Self::NotAnObject => "not-an-object",
            Self::TooDeep => "too-deep",
            Self::TooManyKeys => "too-many-keys",
            Self::NumberOutOfRange => "number-out-of-range",
            Self::LoneSurrogate => "lone-surrogate",
            Self::NoReferral(_) => "no-referral",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the body is empty",
            Self::NotUtf8 | Self::Utf16 => "the body is not UTF-8",
            Self::FormEncoded => "the body is a form, not JSON",
            Self::NotJson => "the body is not JSON",
            Self::NotAnObject => "the body is not a JSON object",
            Self::TooDeep => "the body is nested too deep",
            Self::TooManyKeys => "the body has too many members",
            Self::NumberOutOfRange => "a number is out of range",
            Self::LoneSurrogate => "a string holds half a character",
            Self::NoReferral(why) => why,
        })
    }
}

/// A body nobody can read. Says why, never what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{reason}; {hint}")]
pub struct Unreadable {
    /// Why.
    pub reason: Reason,
    /// What the sender should change.
    pub hint: &'static str,
}

impl From<Reason> for Unreadable {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            hint: reason.hint(),
        }
    }
}

/// Whether the bytes can be read at all: the question at the door, before custody.
///
/// Builds nothing. A body that passes is understood later, however odd it is.
pub fn check_body(bytes: &[u8], limits: &BodyLimits) -> Result<(), Unreadable> {
    document(bytes, limits).map(|_| ())
}

/// The text of one JSON object.
pub(super) struct Document<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) double_encoded: bool,
}

/// Finds the object in the bytes: behind a byte order mark, or inside one JSON string.
pub(super) fn document<'a>(bytes: &'a [u8], limits: &BodyLimits) -> Result<Document<'a>, Unreadable> {
    let text = decode(bytes)?;
    if !text.starts_with('"') {
        check(text, limits).map_err(|reason| blame(reason, text))?;
        return Ok(Document {
            text: Cow::Borrowed(text),
            double_encoded: false,
        });
    }
    let inner: String = serde_json::from_str(text).map_err(|error| reason_of(&error))?;
    let inside = inner.trim_ascii_start();
    if !inside.starts_with('{') {
        return Err(Reason::NotAnObject.into());
    }
    check(inside, limits)?;
    Ok(Document {
        text: Cow::Owned(inner),
        double_encoded: true,
    })
}

/// The bytes as text, without byte order mark and leading white space.
fn decode(bytes: &[u8]) -> Result<&str, Unreadable> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let wide = matches!(
        bytes,
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, _, ..] | [_, 0, ..]
    );
    if wide {
        return Err(Reason::Utf16.into());
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Reason::NotUtf8)?
        .trim_ascii_start();
    if text.is_empty() {
        return Err(Reason::Empty.into());
    }
    Ok(text)
}

/// Walks the document once, without keeping anything.
fn check(text: &str, limits: &BodyLimits) -> Result<(), Reason> {
    let keys = Cell::new(0);
    let mut reader = serde_json::Deserializer::from_str(text);
    let walk = Walk {
        keys: &keys,
        max: limits.max_keys,
    };
    let walked = walk.deserialize(&mut reader).and_then(|()| reader.end());
    match walked {
        Err(_) if keys.get() > limits.max_keys => Err(Reason::TooManyKeys),
        Err(error) => Err(reason_of(&error)),
        Ok(()) if text.starts_with('{') => Ok(()),
        Ok(()) => Err(Reason::NotAnObject),
    }
}

/// `serde_json` keeps its error codes to itself; the words are all there is.
fn reason_of(error: &serde_json::Error) -> Reason {
    let words = error.to_string();
    if words.starts_with("recursion limit exceeded") {
        Reason::TooDeep
    } else if words.starts_with("number out of range") {
        Reason::NumberOutOfRange
    } else if words.contains("surrogate") || words.starts_with("unexpected end of hex escape") {
        Reason::LoneSurrogate
    } else {
        Reason::NotJson
    }
}

/// Names a form as such.
fn blame(reason: Reason, text: &str) -> Reason {
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"_-.%+[]".contains(&b);
    let form = text
        .split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(is_name));
    if reason == Reason::NotJson && form {
        Reason::FormEncoded
    } else {
        reason
    }
}

/// Visits every value and counts keys. Recursive, so that `serde_json`'s depth limit applies.
#[derive(Clone, Copy)]
struct Walk<'k> {
    keys: &'k Cell<usize>,
    max: usize,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_key_seed(self)?.is_some() {
            self.keys.set(self.keys.get() + 1);
            if self.keys.get() > self.max {
                return Err(A::Error::custom("too many keys"));
            }
            members.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
