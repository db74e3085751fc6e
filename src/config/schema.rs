//! The JSON Schema (draft 2020-12) of what an operator may write, for editors.

use std::time::Duration;

use connector_kit::schema::schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::connector::ConnectorFile;
use super::daemon::Config;
use crate::registry;

/// Of `leadsync.toml`.
pub fn main_file() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    finish(
        generator.into_root_schema_for::<Config>().to_value(),
        "leadsync.toml",
    )
}

/// Of the files in `connectors.d` whose kind this is; none for a kind nobody knows.
pub fn connector_file(kind: &str) -> Option<Value> {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let settings = registry::settings_schema(kind, &mut generator)?.to_value();
    let mut schema = generator.into_root_schema_for::<ConnectorFile>().to_value();
    schema["properties"]["settings"] = settings;
    schema["properties"]["kind"] = json!({ "const": kind, "description": "Which system this is." });
    Some(finish(schema, &format!("a connector of kind {kind}")))
}

fn finish(mut schema: Value, title: &str) -> Value {
    as_written(&mut schema);
    schema["title"] = title.into();
    // Editors put the name of the schema itself into a file.
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.remove("$schema");
    }
    schema
}

/// Defaults as an operator writes them: a time is a text, and what is absent has none.
fn as_written(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let is_null = members.get("default") == Some(&Value::Null);
            if is_null {
                members.remove("default");
            }
            if let Some(text) = members.get("default").and_then(|value| span(members, value)) {
                members.insert("default".to_owned(), text);
            }
            members.values_mut().for_each(as_written);
        }
        Value::Array(items) => items.iter_mut().for_each(as_written),
        _ => {}
    }
}

/// A default that is a time, or many, in the form in which they are read.
fn span(schema: &Map<String, Value>, default: &Value) -> Option<Value> {
    if schema.get("type").and_then(Value::as_str) == Some("array") {
        let items: Option<Vec<Value>> = default.as_array()?.iter().map(time).collect();
        return items.filter(|items| !items.is_empty()).map(Value::from);
    }
    time(default)
}

fn time(value: &Value) -> Option<Value> {
    let (seconds, nanos) = match value {
        Value::Object(parts) if parts.len() == 2 => (parts.get("secs")?, parts.get("nanos")?),
        // How chrono writes a difference of times.
        Value::Array(parts) if parts.len() == 2 => (&parts[0], &parts[1]),
        _ => return None,
    };
    let time = Duration::new(seconds.as_u64()?, u32::try_from(nanos.as_u64()?).ok()?);
    Some(short(time).into())
}

/// `2h`, `90s`: in the largest unit that leaves no rest.
fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds > 0 && time.subsec_nanos() == 0 {
        for (size, unit) in [(86_400, "d"), (3_600, "h"), (60, "m")] {
            if seconds.is_multiple_of(size) {
                return format!("{}{unit}", seconds / size);
            }
        }
        return format!("{seconds}s");
    }
    humantime::format_duration(time).to_string()
}
