//! What opens a table: an account key, a shared access signature, or a login.

use std::sync::Arc;

use connector_kit::http::Transport;
use connector_kit::secret::{Secret, SecretRef};
use connector_kit::{ConfigError, ConnectorContext, ConnectorError};
use http::request::Parts;
use serde::Deserialize;

use crate::config::Entry;
use crate::connection::Endpoint;
use crate::sas::Sas;
use crate::sign::{self, Scheme};

/// Spoken by the official client with keys and signatures.
const VERSION: &str = "2019-02-02";

/// One way in.
#[derive(Debug)]
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
}

/// A login of an application (client credentials).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// The directory: its id or its domain.
    pub tenant: String,
    /// The application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretRef,
    /// The login authority; the public cloud's when left out.
    #[serde(default)]
    pub authority: Option<String>,
}

impl Access {
    /// Makes the way in ready for use.
    pub(crate) fn open(
        entry: Entry,
        _endpoint: &Endpoint,
        _transport: &Arc<dyn Transport>,
        _context: &ConnectorContext,
    ) -> Result<Self, ConfigError> {
        match entry {
            Entry::Ready(access) => Ok(access),
            Entry::Login(_) => Err(ConfigError::new(
                "settings.auth.entra",
                "logins are not supported yet: use a key or a shared access signature",
            )),
        }
    }

    /// The version of the protocol to ask for.
    pub(crate) fn version(&self) -> &'static str {
        VERSION
    }

    /// What is appended to the URL; empty but for a shared access signature.
    pub(crate) fn sas_query(&self) -> &str {
        match self {
            Self::Sas(sas) => sas.query(),
            Self::Keys { .. } => "",
        }
    }

    /// The header for this request, with the key asked for.
    #[expect(clippy::unused_async, reason = "a login waits for its token here")]
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
        }
    }

    /// What else to try when the key in use is refused.
    #[expect(clippy::unused_async, reason = "a login forgets its token here")]
    pub(crate) async fn others(&self, used: usize) -> Vec<usize> {
        match self {
            Self::Sas(_) => Vec::new(),
            Self::Keys { keys, .. } => (0..keys.len()).filter(|key| *key != used).collect(),
        }
    }

    /// How it signs in, for the operator.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Keys { account, keys, .. } => format!(
                "{} of account {account}",
                if keys.len() > 1 { "two keys" } else { "the key" }
            ),
            Self::Sas(sas) => match sas.expires() {
                Some(end) => format!(
                    "a shared access signature that ends on {}",
                    end.format("%Y-%m-%d %H:%M UTC")
                ),
                None => "a shared access signature".to_owned(),
            },
        }
    }
}
