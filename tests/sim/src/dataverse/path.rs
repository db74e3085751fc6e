//! The raw path of a request, cut at slashes that stand outside quotes.

use super::answer::Refusal;
use super::predicate::{self, Predicate};

/// One segment of a path.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// What stands before the parenthesis.
    pub(super) name: String,
    /// What stands in it; none without one.
    pub(super) key: Option<Predicate>,
}

/// The segments of a resource path, such as `leads(…)/description`.
pub(super) fn read(raw: &str) -> Result<Vec<Segment>, Refusal> {
    split(raw, b'/').into_iter().map(segment).collect()
}

/// Cuts at `separator` outside of quotes; a quote may be encoded.
pub(super) fn split(raw: &str, separator: u8) -> Vec<&str> {
    let bytes = raw.as_bytes();
    let (mut parts, mut from, mut at, mut quoted) = (Vec::new(), 0, 0, false);
    while at < bytes.len() {
        if bytes[at] == b'\'' {
            quoted = !quoted;
        } else if raw[at..].starts_with("%27") {
            quoted = !quoted;
            at += 2;
        } else if bytes[at] == separator && !quoted {
            parts.push(&raw[from..at]);
            from = at + 1;
        }
        at += 1;
        while !raw.is_char_boundary(at) {
            at += 1;
        }
    }
    parts.push(&raw[from..]);
    parts
}

fn segment(raw: &str) -> Result<Segment, Refusal> {
    let plain = |name: &str| {
        let decoded = percent_encoding::percent_decode_str(name).decode_utf8();
        decoded.map(String::from).map_err(|_| Refusal::syntax())
    };
    let Some((name, rest)) = raw.split_once('(') else {
        return Ok(Segment {
            name: plain(raw)?,
            key: None,
        });
    };
    let inside = rest.strip_suffix(')').ok_or_else(Refusal::syntax)?;
    Ok(Segment {
        name: plain(name)?,
        key: Some(predicate::read(inside)?),
    })
}
