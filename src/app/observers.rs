//! Who listens to the rooms: the numbers always, and whoever else wants to know.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use connector_kit::{DestinationName, Outcome, SourceName};

use crate::admin::Metrics;
use crate::admin::metrics::{DestinationMeter, OutcomeMeter, SettleMeter};
use crate::deliver::{AttemptFate, Attempted, Observer};
use crate::settle::Watcher;
use crate::store::Settlement;
use crate::syncback::Onlooker;

/// Somebody beside the numbers, such as the demo's screen.
pub trait Ears: Send + Sync {
    /// A batch was understood.
    fn settled(&self, settlement: &Settlement);
    /// A call to a destination ended.
    fn called(&self, destination: &DestinationName, took: TimeDelta, attempted: &[Attempted]);
    /// A CRM told something new of leads.
    fn observed(&self, source: &SourceName, news: &[Outcome]);
}

/// Nobody.
pub struct Silence;

impl Ears for Silence {
    fn settled(&self, _: &Settlement) {}
    fn called(&self, _: &DestinationName, _: TimeDelta, _: &[Attempted]) {}
    fn observed(&self, _: &SourceName, _: &[Outcome]) {}
}

/// Counts, then tells the others.
pub(super) struct Counting {
    settle: SettleMeter,
    destinations: BTreeMap<DestinationName, DestinationMeter>,
    outcomes: BTreeMap<SourceName, OutcomeMeter>,
    ears: Arc<dyn Ears>,
}

impl Counting {
    pub(super) fn new(
        metrics: &Metrics,
        destinations: &[DestinationName],
        watched: &[SourceName],
        ears: Arc<dyn Ears>,
    ) -> Self {
        let meters = destinations
            .iter()
            .map(|name| (name.clone(), metrics.destination(name)));
        let outcomes = watched.iter().map(|name| (name.clone(), metrics.outcomes(name)));
        Self {
            outcomes: outcomes.collect(),
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

impl Onlooker for Counting {
    fn observed(&self, source: &SourceName, news: &[Outcome]) {
        if let Some(meter) = self.outcomes.get(source) {
            for outcome in news {
                meter.seen(outcome.stage);
            }
        }
        self.ears.observed(source, news);
    }
}

impl Observer for Counting {
    fn called(&self, destination: &DestinationName, took: TimeDelta, attempted: &[Attempted]) {
        if let Some(meter) = self.destinations.get(destination) {
            for one in attempted {
                match (one.fate, one.error) {
                    (AttemptFate::Delivered | AttemptFate::Closed, _) => drop(meter.delivered.inc()),
                    (AttemptFate::Withheld, _) => drop(meter.withheld.inc()),
                    (_, Some(kind)) => meter.failed(kind),
                    _ => {}
                }
            }
        }
        self.ears.called(destination, took, attempted);
    }
}
