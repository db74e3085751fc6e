//! Whoever got the events before us: kept when the registration is taken over, and told on.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use connector_kit::clock::Clock;
use connector_kit::event::Tee;
use connector_kit::http::{Request, Transport, retry_after};
use connector_kit::vault::{RecordName, Vault};
use connector_kit::{ConnectorError, ErrorKind};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, Method};
use serde::{Deserialize, Serialize};

use super::proof::{OWN_SIGNATURE, carries};

const NAME: RecordName = RecordName::new("former-webhook");

/// Who was registered before us. Its address may hold a secret, so it is only ever written sealed.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Former {
    /// Where events went.
    pub url: String,
    /// Which ones.
    pub events: Vec<String>,
    /// When it was kept.
    pub kept_at: DateTime<Utc>,
}

/// Where the former one is kept. Clones are the same place.
#[derive(Clone)]
pub(crate) struct Formers(pub Vault);

impl Formers {
    /// The former one; none when nobody was before us.
    pub(crate) fn read(&self) -> Result<Option<Former>, ConnectorError> {
        Ok(self.0.read(NAME)?)
    }

    /// Keeps it, in place of one that was kept before.
    pub(crate) async fn keep(&self, former: &Former) -> Result<(), ConnectorError> {
        let held = self.0.hold(NAME).await?;
        Ok(held.write(former)?)
    }
}

/// Passes events on to the former one.
pub(crate) struct FormerReceiver {
    /// Where it is kept.
    pub formers: Formers,
    /// The way there; no token goes along.
    pub transport: Arc<dyn Transport>,
    /// Reads `Retry-After`.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Tee for FormerReceiver {
    fn carries(&self, header: &HeaderName) -> bool {
        carries(header)
    }

    async fn pass_on(&self, headers: &HeaderMap, body: &Bytes) -> Result<(), ConnectorError> {
        let doing = "pass an event on to the former address";
        let Some(former) = self.formers.read()? else {
            return Ok(());
        };
        let mut request = Request::new(body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = former.url.parse().map_err(|_| {
            ConnectorError::new(ErrorKind::Misconfigured, format!("{doing}: it is not a URL"))
        })?;
        *request.headers_mut() = proof(headers);
        let answer = self.transport.send(request).await;
        let answer = answer.map_err(|error| error.into_connector_error(doing))?;
        let status = answer.status().as_u16();
        let kind = match status {
            200..300 => return Ok(()),
            429 | 503 => ErrorKind::Throttled,
            408 | 502 | 504 => ErrorKind::Unreachable,
            500.. => ErrorKind::Broken,
            401 | 403 => ErrorKind::Unauthorized,
            _ => ErrorKind::Rejected,
        };
        Err(ConnectorError::new(kind, format!("{doing}: {status}"))
            .retry_after(retry_after::of(answer.headers(), self.clock.now()))
            .hint("whoever was registered before does not take it; set webhook.tee = false when it is not needed"))
    }
}

/// The headers of the proof, in both forms: the former receiver looks for the one it asked for.
fn proof(headers: &HeaderMap) -> HeaderMap {
    let mut passed: HeaderMap = headers
        .iter()
        .filter(|(name, _)| carries(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    match (headers.get(&OWN_SIGNATURE), headers.get(AUTHORIZATION)) {
        (Some(signature), _) => drop(passed.insert(AUTHORIZATION, signature.clone())),
        (None, Some(signature)) => drop(passed.insert(OWN_SIGNATURE, signature.clone())),
        (None, None) => {}
    }
    passed
}
