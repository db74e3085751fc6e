//! The roles a connector may play. An absent role is one it cannot play.

use std::sync::Arc;

use async_trait::async_trait;

use crate::delivery::{LeadDelivery, Receipt};
use crate::error::ConnectorError;
use crate::raw::{Batch, Checkpoint, RawLead};

/// Somewhere leads come from that has to be asked.
#[async_trait]
pub trait Source: Send + Sync {
    /// What is new after the checkpoint, about `limit` items, oldest first where possible.
    ///
    /// Every item carries a `reference`, and polling again from an older checkpoint gives the same
    /// references: the daemon stores each once. A checkpoint taken while `more` is true is only
    /// ever handed back to the instance that made it or to a later process, and must be safe in both.
    async fn poll(&self, after: Option<&Checkpoint>, limit: usize) -> Result<Batch<RawLead>, ConnectorError>;
}

/// Somewhere leads go.
#[async_trait]
pub trait Destination: Send + Sync {
    /// How many deliveries one call may carry (Salesforce 200, Dataverse 1000, Azure Table 100, ...).
    fn batch_limit(&self) -> usize;

    /// Makes the system hold these leads; one result per delivery, in the same order.
    ///
    /// Safe to call again with the same keys. A bad record never fails its neighbours. A delivery
    /// whose gate is [`crate::Gate::DoNotContact`] never leaves a contactable record behind.
    async fn upsert(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Receipt, ConnectorError>>;
}

/// What a probe found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeReport {
    /// One sentence per thing looked at.
    pub findings: Vec<String>,
}

/// A look at the other side that changes nothing.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Reaches the system, signs in, and looks whether what the config names is there.
    async fn probe(&self) -> Result<ProbeReport, ConnectorError>;
}

/// One configured outside system and the roles it plays.
#[derive(Clone, Default)]
pub struct Connector {
    /// Leads come from it.
    pub source: Option<Arc<dyn Source>>,
    /// Leads go to it.
    pub destination: Option<Arc<dyn Destination>>,
    /// It can be looked at.
    pub probe: Option<Arc<dyn Probe>>,
}
