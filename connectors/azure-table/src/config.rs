//! What an operator writes below `[settings]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use connector_kit::ConfigError;
use connector_kit::http::TransportSettings;
use connector_kit::secret::{Secret, SecretReader, SecretRef};
use serde::Deserialize;

use crate::access::{Access, Login};
use crate::connection::{Connection, Endpoint, Opening, account_key};
use crate::entity::EdmType;
use crate::sas::Sas;
use crate::sign::Scheme;

/// Writes run up to 30 s at the service; giving up earlier would leave their outcome unknown.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(40);
/// A page of a thousand large rows; a larger one is asked for again in smaller pages.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;

/// `[settings]`. Either `connection_string`, or `endpoint` with `auth`.
#[derive(Clone, Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The whole connection string, as the portal shows it.
    #[serde(default)]
    pub connection_string: Option<SecretRef>,
    /// The table endpoint, where there is no connection string.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// What opens the endpoint.
    #[serde(default)]
    pub auth: Option<Auth>,
    /// The account's other key, so that keys can be renewed without a pause.
    #[serde(default)]
    pub second_key: Option<SecretRef>,
    /// The table.
    #[serde(default = "default_table")]
    pub table: String,
    /// How requests are signed with a key.
    #[serde(default)]
    pub signature: Scheme,
    /// Stands before the month in every partition key a destination writes.
    #[serde(default = "default_prefix")]
    pub partition_prefix: String,
    /// Whether a destination makes the table when it is missing.
    #[serde(default = "yes")]
    pub create_table: bool,
    /// The type of a column, where it is not the one JSON suggests.
    #[serde(default)]
    pub types: BTreeMap<String, EdmType>,
    /// How late a row may appear behind its time, for a source.
    #[serde(default = "default_overlap")]
    pub overlap: String,
    /// How often a source reads everything again.
    #[serde(default = "default_full_scan")]
    pub full_scan_every: String,
    /// Private networks the endpoint may be in ("10.20.0.0/16").
    #[serde(default)]
    pub allow_private_targets: Vec<String>,
    /// PEM file of a private CA.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// `https://proxy.example:3128`
    #[serde(default)]
    pub proxy: Option<String>,
}

/// One way in.
#[derive(Clone, Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Auth {
    /// `auth.shared-key = { account = "..", key = {..} }`
    SharedKey(SharedKey),
    /// `auth.sas = { token = {..} }`
    Sas(SasToken),
    /// `auth.entra = { tenant = "..", client_id = "..", client_secret = {..} }`
    Entra(Login),
}

/// An account key without the connection string around it.
#[derive(Clone, Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub(crate) struct SharedKey {
    /// The account; read off the endpoint when left out.
    #[serde(default)]
    pub account: Option<String>,
    /// Its key.
    pub key: SecretRef,
}

/// A shared access signature.
#[derive(Clone, Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub(crate) struct SasToken {
    /// `sv=..&sig=..`, with or without the question mark.
    pub token: SecretRef,
}

fn default_table() -> String {
    "MarketplaceLeads".to_owned()
}

fn default_prefix() -> String {
    "leads-".to_owned()
}

fn default_overlap() -> String {
    "10m".to_owned()
}

fn default_full_scan() -> String {
    "24h".to_owned()
}

fn yes() -> bool {
    true
}

/// What the credentials come to, before anything is built on them.
pub(crate) enum Entry {
    /// Ready to be used.
    Ready(Access),
    /// Needs a way to the login authority first.
    Login(Login),
}

