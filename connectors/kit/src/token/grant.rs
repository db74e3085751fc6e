//! OAuth2 client credentials (RFC 6749, 4.4) by the crate `oauth2` over our own transport.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use oauth2::basic::BasicClient;
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, RequestTokenError, Scope, TokenResponse, TokenUrl,
};

use super::{Grant, Granted, answer};
use crate::error::{ConfigError, ConnectorError, ErrorKind};
use crate::http::{Transport, whole};
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

/// How the client secret travels; never two ways at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
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

/// A life to assume when the answer names none.
const UNKNOWN_LIFE: TimeDelta = TimeDelta::minutes(5);

type Client = BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The grant of that name.
pub(super) struct ClientCredentialsGrant {
    client: Client,
    credentials: ClientCredentials,
    host: String,
}

impl ClientCredentialsGrant {
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
}

#[async_trait]
impl Grant for ClientCredentialsGrant {
    async fn fetch(&self, transport: &dyn Transport, now: DateTime<Utc>) -> Result<Granted, ConnectorError> {
        let mut request = self.client.exchange_client_credentials();
        for scope in &self.credentials.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        for (name, value) in &self.credentials.extra {
            request = request.add_extra_param(name, value);
        }
        let adapter = Adapter {
            grant: self,
            transport,
            now,
            members: Mutex::default(),
        };
        let answer = request.request_async(&adapter).await;
        match answer {
            Ok(token) => {
                let life = token.expires_in().map_or(UNKNOWN_LIFE, |life| {
                    TimeDelta::from_std(life).unwrap_or(TimeDelta::hours(24))
                });
                Ok(Granted {
                    secret: Secret::new(token.access_token().secret().clone()),
                    life,
                    members: adapter
                        .members
                        .into_inner()
                        .unwrap_or_else(PoisonError::into_inner),
                })
            }
            Err(RequestTokenError::Request(error)) => Err(error),
            // The other variants carry the answer, token included: nothing of them is kept.
            Err(_) => Err(ConnectorError::new(
                ErrorKind::Misconfigured,
                format!(
                    "fetch a token from {}: the answer is not a token response",
                    self.host
                ),
            )
            .strikes(3)
            .hint("check token_url: it answers 200, but not as an OAuth2 token endpoint")),
        }
    }
}

impl ClientCredentialsGrant {
    /// One request of the crate over our transport; whatever is not a 200 ends here.
    async fn exchange(
        &self,
        transport: &dyn Transport,
        mut request: HttpRequest,
        now: DateTime<Utc>,
    ) -> Result<HttpResponse, ConnectorError> {
        if self.credentials.auth == ClientAuth::BasicRaw {
            request.headers_mut().insert(AUTHORIZATION, self.raw_basic());
        }
        let doing = format!("fetch a token from {}", self.host);
        let response = transport
            .send(request.map(Bytes::from))
            .await
            .and_then(|response| {
                if response.status().is_success() {
                    whole(response)
                } else {
                    Ok(response)
                }
            })
            .map_err(|error| error.into_connector_error(&doing))?;
        if response.status() != http::StatusCode::OK {
            let secret = self.credentials.client_secret.expose();
            return Err(answer::refusal(&response, &self.host, secret, now));
        }
        let mut response =
            response.map(|body| answer::with_readable_life(&body).unwrap_or_else(|| body.into()));
        // Some endpoints call their JSON text; the crate would refuse it for the label alone.
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
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

/// What the crate takes for an HTTP client.
struct Adapter<'a> {
    grant: &'a ClientCredentialsGrant,
    transport: &'a dyn Transport,
    now: DateTime<Utc>,
    members: Mutex<BTreeMap<String, String>>,
}

impl<'c> AsyncHttpClient<'c> for Adapter<'_> {
    type Error = ConnectorError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ConnectorError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let response = self.grant.exchange(self.transport, request, self.now).await?;
            *self.members.lock().unwrap_or_else(PoisonError::into_inner) = answer::members(response.body());
            Ok(response)
        })
    }
}
