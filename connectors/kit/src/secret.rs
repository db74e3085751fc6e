//! Secrets are named in the config, never written there, and never printed.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use zeroize::Zeroize;

/// Stands where a person has yet to write something.
pub const UNWRITTEN: &str = "CHANGE-ME";

/// A secret in memory: zeroised when dropped, printed as `***`.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes over a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text itself: only for the call that needs it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret is kept. Exactly one of the three is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct SecretRef {
    /// A systemd credential (`LoadCredential=`); fixed while the service runs.
    pub credential: Option<String>,
    /// A file, read when the connector is built.
    pub file: Option<PathBuf>,
    /// An environment variable.
    pub env: Option<String>,
}

/// The secret could not be had. Names the place, never the content.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(pub String);

/// Reads secrets from the places a [`SecretRef`] may name.
#[derive(Clone, Debug, Default)]
pub struct SecretReader {
    /// `$CREDENTIALS_DIRECTORY`, when systemd set one.
    pub credentials_dir: Option<PathBuf>,
    /// The environment, captured at start.
    pub env: std::collections::BTreeMap<String, String>,
}

impl SecretReader {
    /// Looks at this process's environment.
    pub fn from_environment() -> Self {
        Self {
            credentials_dir: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            env: std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
        }
    }

    /// Reads the secret; one trailing line end is dropped.
    pub fn read(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        match (&reference.credential, &reference.file, &reference.env) {
            (Some(name), None, None) => self.credential(name),
            (None, Some(path), None) => read_file(path),
            (None, None, Some(name)) => self
                .env
                .get(name)
                .map(|text| Secret::new(text.clone()))
                .ok_or_else(|| SecretError(format!("environment variable {name} is not set"))),
            _ => Err(SecretError(
                "give exactly one of { credential = .. }, { file = .. }, { env = .. }".into(),
            )),
        }
    }

    fn credential(&self, name: &str) -> Result<Secret, SecretError> {
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            return Err(SecretError(format!("{name:?} is not the name of a credential")));
        }
        let Some(dir) = &self.credentials_dir else {
            return Err(SecretError(format!(
                "credential {name} needs systemd: add LoadCredential={name}:/path to the unit (by hand: put it into the folder credentials beside leadsync.toml, or set CREDENTIALS_DIRECTORY), or use {{ file = .. }}"
            )));
        };
        read_file(&dir.join(name))
    }
}

fn read_file(path: &Path) -> Result<Secret, SecretError> {
    let mut text = std::fs::read_to_string(path)
        .map_err(|error| SecretError(format!("cannot read {}: {error}", path.display())))?;
    let secret = Secret::new(text.trim_end_matches(['\n', '\r']));
    text.zeroize();
    if secret.expose().is_empty() {
        return Err(SecretError(format!("{} is empty", path.display())));
    }
    if secret.expose().contains(UNWRITTEN) {
        return Err(SecretError(format!(
            "{} still says {UNWRITTEN}: write the secret there",
            path.display()
        )));
    }
    Ok(secret)
}
