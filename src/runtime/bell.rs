//! Pokes between rooms. A poke carries no data; a lost one costs only time.

use std::collections::BTreeMap;
use std::sync::Arc;

use connector_kit::{DestinationName, SourceName};
use tokio::sync::Notify;

/// Wakes the workers of one stage.
#[derive(Clone, Debug, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// Wakes one worker now, or the next one that waits.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits until somebody rings.
    pub async fn heard(&self) {
        self.0.notified().await;
    }
}

/// The bells of the house.
#[derive(Clone, Debug, Default)]
pub struct Bells {
    /// Something arrived.
    pub settle: Bell,
    /// Something is due at a destination.
    pub deliver: BTreeMap<DestinationName, Vec<Bell>>,
    /// Sources should be asked now.
    pub poll: Vec<Bell>,
    /// CRMs should be asked now what became of leads.
    pub watch: Vec<Bell>,
    /// Clocks should be looked at now.
    pub clocks: Bell,
    /// An event waits to be followed.
    pub follow: BTreeMap<SourceName, Vec<Bell>>,
    /// An event waits to be passed on.
    pub forward: BTreeMap<SourceName, Bell>,
    /// An outcome is to be reported.
    pub report: BTreeMap<SourceName, Bell>,
    /// What wears out should be looked at now.
    pub upkeep: Vec<Bell>,
}

impl Bells {
    /// Wakes the workers of every destination.
    pub fn ring_deliver(&self) {
        self.deliver.values().flatten().for_each(Bell::ring);
    }

    /// Wakes those who report outcomes.
    pub fn ring_report(&self) {
        self.report.values().for_each(Bell::ring);
    }

    /// Wakes everybody: an operator changed something.
    pub fn ring_all(&self) {
        self.settle.ring();
        self.clocks.ring();
        self.ring_deliver();
        self.ring_report();
        let asking = self.poll.iter().chain(&self.watch).chain(&self.upkeep);
        let hearing = self.follow.values().flatten().chain(self.forward.values());
        asking.chain(hearing).for_each(Bell::ring);
    }
}
