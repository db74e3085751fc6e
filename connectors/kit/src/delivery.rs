//! What a destination is asked to hold, and what it answers.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::lead::Lead;

/// Whether the record may be contactable. Checked when leased and again when written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    /// Deliver as usual.
    Open,
    /// The system may already hold this person: mark the record do-not-contact, and never create
    /// or leave a contactable one.
    DoNotContact,
}

/// What happened to the lead since the destination last heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The destination has never confirmed this lead.
    Created,
    /// The destination holds an older revision.
    Updated,
    /// The lead became do-not-contact after the destination learnt of it.
    Suppressed,
}

impl EventKind {
    /// The type name of contract https-endpoint 1.2.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "lead.created",
            Self::Updated => "lead.updated",
            Self::Suppressed => "lead.suppressed",
        }
    }
}

/// One lead on its way to one destination.
#[derive(Clone, Debug)]
pub struct LeadDelivery {
    /// The lead as of `revision`.
    pub lead: Arc<Lead>,
    /// Counts up with every change of the lead, from 1.
    pub revision: u32,
    /// What to tell the receiver.
    pub kind: EventKind,
    /// The do-not-contact gate as of this attempt.
    pub gate: Gate,
    /// When this revision came to be; stays the same over retries.
    pub revised_at: DateTime<Utc>,
    /// The record the destination named when it last accepted this lead.
    pub record: Option<RecordRef>,
    /// How often this revision was attempted before.
    pub attempt: u32,
    /// When an operator ordered a delivery that was confirmed to be made again. A record that is gone is
    /// then made anew; one that is there is changed as by any other delivery.
    pub again: Option<DateTime<Utc>>,
}

impl LeadDelivery {
    /// The same, to a destination that holds no record of it any more.
    #[must_use]
    pub fn as_new(&self) -> Self {
        Self {
            kind: EventKind::Created,
            record: None,
            ..self.clone()
        }
    }

    /// An id that is the same for every attempt of this revision and different for every other:
    /// `{lead}-{revision}`. Contains no dot (Standard Webhooks 1.0.0).
    pub fn message_id(&self) -> String {
        format!("{}-{}", self.lead.id, self.revision)
    }
}

/// The name of a record in the other system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordRef(pub String);

/// The destination holds the lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The record, where the system named one.
    pub record: Option<RecordRef>,
    /// The record takes no more changes (converted, merged, deleted): later revisions are not sent.
    pub closed: bool,
}
