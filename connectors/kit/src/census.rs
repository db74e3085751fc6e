//! What a system holds of ours, seen from its own side: counted by whoever compares it with what was delivered.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::delivery::RecordRef;
use crate::error::ConnectorError;
use crate::ids::LeadId;
use crate::raw::{Batch, Checkpoint};

/// A lead whose record is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// The key.
    pub lead: LeadId,
    /// The record the destination named when it took the lead.
    pub record: Option<RecordRef>,
}

/// How a record stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldState {
    /// It is there and takes changes.
    Open,
    /// It is there and takes no more changes (converted, qualified).
    Closed,
    /// It was deleted, and the system still says so.
    Deleted,
    /// It was merged into another record, where the system names it.
    Merged(Option<RecordRef>),
}

/// One record with a key of ours, or with something else in the field of our key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What stands in the field of our key.
    pub key: String,
    /// The record, as the system calls it.
    pub record: RecordRef,
    /// How it stands.
    pub state: HeldState,
    /// The revision it holds, where a field holds one.
    pub revision: Option<u32>,
    /// The address of the person, in lower case, where it was read: to be compared in memory, never
    /// shown and never kept.
    pub person: Option<String>,
}

impl Held {
    /// The lead, where the key is one of ours.
    pub fn lead(&self) -> Option<LeadId> {
        self.key.parse().ok()
    }
}

/// Counts what a system holds. Changes nothing; every call is noted in the connector's book of calls.
#[async_trait]
pub trait Census: Send + Sync {
    /// How many leads one question carries at most.
    fn at_once(&self) -> usize;

    /// The records with the keys of these leads, in no order; none for those that are not there, several
    /// for a key that several records carry. A deleted or merged one where the system still tells of it.
    async fn find(&self, sought: &[Sought]) -> Result<Vec<Held>, ConnectorError>;

    /// Why [`Self::list`] gives nothing, where the system cannot be asked for everything of ours.
    fn unlisted(&self) -> Option<&'static str> {
        None
    }

    /// Every record with something in the field of our key that was made or changed since then, page by
    /// page, oldest key or change first as the system likes it. A record may come twice.
    async fn list(
        &self,
        since: DateTime<Utc>,
        after: Option<&Checkpoint>,
    ) -> Result<Batch<Held>, ConnectorError>;
}
