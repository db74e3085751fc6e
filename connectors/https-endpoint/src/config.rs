//! What an operator writes below `[settings]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use connector_kit::ConfigError;
use connector_kit::http::TransportSettings;
use connector_kit::secret::{Secret, SecretReader, SecretRef};
use connector_kit::token::ClientAuth;
use serde::{Deserialize, Deserializer};

/// `[settings]` of an `https-endpoint`.
#[derive(Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where to post. Plain text, or a reference when the URL itself is a secret.
    pub(crate) url: Place,
    /// The shape of the body.
    #[serde(default)]
    pub(crate) payload_format: PayloadFormat,
    /// `whsec_..`; two while one replaces the other. Empty: nothing is signed.
    #[serde(default)]
    pub(crate) signing_secrets: Vec<SecretRef>,
    /// How we prove who we are.
    #[serde(default)]
    pub(crate) auth: Auth,
    /// PEM of our client certificate and its chain.
    pub(crate) client_certificate: Option<PathBuf>,
    /// PEM of its key.
    pub(crate) client_key: Option<SecretRef>,
    /// Headers sent with every request.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Whether and how the event's id is sent as `Idempotency-Key`.
    #[serde(default)]
    pub(crate) idempotency_key: IdempotencyKey,
    /// Events per request; above 1 the body is a list.
    #[serde(default = "one")]
    pub(crate) batch_max: usize,
    /// What a 2xx must say to count.
    pub(crate) success_rule: Option<SuccessRule>,
    /// JSON pointer to the receiver's own id in its answer.
    pub(crate) record_pointer: Option<String>,
    /// From the first byte to the last.
    #[serde(default = "twenty_seconds", deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub(crate) timeout: Duration,
    /// To connect, TLS included.
    #[serde(default = "five_seconds", deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub(crate) connect_timeout: Duration,
    /// What comes before `lead.created` in the type of a cloud event.
    #[serde(default = "reverse_dns")]
    pub(crate) event_type_prefix: String,
    /// Private networks the receiver may be in.
    #[serde(default)]
    pub(crate) allow_private_targets: Vec<String>,
    /// `http://`, for receivers in those networks.
    #[serde(default)]
    pub(crate) allow_plain_http: bool,
    /// Ports; empty means 443 and 8443.
    #[serde(default)]
    pub(crate) allowed_ports: Vec<u16>,
    /// PEM of a private CA.
    pub(crate) ca_file: Option<PathBuf>,
    /// A proxy; never taken from the environment.
    pub(crate) proxy: Option<String>,
}

fn one() -> usize {
    1
}

fn twenty_seconds() -> Duration {
    Duration::from_secs(20)
}

fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

fn reverse_dns() -> String {
    "leadsync".to_owned()
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|_| serde::de::Error::custom("write a time as \"20s\" or \"1m\""))
}

/// Text, or where to find it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "toml::Value")]
pub(crate) enum Place {
    /// As it stands in the file.
    Plain(String),
    /// Kept elsewhere.
    Secret(SecretRef),
}

impl connector_kit::schema::JsonSchema for Place {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Place".into()
    }

    fn json_schema(generator: &mut connector_kit::schema::SchemaGenerator) -> connector_kit::schema::Schema {
        let reference = generator.subschema_for::<SecretRef>();
        connector_kit::schema::schemars::json_schema!({ "anyOf": [{ "type": "string" }, reference] })
    }
}

impl TryFrom<toml::Value> for Place {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::String(text) => Ok(Self::Plain(text)),
            table @ toml::Value::Table(_) => SecretRef::deserialize(table)
                .map(Self::Secret)
                .map_err(|error| error.message().trim().to_owned()),
            _ => {
                Err("write \"https://..\", or { credential = .. }, { file = .. } or { env = .. }".to_owned())
            }
        }
    }
}

/// The shape of a body (contract https-endpoint 1 and 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum PayloadFormat {
    /// `{"type","timestamp","data"}` of Standard Webhooks.
    #[default]
    Standard,
    /// What Microsoft posts, nothing added.
    Microsoft,
    /// The same with our ids beside it.
    MicrosoftPlus,
    /// `CloudEvents` 1.0 in one JSON document.
    CloudeventsStructured,
    /// `CloudEvents` 1.0 with the attributes in headers.
    CloudeventsBinary,
}

impl PayloadFormat {
    pub(crate) fn is_microsoft(self) -> bool {
        matches!(self, Self::Microsoft | Self::MicrosoftPlus)
    }
}

/// How we prove who we are.
#[derive(Debug, Default, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Auth {
    /// The URL is the secret, or the signature is enough.
    #[default]
    None,
    /// User name and password.
    Basic { user: String, password: SecretRef },
    /// A token that does not change.
    Bearer { token: SecretRef },
    /// A key in a header.
    ApiKey {
        #[serde(default = "x_api_key")]
        header: String,
        #[serde(default)]
        prefix: String,
        key: SecretRef,
    },
    /// A token fetched with client credentials.
    Oauth2 {
        token_url: String,
        client_id: String,
        client_secret: SecretRef,
        #[serde(default)]
        scopes: Vec<String>,
        #[serde(default)]
        extra: BTreeMap<String, String>,
        #[serde(default)]
        client_auth: ClientAuth,
    },
}

