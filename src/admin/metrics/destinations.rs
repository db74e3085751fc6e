//! The numbers of destinations: what waits, whether they may be called, what their calls came to.
//!
//! All of them are the store's, taken over when they are asked for.

use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::deliver::budget::{self, Budget};
use crate::store::{DestinationGate, DestinationStatus, Lane};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queued {
    destination: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InLane {
    destination: String,
    lane: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    destination: String,
}

/// All numbers of destinations.
#[derive(Default)]
pub(super) struct DestinationNumbers {
    queue: Family<Queued, Gauge>,
    oldest_due: Family<Of, Gauge>,
    lane_due: Family<InLane, Gauge>,
    lane_oldest: Family<InLane, Gauge>,
    gate: Family<Of, Gauge>,
    since: Family<Of, Gauge>,
    until: Family<Of, Gauge>,
    calls: Family<Of, Counter>,
    today: Family<Of, Gauge>,
    budget: Family<Of, Gauge>,
    budget_left: Family<Of, Gauge>,
    granted: Family<Of, Gauge>,
    left: Family<Of, Gauge>,
    told_at: Family<Of, Gauge>,
}

impl DestinationNumbers {
    pub(super) fn register(&self, registry: &mut Registry) {
        self.register_queues(registry);
        self.register_gates(registry);
        self.register_calls(registry);
    }

    fn register_queues(&self, registry: &mut Registry) {
        let help = "Deliveries of a destination, by state";
        registry.register("destination_deliveries", help, self.queue.clone());
        registry.register_with_unit(
            "destination_oldest_due",
            "Age of the oldest delivery that is due",
            Unit::Seconds,
            self.oldest_due.clone(),
        );
        let help = "Deliveries that are due and not being made, by lane";
        registry.register("destination_lane_due", help, self.lane_due.clone());
        registry.register_with_unit(
            "destination_lane_oldest_due",
            "Age of the oldest delivery that is due, by lane",
            Unit::Seconds,
            self.lane_oldest.clone(),
        );
    }

    fn register_gates(&self, registry: &mut Registry) {
        let help = "Whether a destination may be called: 0 open, 1 held, 2 parked";
        registry.register("destination_gate", help, self.gate.clone());
        registry.register_with_unit(
            "destination_resting_since_timestamp",
            "When a destination that rests was held or parked, since 1970",
            Unit::Seconds,
            self.since.clone(),
        );
        registry.register_with_unit(
            "destination_resting_until_timestamp",
            "When a held destination is called again, since 1970",
            Unit::Seconds,
            self.until.clone(),
        );
    }

    fn register_calls(&self, registry: &mut Registry) {
        let gauges = [
            (
                "destination_calls_today",
                "Requests a destination counted since its day began",
                &self.today,
            ),
            (
                "destination_calls_budget",
                "Requests a day may cost, as the config says",
                &self.budget,
            ),
            (
                "destination_calls_budget_left",
                "Requests left of the day's budget",
                &self.budget_left,
            ),
            (
                "destination_calls_granted",
                "Requests a destination grants, as it said last",
                &self.granted,
            ),
            (
                "destination_calls_left",
                "Requests left of those it grants, as the destination said last",
                &self.left,
            ),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        registry.register_with_unit(
            "destination_calls_told_timestamp",
            "When the destination last said what is left, since 1970",
            Unit::Seconds,
            self.told_at.clone(),
        );
        let help = "Requests a destination counts, since the store was made";
        registry.register("destination_calls", help, self.calls.clone());
    }

    /// Takes over how they stand; of those that are not among them nothing is told any more.
    pub(super) fn show<'a>(
        &self,
        destinations: impl IntoIterator<Item = (&'a DestinationStatus, Option<&'a Budget>)>,
        now: DateTime<Utc>,
    ) {
        self.clear();
        for (status, budget) in destinations {
            self.show_queue(status, now);
            self.show_gate(status);
            self.show_calls(status, budget, now);
        }
    }

    fn clear(&self) {
        self.queue.clear();
        self.lane_due.clear();
        self.lane_oldest.clear();
        self.calls.clear();
        for family in [
            &self.oldest_due,
            &self.gate,
            &self.since,
            &self.until,
            &self.today,
            &self.budget,
            &self.budget_left,
            &self.granted,
            &self.left,
            &self.told_at,
        ] {
            family.clear();
        }
    }

    fn show_queue(&self, status: &DestinationStatus, now: DateTime<Utc>) {
        let counts = [
            ("due", status.due),
            ("waiting", status.waiting),
            ("dead", status.dead),
            ("delivered", status.delivered),
            ("closed", status.closed),
        ];
        for (state, count) in counts {
            let destination = status.name.as_str().to_owned();
            let queued = Queued { destination, state };
            self.queue.get_or_create(&queued).set(count.cast_signed());
        }
        let age = |at: Option<DateTime<Utc>>| at.map_or(0, |at| (now - at).num_seconds().max(0));
        set(&self.oldest_due, status, age(status.oldest_due));
        for (lane, queue) in Lane::ALL.into_iter().zip(status.lanes) {
            let destination = status.name.as_str().to_owned();
            let lane = lane.as_str();
            let in_lane = InLane { destination, lane };
            self.lane_due.get_or_create(&in_lane).set(queue.due.cast_signed());
            self.lane_oldest.get_or_create(&in_lane).set(age(queue.oldest));
        }
    }

    fn show_gate(&self, status: &DestinationStatus) {
        let (gate, until) = match &status.gate {
            DestinationGate::Open => (0, None),
            DestinationGate::Held { until, .. } => (1, Some(until)),
            DestinationGate::Parked { .. } => (2, None),
        };
        set(&self.gate, status, gate);
        if let Some(until) = until {
            set(&self.until, status, until.timestamp());
        }
        if let Some(since) = status.resting_since {
            set(&self.since, status, since.timestamp());
        }
    }

    fn show_calls(&self, status: &DestinationStatus, budget: Option<&Budget>, now: DateTime<Utc>) {
        let calls = self.calls.get_or_create(&of(status));
        calls.inner().store(status.calls.total, Ordering::Relaxed);
        let today = status.calls.spent_on(budget::day_of(budget, now));
        set(&self.today, status, count(today));
        if let Some(budget) = budget {
            let all = u64::from(budget.calls_per_day);
            set(&self.budget, status, count(all));
            set(&self.budget_left, status, count(all.saturating_sub(today)));
        }
        if let Some(quota) = status.calls.quota {
            set(&self.granted, status, count(quota.granted));
            set(&self.left, status, count(quota.left));
            set(&self.told_at, status, quota.told_at.timestamp());
        }
    }
}

fn of(status: &DestinationStatus) -> Of {
    let destination = status.name.as_str().to_owned();
    Of { destination }
}

fn set(family: &Family<Of, Gauge>, status: &DestinationStatus, value: i64) {
    family.get_or_create(&of(status)).set(value);
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
