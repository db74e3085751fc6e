//! The page with every key is what the schemas say.

use std::collections::VecDeque;
use std::fmt::Write;

use serde_json::Value;

use super::repository;
use crate::config::schema;
use crate::registry;

const OPENING: &str = "\
# Every key

What can be written, by file and section, with its default where there is a fixed one; made from the schemas (`leadsync config schema`), and held against them by a test. What the sections are for stands in
[configuration.md](configuration.md), [operations.md](operations.md) and in the files of [config](../config) themselves, where every setting is explained in its place.

| type | is written |
|---|---|
| duration | `\"30s\"`, `\"5m\"`, `\"1d\"` |
| size | `\"64KiB\"`, `\"1GiB\"`, or a number of bytes |
| secret | `{ credential = \"NAME\" }`, `{ file = \"/path\" }` or `{ env = \"NAME\" }` |
";

/// Writes the keys of one schema, a section after the other.
struct Keys<'a> {
    schema: &'a Value,
    page: &'a mut String,
    /// Sections that still have to be written: heading and schema.
    open: VecDeque<(String, &'a Value)>,
}

impl<'a> Keys<'a> {
    fn write(schema: &'a Value, page: &'a mut String, heading: &str, at: &'a Value, without: &[&str]) {
        let mut keys = Self {
            schema,
            page,
            open: VecDeque::from([(heading.to_owned(), at)]),
        };
        while let Some((heading, at)) = keys.open.pop_front() {
            keys.section(&heading, at, without);
        }
    }

    fn section(&mut self, heading: &str, at: &'a Value, without: &[&str]) {
        let table = resolved(self.schema, at);
        let Some(properties) = table["properties"].as_object() else {
            return;
        };
        // Headings of tables begin with a bracket; what stands at the top of a file has no name before it.
        let name = heading.trim_start_matches('[').split(']').next().unwrap();
        let prefix = if name == heading {
            String::new()
        } else {
            format!("{name}.")
        };
        write!(
            self.page,
            "\n### {heading}\n\n| key | type | default | is |\n|---|---|---|---|\n"
        )
        .unwrap();
        let required = table["required"].as_array().cloned().unwrap_or_default();
        for (key, value) in properties
            .iter()
            .filter(|(key, _)| !without.contains(&key.as_str()))
        {
            let default = match &value["default"] {
                _ if required.contains(&Value::String(key.clone())) => "must be given".to_owned(),
                Value::Null => String::new(),
                default => format!("`{}`", as_toml(default)),
            };
            let what = value["description"].as_str().unwrap_or_default();
            let what = what.replace('\n', " ").replace('|', "\\|");
            let kind = self.kind(value);
            writeln!(self.page, "| `{key}` | {kind} | {default} | {what} |").unwrap();
            self.look_below(&format!("{prefix}{key}"), value);
        }
    }

    /// Tables of tables have sections of their own.
    fn look_below(&mut self, name: &str, value: &'a Value) {
        let table = resolved(self.schema, present(value));
        if is_secret(value) {
            return;
        }
        if table.get("properties").is_some() {
            self.open.push_back((format!("[{name}]"), table));
        }
        for (inner, heading) in [
            (&table["additionalProperties"], format!("[{name}.NAME]")),
            (&table["items"], format!("[[{name}]]")),
        ] {
            if !is_secret(inner) && resolved(self.schema, inner).get("properties").is_some() {
                self.open.push_back((heading, inner));
            }
        }
        for way in ways(table).filter(|way| !is_secret(way)) {
            let way = resolved(self.schema, way);
            let Some(properties) = way["properties"].as_object() else {
                continue;
            };
            match (way["properties"]["kind"]["const"].as_str(), properties.len()) {
                (Some(kind), _) => self
                    .open
                    .push_back((format!("[{name}] with kind = \"{kind}\""), way)),
                // One of several tables, known by its name.
                (None, 1) => properties
                    .iter()
                    .for_each(|(key, value)| self.look_below(&format!("{name}.{key}"), value)),
                (None, _) => self.open.push_back((format!("[{name}]"), way)),
            }
        }
    }

    /// What is written there, in a few words.
    fn kind(&self, value: &Value) -> String {
        if is_secret(value) {
            return "secret".to_owned();
        }
        let value = resolved(self.schema, present(value));
        if let Some(word) = value.get("const") {
            return format!("`{}`", as_toml(word));
        }
        let ways: Vec<String> = ways(value).map(|way| self.kind(way)).collect();
        if !ways.is_empty() {
            let mut told: Vec<String> = Vec::new();
            told.extend(ways.into_iter().filter(|way| way != "nothing"));
            told.dedup();
            return told.join(" or ");
        }
        let pattern = value["pattern"].as_str().unwrap_or_default();
        let types: Vec<&str> = match &value["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        match types.iter().find(|kind| **kind != "null") {
            _ if pattern.contains("nanos") => "duration".to_owned(),
            _ if types.contains(&"integer") && types.contains(&"string") => "size".to_owned(),
            Some(&"boolean") => "true or false".to_owned(),
            Some(&"integer" | &"number") => "number".to_owned(),
            Some(&"array") => format!("list of: {}", self.kind(&value["items"])),
            Some(&"object") => "table".to_owned(),
            Some(_) => "text".to_owned(),
            None if types.is_empty() => "any value".to_owned(),
            None => "nothing".to_owned(),
        }
    }
}

fn ways(value: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["oneOf", "anyOf"].into_iter();
    lists.filter_map(|list| value[list].as_array()).flatten()
}

/// What it is when it is not left out.
fn present(value: &Value) -> &Value {
    let mut there = ways(value).filter(|way| way["type"] != "null");
    match (there.next(), there.next()) {
        (Some(only), None) => only,
        _ => value,
    }
}

fn is_secret(value: &Value) -> bool {
    let points_at = |value: &Value| {
        value["$ref"]
            .as_str()
            .is_some_and(|to| to.ends_with("/SecretRef"))
    };
    points_at(value) || points_at(present(value))
}

fn resolved<'a>(schema: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(place) => schema.pointer(place.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

fn as_toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(as_toml).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let pairs = members
                .iter()
                .map(|(key, value)| format!("{key} = {}", as_toml(value)));
            let pairs = pairs.collect::<Vec<_>>().join(", ");
            if pairs.is_empty() {
                "{}".to_owned()
            } else {
                format!("{{ {pairs} }}")
            }
        }
        simple => simple.to_string(),
    }
}

fn page() -> String {
    let mut page = OPENING.to_owned();
    page += "\n## leadsync.toml\n";
    let main = schema::main_file();
    Keys::write(&main, &mut page, "At the top", &main, &[]);
    page += "\n## connectors.d/NAME.toml, whatever the kind\n";
    let any = schema::connector_file("file").unwrap();
    Keys::write(&any, &mut page, "At the top", &any, &["settings"]);
    for kind in registry::KINDS {
        let _ = write!(page, "\n## The settings of kind {kind}\n");
        let schema = schema::connector_file(kind).unwrap();
        Keys::write(
            &schema,
            &mut page,
            "[settings]",
            &schema["properties"]["settings"],
            &[],
        );
    }
    page.replace("| `kind` | `\"file\"` |", "| `kind` | text |")
}

#[test]
fn the_page_with_every_key_says_what_the_schemas_say() {
    let path = repository().join("docs/keys.md");
    let right = page();
    if std::fs::read_to_string(&path).unwrap_or_default() != right {
        let fresh = repository().join("target/keys.md");
        std::fs::write(&fresh, right).unwrap();
        panic!(
            "docs/keys.md is not what the schemas say: copy {} over it",
            fresh.display()
        );
    }
}