impl Settings {
    /// Where the table is and how to get in.
    pub(crate) fn entry(&self, secrets: &SecretReader) -> Result<(Endpoint, Entry), ConfigError> {
        let (endpoint, opening) = match (&self.connection_string, &self.endpoint, &self.auth) {
            (Some(reference), None, None) => {
                let key = "settings.connection_string";
                let connection = Connection::parse(key, &read(secrets, key, reference)?)?;
                (connection.endpoint, connection.opening)
            }
            (None, Some(url), Some(auth)) => {
                let endpoint = Endpoint::parse("settings.endpoint", url)?;
                let opening = match auth {
                    Auth::SharedKey(shared) => shared.opening(&endpoint, secrets)?,
                    Auth::Sas(sas) => {
                        let key = "settings.auth.sas.token";
                        Opening::Sas(Sas::parse(key, &read(secrets, key, &sas.token)?)?)
                    }
                    Auth::Entra(login) => return Ok((endpoint, Entry::Login(login.clone()))),
                };
                (endpoint, opening)
            }
            _ => {
                return Err(ConfigError::new(
                    "settings",
                    "give either connection_string, or endpoint together with auth",
                ));
            }
        };
        Ok((endpoint, Entry::Ready(self.access(opening, secrets)?)))
    }

    fn access(&self, opening: Opening, secrets: &SecretReader) -> Result<Access, ConfigError> {
        let place = "settings.second_key";
        Ok(match (opening, &self.second_key) {
            (Opening::Sas(sas), None) => Access::Sas(sas),
            (Opening::Sas(_), Some(_)) => {
                return Err(ConfigError::new(
                    place,
                    "a shared access signature has no second key",
                ));
            }
            (Opening::Key(account, key), second) => {
                let mut keys = vec![key];
                if let Some(reference) = second {
                    keys.push(account_key(place, &read(secrets, place, reference)?)?);
                }
                Access::Keys {
                    account,
                    keys,
                    scheme: self.signature,
                }
            }
        })
    }

    /// How requests are sent. Plain http is for an emulator in a network named as allowed.
    pub(crate) fn transport(&self, endpoint: &Endpoint) -> Result<TransportSettings, ConfigError> {
        if endpoint.is_plain() && self.allow_private_targets.is_empty() {
            return Err(ConfigError::new(
                "settings.allow_private_targets",
                "the endpoint is plain http: that is only for an emulator, whose network is named here \
                 (allow_private_targets = [\"127.0.0.0/8\"])",
            ));
        }
        Ok(TransportSettings {
            total_timeout: TOTAL_TIMEOUT,
            max_response_bytes: LARGEST_ANSWER,
            allow_private_targets: self.allow_private_targets.clone(),
            allow_plain_http: endpoint.is_plain(),
            allowed_ports: vec![443, 8443, endpoint.port()],
            ca_file: self.ca_file.clone(),
            proxy: self.proxy.clone(),
            ..TransportSettings::default()
        })
    }

    /// `overlap`, checked.
    pub(crate) fn overlap(&self) -> Result<TimeDelta, ConfigError> {
        span("settings.overlap", &self.overlap)
    }

    /// `full_scan_every`, checked.
    pub(crate) fn full_scan_every(&self) -> Result<TimeDelta, ConfigError> {
        span("settings.full_scan_every", &self.full_scan_every)
    }
}

impl SharedKey {
    fn opening(&self, endpoint: &Endpoint, secrets: &SecretReader) -> Result<Opening, ConfigError> {
        let key = "settings.auth.shared-key.key";
        let Some(account) = self.account.as_deref().or(endpoint.account()) else {
            return Err(ConfigError::new(
                "settings.auth.shared-key.account",
                "name the account; the endpoint does not",
            ));
        };
        Ok(Opening::Key(
            account.to_owned(),
            account_key(key, &read(secrets, key, &self.key)?)?,
        ))
    }
}

/// Reads a secret; the error names the setting.
pub(crate) fn read(secrets: &SecretReader, key: &str, reference: &SecretRef) -> Result<Secret, ConfigError> {
    secrets
        .read(reference)
        .map_err(|error| ConfigError::new(key, error.to_string()))
}

fn span(key: &str, text: &str) -> Result<TimeDelta, ConfigError> {
    let wrong = || {
        ConfigError::new(
            key,
            format!("{text:?} is not a time span up to 30 days, like \"10m\" or \"24h\""),
        )
    };
    let span = humantime::parse_duration(text).map_err(|_| wrong())?;
    TimeDelta::from_std(span)
        .ok()
        .filter(|span| *span <= TimeDelta::days(30))
        .ok_or_else(wrong)
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
