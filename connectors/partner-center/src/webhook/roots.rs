//! What a chain of certificates may go back to, as the operator wishes.

use std::path::Path;

use connector_kit::ConfigError;

use super::certificate::certificates;
use super::chain::{Der, Trust};
use crate::config::Webhook;

impl Trust {
    /// Reads the files; without one for roots, the system's are trusted.
    pub(crate) fn load(webhook: &Webhook) -> Result<Self, ConfigError> {
        let roots = match &webhook.roots_file {
            Some(path) => read("settings.webhook.roots_file", path)?,
            None => system_roots()?,
        };
        let between = match &webhook.intermediates_file {
            Some(path) => read("settings.webhook.intermediates_file", path)?,
            None => Vec::new(),
        };
        Ok(Self {
            roots,
            between,
            subject: webhook.subject.trim().to_owned(),
            issuer: webhook.issuer.trim().to_owned(),
        })
    }
}

fn read(key: &str, path: &Path) -> Result<Vec<Der>, ConfigError> {
    let wrong = |what: String| ConfigError::new(key, format!("{}: {what}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    certificates(&bytes).ok_or_else(|| wrong("contains no certificate".to_owned()))
}

fn system_roots() -> Result<Vec<Der>, ConfigError> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        return Err(ConfigError::new(
            "settings.webhook.roots_file",
            "this machine has no list of trusted roots: install the package ca-certificates, or name a file",
        ));
    }
    Ok(found.certs.iter().map(|der| der.as_ref().to_vec()).collect())
}
