//! What goes over the counter about canaries: test leads of our own that go the whole way.

use chrono::{DateTime, Utc};
use connector_kit::{CanaryMark, DestinationName, Lead, SourceName};

use super::DeliveryStory;

/// A canary, announced before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// What it will carry.
    pub mark: CanaryMark,
    /// The source it will come through.
    pub source: SourceName,
    /// Where it goes.
    pub destinations: Vec<DestinationName>,
    /// When it was announced.
    pub at: DateTime<Utc>,
    /// From then on it is a test lead like any other.
    pub until: DateTime<Utc>,
}

/// How far a canary is.
#[derive(Clone, Debug)]
pub struct CanaryStory {
    /// As it was announced.
    pub expected: Expected,
    /// What it became, once it was understood.
    pub lead: Option<CanaryLead>,
}

/// A canary that was understood.
#[derive(Clone, Debug)]
pub struct CanaryLead {
    /// The lead.
    pub lead: Lead,
    /// Its revision.
    pub revision: u32,
    /// When its bytes were on disk.
    pub received_at: DateTime<Utc>,
    /// When it was understood.
    pub settled_at: DateTime<Utc>,
    /// How far it is at each destination.
    pub deliveries: Vec<DeliveryStory>,
    /// Destinations that may hold a record of it.
    pub held: Vec<DestinationName>,
}
