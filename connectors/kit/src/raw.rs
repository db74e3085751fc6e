//! What comes in, before anybody has understood it.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How the bytes of a [`RawLead`] are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawFormat {
    /// The JSON Microsoft posts to an HTTPS endpoint (contract partner-center 11.1).
    MarketplaceJson,
    /// A row of the table `MarketplaceLeads` (contract partner-center 11.2).
    MarketplaceRow,
    /// A whole referral as Partner Center gives it (contract partner-center 5).
    Referral,
}

/// A lead as it came, kept byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawLead {
    /// How to read `body`.
    pub format: RawFormat,
    /// What makes this row the same row when it is seen again; none for a pushed lead.
    pub reference: Option<String>,
    /// When the other side says it happened; none for a pushed lead.
    pub occurred_at: Option<DateTime<Utc>>,
    /// The bytes.
    pub body: Bytes,
}

/// Where a poll left off, in the words of the connector that wrote it.
///
/// It is stored in the transaction that stores the items before it, never earlier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Checkpoint(pub String);

/// One page of a poll.
#[derive(Clone, Debug)]
pub struct Batch<T> {
    /// Oldest first where the system allows.
    pub items: Vec<T>,
    /// What to pass as `after` once `items` are safe.
    pub next: Option<Checkpoint>,
    /// Ask again at once: the page was cut.
    pub more: bool,
}