fn x_api_key() -> String {
    "x-api-key".to_owned()
}

/// Whether and how the event's id is sent as `Idempotency-Key`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum IdempotencyKey {
    /// Not at all.
    #[default]
    Off,
    /// As it is.
    Bare,
    /// As a structured-field string, in quotes.
    Quoted,
}

/// What a 2xx must say to count.
#[derive(Clone, Debug, PartialEq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub(crate) struct SuccessRule {
    /// Where to look.
    pub(crate) pointer: String,
    /// What must be there.
    pub(crate) equals: serde_json::Value,
}

impl Settings {
    /// What cannot work together, told before anything is sent.
    pub(crate) fn check(&self, has_mapping: bool) -> Result<(), ConfigError> {
        let wrong = |key: &str, text: &str| Err(ConfigError::new(format!("settings.{key}"), text));
        if !(1..=1000).contains(&self.batch_max) {
            return wrong("batch_max", "batch_max is between 1 and 1000");
        }
        if self.batch_max > 1 && self.payload_format == PayloadFormat::CloudeventsBinary {
            return wrong("batch_max", "cloudevents_binary carries one event per request");
        }
        if self.batch_max > 1 && self.record_pointer.is_some() {
            return wrong(
                "record_pointer",
                "one pointer cannot name the records of a batch: set batch_max = 1",
            );
        }
        if has_mapping && self.payload_format.is_microsoft() {
            return Err(ConfigError::new(
                "mapping",
                "the microsoft formats have fields of their own: remove [mapping]",
            ));
        }
        for (key, pointer) in [
            ("record_pointer", self.record_pointer.as_ref()),
            (
                "success_rule.pointer",
                self.success_rule.as_ref().map(|rule| &rule.pointer),
            ),
        ] {
            if pointer.is_some_and(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
                return wrong(key, "a JSON pointer begins with a slash: \"/id\"");
            }
        }
        Ok(())
    }

    /// The URL as text, wherever it is kept.
    pub(crate) fn url_text(&self, secrets: &SecretReader) -> Result<Secret, ConfigError> {
        match &self.url {
            Place::Plain(text) => Ok(Secret::new(text.clone())),
            Place::Secret(reference) => read(secrets, reference, "settings.url"),
        }
    }

    /// How requests are sent.
    pub(crate) fn transport(&self, secrets: &SecretReader) -> Result<TransportSettings, ConfigError> {
        let client_identity = match (&self.client_certificate, &self.client_key) {
            (None, None) => None,
            (Some(chain), Some(key)) => Some((chain.clone(), read(secrets, key, "settings.client_key")?)),
            _ => {
                return Err(ConfigError::new(
                    "settings.client_certificate",
                    "a client certificate needs both: client_certificate = \"chain.pem\" and client_key = { .. }",
                ));
            }
        };
        Ok(TransportSettings {
            total_timeout: self.timeout,
            connect_timeout: self.connect_timeout,
            allow_private_targets: self.allow_private_targets.clone(),
            allow_plain_http: self.allow_plain_http,
            allowed_ports: self.allowed_ports.clone(),
            ca_file: self.ca_file.clone(),
            client_identity,
            proxy: self.proxy.clone(),
            ..TransportSettings::default()
        })
    }
}

/// Reads a secret; a failure names the key of the config.
pub(crate) fn read(secrets: &SecretReader, reference: &SecretRef, key: &str) -> Result<Secret, ConfigError> {
    secrets
        .read(reference)
        .map_err(|error| ConfigError::new(key, error.to_string()))
}

#[cfg(test)]
mod tests {
    use connector_kit::ConnectorSettings;

    use super::*;

    /// Reads `[settings]` with nothing but a URL and these lines.
    fn read_lines(lines: &str) -> Settings {
        let settings = ConnectorSettings {
            settings: format!("url = 'https://a.example'\n{lines}").parse().unwrap(),
            ..ConnectorSettings::default()
        };
        settings
            .parse()
            .unwrap_or_else(|error| panic!("{lines}: {} {error}", error.key))
    }

    #[test]
    fn every_key_in_the_shipped_file_can_be_taken_as_it_stands_there() {
        let shipped = include_str!("../../../config/connectors.d/webhook.toml");
        let (_, settings) = shipped.split_once("[settings]").unwrap();
        let (settings, _) = settings.split_once("# [mapping]").unwrap();
        let keys = settings
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| line.contains(" = "));
        let keys: Vec<&str> = keys
            .filter(|line| line.split_whitespace().nth(1) == Some("="))
            .collect();
        assert!(keys.len() > 20, "{keys:?}");
        for key in keys {
            read_lines(key);
        }
    }

    #[test]
    fn what_the_shipped_file_calls_a_default_is_one() {
        let settings = read_lines("");
        assert_eq!(
            (settings.payload_format, settings.batch_max),
            (PayloadFormat::Standard, 1)
        );
        assert_eq!(
            (settings.timeout.as_secs(), settings.connect_timeout.as_secs()),
            (20, 5)
        );
        assert_eq!(
            (settings.idempotency_key, settings.event_type_prefix.as_str()),
            (IdempotencyKey::Off, "leadsync")
        );
        assert!(matches!(settings.auth, Auth::None) && !settings.allow_plain_http);
    }
}
