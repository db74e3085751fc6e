//! What is taken over at the moment a page is made: what the store says, and whether all is well.

use chrono::{DateTime, Utc};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::Metrics;
use crate::admin::Trouble;
use crate::deliver::budget::Budget;
use crate::store::{DestinationStatus, Footprint, ReferralTotals, Totals};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Because {
    reason: &'static str,
}

/// How things stand when a page is asked for.
#[derive(Clone, Debug)]
pub struct State {
    /// When that is.
    pub now: DateTime<Utc>,
    /// What the store says; none when it did not answer in time.
    pub snapshot: Option<Snapshot>,
    /// Why no leads should be sent.
    pub troubles: Vec<Trouble>,
}

/// What the store says.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Totals of leads.
    pub totals: Totals,
    /// Totals of referrals.
    pub referrals: ReferralTotals,
    /// Destinations, with the day's budget of each that has one.
    pub destinations: Vec<(DestinationStatus, Option<Budget>)>,
    /// What the store takes of its disk.
    pub footprint: Footprint,
}

/// Whether leads should be sent, and since when there is anybody to ask.
#[derive(Default)]
pub(super) struct StateNumbers {
    ready: Gauge,
    unready: Family<Because, Gauge>,
    began: Gauge,
}

impl StateNumbers {
    pub(super) fn register(&self, registry: &mut Registry, process: &mut Registry) {
        registry.register(
            "ready",
            "Whether leads should be sent: 1 yes, 0 no",
            self.ready.clone(),
        );
        registry.register(
            "unready",
            "Why no leads should be sent: 1 for each reason that holds now",
            self.unready.clone(),
        );
        process.register_with_unit(
            "process_start_time",
            "When the process began, since 1970",
            Unit::Seconds,
            self.began.clone(),
        );
    }

    fn show(&self, troubles: &[Trouble]) {
        self.ready.set(troubles.is_empty().into());
        for trouble in Trouble::ALL {
            let reason = trouble.as_str();
            let holds = troubles.contains(&trouble);
            self.unready.get_or_create(&Because { reason }).set(holds.into());
        }
    }
}

impl Metrics {
    /// The process began.
    pub fn began(&self, now: DateTime<Utc>) {
        self.state.began.set(now.timestamp());
    }

    pub(super) fn show(&self, state: &State) {
        self.state.show(&state.troubles);
        self.floor.answered(state.snapshot.is_some());
        let Some(snapshot) = &state.snapshot else { return };
        let Snapshot {
            totals,
            referrals,
            destinations,
            footprint,
        } = snapshot;
        self.show_totals(totals);
        self.show_referrals(referrals);
        self.floor.show(footprint);
        let destinations = destinations
            .iter()
            .map(|(status, budget)| (status, budget.as_ref()));
        self.destinations.show(destinations, state.now);
    }
}
