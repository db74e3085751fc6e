//! What opens a table: an account key, a shared access signature, or a login.

use std::collections::BTreeMap;
use std::sync::Arc;

use connector_kit::http::Transport;
use connector_kit::secret::{Secret, SecretRef};
use connector_kit::token::{ClientAuth, ClientCredentials, TokenSource};
use connector_kit::{ConfigError, ConnectorContext, ConnectorError};
use http::request::Parts;
use serde::Deserialize;

use crate::config::{Entry, read};
use crate::connection::{Endpoint, Service};
use crate::sas::Sas;
use crate::sign::{self, Scheme};

/// Spoken by the official client with keys and signatures.
const VERSION: &str = "2019-02-02";
/// The oldest that knows logins is 2017-11-09; this is the newest the official client asks for.
const LOGIN_VERSION: &str = "2020-12-06";

/// One way in.
pub(crate) enum Access {
    /// The account's keys, either of which is valid; the second serves while the first is renewed.
    Keys {
        /// The account.
        account: String,
        /// One or two.
        keys: Vec<Secret>,
        /// What is signed.
        scheme: Scheme,
    },
    /// A token in every URL, and no `Authorization`.
    Sas(Sas),
    /// A token of the directory, renewed in time.
    Login {
        /// The application that signs in.
        client_id: String,
        /// Gives its token.
        tokens: TokenSource,
    },
}

/// A login of an application (client credentials).
#[derive(Clone, Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// The directory: its id or its domain.
    pub(crate) tenant: String,
    /// The application.
    pub(crate) client_id: String,
    /// Its secret.
    pub(crate) client_secret: SecretRef,
    /// The login authority; that of the endpoint's cloud when left out.
    #[serde(default)]
    pub(crate) authority: Option<String>,
}

impl Login {
    /// What is asked of the login authority.
    fn credentials(
        &self,
        endpoint: &Endpoint,
        context: &ConnectorContext,
    ) -> Result<ClientCredentials, ConfigError> {
        let name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if self.tenant.is_empty() || !self.tenant.chars().all(name) {
            return Err(ConfigError::new(
                "settings.auth.entra.tenant",
                "give the directory's id or its domain",
            ));
        }
        if endpoint.is_plain() {
            return Err(ConfigError::new("settings.endpoint", "a login needs https"));
        }
        let authority = self
            .authority
            .as_deref()
            .unwrap_or(authority(endpoint.host()))
            .trim_end_matches('/');
        if !authority.starts_with("https://") {
            return Err(ConfigError::new(
                "settings.auth.entra.authority",
                "give the authority as https://host",
            ));
        }
        let resource = match endpoint.service() {
            Service::Storage => "https://storage.azure.com/.default",
            Service::Cosmos => "https://cosmos.azure.com/.default",
        };
        Ok(ClientCredentials {
            token_url: format!("{authority}/{}/oauth2/v2.0/token", self.tenant),
            client_id: self.client_id.clone(),
            client_secret: read(
                &context.secrets,
                "settings.auth.entra.client_secret",
                &self.client_secret,
            )?,
            scopes: vec![resource.to_owned()],
            extra: BTreeMap::new(),
            auth: ClientAuth::Post,
        })
    }
}

/// Where people of this cloud sign in (contract azure-table 1).
fn authority(host: &str) -> &'static str {
    if host.ends_with(".usgovcloudapi.net") {
        "https://login.microsoftonline.us"
    } else if host.ends_with(".chinacloudapi.cn") {
        "https://login.chinacloudapi.cn"
    } else {
        "https://login.microsoftonline.com"
    }
}

impl Access {
    /// Makes the way in ready for use.
    pub(crate) fn open(
        entry: Entry,
        endpoint: &Endpoint,
        transport: &Arc<dyn Transport>,
        context: &ConnectorContext,
    ) -> Result<Self, ConfigError> {
        match entry {
            Entry::Ready(access) => Ok(access),
            Entry::Login(login) => {
                let credentials = login.credentials(endpoint, context)?;
                let tokens =
                    TokenSource::new(credentials, Arc::clone(transport), Arc::clone(&context.clock))?;
                Ok(Self::Login {
                    client_id: login.client_id,
                    tokens,
                })
            }
        }
    }

    /// The version of the protocol to ask for.
    pub(crate) fn version(&self) -> &'static str {
        match self {
            Self::Login { .. } => LOGIN_VERSION,
            Self::Keys { .. } | Self::Sas(_) => VERSION,
        }
    }

    /// What is appended to the URL; empty but for a shared access signature.
    pub(crate) fn sas_query(&self) -> &str {
        match self {
            Self::Sas(sas) => sas.query(),
            Self::Keys { .. } | Self::Login { .. } => "",
        }
    }

    /// The header for this request, with the key asked for.
    pub(crate) async fn authorization(
        &self,
        request: &Parts,
        key: usize,
    ) -> Result<Option<Secret>, ConnectorError> {
        match self {
            Self::Sas(_) => Ok(None),
            Self::Keys {
                account,
                keys,
                scheme,
            } => {
                let key = keys.get(key).or(keys.first());
                Ok(key
                    .and_then(|key| sign::authorization(*scheme, account, key, request))
                    .map(Secret::new))
            }
            Self::Login { tokens, .. } => {
                let token = tokens.bearer().await?;
                Ok(Some(Secret::new(format!("Bearer {}", token.expose()))))
            }
        }
    }

    /// What else to try when the key or token in use was refused: the other key, a fresh token.
    pub(crate) async fn others(&self, key: usize, refused: Option<&Secret>) -> Vec<usize> {
        match self {
            Self::Sas(_) => Vec::new(),
            Self::Keys { keys, .. } => (0..keys.len()).filter(|other| *other != key).collect(),
            Self::Login { tokens, .. } => {
                if let Some(token) = refused.and_then(|header| header.expose().strip_prefix("Bearer ")) {
                    tokens.invalidate(&Secret::new(token)).await;
                }
                vec![key]
            }
        }
    }

    /// How it signs in, for the operator.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Keys { account, keys, .. } if keys.len() > 1 => format!("two keys of account {account}"),
            Self::Keys { account, .. } => format!("the key of account {account}"),
            Self::Sas(sas) => match sas.expires() {
                Some(end) => format!(
                    "a shared access signature that ends on {}",
                    end.format("%Y-%m-%d %H:%M UTC")
                ),
                None => "a shared access signature".to_owned(),
            },
            Self::Login { client_id, .. } => format!("the login of application {client_id}"),
        }
    }
}
