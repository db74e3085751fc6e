//! OAuth2 client credentials (RFC 6749, 4.4) by the crate `oauth2` over our own transport.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{AUTHORIZATION, HeaderValue};
use oauth2::basic::BasicClient;
use oauth2::{
    AsyncHttpClient, AuthType, ClientCredentialsTokenRequest, ClientId, ClientSecret, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, RequestTokenError, Scope, TokenUrl,
};

use super::exchange::Exchange;
use super::{Grant, Granted, answer};
use crate::error::{ConfigError, ConnectorError};
use crate::http::Transport;
use crate::secret::Secret;

/// Who asks where for a token, and how it proves who it is.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// The token endpoint. Falls under the same target policy as every other URL.
    pub token_url: String,
    /// `client_id`
    pub client_id: String,
    /// `client_secret`
    pub client_secret: Secret,
    /// Scopes, joined by spaces; empty sends none.
    pub scopes: Vec<String>,
    /// What the provider wants besides (`audience`, `resource`).
    pub extra: BTreeMap<String, String>,
    /// How the secret travels.
    pub auth: ClientAuth,
}

impl ClientCredentials {
    /// As a grant, for those who put something around it.
    pub fn into_grant(self) -> Result<Box<dyn Grant>, ConfigError> {
        Ok(Box::new(SecretGrant::new(self)?))
    }
}

/// How the client secret travels; never two ways at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// HTTP Basic, both parts form-urlencoded first, as the standard says.
    #[default]
    Basic,
    /// HTTP Basic with both parts as they are, for servers that do not decode.
    BasicRaw,
    /// In the form.
    Post,
}

/// A client that knows its token endpoint and nothing else.
pub(super) type Client =
    BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The grant of that name, proved by a secret.
pub(super) struct SecretGrant {
    client: Client,
    credentials: ClientCredentials,
    host: String,
}

impl SecretGrant {
    pub(super) fn new(credentials: ClientCredentials) -> Result<Self, ConfigError> {
        let url = TokenUrl::new(credentials.token_url.clone())
            .map_err(|_| ConfigError::new("settings.auth.token_url", "this is not a URL"))?;
        let host = url.url().host_str().unwrap_or_default().to_owned();
        let auth_type = match credentials.auth {
            ClientAuth::Basic | ClientAuth::BasicRaw => AuthType::BasicAuth,
            ClientAuth::Post => AuthType::RequestBody,
        };
        let client = BasicClient::new(ClientId::new(credentials.client_id.clone()))
            .set_client_secret(ClientSecret::new(credentials.client_secret.expose().to_owned()))
            .set_auth_type(auth_type)
            .set_token_uri(url);
        Ok(Self {
            client,
            credentials,
            host,
        })
    }

    fn raw_basic(&self) -> HeaderValue {
        let pair = format!(
            "{}:{}",
            self.credentials.client_id,
            self.credentials.client_secret.expose()
        );
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
            .unwrap_or(HeaderValue::from_static("Basic"));
        value.set_sensitive(true);
        value
    }
}

#[async_trait]
impl Grant for SecretGrant {
    async fn fetch(&self, transport: &dyn Transport, now: DateTime<Utc>) -> Result<Granted, ConnectorError> {
        let credentials = &self.credentials;
        let request = with_parameters(
            self.client.exchange_client_credentials(),
            &credentials.scopes,
            &credentials.extra,
        );
        let asked = Exchange {
            transport,
            host: &self.host,
            secrets: &[credentials.client_secret.expose()],
            now,
        };
        let authorization = (credentials.auth == ClientAuth::BasicRaw).then(|| self.raw_basic());
        exchange(request, asked, authorization).await
    }
}

/// A request of this grant, as the crate takes it.
pub(super) type TokenRequest<'a> =
    ClientCredentialsTokenRequest<'a, oauth2::basic::BasicErrorResponse, oauth2::basic::BasicTokenResponse>;

/// Adds what both kinds of proof have in common.
pub(super) fn with_parameters<'a>(
    mut request: TokenRequest<'a>,
    scopes: &[String],
    extra: &'a BTreeMap<String, String>,
) -> TokenRequest<'a> {
    for scope in scopes {
        request = request.add_scope(Scope::new(scope.clone()));
    }
    for (name, value) in extra {
        request = request.add_extra_param(name, value);
    }
    request
}

/// Lets the crate ask through `asked`, with another `Authorization` than its own where there is one.
pub(super) async fn exchange(
    request: TokenRequest<'_>,
    asked: Exchange<'_>,
    authorization: Option<HeaderValue>,
) -> Result<Granted, ConnectorError> {
    let adapter = Adapter {
        asked,
        authorization,
        members: Mutex::default(),
    };
    let token = match request.request_async(&adapter).await {
        Ok(token) => token,
        Err(RequestTokenError::Request(error)) => return Err(error),
        // The other variants carry the answer, token included: nothing of them is kept.
        Err(_) => return Err(answer::unreadable(adapter.asked.host)),
    };
    let members = adapter
        .members
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    answer::granted(&token, members, adapter.asked.host)
}

/// What the crate takes for an HTTP client.
struct Adapter<'a> {
    asked: Exchange<'a>,
    authorization: Option<HeaderValue>,
    members: Mutex<BTreeMap<String, String>>,
}

impl<'c> AsyncHttpClient<'c> for Adapter<'_> {
    type Error = ConnectorError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ConnectorError>> + Send + 'c>>;

    fn call(&'c self, mut request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            if let Some(value) = &self.authorization {
                request.headers_mut().insert(AUTHORIZATION, value.clone());
            }
            let response = self.asked.send(request.map(Bytes::from)).await?;
            *self.members.lock().unwrap_or_else(PoisonError::into_inner) = answer::members(response.body());
            Ok(response.map(Vec::from))
        })
    }
}
