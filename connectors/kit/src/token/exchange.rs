//! One request to a token endpoint: what every grant asks and reads alike.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use url::Url;
use url::form_urlencoded;

use super::{Granted, answer, refusal};
use crate::error::{ConnectorError, ErrorKind};
use crate::http::{Request, Response, Transport, whole};

/// Who is asked, when, and what of the request an answer may not show.
pub struct Exchange<'a> {
    /// The way there.
    pub transport: &'a dyn Transport,
    /// The host, for messages.
    pub host: &'a str,
    /// What an endpoint might echo and nobody may read: the secret, the assertion.
    pub secrets: &'a [&'a str],
    /// Now, for reading `Retry-After`.
    pub now: DateTime<Utc>,
}

impl Exchange<'_> {
    /// Sends the request and reads the token out of the answer.
    pub async fn grant(&self, request: Request) -> Result<Granted, ConnectorError> {
        let response = self.send(request).await?;
        answer::read(response.body(), self.host)
    }

    /// Sends the request; whatever is not a whole 200 ends here. The answer's `expires_in` is made
    /// readable for the crate `oauth2`.
    pub(super) async fn send(&self, request: Request) -> Result<Response, ConnectorError> {
        let response = self.ask(request).await?;
        if response.status() != http::StatusCode::OK {
            return Err(refusal::read(&response, self));
        }
        let mut response = response.map(|body| answer::with_readable_life(&body).map_or(body, Bytes::from));
        // Some endpoints call their JSON text; the crate would refuse it for the label alone.
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }

    /// Sends the request; the answer may be a refusal.
    pub(super) async fn ask(&self, request: Request) -> Result<Response, ConnectorError> {
        let doing = format!("fetch a token from {}", self.host);
        self.transport
            .send(request)
            .await
            .and_then(|response| {
                if response.status().is_success() {
                    whole(response)
                } else {
                    Ok(response)
                }
            })
            .map_err(|error| error.into_connector_error(&doing))
    }
}

/// A form as token endpoints take it.
pub(super) fn form(url: &Url, fields: &[(&str, &str)]) -> Result<Request, ConnectorError> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    http::Request::post(url.as_str())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .body(Bytes::from(body))
        .map_err(|_| {
            let host = url.host_str().unwrap_or_default();
            ConnectorError::new(
                ErrorKind::Misconfigured,
                format!("fetch a token from {host}: no request can be made for this URL"),
            )
        })
}
