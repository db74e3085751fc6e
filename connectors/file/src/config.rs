//! What an operator writes below `[settings]`.

use std::path::PathBuf;

use connector_kit::ConfigError;
use serde::Deserialize;

/// `[settings]` of a `file`.
#[derive(Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The file that grows. Its directory must exist.
    pub(crate) path: PathBuf,
    /// Beyond this size the file is set aside and a new one begun.
    #[serde(default = "hundred_mib")]
    pub(crate) max_bytes: u64,
    /// How many files set aside are kept; the oldest goes first.
    #[serde(default = "ten")]
    pub(crate) keep: u32,
    /// Lines per write and flush.
    #[serde(default = "thousand")]
    pub(crate) batch_max: usize,
}

fn hundred_mib() -> u64 {
    100 << 20
}

fn ten() -> u32 {
    10
}

fn thousand() -> usize {
    1000
}

impl Settings {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, text: &str| Err(ConfigError::new(format!("settings.{key}"), text));
        if !self.path.is_absolute() {
            return wrong(
                "path",
                "write the path from the root: \"/var/lib/leadsync/leads.jsonl\"",
            );
        }
        if self.max_bytes < 4096 {
            return wrong("max_bytes", "max_bytes is at least 4096");
        }
        if !(1..=1000).contains(&self.keep) {
            return wrong("keep", "keep is between 1 and 1000");
        }
        if !(1..=10_000).contains(&self.batch_max) {
            return wrong("batch_max", "batch_max is between 1 and 10000");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use connector_kit::ConnectorSettings;

    use super::*;

    #[test]
    fn the_shipped_file_names_every_key_with_its_default() {
        let shipped = include_str!("../../../config/connectors.d/leads-file.toml");
        let (_, settings) = shipped.split_once("[settings]").unwrap();
        let (settings, _) = settings.split_once("# [mapping]").unwrap();
        let keys = settings
            .lines()
            .map(|line| line.strip_prefix("# ").unwrap_or(line));
        let lines: Vec<&str> = keys
            .filter(|line| line.split_whitespace().nth(1) == Some("="))
            .collect();
        assert_eq!(lines.len(), 4, "{lines:?}");
        let read = |text: &str| -> Settings {
            let settings = ConnectorSettings {
                settings: text.parse().unwrap(),
                ..ConnectorSettings::default()
            };
            settings.parse().unwrap()
        };
        let (all, bare) = (read(&lines.join("\n")), read(lines[0]));
        assert_eq!(format!("{all:?}"), format!("{bare:?}"));
        assert!(all.check().is_ok());
    }
}
