//! A signed assertion as the grant itself (RFC 7523, 2.1).

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, Header};
use serde_json::json;
use url::Url;

use super::exchange::{Exchange, form};
use super::rsa_key::RsaKey;
use super::{Grant, Granted};
use crate::error::ConnectorError;
use crate::http::Transport;

/// Who speaks for whom, proved by a key the other side knows the certificate of.
#[derive(Clone, Debug)]
pub struct JwtBearer {
    /// The token endpoint. Falls under the same target policy as every other URL.
    pub token_url: Url,
    /// `iss`: the app.
    pub issuer: String,
    /// `sub`: the user the app speaks for.
    pub subject: String,
    /// `aud`: who the assertion is for; not always the endpoint.
    pub audience: String,
    /// Signs, RS256.
    pub key: RsaKey,
}

/// How long an assertion is good for: long enough for clocks that differ a little, and the most
/// that is documented to be taken (contract salesforce 2.2).
const LIFE: TimeDelta = TimeDelta::minutes(3);

#[async_trait]
impl Grant for JwtBearer {
    async fn fetch(&self, transport: &dyn Transport, now: DateTime<Utc>) -> Result<Granted, ConnectorError> {
        let claims = json!({
            "iss": self.issuer,
            "sub": self.subject,
            "aud": self.audience,
            "exp": (now + LIFE).timestamp(),
        });
        let assertion = self.key.sign(&Header::new(Algorithm::RS256), &claims)?;
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.expose()),
        ];
        let request = form(&self.token_url, &fields)?;
        let asked = Exchange {
            transport,
            host: self.token_url.host_str().unwrap_or_default(),
            secrets: &[assertion.expose()],
            now,
        };
        asked.grant(request).await
    }
}
