//! A lead comes in: what the door and the polls hand over.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use connector_kit::ids::AccountName;
use connector_kit::{RawLead, SourceName};

/// The number of an arrival; counts up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InboxId(pub i64);

/// A raw lead and how it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The publisher its source belongs to.
    pub account: AccountName,
    /// The source it came through.
    pub source: SourceName,
    /// When we took it.
    pub received_at: DateTime<Utc>,
    /// What came.
    pub raw: RawLead,
}

/// What became of an arrival at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Custody {
    /// It is ours now.
    Kept(InboxId),
    /// Its reference was here before.
    Known,
}

/// Bytes nobody could read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The publisher its source belongs to.
    pub account: AccountName,
    /// The source it came through.
    pub source: SourceName,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// Why it cannot be read, without the content.
    pub reason: String,
    /// The bytes, cut at the body limit.
    pub body: Bytes,
}
