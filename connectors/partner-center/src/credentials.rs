//! Who we are to both hosts: an application that acts for a person who signed in (contract
//! partner-center 2).

use std::sync::Arc;

use connector_kit::http::Transport;
use connector_kit::secret::{Secret, SecretRef};
use connector_kit::token::{Delegated, SignIn, Style, TokenSource};
use connector_kit::vault::Vault;
use connector_kit::{Authorizer, ConfigError, ConnectorContext};

use crate::config::Settings;

/// The sign-in, and the tokens it gives for each host.
pub(crate) struct Credentials {
    /// What is kept of it.
    pub sign_in: SignIn,
    /// Where it is kept.
    pub vault: Vault,
    /// Tokens for the host of referrals.
    pub referrals: TokenSource,
    /// Tokens for the host of the registration.
    pub partner_center: TokenSource,
    /// How a person signs in.
    pub authorizer: Arc<dyn Authorizer>,
}

impl Credentials {
    /// As the operator wrote it; nothing is read or asked yet.
    pub(crate) fn new(
        own: &Settings,
        transport: &Arc<dyn Transport>,
        context: &ConnectorContext,
    ) -> Result<Self, ConfigError> {
        let key = read(context, "settings.vault_key", &own.vault_key)?;
        let vault = Vault::of(context, &key)?;
        let sign_in = SignIn::new(delegated(own, context)?, vault.clone());
        let tokens =
            |audience: &str| sign_in.tokens(audience, Arc::clone(transport), Arc::clone(&context.clock));
        Ok(Self {
            referrals: tokens(&own.referrals_audience),
            partner_center: tokens(own.partner_center_audience()),
            authorizer: sign_in.authorizer(
                &own.referrals_audience,
                Arc::clone(transport),
                Arc::clone(&context.clock),
                context.dice.clone(),
            ),
            sign_in,
            vault,
        })
    }
}

fn delegated(own: &Settings, context: &ConnectorContext) -> Result<Delegated, ConfigError> {
    let version = match own.token_endpoint {
        Style::V1 => "oauth2",
        Style::V2 => "oauth2/v2.0",
    };
    let at = |name: &str| own.login_url(&format!("{version}/{name}"));
    let secret = own.client_secret.as_ref();
    Ok(Delegated {
        token_url: at("token")?,
        authorize_url: at("authorize")?,
        device_url: at("devicecode")?,
        client_id: own.client_id.trim().to_owned(),
        client_secret: secret
            .map(|secret| read(context, "settings.client_secret", secret))
            .transpose()?,
        style: own.token_endpoint,
    })
}

fn read(context: &ConnectorContext, key: &str, reference: &SecretRef) -> Result<Secret, ConfigError> {
    let secret = context.secrets.read(reference);
    secret.map_err(|error| ConfigError::new(key, error.to_string()))
}
