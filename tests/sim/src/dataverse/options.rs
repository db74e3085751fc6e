//! The options of a query (contract dynamics365 11).

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use super::answer::Refusal;
use super::filter::{self, Expression};
use super::path::split;

/// What a query asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) select: Option<Vec<String>>,
    pub(super) filter: Option<Expression>,
    pub(super) order: Vec<(String, bool)>,
    pub(super) expand: Vec<Expand>,
    pub(super) top: Option<usize>,
    pub(super) count: bool,
    pub(super) delta_token: Option<String>,
    pub(super) skip_token: Option<String>,
    /// The names of the options given, in order.
    pub(super) given: Vec<String>,
}

/// A navigation property to follow.
#[derive(Clone, Debug)]
pub(super) struct Expand {
    pub(super) name: String,
    pub(super) inner: Options,
}

/// Options that may stand in a URL without a dollar sign.
const CUSTOM: &[&str] = &["tag"];

impl Options {
    pub(super) fn read(query: &str) -> Result<Self, Refusal> {
        let mut pairs = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(Refusal::syntax)?;
            pairs.push((decode(name)?, decode(value)?));
        }
        let aliases: HashMap<String, String> = pairs
            .iter()
            .filter(|(name, _)| name.starts_with('@'))
            .cloned()
            .collect();
        let mut options = Self::default();
        for (name, value) in &pairs {
            options.take(name, value, &aliases)?;
        }
        Ok(options)
    }

    /// What stands in the parentheses after a navigation property.
    fn inner(text: &str) -> Result<Self, Refusal> {
        let mut options = Self::default();
        for pair in top_level(text, ';') {
            let (name, value) = pair.split_once('=').ok_or_else(Refusal::syntax)?;
            options.take(name.trim(), value, &HashMap::new())?;
        }
        Ok(options)
    }

    fn take(&mut self, name: &str, value: &str, aliases: &HashMap<String, String>) -> Result<(), Refusal> {
        if self.given.iter().any(|given| given == name) {
            return Err(Refusal::odata(format!(
                "Query option '{name}' was specified more than once."
            )));
        }
        self.given.push(name.to_owned());
        match name {
            "$select" => self.select = Some(list(value)),
            "$filter" => self.filter = Some(filter::parse(value, aliases)?),
            "$orderby" => self.order = order(value)?,
            "$expand" => self.expand = expand(value)?,
            "$top" => self.top = Some(value.parse().map_err(|_| Refusal::syntax())?),
            "$count" => self.count = value.parse().map_err(|_| Refusal::syntax())?,
            "$deltatoken" => self.delta_token = Some(value.to_owned()),
            "$skiptoken" => self.skip_token = Some(value.to_owned()),
            "$skip" => return Err(Refusal::odata("Skip Clause is not supported in CRM")),
            other if other.starts_with('@') || CUSTOM.contains(&other) => {}
            other => {
                return Err(Refusal::odata(format!(
                    "The query parameter {other} is not supported."
                )));
            }
        }
        Ok(())
    }
}

/// Text of a URL; a plus is a space.
pub(super) fn decode(raw: &str) -> Result<String, Refusal> {
    percent_decode_str(&raw.replace('+', " "))
        .decode_utf8()
        .map(String::from)
        .map_err(|_| Refusal::syntax())
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim().to_owned()).collect()
}

fn order(text: &str) -> Result<Vec<(String, bool)>, Refusal> {
    let one = |item: &str| {
        let mut words = item.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(name), None | Some("asc"), None) => Ok((name.to_owned(), false)),
            (Some(name), Some("desc"), None) => Ok((name.to_owned(), true)),
            _ => Err(Refusal::syntax()),
        }
    };
    text.split(',').map(one).collect()
}

fn expand(text: &str) -> Result<Vec<Expand>, Refusal> {
    let one = |item: &str| {
        let item = item.trim();
        let (name, inner) = match item.split_once('(') {
            None => (item, ""),
            Some((name, rest)) => (name, rest.strip_suffix(')').ok_or_else(Refusal::syntax)?),
        };
        Ok(Expand {
            name: name.to_owned(),
            inner: Options::inner(inner)?,
        })
    };
    top_level(text, ',').into_iter().map(one).collect()
}

/// Cuts at `separator` outside quotes and parentheses; nothing for an empty text.
fn top_level(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut depth, mut quoted, mut from) = (Vec::new(), 0_i32, false, 0);
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            c if c == separator && depth == 0 && !quoted => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    if !text.is_empty() {
        parts.push(&text[from..]);
    }
    parts
}

/// The raw query without these options, as the client wrote it.
pub(super) fn without(raw: &str, dropped: &[&str]) -> String {
    let kept = split(raw, b'&').into_iter().filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !decode(name).is_ok_and(|name| dropped.contains(&name.as_str()))
    });
    kept.filter(|pair| !pair.is_empty()).collect::<Vec<_>>().join("&")
}
