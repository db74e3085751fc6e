//! Who we are, in headers (contract https-endpoint 8).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_kit::http::{TargetPolicy, Transport};
use connector_kit::secret::Secret;
use connector_kit::token::{ClientCredentials, TokenSource};
use connector_kit::{ConfigError, ConnectorContext, ConnectorError};
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::config::{self, Settings};

/// What goes into the headers of a request.
pub(crate) enum Credential {
    /// The same with every request, already among the fixed headers.
    Fixed,
    /// A token that ends.
    Token(TokenSource),
}

impl Credential {
    /// Adds what this moment needs; returns the token, to be named when it is refused.
    pub(crate) async fn apply(&self, headers: &mut HeaderMap) -> Result<Option<Secret>, ConnectorError> {
        let Self::Token(tokens) = self else {
            return Ok(None);
        };
        let token = tokens.bearer().await?;
        if let Some(value) = sensitive(&format!("Bearer {}", token.expose())) {
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Some(token))
    }

    /// Forgets a refused token; false when there is nothing a second try could change.
    pub(crate) async fn renew(&self, refused: Option<&Secret>) -> bool {
        match (self, refused) {
            (Self::Token(tokens), Some(token)) => {
                tokens.invalidate(token).await;
                true
            }
            _ => false,
        }
    }
}

/// The credential, the headers that never change, and every secret to be masked in answers.
pub(crate) struct Identity {
    pub(crate) credential: Credential,
    pub(crate) headers: HeaderMap,
    pub(crate) secrets: Vec<Secret>,
}

impl Identity {
    pub(crate) fn new(
        settings: &Settings,
        context: &ConnectorContext,
        transport: &Arc<dyn Transport>,
        policy: &TargetPolicy,
    ) -> Result<Self, ConfigError> {
        let mut identity = Self {
            credential: Credential::Fixed,
            headers: HeaderMap::new(),
            secrets: Vec::new(),
        };
        let read =
            |reference, key: &str| config::read(&context.secrets, reference, &format!("settings.auth.{key}"));
        match &settings.auth {
            config::Auth::None => {}
            config::Auth::Basic { user, password } => {
                if user.contains(':') {
                    return Err(ConfigError::new(
                        "settings.auth.user",
                        "a user name holds no colon",
                    ));
                }
                let password = read(password, "password")?;
                let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
                identity.fix(AUTHORIZATION, &format!("Basic {pair}"), password, "password")?;
            }
            config::Auth::Bearer { token } => {
                let token = read(token, "token")?;
                identity.fix(
                    AUTHORIZATION,
                    &format!("Bearer {}", token.expose()),
                    token,
                    "token",
                )?;
            }
            config::Auth::ApiKey { header, prefix, key } => {
                let key = read(key, "key")?;
                let name = allowed_name(header, true)
                    .map_err(|text| ConfigError::new("settings.auth.header", text))?;
                identity.fix(name, &format!("{prefix}{}", key.expose()), key, "key")?;
            }
            config::Auth::Oauth2 {
                token_url,
                client_id,
                client_secret,
                scopes,
                extra,
                client_auth,
            } => {
                policy
                    .check(token_url)
                    .map_err(|refusal| ConfigError::new("settings.auth.token_url", refusal.to_string()))?;
                let client_secret = read(client_secret, "client_secret")?;
                identity.secrets.push(client_secret.clone());
                let credentials = ClientCredentials {
                    token_url: token_url.clone(),
                    client_id: client_id.clone(),
                    client_secret,
                    scopes: scopes.clone(),
                    extra: extra.clone(),
                    auth: *client_auth,
                };
                let tokens =
                    TokenSource::new(credentials, Arc::clone(transport), Arc::clone(&context.clock))?;
                identity.credential = Credential::Token(tokens);
            }
        }
        identity.add_custom(settings)?;
        Ok(identity)
    }

    fn fix(&mut self, name: HeaderName, value: &str, secret: Secret, key: &str) -> Result<(), ConfigError> {
        let value = sensitive(value).ok_or_else(|| {
            ConfigError::new(
                format!("settings.auth.{key}"),
                "this secret cannot stand in a header",
            )
        })?;
        self.headers.insert(name, value);
        self.secrets.push(secret);
        Ok(())
    }

    fn add_custom(&mut self, settings: &Settings) -> Result<(), ConfigError> {
        let has_auth = !matches!(settings.auth, config::Auth::None);
        for (name, value) in &settings.headers {
            let wrong = |text: &str| ConfigError::new(format!("settings.headers.{name}"), text);
            let header = allowed_name(name, !has_auth).map_err(wrong)?;
            let value =
                sensitive(value).ok_or_else(|| wrong("the value holds a line end or a control character"))?;
            if self.headers.contains_key(&header) {
                return Err(wrong("the auth kind sets this header already"));
            }
            self.headers.insert(header, value);
        }
        Ok(())
    }
}

/// A header value that is never printed; none when it could not stand in a header.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Headers that are ours or the protocol's to set.
const OURS: [&str; 12] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "te",
    "trailer",
    "upgrade",
    "content-type",
    "user-agent",
    "accept-encoding",
    "idempotency-key",
    "expect",
];

fn allowed_name(name: &str, authorization: bool) -> Result<HeaderName, &'static str> {
    let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "this is not the name of a header")?;
    let lower = header.as_str();
    let is_ours = OURS.contains(&lower)
        || ["proxy-", "webhook-", "ce-"]
            .iter()
            .any(|prefix| lower.starts_with(prefix))
        || (lower == "authorization" && !authorization);
    if is_ours {
        Err("this header is set by the sender itself")
    } else {
        Ok(header)
    }
}
