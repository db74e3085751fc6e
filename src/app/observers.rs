//! Who listens to the rooms: the numbers always, and whoever else wants to know.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use connector_kit::DestinationName;

use crate::admin::Metrics;
use crate::admin::metrics::{DestinationMeter, SettleMeter};
use crate::deliver::{AttemptFate, Attempted, Observer};
use crate::settle::Watcher;
use crate::store::Settlement;

/// Somebody beside the numbers, such as the demo's screen.
pub trait Ears: Send + Sync {
    /// A batch was understood.
    fn settled(&self, settlement: &Settlement);
    /// A call to a destination ended.
    fn called(&self, destination: &DestinationName, took: TimeDelta, attempted: &[Attempted]);
}

/// Nobody.
pub struct Silence;

impl Ears for Silence {
    fn settled(&self, _: &Settlement) {}
    fn called(&self, _: &DestinationName, _: TimeDelta, _: &[Attempted]) {}
}

/// Counts, then tells the others.
pub(super) struct Counting {
    settle: SettleMeter,
    destinations: BTreeMap<DestinationName, DestinationMeter>,
    ears: Arc<dyn Ears>,
}

impl Counting {
    pub(super) fn new(metrics: &Metrics, destinations: &[DestinationName], ears: Arc<dyn Ears>) -> Self {
        let meters = destinations
            .iter()
            .map(|name| (name.clone(), metrics.destination(name)));
        Self {
            settle: metrics.settle(),
            destinations: meters.collect(),
            ears,
        }
    }
}

impl Watcher for Counting {
    fn settled(&self, settlement: &Settlement) {
        for (_, understood) in &settlement.arrivals {
            self.settle.understood(understood);
        }
        for change in &settlement.leads {
            if let Some(why) = change.suppression {
                self.settle.suppressed(why);
            }
        }
        self.ears.settled(settlement);
    }
}

impl Observer for Counting {
    fn called(&self, destination: &DestinationName, took: TimeDelta, attempted: &[Attempted]) {
        if let Some(meter) = self.destinations.get(destination) {
            for one in attempted {
                match (one.fate, one.error) {
                    (AttemptFate::Delivered, _) => drop(meter.delivered.inc()),
                    (AttemptFate::Withheld, _) => drop(meter.withheld.inc()),
                    (_, Some(kind)) => meter.failed(kind),
                    _ => {}
                }
            }
        }
        self.ears.called(destination, took, attempted);
    }
}
