//! Reads a table into a type, and tells all that is wrong with it, not only the first.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use connector_kit::ConfigError;

use super::environment::{Overlaid, as_toml};
use super::wording::{plain_words, reword};

/// More mistakes than this in one file are not worth reading.
const MOST: usize = 50;

/// Reads `table`. After a mistake the offending key is struck out and reading begins again.
pub(super) fn read<T: DeserializeOwned>(table: Table, overlaid: &Overlaid) -> Result<T, Vec<ConfigError>> {
    match salvage(table, overlaid) {
        (Some(value), mistakes) if mistakes.is_empty() => Ok(value),
        (_, mistakes) => Err(mistakes),
    }
}

/// The same, with what is left when everything wrong is struck out, if it is enough.
pub(super) fn salvage<T: DeserializeOwned>(
    mut table: Table,
    overlaid: &Overlaid,
) -> (Option<T>, Vec<ConfigError>) {
    let mut mistakes: Vec<ConfigError> = Vec::new();
    let mut holes: Vec<String> = Vec::new();
    while mistakes.len() < MOST {
        let (key, message) = match serde_path_to_error::deserialize(Value::Table(table.clone())) {
            Ok(value) => return (Some(value), mistakes),
            Err(error) => (steps(error.path()), error.into_inner().message().to_owned()),
        };
        if !key.is_empty() && overlaid.contains_key(&dotted(&key)) && retyped(&mut table, &key) {
            continue;
        }
        if !holes.iter().any(|hole| is_echo(&message, &dotted(&key), hole)) {
            holes.extend(holes_of(&key, &message));
            mistakes.push(ConfigError::new(dotted(&key), plain_words(&message)));
        }
        if !strike(&mut table, &key) {
            break;
        }
    }
    (None, mistakes)
}

#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Index(usize),
}

fn steps(path: &serde_path_to_error::Path) -> Vec<Step> {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Enum { variant } => Some(Step::Key(variant.clone())),
            Segment::Unknown => None,
        })
        .collect()
}

fn dotted(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => {
                text.push('.');
                text.push_str(key);
            }
            Step::Index(index) => text.extend(["[", &index.to_string(), "]"]),
        }
    }
    text
}

/// What is missing once a key is struck: the key, and the one it was probably meant to be.
fn holes_of(key: &[Step], message: &str) -> Vec<String> {
    let mut holes = vec![dotted(key)];
    if let (Some(guess), [around @ .., _]) = (reword(message).1, key) {
        let meant: Vec<Step> = around.iter().cloned().chain([Step::Key(guess)]).collect();
        holes.push(dotted(&meant));
    }
    holes
}

/// Whether "missing field" only says that a struck key is gone.
fn is_echo(message: &str, place: &str, hole: &str) -> bool {
    let named = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split_once('`'));
    let Some((field, _)) = named else { return false };
    let missing = if place.is_empty() {
        field.to_owned()
    } else {
        format!("{place}.{field}")
    };
    hole.strip_prefix(&missing)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Gives a variable's text the type that is wanted there, when it can have one.
fn retyped(table: &mut Table, path: &[Step]) -> bool {
    let Some(Value::String(text)) = find(table, path) else {
        return false;
    };
    let Some(value) = as_toml(text) else { return false };
    match find(table, path) {
        Some(place) => *place = value,
        None => return false,
    }
    true
}

fn find<'a>(table: &'a mut Table, path: &[Step]) -> Option<&'a mut Value> {
    let (Step::Key(first), rest) = path.split_first()? else {
        return None;
    };
    let mut value = table.get_mut(first)?;
    for step in rest {
        value = match step {
            Step::Key(key) => value.as_table_mut()?.get_mut(key)?,
            Step::Index(index) => value.as_array_mut()?.get_mut(*index)?,
        };
    }
    Some(value)
}

/// Takes the key out. An item of an array keeps its place, so that later items keep their numbers:
/// the whole array goes instead. False when there is nothing to take out.
fn strike(table: &mut Table, path: &[Step]) -> bool {
    let keys = path.iter().rposition(|step| matches!(step, Step::Key(_)));
    let Some(last) = keys else { return false };
    let Step::Key(key) = &path[last] else { return false };
    if last == 0 {
        return table.remove(key).is_some();
    }
    find(table, &path[..last])
        .and_then(Value::as_table_mut)
        .is_some_and(|inner| inner.remove(key).is_some())
}
