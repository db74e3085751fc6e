//! Key predicates, read from the raw path (contract dynamics365 8).

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::answer::Refusal;
use super::{ids, path};

/// What stands between the parentheses after a set.
#[derive(Clone, Debug)]
pub(super) enum Predicate {
    /// Nothing, as in `WhoAmI()`.
    Empty,
    /// A primary key.
    Id(String),
    /// Values by name, in the order of the URL.
    Named(Vec<(String, Value)>),
}

/// None of these works in the value of a key, encoded or not.
const FORBIDDEN: &str = "/<>*%&:\\?+#";

pub(super) fn read(raw: &str) -> Result<Predicate, Refusal> {
    if raw.is_empty() {
        return Ok(Predicate::Empty);
    }
    if let Some(id) = ids::guid(raw) {
        return Ok(Predicate::Id(id));
    }
    let pairs = path::split(raw, b',').into_iter().map(pair);
    let pairs: Vec<(String, Value)> = pairs.collect::<Result<_, _>>()?;
    // The primary key may be named.
    Ok(Predicate::Named(pairs))
}

fn pair(raw: &str) -> Result<(String, Value), Refusal> {
    let (name, value) = raw.split_once('=').ok_or_else(Refusal::syntax)?;
    let name = decode(name.trim())?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_name {
        return Err(Refusal::syntax());
    }
    Ok((name, literal(value.trim())?))
}

fn literal(raw: &str) -> Result<Value, Refusal> {
    let encoded = raw.replace("%27", "'");
    if let Some(inside) = encoded.strip_prefix('\'') {
        let inside = inside.strip_suffix('\'').ok_or_else(Refusal::syntax)?;
        return text(inside);
    }
    let plain = decode(raw)?;
    if let Some(id) = ids::guid(&plain) {
        return Ok(Value::String(id));
    }
    match serde_json::from_str(&plain) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => Ok(value),
        _ => Err(Refusal::syntax()),
    }
}

/// Text between quotes, where a quote is doubled.
fn text(raw: &str) -> Result<Value, Refusal> {
    let decoded = decode(raw)?;
    if decoded.contains(|c| FORBIDDEN.contains(c)) || decoded.replace("''", "").contains('\'') {
        return Err(Refusal::syntax());
    }
    Ok(Value::String(decoded.replace("''", "'")))
}

fn decode(raw: &str) -> Result<String, Refusal> {
    percent_decode_str(raw)
        .decode_utf8()
        .map(String::from)
        .map_err(|_| Refusal::syntax())
}
