//! When people are told that something fell silent, and how the way is tried.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::values::silence_rule;
use crate::intake::silence::SilenceRule;

/// `[silence]`: when a source counts as silent, and who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct Silence {
    /// For every source that has no rule of its own: `history`, `off`, or a time.
    #[serde(deserialize_with = "silence_rule")]
    #[schemars(with = "String")]
    pub rule: SilenceRule,
    /// The connector, in the role `alerts`, that is told too.
    pub alert: Option<String>,
}

/// `[canary]`: how `leadsync canary` reaches this daemon from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct Canary {
    /// The address of the public listener as Microsoft sees it, without a path of a source.
    #[schemars(with = "Option<String>")]
    pub url: Option<Url>,
    /// The source it goes through; needed where there are several.
    pub source: Option<String>,
    /// PEM file of a private CA to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}
