//! Who we are to Entra: an application with a secret or a certificate (contract dynamics365 2 and 3).

use std::collections::BTreeMap;
use std::sync::Arc;

use connector_kit::http::Transport;
use connector_kit::secret::{Secret, SecretRef};
use connector_kit::token::{
    CertificateCredentials, ClientAuth, ClientCertificate, ClientCredentials, RsaKey, TokenSource,
};
use connector_kit::{ConfigError, ConnectorContext};
use url::Url;

use crate::config::{Auth, Settings};

/// Where people of this environment's cloud sign in.
fn authority_of(host: &str) -> &'static str {
    if host.ends_with(".microsoftdynamics.us") || host.ends_with(".appsplatform.us") {
        "https://login.microsoftonline.us"
    } else if host.ends_with(".dynamics.cn") {
        "https://login.partner.microsoftonline.cn"
    } else {
        "https://login.microsoftonline.com"
    }
}

/// Gives tokens for one environment; nothing is asked yet.
pub(crate) fn tokens(
    settings: &Settings,
    transport: &Arc<dyn Transport>,
    context: &ConnectorContext,
) -> Result<TokenSource, ConfigError> {
    let token_url = token_url(settings)?;
    let scopes = vec![format!("{}/.default", settings.origin()?)];
    let Auth {
        secret,
        certificate,
        key,
        ..
    } = &settings.auth;
    let (transport, clock) = (Arc::clone(transport), Arc::clone(&context.clock));
    match (secret, certificate, key) {
        (Some(secret), None, None) => {
            let credentials = ClientCredentials {
                token_url: token_url.into(),
                client_id: settings.client_id.clone(),
                client_secret: read(context, "settings.auth.secret", secret)?,
                scopes,
                extra: BTreeMap::new(),
                auth: ClientAuth::Post,
            };
            TokenSource::new(credentials, transport, clock)
        }
        (None, Some(certificate), Some(key)) => {
            let place = "settings.auth.certificate";
            let pem = read(context, place, certificate)?;
            let rsa = RsaKey::from_pem(&read(context, "settings.auth.key", key)?, "settings.auth.key")?;
            let grant = CertificateCredentials {
                token_url,
                client_id: settings.client_id.clone(),
                certificate: ClientCertificate::from_pem(rsa, &pem, place)?,
                signing: settings.auth.signing,
                with_chain: settings.auth.send_chain,
                scopes,
                extra: BTreeMap::new(),
                dice: context.dice.clone(),
            };
            Ok(TokenSource::with_grant(Box::new(grant), transport, clock))
        }
        _ => Err(ConfigError::new(
            "settings.auth",
            "write either { secret = .. } or { certificate = .., key = .. }",
        )),
    }
}

fn token_url(settings: &Settings) -> Result<Url, ConfigError> {
    let name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if settings.tenant.is_empty() || !settings.tenant.chars().all(name) {
        return Err(ConfigError::new(
            "settings.tenant",
            "give the directory's id or its domain",
        ));
    }
    if settings.client_id.trim().is_empty() {
        return Err(ConfigError::new(
            "settings.client_id",
            "give the application (client) id",
        ));
    }
    let origin = settings.origin()?;
    let authority = settings
        .authority
        .as_deref()
        .unwrap_or_else(|| authority_of(&origin));
    let wrong = || ConfigError::new("settings.authority", "give the authority as https://host");
    let url = Url::parse(&format!(
        "{}/{}/oauth2/v2.0/token",
        authority.trim_end_matches('/'),
        settings.tenant
    ))
    .map_err(|_| wrong())?;
    let allowed = url.scheme() == "https" || (settings.allow_plain_http && url.scheme() == "http");
    if allowed && url.query().is_none() {
        Ok(url)
    } else {
        Err(wrong())
    }
}

fn read(context: &ConnectorContext, key: &str, reference: &SecretRef) -> Result<Secret, ConfigError> {
    let secret = context.secrets.read(reference);
    secret.map_err(|error| ConfigError::new(key, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cloud_has_its_own_authority() {
        for (host, authority) in [
            (
                "https://contoso.crm.dynamics.com",
                "https://login.microsoftonline.com",
            ),
            (
                "https://contoso.crm4.dynamics.com",
                "https://login.microsoftonline.com",
            ),
            (
                "https://contoso.crm9.dynamics.com",
                "https://login.microsoftonline.com",
            ),
            (
                "https://contoso.crm.microsoftdynamics.us",
                "https://login.microsoftonline.us",
            ),
            (
                "https://contoso.crm.appsplatform.us",
                "https://login.microsoftonline.us",
            ),
            (
                "https://contoso.crm.dynamics.cn",
                "https://login.partner.microsoftonline.cn",
            ),
            ("https://crm.contoso.example", "https://login.microsoftonline.com"),
        ] {
            assert_eq!(authority_of(host), authority, "{host}");
        }
    }
}
