//! What the operator wrote for one connector, handed to the crate that understands it.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use crate::error::ConfigError;
use crate::mapping::{FieldRule, Tables};

/// A role as written in `roles = [..]`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Leads come from it.
    Source,
    /// Leads go to it.
    Destination,
    /// It is watched for what became of leads.
    OutcomeSource,
    /// What became of referrals is reported to it.
    OutcomeSink,
    /// It is told when a clock runs out.
    Alerts,
}

/// The parts of `connectors.d/<name>.toml` that belong to the connector, not to the daemon.
#[derive(Clone, Debug, Default)]
pub struct ConnectorSettings {
    /// The roles the operator asked for.
    pub roles: Vec<Role>,
    /// `[settings]`.
    pub settings: toml::Table,
    /// `[mapping]`: target field -> rule. Empty means the connector's shipped mapping.
    pub mapping: BTreeMap<String, FieldRule>,
    /// `[tables.<name>]` of the main file and of the connector's own: what `map(<name>)` looks up.
    pub tables: Tables,
}

impl ConnectorSettings {
    /// Reads `[settings]` into the connector's own type; a mistake names `settings.<key>`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let value = toml::Value::Table(self.settings.clone());
        serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            let key = if path == "." {
                "settings".to_owned()
            } else {
                format!("settings.{path}")
            };
            ConfigError::new(key, error.into_inner().message().trim().to_owned())
        })
    }
}
