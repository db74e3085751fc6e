//! Connection strings and endpoints: where the account is, and what opens it (contract azure-table 1, 2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_kit::ConfigError;
use connector_kit::secret::Secret;
use url::Url;

use crate::sas::Sas;

/// The account of every emulator; public, hence no secret.
const EMULATOR_ACCOUNT: &str = "devstoreaccount1";
const EMULATOR_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const EMULATOR_ENDPOINT: &str = "http://127.0.0.1:10002/devstoreaccount1";

/// Which service answers; the protocol is one, the limits are not (contract azure-table 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// A storage account, or its emulator.
    Storage,
    /// Cosmos DB for Table.
    Cosmos,
}

/// Where the tables of one account are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    url: Url,
}

impl Endpoint {
    /// Takes the base URL of the Table service; `key` names the setting it came from.
    pub(crate) fn parse(key: &str, text: &str) -> Result<Self, ConfigError> {
        let wrong = |what: &str| {
            Err(ConfigError::new(
                key,
                format!("{what}; it looks like https://contosoleads.table.core.windows.net"),
            ))
        };
        let Ok(url) = Url::parse(text.trim()) else {
            return wrong("the table endpoint is not a URL");
        };
        if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
            return wrong("the table endpoint is not an https URL");
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return wrong("the table endpoint has more than a host and a path");
        }
        Ok(Self { url })
    }

    /// Scheme, host and path, without a slash at the end.
    pub(crate) fn base(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// The host, for messages.
    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The port in use.
    pub(crate) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(443)
    }

    /// Whether requests travel unencrypted.
    pub(crate) fn is_plain(&self) -> bool {
        self.url.scheme() == "http"
    }

    /// Told by the host.
    pub(crate) fn service(&self) -> Service {
        let host = self.host();
        if host.contains(".table.cosmos.") || host.contains(".table.cosmosdb.") {
            Service::Cosmos
        } else {
            Service::Storage
        }
    }

    /// The account as the address tells it: the first path segment of an emulator, else the first
    /// label of the host without `-secondary`.
    pub(crate) fn account(&self) -> Option<&str> {
        let first = self.url.path().split('/').find(|part| !part.is_empty());
        let name = first.or_else(|| match self.url.host() {
            Some(url::Host::Domain(domain)) => domain.split_once('.').map(|(label, _)| label),
            _ => None,
        })?;
        Some(name.strip_suffix("-secondary").unwrap_or(name))
    }
}

/// What opens the account.
#[derive(Clone, Debug)]
pub(crate) enum Opening {
    /// An account name and a base64 key, checked.
    Key(String, Secret),
    /// A shared access signature.
    Sas(Sas),
}

/// A connection string, understood.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// Where to go.
    pub endpoint: Endpoint,
    /// How to get in.
    pub opening: Opening,
}

/// The members we read; others (`BlobEndpoint`, ..) are ignored.
#[derive(Default)]
struct Members {
    protocol: Option<String>,
    account: Option<String>,
    key: Option<String>,
    suffix: Option<String>,
    endpoint: Option<String>,
    sas: Option<String>,
    emulator: bool,
}

impl Connection {
    /// Reads a connection string, also in the JSON wrapper older portal guides show.
    ///
    /// The error names what is missing and never repeats a value.
    pub(crate) fn parse(key: &str, text: &Secret) -> Result<Self, ConfigError> {
        let plain = unwrap_json(text.expose());
        let members = Members::read(plain.as_deref().unwrap_or(text.expose()))
            .map_err(|message| ConfigError::new(key, message))?;
        members.into_connection(key)
    }
}

/// `{"connectionString": ".."}` around the string.
fn unwrap_json(text: &str) -> Option<String> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text.trim()).ok()?;
    let (_, value) = object
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("connectionString"))?;
    value.as_str().map(str::to_owned)
}

impl Members {
    fn read(text: &str) -> Result<Self, &'static str> {
        if text.trim().is_empty() {
            return Err("the connection string is empty");
        }
        let mut members = Self::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(
                    "the connection string is not a list of Name=Value pairs with semicolons between",
                );
            };
            members.take(&name.trim().to_ascii_lowercase(), value.trim());
        }
        Ok(members)
    }

    fn take(&mut self, name: &str, value: &str) {
        let value = Some(value.to_owned()).filter(|value| !value.is_empty());
        match name {
            "defaultendpointsprotocol" => self.protocol = value,
            "accountname" => self.account = value,
            "accountkey" => self.key = value,
            "endpointsuffix" => self.suffix = value,
            "tableendpoint" => self.endpoint = value,
            "sharedaccesssignature" => self.sas = value,
            "usedevelopmentstorage" => {
                self.emulator = value.is_some_and(|value| value.eq_ignore_ascii_case("true"));
            }
            _ => {}
        }
    }

    fn into_connection(self, key: &str) -> Result<Connection, ConfigError> {
        if self.emulator {
            return Ok(Connection {
                endpoint: Endpoint::parse(key, EMULATOR_ENDPOINT)?,
                opening: Opening::Key(EMULATOR_ACCOUNT.to_owned(), Secret::new(EMULATOR_KEY)),
            });
        }
        let endpoint = self.endpoint(key)?;
        let opening = match (self.account, self.key, self.sas) {
            (Some(account), Some(text), _) => Opening::Key(account, account_key(key, &Secret::new(text))?),
            (None, Some(_), _) => return Err(missing(key, "AccountName")),
            (_, None, Some(token)) => Opening::Sas(Sas::parse(key, &Secret::new(token))?),
            (_, None, None) => return Err(missing(key, "AccountKey (or SharedAccessSignature)")),
        };
        Ok(Connection { endpoint, opening })
    }

    fn endpoint(&self, key: &str) -> Result<Endpoint, ConfigError> {
        if let Some(endpoint) = &self.endpoint {
            return Endpoint::parse(key, endpoint);
        }
        let account = self.account.as_deref().ok_or_else(|| {
            missing(
                key,
                if self.key.is_some() {
                    "AccountName"
                } else {
                    "AccountName (or TableEndpoint)"
                },
            )
        })?;
        let protocol = self.protocol.as_deref().unwrap_or("https");
        let suffix = self.suffix.as_deref().unwrap_or("core.windows.net");
        Endpoint::parse(key, &format!("{protocol}://{account}.table.{suffix}"))
    }
}

fn missing(key: &str, member: &str) -> ConfigError {
    ConfigError::new(
        key,
        format!(
            "the connection string lacks {member}; copy it whole from the portal (Security + networking, Access keys)"
        ),
    )
}

/// Checks that an account key is base64, so that a slip of the clipboard is found at start.
pub(crate) fn account_key(key: &str, text: &Secret) -> Result<Secret, ConfigError> {
    let trimmed = text.expose().trim();
    match STANDARD.decode(trimmed) {
        Ok(bytes) if !bytes.is_empty() => Ok(Secret::new(trimmed)),
        _ => Err(ConfigError::new(
            key,
            "the account key is not base64; copy it whole from the portal",
        )),
    }
}

#[cfg(test)]
#[path = "connection/tests.rs"]
mod tests;
