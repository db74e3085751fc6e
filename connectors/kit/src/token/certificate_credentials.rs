//! Client credentials proved by a certificate instead of a secret (RFC 7523, 2.2).

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use oauth2::basic::BasicClient;
use oauth2::{AuthType, ClientId, TokenUrl};
use url::Url;

use super::certificate::{ClientCertificate, Signing};
use super::client_credentials::{exchange, with_parameters};
use super::exchange::Exchange;
use super::{Grant, Granted};
use crate::dice::Dice;
use crate::error::ConnectorError;
use crate::http::Transport;

/// Who asks where for a token, and the certificate it shows.
#[derive(Clone, Debug)]
pub struct CertificateCredentials {
    /// The token endpoint. Falls under the same target policy as every other URL.
    pub token_url: Url,
    /// `client_id`
    pub client_id: String,
    /// The certificate the authority knows, and its key.
    pub certificate: ClientCertificate,
    /// How the assertion is signed.
    pub signing: Signing,
    /// Sends the certificates along (`x5c`), for authorities that trust an issuer and a name.
    pub with_chain: bool,
    /// Scopes, joined by spaces; empty sends none.
    pub scopes: Vec<String>,
    /// What the provider wants besides.
    pub extra: BTreeMap<String, String>,
    /// Makes every assertion another one.
    pub dice: Dice,
}

#[async_trait]
impl Grant for CertificateCredentials {
    async fn fetch(&self, transport: &dyn Transport, now: DateTime<Utc>) -> Result<Granted, ConnectorError> {
        let assertion = self.certificate.assertion(
            &self.client_id,
            self.token_url.as_str(),
            (self.signing, self.with_chain),
            &self.dice,
            now,
        )?;
        let client = BasicClient::new(ClientId::new(self.client_id.clone()))
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(TokenUrl::from_url(self.token_url.clone()));
        let request = with_parameters(client.exchange_client_credentials(), &self.scopes, &self.extra)
            .add_extra_param(
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            )
            .add_extra_param("client_assertion", assertion.expose());
        let asked = Exchange {
            transport,
            host: self.token_url.host_str().unwrap_or_default(),
            secrets: &[assertion.expose()],
            now,
        };
        exchange(request, asked, None).await
    }
}
