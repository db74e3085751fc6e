//! The numbers of reports: steps taken, how reports ended, how long an outcome took.

use std::time::Duration;

use chrono::TimeDelta;
use connector_kit::SourceName;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::Metrics;
use super::named::Named;
use crate::store::{ReferralTotals, ReportStep};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stepped {
    sink: String,
    step: String,
    result: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    sink: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Standing {
    state: &'static str,
}

/// All numbers of reports.
pub(super) struct ReportNumbers {
    steps: Named<Stepped>,
    ended: Named<Ended>,
    lag: Histogram,
    standing: Family<Standing, Gauge>,
}

/// What reporting to one sink counts.
#[derive(Clone)]
pub struct ReportMeter {
    sink: String,
    steps: Named<Stepped>,
    ended: Named<Ended>,
    lag: Histogram,
}

impl ReportNumbers {
    pub(super) fn new() -> Self {
        Self {
            steps: Named::default(),
            ended: Named::default(),
            lag: Histogram::new(exponential_buckets(0.1, 2.0, 20)),
            standing: Family::default(),
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "report_steps",
            "Steps written to referrals, by step and what came of it",
            self.steps.family(),
        );
        registry.register(
            "reports",
            "Reports that came to an end, by how",
            self.ended.family(),
        );
        let help = "From the news of an outcome to both sides agreeing";
        registry.register_with_unit("outcome_lag", help, Unit::Seconds, self.lag.clone());
        registry.register(
            "referrals",
            "Referrals by how they stand, and their reports on the way and refused",
            self.standing.clone(),
        );
    }

    /// Nobody reports to this sink any more.
    pub(super) fn forget(&self, sink: &str) {
        self.steps.forget(sink);
        self.ended.forget(sink);
    }

    pub(super) fn show(&self, totals: &ReferralTotals) {
        for (state, count) in [
            ("new", totals.new),
            ("active", totals.active),
            ("won", totals.won),
            ("lost", totals.lost),
            ("declined", totals.declined),
            ("expired", totals.expired),
            ("other", totals.other),
            ("reporting", totals.reporting),
            ("refused", totals.refused),
        ] {
            let gauge = self.standing.get_or_create_owned(&Standing { state });
            gauge.set(count.cast_signed());
        }
    }
}

impl Metrics {
    /// The handles of whoever reports to a sink.
    pub fn reports(&self, sink: &SourceName) -> ReportMeter {
        ReportMeter {
            sink: sink.as_str().to_owned(),
            steps: self.reports.steps.clone(),
            ended: self.reports.ended.clone(),
            lag: self.reports.lag.clone(),
        }
    }
}

impl ReportMeter {
    /// Counts a step. Its words are ours, never the other side's.
    pub fn stepped(&self, step: &ReportStep) {
        let (sink, result) = (self.sink.clone(), step.result.clone());
        let step = step.step.clone();
        self.steps.of(&self.sink, Stepped { sink, step, result }).inc();
    }

    /// Counts an end; `lag` where something was written and both sides agree now.
    pub fn ended(&self, result: &'static str, lag: Option<TimeDelta>) {
        let sink = self.sink.clone();
        self.ended.of(&self.sink, Ended { sink, result }).inc();
        if let Some(lag) = lag {
            self.lag
                .observe(lag.to_std().unwrap_or(Duration::ZERO).as_secs_f64());
        }
    }
}
