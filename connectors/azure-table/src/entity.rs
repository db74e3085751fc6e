//! Rows and their values as the Table service types them (contract azure-table 5).

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use connector_kit::Rendered;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Everything but unreserved characters is percent-encoded.
pub(crate) const LITERAL: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The longest text a property holds, in UTF-16 units.
pub(crate) const TEXT_UNITS: usize = 32_768;

/// One row: two keys and the properties to merge into it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entity {
    /// The partition it lives in.
    pub partition: String,
    /// Its name within the partition.
    pub row: String,
    /// What is written; a property left out keeps its value.
    pub properties: BTreeMap<String, Property>,
}

/// A value with its type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Property {
    /// `Edm.String`
    Text(String),
    /// `Edm.Boolean`
    Flag(bool),
    /// `Edm.Int32`
    Int32(i32),
    /// `Edm.Int64`: travels as a string.
    Int64(i64),
    /// `Edm.Double`
    Double(f64),
    /// `Edm.DateTime`
    Moment(DateTime<Utc>),
}

/// A type as written in `[settings.types]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
pub(crate) enum EdmType {
    /// Text.
    #[serde(rename = "Edm.String")]
    String,
    /// True or false.
    #[serde(rename = "Edm.Boolean")]
    Boolean,
    /// A small whole number.
    #[serde(rename = "Edm.Int32")]
    Int32,
    /// A large whole number.
    #[serde(rename = "Edm.Int64")]
    Int64,
    /// A number with a fraction.
    #[serde(rename = "Edm.Double")]
    Double,
    /// A moment, in UTC.
    #[serde(rename = "Edm.DateTime")]
    DateTime,
}

impl Property {
    /// Gives a mapped value its type: the one asked for, or the one JSON suggests. None when the
    /// value cannot have the type asked for.
    pub(crate) fn typed(value: &Value, wanted: Option<EdmType>) -> Option<Self> {
        let Some(wanted) = wanted else {
            return Some(Self::suggested(value));
        };
        match wanted {
            EdmType::String => Some(Self::Text(text(value))),
            EdmType::Boolean => value
                .as_bool()
                .or_else(|| text(value).parse().ok())
                .map(Self::Flag),
            EdmType::Int32 => text(value).parse().ok().map(Self::Int32),
            EdmType::Int64 => text(value).parse().ok().map(Self::Int64),
            EdmType::Double => text(value)
                .parse()
                .ok()
                .filter(|n: &f64| n.is_finite())
                .map(Self::Double),
            EdmType::DateTime => match value.as_i64() {
                Some(seconds) => DateTime::from_timestamp(seconds, 0).map(Self::Moment),
                None => DateTime::parse_from_rfc3339(&text(value))
                    .ok()
                    .map(|at| Self::Moment(at.to_utc())),
            },
        }
    }

    fn suggested(value: &Value) -> Self {
        match value {
            Value::Bool(flag) => Self::Flag(*flag),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => i32::try_from(whole).map_or(Self::Int64(whole), Self::Int32),
                None => number
                    .as_f64()
                    .map_or_else(|| Self::Text(number.to_string()), Self::Double),
            },
            other => Self::Text(text(other)),
        }
    }

    /// The JSON value and, where JSON alone would say another type, the annotation.
    fn json(&self) -> (Value, Option<&'static str>) {
        match self {
            Self::Text(text) => (Value::from(text.as_str()), None),
            Self::Flag(flag) => (Value::from(*flag), None),
            Self::Int32(number) => (Value::from(*number), None),
            Self::Int64(number) => (Value::from(number.to_string()), Some("Edm.Int64")),
            Self::Double(number) => (Value::from(*number), Some("Edm.Double")),
            Self::Moment(at) => (Value::from(moment(*at)), Some("Edm.DateTime")),
        }
    }

    /// What it counts towards the size of its row, in bytes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Text(text) => 4 + 2 * units(text),
            Self::Flag(_) => 1,
            Self::Int32(_) => 4,
            Self::Int64(_) | Self::Double(_) | Self::Moment(_) => 8,
        }
    }
}

impl Entity {
    /// The body of a merge: one line of JSON, never empty, keys left to the URL.
    pub(crate) fn body(&self) -> String {
        let mut object = Map::new();
        for (name, property) in &self.properties {
            let (value, annotation) = property.json();
            if let Some(edm) = annotation {
                object.insert(format!("{name}@odata.type"), Value::from(edm));
            }
            object.insert(name.clone(), value);
        }
        Value::Object(object).to_string()
    }

    /// The row for an operator's eyes.
    pub(crate) fn rendered(&self) -> Rendered {
        let mut record = Rendered::keyed("PartitionKey", self.partition.as_str());
        record.fixed("RowKey", self.row.as_str());
        for (name, property) in &self.properties {
            record.fixed(name.as_str(), property.json().0);
        }
        record
    }

    /// `Table(PartitionKey='..',RowKey='..')`, encoded.
    pub(crate) fn address(&self, table: &str) -> String {
        format!(
            "{table}(PartitionKey='{}',RowKey='{}')",
            literal(&self.partition),
            literal(&self.row)
        )
    }

    /// The size the service counts: four bytes, the keys, and each property with its name.
    pub(crate) fn size(&self) -> usize {
        let properties = self
            .properties
            .iter()
            .map(|(name, value)| 8 + 2 * units(name) + value.size());
        4 + 2 * (units(&self.partition) + units(&self.row)) + properties.sum::<usize>()
    }
}

/// A key between apostrophes: its own are doubled, then all is percent-encoded.
pub(crate) fn literal(key: &str) -> String {
    utf8_percent_encode(&key.replace('\'', "''"), LITERAL).to_string()
}

/// A moment as filters and values want it: UTC, to 100 ns.
pub(crate) fn moment(at: DateTime<Utc>) -> String {
    let nanos = at.to_rfc3339_opts(SecondsFormat::Nanos, true);
    nanos
        .strip_suffix("00Z")
        .map_or(nanos.clone(), |ticks| format!("{ticks}Z"))
}

/// How long a text is where the service counts.
pub(crate) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The longest beginning of at most `limit` UTF-16 units that does not split a character.
pub(crate) fn truncated(text: &str, limit: usize) -> &str {
    let mut used = 0;
    for (at, letter) in text.char_indices() {
        used += letter.len_utf16();
        if used > limit {
            return &text[..at];
        }
    }
    text
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
#[path = "entity/tests.rs"]
mod tests;
