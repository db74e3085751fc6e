//! Describes what an operator may write, as JSON Schema, for editors that know it.

use std::borrow::Cow;

pub use schemars;
use schemars::json_schema;
pub use schemars::{JsonSchema, Schema, SchemaGenerator};

/// A time as it is written: `"10s"`, `"1m 30s"`.
#[derive(Debug)]
pub struct Span;

/// Bytes as they are written: `"64KiB"`, or a number.
#[derive(Debug)]
pub struct Size;

/// A time of day: `"06:00"`.
#[derive(Debug)]
pub struct TimeOfDay;

/// What [`humantime`](https://docs.rs/humantime) reads.
const SPAN: &str = r"^\s*([0-9]+\s*(nanos|nsec|ns|usec|us|millis|msec|ms|seconds|second|secs|sec|s|minutes|minute|mins|min|m|hours|hour|hrs|hr|h|days|day|d|weeks|week|wks|wk|w|months|month|M|years|year|yrs|yr|y)\s*)+$";

impl JsonSchema for Span {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": SPAN })
    }
}

impl JsonSchema for Size {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "pattern": "^\\s*[0-9]+\\s*([bB]|[kKmMgG]([iI]?[bB])?)?\\s*$",
            "minimum": 0,
        })
    }
}

impl JsonSchema for TimeOfDay {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TimeOfDay".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]{2}:[0-9]{2}$" })
    }
}
