//! Believes events, or does not (contract partner-center 8.4).

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use connector_kit::clock::Clock;
use connector_kit::event::{Refused, Tee};
use connector_kit::{EventVerifier, Notice};
use http::HeaderMap;
use url::Url;

use super::certificate::Certificates;
use super::notice;
use super::proof::Proof;

/// So far their clock may be ahead of ours.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

/// Looks at events of one partner.
pub(crate) struct Verifier {
    /// Where keys come from.
    pub certificates: Arc<Certificates>,
    /// Tells how old an event is.
    pub clock: Arc<dyn Clock>,
    /// The oldest change an event may tell.
    pub max_age: TimeDelta,
    /// Whom events are passed on to.
    pub tee: Option<Arc<dyn Tee>>,
    /// Where they are sent.
    pub address: Option<Url>,
}

#[async_trait]
impl EventVerifier for Verifier {
    async fn verify(&self, headers: &HeaderMap, body: &Bytes) -> Result<Notice, Refused> {
        let proof = Proof::read(headers)?;
        let url = self.certificates.allowed(&proof.certificate_url)?;
        self.is_signed(&url, body, &proof.signature).await?;
        // Only now: nobody has vouched for the body before.
        let notice = notice::read(body)?;
        let age = self.clock.now() - notice.occurred_at;
        if age > self.max_age {
            return Err(Refused::Forged(
                "replayed: the event tells of something too long ago",
            ));
        }
        if age < -AHEAD {
            return Err(Refused::Forged("replayed: the event tells of something to come"));
        }
        Ok(notice)
    }

    fn tee(&self) -> Option<Arc<dyn Tee>> {
        self.tee.clone()
    }

    fn address(&self) -> Option<Url> {
        self.address.clone()
    }
}

impl Verifier {
    /// Certificates rotate without notice: what the known one did not sign, another may have.
    async fn is_signed(&self, url: &Url, body: &[u8], signature: &[u8]) -> Result<(), Refused> {
        let known = self.certificates.find(url).await?;
        if known.signed(body, signature) {
            return Ok(());
        }
        match self.certificates.another(url, &known).await? {
            Some(other) if other.signed(body, signature) => Ok(()),
            _ => Err(Refused::Forged("the signature is not that of the body")),
        }
    }
}
