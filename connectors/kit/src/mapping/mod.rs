//! A lead becomes the fields of a record, by a table the operator can read.
//!
//! `Mapping::parse` checks and compiles the table at load; `Mapping::record` runs it per lead.

mod call;
mod compile;
mod context;
pub mod expression;
mod function;
mod item;
mod kind;
mod path;
mod record;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use compile::Mapping;
pub use function::plain;
pub use item::RESULT_CAP_BYTES;
pub use kind::ValueKind;

/// Look-up tables by name: `[tables.intents]` in the config, `map(intents)` in a pipe.
pub type Tables = BTreeMap<String, BTreeMap<String, String>>;

/// One row of `[mapping]`: how one field of the record comes to be.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FieldRule {
    /// Path into the lead (`person.email`, `touch.offer`, `touch.extra.PlanId`, `referral.state`, `intent`,
    /// `id`).
    pub from: Option<String>,
    /// Functions the value passes in order: `trim`, `lower`, `truncate(80)`, `map(intents, Other)`.
    pub pipe: Vec<String>,
    /// Instead of `from`: a MiniJinja expression over the same paths.
    pub expr: Option<String>,
    /// Written when the source is empty.
    #[schemars(with = "Option<serde_json::Value>")]
    pub default: Option<toml::Value>,
    /// The record is rejected when the value is empty after all.
    pub required: bool,
    /// Longest value the field takes, in characters.
    pub max_length: Option<usize>,
    /// What to do with a longer one.
    pub on_overflow: Overflow,
    /// When the field is written.
    pub write: Write,
}

/// The field that gets the value at `path` as it is, where the operator's rules have one.
pub fn field_of<'a>(rules: &'a BTreeMap<String, FieldRule>, path: &str) -> Option<&'a str> {
    let mut all = rules.iter();
    let found = all.find(|(_, rule)| rule.from.as_deref() == Some(path) && rule.pipe.is_empty());
    found.map(|(name, _)| name.as_str())
}

/// What to do with a value longer than `max_length`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// Reject the record, so that a person decides.
    #[default]
    Error,
    /// Cut on a grapheme, never inside one.
    Truncate,
}

/// When a field is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// With every revision.
    #[default]
    Always,
    /// Only when the record is created.
    CreateOnly,
    /// Only where the record has no value; systems that cannot tell treat it as `create_only`.
    IfEmpty,
}

/// One field ready to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct MappedField {
    /// The field's name in the other system.
    pub target: String,
    /// Its value; never null.
    pub value: serde_json::Value,
    /// When it is written.
    pub write: Write,
}
