//! The other side tells by itself that something changed: a pointer, and a proof of who tells.

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName};
use thiserror::Error;
use url::Url;

use crate::error::ConnectorError;
use crate::referral::ReferralId;

/// What an event points at. It carries nothing else: whoever wants to know more reads the referral.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What happened, in the other side's word (`referral-updated`).
    pub event: String,
    /// What it happened to; none when it is about no referral (a test of the way).
    pub referral: Option<ReferralId>,
    /// When it happened, as the proof covers it.
    pub occurred_at: DateTime<Utc>,
    /// The same for every delivery of the same event, different for any other.
    pub reference: String,
}

/// Why an event is not believed. Holds nothing of its content.
#[derive(Clone, Debug, Error)]
pub enum Refused {
    /// It is not of the documented form: 400.
    #[error("{0}")]
    Malformed(&'static str),
    /// Nobody we trust has said it, or it was said too long ago: 401.
    #[error("{0}")]
    Forged(&'static str),
    /// It cannot be looked at now: 503, so that it comes again.
    #[error("{0}")]
    Undecided(ConnectorError),
}

/// Believes events, or does not.
#[async_trait]
pub trait EventVerifier: Send + Sync {
    /// Looks at the request as it came, body byte for byte. Asks nobody about the content; may fetch the
    /// key of the proof, from a place the operator allows.
    async fn verify(&self, headers: &HeaderMap, body: &Bytes) -> Result<Notice, Refused>;

    /// Where else verified events go, unchanged: to whom they went before.
    fn tee(&self) -> Option<std::sync::Arc<dyn Tee>> {
        None
    }

    /// Where the other side is told to send them, where the operator wrote that down.
    fn address(&self) -> Option<Url> {
        None
    }
}

/// Somebody who got the events before us, and shall go on to get them.
#[async_trait]
pub trait Tee: Send + Sync {
    /// Whether this header belongs to the proof, or says how to read the body. Only such headers are kept
    /// and passed on; nobody has vouched for the others.
    fn carries(&self, header: &HeaderName) -> bool;

    /// Passes one on, headers of the proof included.
    async fn pass_on(&self, headers: &HeaderMap, body: &Bytes) -> Result<(), ConnectorError>;
}
