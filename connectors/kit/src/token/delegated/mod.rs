//! An app that acts for a person who signed in once: by a code or from another device, and by
//! refresh tokens from then on (RFC 6749 4.1 and 6, RFC 7636, RFC 8628; contract partner-center 2).
//!
//! A [`Delegated`] says who asks where; a [`SignIn`] is that together with the vault where the
//! person's sign-in is kept. One sign-in serves several audiences.

// 1. What is kept, and how it stands.
mod record;
mod standing;

// 2. Tokens from it.
mod refresh;

// 3. How a person signs in.
mod authorizer;
mod code;
mod device;
mod person;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use url::Url;

pub use authorizer::Authorized;
pub use code::{Brought, CodeRequest};
pub use device::DeviceRequest;
pub use standing::Standing;

use super::exchange::{Exchange, form};
use super::{Grant, TokenSource};
use crate::clock::Clock;
use crate::dice::Dice;
use crate::error::ConnectorError;
use crate::http::{Request, Transport};
use crate::roles::Authorizer;
use crate::secret::Secret;
use crate::vault::Vault;

/// The app, and the endpoints where it asks for what a person lets it do.
#[derive(Clone, Debug)]
pub struct Delegated {
    /// Where tokens are given. Falls under the same target policy as every other URL.
    pub token_url: Url,
    /// Where a person's browser is sent.
    pub authorize_url: Url,
    /// Where a code for another device is given.
    pub device_url: Url,
    /// `client_id`
    pub client_id: String,
    /// `client_secret`; none where the app is registered as a public client.
    pub client_secret: Option<Secret>,
    /// Which of the authority's two kinds of endpoint these are.
    pub style: Style,
}

/// How an endpoint wants to hear whom a token is for (contract partner-center 2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// `resource`, and numbers in quotes in its answers.
    V1,
    /// `scope`, ending in `/.default`.
    #[default]
    V2,
}

/// What is asked for besides the token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// To ask again later, without the person.
    Lasting,
    /// That, and who signed in.
    WithName,
}

impl Delegated {
    /// Whom the token is for, in the words of the endpoint.
    fn wanted(&self, audience: &str, wish: Wish) -> Vec<(&'static str, String)> {
        match self.style {
            Style::V1 => {
                let mut wanted = vec![("resource", audience.to_owned())];
                if wish == Wish::WithName {
                    wanted.push(("scope", "openid".to_owned()));
                }
                wanted
            }
            Style::V2 => {
                let names = if wish == Wish::WithName {
                    " openid profile"
                } else {
                    ""
                };
                let audience = audience.trim_end_matches('/');
                vec![("scope", format!("{audience}/.default offline_access{names}"))]
            }
        }
    }

    /// A form to the token endpoint that proves who the app is.
    fn token_request(&self, fields: &[(&str, &str)]) -> Result<Request, ConnectorError> {
        let mut proven = vec![("client_id", self.client_id.as_str())];
        if let Some(secret) = &self.client_secret {
            proven.push(("client_secret", secret.expose()));
        }
        form(&self.token_url, &[&proven, fields].concat())
    }

    fn asked<'a>(
        &'a self,
        transport: &'a dyn Transport,
        secrets: &'a [&'a str],
        now: DateTime<Utc>,
    ) -> Exchange<'a> {
        Exchange {
            transport,
            host: self.token_url.host_str().unwrap_or_default(),
            secrets,
            now,
        }
    }
}

/// The sign-in of the person one connector acts for. Clones are the same.
#[derive(Clone, Debug)]
pub struct SignIn(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    delegated: Delegated,
    vault: Vault,
}

impl SignIn {
    /// The one kept in this vault; nothing is read or asked yet.
    pub fn new(delegated: Delegated, vault: Vault) -> Self {
        Self(Arc::new(Parts { delegated, vault }))
    }

    /// A way to tokens for one audience (`https://api.example.com`).
    pub fn grant(&self, audience: &str) -> Box<dyn Grant> {
        Box::new(refresh::RefreshGrant::new(self.clone(), audience))
    }

    /// The tokens for one audience.
    pub fn tokens(
        &self,
        audience: &str,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> TokenSource {
        TokenSource::with_grant(self.grant(audience), transport, clock)
    }

    /// Signs a person in, for this audience first; the sign-in serves others of the same consent as well.
    pub fn authorizer(
        &self,
        audience: &str,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        dice: Dice,
    ) -> Arc<dyn Authorizer> {
        Arc::new(authorizer::ByPerson {
            sign_in: self.clone(),
            audience: audience.to_owned(),
            transport,
            clock,
            dice,
        })
    }

    /// How the sign-in stands, as far as can be known without asking anybody.
    pub fn standing(&self, now: DateTime<Utc>) -> Result<Standing, ConnectorError> {
        let kept: Option<record::Record> = self.0.vault.read(record::NAME)?;
        Ok(match kept {
            Some(kept) if kept.belongs_to(&self.0.delegated) => Standing::of(&kept, now),
            _ => Standing::default(),
        })
    }

    /// The connector's name.
    fn name(&self) -> &str {
        self.0.vault.owner()
    }
}
