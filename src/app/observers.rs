//! Who listens to the rooms: the numbers always, and whoever else wants to know.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{DestinationName, ErrorKind, Outcome, ReferralId, SourceName};

use crate::admin::Metrics;
use crate::admin::metrics::{AskMeter, AskedAs, DestinationMeter, OutcomeMeter, ReportMeter, SettleMeter};
use crate::deliver::{AttemptFate, Attempted, Observer};
use crate::settle::{Passage, Watcher};
use crate::store::{DestinationGate, ReportStep, Settlement};
use crate::syncback::{End, Onlooker, Reported, Reporting};

/// Somebody beside the numbers, such as the demo's screen.
pub trait Ears: Send + Sync {
    /// A batch was understood.
    fn settled(&self, settlement: &Settlement);
    /// An arrival became part of a lead.
    fn passed(&self, _passage: &Passage) {}
    /// A call to a destination ended.
    fn called(&self, destination: &DestinationName, took: TimeDelta, attempted: &[Attempted]);
    /// A CRM told something new of leads.
    fn observed(&self, source: &SourceName, news: &[Outcome]);
    /// A step of a report was taken, or tried.
    fn stepped(&self, _sink: &SourceName, _referral: &ReferralId, _step: &ReportStep) {}
    /// A report came to an end for now.
    fn reported(&self, _sink: &SourceName, _referral: &ReferralId, _ended: &Reported) {}
    /// Nothing more comes. May wait a moment, so that nothing heard is forgotten.
    fn close(&self) {}
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
    outcomes: BTreeMap<SourceName, (OutcomeMeter, AskMeter)>,
    reports: BTreeMap<SourceName, ReportMeter>,
    ears: Arc<dyn Ears>,
}

impl Counting {
    pub(super) fn new(
        metrics: &Metrics,
        destinations: &[DestinationName],
        watched: &[SourceName],
        sinks: &[SourceName],
        ears: Arc<dyn Ears>,
    ) -> Self {
        let meters = destinations
            .iter()
            .map(|name| (name.clone(), metrics.destination(name)));
        let looks = |name| (metrics.outcomes(name), metrics.asks(name, AskedAs::OutcomeSource));
        let outcomes = watched.iter().map(|name| (name.clone(), looks(name)));
        Self {
            outcomes: outcomes.collect(),
            reports: sinks
                .iter()
                .map(|name| (name.clone(), metrics.reports(name)))
                .collect(),
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

    fn passed(&self, passage: &Passage) {
        self.ears.passed(passage);
    }
}

impl Onlooker for Counting {
    fn observed(&self, source: &SourceName, news: &[Outcome], now: DateTime<Utc>) {
        if let Some((meter, _)) = self.outcomes.get(source) {
            for outcome in news {
                meter.seen(outcome.stage, now - outcome.changed_at);
            }
        }
        self.ears.observed(source, news);
    }

    fn looked(&self, source: &SourceName, to_the_end: bool) {
        if let Some((_, asks)) = self.outcomes.get(source) {
            asks.answered(to_the_end);
        }
    }

    fn failed(&self, source: &SourceName, kind: ErrorKind) {
        if let Some((_, asks)) = self.outcomes.get(source) {
            asks.failed(kind);
        }
    }
}

impl Observer for Counting {
    fn called(&self, destination: &DestinationName, took: TimeDelta, attempted: &[Attempted]) {
        if let Some(meter) = self.destinations.get(destination) {
            for one in attempted {
                if one.fate == AttemptFate::Dead {
                    meter.dead.inc();
                }
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

    fn gated(&self, destination: &DestinationName, gate: &DestinationGate) {
        if let Some(meter) = self.destinations.get(destination) {
            meter.gated(gate);
        }
    }
}

impl Reporting for Counting {
    fn stepped(&self, sink: &SourceName, referral: &ReferralId, step: &ReportStep) {
        if let Some(meter) = self.reports.get(sink) {
            meter.stepped(step);
        }
        self.ears.stepped(sink, referral, step);
    }

    fn ended(&self, sink: &SourceName, referral: &ReferralId, ended: &Reported, took: TimeDelta) {
        if let Some(meter) = self.reports.get(sink) {
            let wrote = ended.steps.iter().any(|step| step.result == "done");
            let (result, lag) = match &ended.end {
                End::Settled => ("settled", wrote.then_some(took)),
                End::Refused(_) => ("refused", None),
                End::Waiting(..) => ("waiting", None),
                End::Failed(error) => (error.kind().as_str(), None),
                End::LeaseLost => ("lease lost", None),
            };
            meter.ended(result, lag);
        }
        self.ears.reported(sink, referral, ended);
    }
}
