//! Numbers, as Prometheus reads them.
//!
//! A room takes its handles once, when it is built; counting is then one atomic addition. Labels
//! come from the config and from fixed lists only, never from a request.

mod events;
mod farewell;
mod meters;
mod reloads;
mod reports;
mod upkeep;

use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use connector_kit::{DestinationName, SourceName, Stage};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use events::EventNumbers;
pub use events::{EventMeter, FollowMeter, ForwardMeter};
use meters::{ANSWERS, CLOCK_STATES, CLOCKS, KINDS, STAGES};
pub use meters::{ClockMeter, DestinationMeter, DoorMeter, OutcomeMeter, SettleMeter, StoreMeter};
use reloads::ReloadNumbers;
pub use reports::ReportMeter;
use reports::ReportNumbers;
use upkeep::UpkeepNumbers;

use crate::admin::Ticks;
use crate::store::{ClockKind, DestinationGate, DestinationStatus, Totals};
use crate::syncback::clocks::ClockState;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    source: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSource {
    source: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfFate {
    fate: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStage {
    stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempted {
    destination: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queued {
    destination: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Seen {
    source: String,
    stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDestination {
    destination: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfClock {
    clock: &'static str,
    state: &'static str,
}

/// Every number the daemon shows. Each daemon has its own; there is no global registry.
pub struct Metrics {
    registry: Registry,
    ticks: Ticks,
    requests: Family<Answered, Counter>,
    accepted: Family<OfSource, Counter>,
    refused: Family<OfSource, Counter>,
    answer_time: Histogram,
    settled: Family<OfFate, Counter>,
    attempts: Family<Attempted, Counter>,
    outcomes: Family<Seen, Counter>,
    standings: Family<OfStage, Gauge>,
    store: StoreMeter,
    queue: Family<Queued, Gauge>,
    oldest_due: Family<OfDestination, Gauge>,
    gate: Family<OfDestination, Gauge>,
    calls: Family<OfDestination, Counter>,
    calls_left: Family<OfDestination, Gauge>,
    fates: Family<OfFate, Gauge>,
    clocks: Family<OfClock, Gauge>,
    events: EventNumbers,
    reports: ReportNumbers,
    upkeep: UpkeepNumbers,
    reloads: ReloadNumbers,
    uptime: Gauge,
}

impl Metrics {
    /// All at zero; the uptime begins.
    pub fn new(ticks: Ticks) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("leadsync"),
            ticks: ticks.clone(),
            requests: Family::default(),
            accepted: Family::default(),
            refused: Family::default(),
            answer_time: Histogram::new(exponential_buckets(0.000_25, 2.0, 16)),
            settled: Family::default(),
            attempts: Family::default(),
            outcomes: Family::default(),
            standings: Family::default(),
            store: StoreMeter {
                ticks,
                commit: Histogram::new(exponential_buckets(0.000_1, 2.0, 16)),
                group: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
                errors: Counter::default(),
            },
            queue: Family::default(),
            oldest_due: Family::default(),
            gate: Family::default(),
            calls: Family::default(),
            calls_left: Family::default(),
            fates: Family::default(),
            clocks: Family::default(),
            events: EventNumbers::new(),
            reports: ReportNumbers::new(),
            upkeep: UpkeepNumbers::default(),
            reloads: ReloadNumbers::default(),
            uptime: Gauge::default(),
        };
        metrics.register_counts();
        metrics.register_states();
        metrics.events.register(&mut metrics.registry);
        metrics.reports.register(&mut metrics.registry);
        metrics.upkeep.register(&mut metrics.registry);
        metrics.reloads.register(&mut metrics.registry);
        metrics
    }

    fn register_counts(&mut self) {
        let Self { registry, store, .. } = self;
        registry.register(
            "intake_requests",
            "Answers given at the door",
            self.requests.clone(),
        );
        registry.register(
            "intake_accepted",
            "Leads whose bytes are on disk",
            self.accepted.clone(),
        );
        registry.register(
            "intake_refused",
            "Bodies nobody could read, kept in quarantine",
            self.refused.clone(),
        );
        let help = "From the end of the request's head to the decision";
        registry.register_with_unit("intake_answer", help, Unit::Seconds, self.answer_time.clone());
        registry.register(
            "leads_settled",
            "What became of arrivals when they were understood",
            self.settled.clone(),
        );
        registry.register(
            "delivery_attempts",
            "Deliveries attempted, by what came of it",
            self.attempts.clone(),
        );
        registry.register(
            "outcomes",
            "Outcomes a CRM told that were news",
            self.outcomes.clone(),
        );
        let help = "From the first write of a group to the end of its fsync";
        registry.register_with_unit("store_commit", help, Unit::Seconds, store.commit.clone());
        registry.register("store_group_calls", "Calls in one commit", store.group.clone());
        registry.register("store_commit_errors", "Commits that failed", store.errors.clone());
    }

    fn register_states(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "destination_deliveries",
            "Deliveries of a destination, by state",
            self.queue.clone(),
        );
        let help = "Age of the oldest delivery that is due";
        registry.register_with_unit(
            "destination_oldest_due",
            help,
            Unit::Seconds,
            self.oldest_due.clone(),
        );
        registry.register(
            "destination_gate",
            "Whether a destination may be called: 0 open, 1 held, 2 parked",
            self.gate.clone(),
        );
        registry.register(
            "destination_calls",
            "Requests a destination counts, since the store was made",
            self.calls.clone(),
        );
        registry.register(
            "destination_calls_left",
            "Requests left of those it grants, as the destination said last",
            self.calls_left.clone(),
        );
        registry.register("leads", "Leads and arrivals, by fate", self.fates.clone());
        registry.register(
            "leads_by_outcome",
            "Leads by what holds for them in the CRMs",
            self.standings.clone(),
        );
        registry.register(
            "clocks",
            "Running clocks, by what runs and how they stand",
            self.clocks.clone(),
        );
        let help = "How long the daemon has run";
        registry.register_with_unit("uptime", help, Unit::Seconds, self.uptime.clone());
    }

    /// The handles of one source at the door.
    pub fn door(&self, source: &SourceName) -> DoorMeter {
        self.door_named(source.as_str())
    }

    /// The handles for requests that named no source.
    pub fn strangers(&self) -> DoorMeter {
        self.door_named("")
    }

    fn door_named(&self, source: &str) -> DoorMeter {
        let of_source = OfSource {
            source: source.to_owned(),
        };
        let answers = ANSWERS.map(|status| {
            let labels = Answered {
                source: source.to_owned(),
                status,
            };
            (status, self.requests.get_or_create_owned(&labels))
        });
        DoorMeter {
            answers,
            accepted: self.accepted.get_or_create_owned(&of_source),
            refused: self.refused.get_or_create_owned(&of_source),
            answer_time: self.answer_time.clone(),
        }
    }

    /// The handles of understanding.
    pub fn settle(&self) -> SettleMeter {
        let of = |fate| self.settled.get_or_create_owned(&OfFate { fate });
        SettleMeter {
            new: of("new"),
            merged: of("merged"),
            repeats: of("repeat"),
            quarantined: of("quarantined"),
            suppressed: Totals::default()
                .suppressed()
                .map(|(rule, _)| (rule, of(rule.as_str()))),
        }
    }

    /// The handles of one destination's worker.
    pub fn destination(&self, name: &DestinationName) -> DestinationMeter {
        let of = |result| {
            let destination = name.as_str().to_owned();
            self.attempts
                .get_or_create_owned(&Attempted { destination, result })
        };
        DestinationMeter {
            delivered: of("delivered"),
            withheld: of("withheld"),
            failed: KINDS.map(|kind| (kind, of(kind.as_str()))),
        }
    }

    /// The handles of one outcome source.
    pub fn outcomes(&self, name: &SourceName) -> OutcomeMeter {
        let of = |stage: Stage| {
            let source = name.as_str().to_owned();
            let stage = stage.as_str();
            self.outcomes.get_or_create_owned(&Seen { source, stage })
        };
        OutcomeMeter {
            stages: STAGES.map(|stage| (stage, of(stage))),
        }
    }

    /// The handles of the clocks.
    pub fn clocks(&self) -> ClockMeter {
        let of = |clock: ClockKind, state: ClockState| {
            let (clock, state) = (clock.as_str(), state.as_str());
            self.clocks.get_or_create_owned(&OfClock { clock, state })
        };
        ClockMeter {
            running: CLOCKS.map(|clock| (clock, CLOCK_STATES.map(|state| (state, of(clock, state))))),
        }
    }

    /// The handles of the store's writer.
    pub fn store(&self) -> StoreMeter {
        self.store.clone()
    }

    /// Takes over what the store says waits and is kept.
    pub fn show(&self, totals: &Totals, destinations: &[DestinationStatus], now: DateTime<Utc>) {
        let fates = [
            ("all", totals.leads),
            ("unsettled", totals.unsettled),
            ("quarantined", totals.quarantined),
            ("pending", totals.pending),
            ("delivered", totals.delivered),
            ("closed", totals.closed),
            ("withheld", totals.withheld),
            ("dead", totals.dead),
        ];
        let suppressed = totals.suppressed().map(|(rule, count)| (rule.as_str(), count));
        for (fate, count) in fates.into_iter().chain(suppressed) {
            self.fates
                .get_or_create(&OfFate { fate })
                .set(count.cast_signed());
        }
        for (stage, count) in totals.outcomes.by_stage() {
            let stage = stage.as_str();
            self.standings
                .get_or_create(&OfStage { stage })
                .set(count.cast_signed());
        }
        self.queue.clear();
        self.oldest_due.clear();
        self.gate.clear();
        self.calls_left.clear();
        for status in destinations {
            self.show_destination(status, now);
        }
    }

    fn show_destination(&self, status: &DestinationStatus, now: DateTime<Utc>) {
        let destination = status.name.as_str().to_owned();
        let counts = [
            ("due", status.due),
            ("waiting", status.waiting),
            ("dead", status.dead),
            ("delivered", status.delivered),
            ("closed", status.closed),
        ];
        for (state, count) in counts {
            let labels = Queued {
                destination: destination.clone(),
                state,
            };
            self.queue.get_or_create(&labels).set(count.cast_signed());
        }
        let of_destination = OfDestination { destination };
        let age = status.oldest_due.map_or(0, |at| (now - at).num_seconds().max(0));
        self.oldest_due.get_or_create(&of_destination).set(age);
        let gate = match status.gate {
            DestinationGate::Open => 0,
            DestinationGate::Held { .. } => 1,
            DestinationGate::Parked { .. } => 2,
        };
        self.gate.get_or_create(&of_destination).set(gate);
        let calls = self.calls.get_or_create(&of_destination);
        calls.inner().store(status.calls.total, Ordering::Relaxed);
        if let Some(quota) = status.calls.quota {
            let left = self.calls_left.get_or_create(&of_destination);
            left.set(quota.left.try_into().unwrap_or(i64::MAX));
        }
    }

    /// All of it in the text format of Prometheus.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        self.uptime
            .set(self.ticks.now().as_secs().try_into().unwrap_or(i64::MAX));
        let mut page = String::new();
        text::encode(&mut page, &self.registry)?;
        Ok(page)
    }
}
