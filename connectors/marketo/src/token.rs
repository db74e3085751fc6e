//! A token of the API user: asked for with a form, or with a query where a form is refused
//! (contract marketo A1).

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use connector_kit::http::{Request, Transport};
use connector_kit::secret::Secret;
use connector_kit::token::{Exchange, Grant, Granted};
use connector_kit::{ConnectorError, ErrorKind};
use http::header::{ACCEPT, CONTENT_TYPE};
use url::{Url, form_urlencoded};

/// Client credentials as the identity service takes them.
pub(crate) struct IdentityGrant {
    url: Url,
    client_id: Secret,
    client_secret: Secret,
    /// A form was refused, and a query was not.
    by_query: AtomicBool,
}

impl IdentityGrant {
    pub(crate) fn new(url: Url, client_id: Secret, client_secret: Secret) -> Self {
        Self {
            url,
            client_id,
            client_secret,
            by_query: AtomicBool::new(false),
        }
    }

    fn pairs(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", self.client_id.expose())
            .append_pair("client_secret", self.client_secret.expose())
            .finish()
    }

    fn form(&self) -> Result<Request, http::Error> {
        http::Request::post(self.url.as_str())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(Bytes::from(self.pairs()))
    }

    fn query(&self) -> Result<Request, http::Error> {
        let mut url = self.url.clone();
        url.set_query(Some(&self.pairs()));
        http::Request::get(url.as_str())
            .header(ACCEPT, "application/json")
            .body(Bytes::new())
    }
}

#[async_trait]
impl Grant for IdentityGrant {
    async fn fetch(&self, transport: &dyn Transport, now: DateTime<Utc>) -> Result<Granted, ConnectorError> {
        let host = self.url.host_str().unwrap_or_default();
        let exchange = Exchange {
            transport,
            host,
            secrets: &[self.client_id.expose(), self.client_secret.expose()],
            now,
        };
        let unbuildable = |_| {
            ConnectorError::new(
                ErrorKind::Misconfigured,
                format!("fetch a token from {host}: no such URL"),
            )
        };
        if !self.by_query.load(Ordering::Relaxed) {
            match exchange.grant(self.form().map_err(unbuildable)?).await {
                // Refused for its form, not for its content.
                Err(error) if error.kind() == ErrorKind::Misconfigured => {}
                fetched => return fetched,
            }
        }
        let granted = exchange.grant(self.query().map_err(unbuildable)?).await?;
        self.by_query.store(true, Ordering::Relaxed);
        Ok(granted)
    }
}
