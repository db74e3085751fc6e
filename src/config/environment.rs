//! The last layer: `LEADSYNC_LISTEN__PUBLIC=..` stands above `public = ..` in `[listen]`.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

const PREFIX: &str = "LEADSYNC_";

/// Says where the config is; read by the command line, not a part of the config.
const NOT_OURS: &str = "LEADSYNC_CONFIG";

/// The variables that were laid over the files: dotted key -> variable.
pub(super) type Overlaid = BTreeMap<String, String>;

/// Lays the environment over `table`. Every value is text until something else is asked for.
///
/// A variable that holds a secret some file refers to is left alone.
pub(super) fn overlay(
    table: &mut Table,
    env: &BTreeMap<String, String>,
    secrets: &BTreeSet<String>,
) -> Overlaid {
    let mut overlaid = Overlaid::new();
    for (variable, value) in env {
        let Some(path) = variable.strip_prefix(PREFIX).filter(|path| !path.is_empty()) else {
            continue;
        };
        if variable == NOT_OURS || secrets.contains(variable) {
            continue;
        }
        let path = path.to_ascii_lowercase();
        let segments: Vec<&str> = path.split("__").collect();
        put(table, &segments, value);
        overlaid.insert(segments.join("."), variable.clone());
    }
    overlaid
}

/// The variables that files name as the home of a secret.
pub(super) fn secrets_named_in(table: &Table, found: &mut BTreeSet<String>) {
    for (key, value) in table {
        match value {
            Value::String(variable) if key == "env" => drop(found.insert(variable.clone())),
            other => secrets_within(other, found),
        }
    }
}

fn secrets_within(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Table(table) => secrets_named_in(table, found),
        Value::Array(items) => items.iter().for_each(|item| secrets_within(item, found)),
        _ => {}
    }
}

fn put(table: &mut Table, segments: &[&str], value: &str) {
    let [first, rest @ ..] = segments else { return };
    if rest.is_empty() {
        table.insert((*first).to_owned(), Value::String(value.to_owned()));
        return;
    }
    let inner = table.entry(*first).or_insert_with(|| Value::Table(Table::new()));
    if !inner.is_table() {
        *inner = Value::Table(Table::new());
    }
    if let Value::Table(inner) = inner {
        put(inner, rest, value);
    }
}

/// The value a variable's text stands for where no text is wanted: `512`, `true`, `["a"]`, `{ .. }`.
pub(super) fn as_toml(text: &str) -> Option<Value> {
    let table: Table = toml::from_str(&format!("value = {text}")).ok()?;
    table
        .into_iter()
        .map(|(_, value)| value)
        .next()
        .filter(|value| !value.is_str())
}
