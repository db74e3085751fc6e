//! Numbers, as Prometheus reads them.
//!
//! A room takes its handles once, when it is built; counting is then one atomic addition. Labels
//! come from the config and from fixed lists only, never from a request.

mod asks;
mod destinations;
mod events;
mod farewell;
mod floor;
mod log;
mod meters;
mod named;
mod page;
mod process;
mod reloads;
mod reports;
mod silence;
mod state;
#[cfg(test)]
mod tests;
mod upkeep;

use std::sync::{Mutex, PoisonError};

use connector_kit::{DestinationName, SourceName, Stage};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use asks::AskNumbers;
pub use asks::{AskMeter, AskedAs, PollMeter};
use destinations::DestinationNumbers;
use events::EventNumbers;
pub use events::{EventMeter, FollowMeter, ForwardMeter};
use floor::FloorNumbers;
pub use log::LogMeter;
use log::LogNumbers;
use meters::{ANSWERS, CLOCK_STATES, CLOCKS, KINDS, STAGES};
pub use meters::{ClockMeter, DestinationMeter, DoorMeter, OutcomeMeter, SettleMeter, StoreMeter};
pub use page::PageForm;
use reloads::ReloadNumbers;
pub use reports::ReportMeter;
use reports::ReportNumbers;
pub use silence::SilenceMeter;
use state::StateNumbers;
pub use state::{Snapshot, State};
use upkeep::UpkeepNumbers;

use crate::runtime::Ticks;
use crate::store::{ClockKind, Totals};
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
struct Seen {
    source: String,
    stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDestination {
    destination: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rested {
    destination: String,
    how: &'static str,
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
    outcomes_lag: Family<OfSource, Histogram, fn() -> Histogram>,
    standings: Family<OfStage, Gauge>,
    rests: Family<Rested, Counter>,
    dead_letters: Family<OfDestination, Counter>,
    floor: FloorNumbers,
    destinations: DestinationNumbers,
    asks: AskNumbers,
    fates: Family<OfFate, Gauge>,
    clocks: Family<OfClock, Gauge>,
    events: EventNumbers,
    reports: ReportNumbers,
    silence: SilenceMeter,
    upkeep: UpkeepNumbers,
    reloads: ReloadNumbers,
    state: StateNumbers,
    log: LogNumbers,
    uptime: Gauge,
    /// What nobody's name stands before.
    process: Registry,
    /// One page is made at a time: it is first filled, then written.
    turn: Mutex<()>,
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
            outcomes_lag: Family::new_with_constructor(|| Histogram::new(exponential_buckets(1.0, 2.0, 18))),
            standings: Family::default(),
            rests: Family::default(),
            dead_letters: Family::default(),
            floor: FloorNumbers::new(ticks),
            destinations: DestinationNumbers::default(),
            asks: AskNumbers::default(),
            fates: Family::default(),
            clocks: Family::default(),
            events: EventNumbers::new(),
            reports: ReportNumbers::new(),
            silence: SilenceMeter::default(),
            upkeep: UpkeepNumbers::default(),
            reloads: ReloadNumbers::default(),
            state: StateNumbers::default(),
            log: LogNumbers::default(),
            uptime: Gauge::default(),
            process: Registry::default(),
            turn: Mutex::default(),
        };
        metrics.register_counts();
        metrics.register_states();
        metrics.events.register(&mut metrics.registry);
        metrics.reports.register(&mut metrics.registry);
        metrics.silence.register(&mut metrics.registry);
        metrics.upkeep.register(&mut metrics.registry);
        metrics.reloads.register(&mut metrics.registry);
        metrics.floor.register(&mut metrics.registry);
        metrics.destinations.register(&mut metrics.registry);
        metrics.asks.register(&mut metrics.registry);
        metrics
            .state
            .register(&mut metrics.registry, &mut metrics.process);
        metrics.log.register(&mut metrics.registry);
        metrics
    }

    fn register_counts(&mut self) {
        let registry = &mut self.registry;
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
        let help = "From a change in the CRM, as it says, to our knowing of it";
        registry.register_with_unit("outcome_seen_lag", help, Unit::Seconds, self.outcomes_lag.clone());
        registry.register(
            "dead_letters",
            "Deliveries that ended as dead letters since the start",
            self.dead_letters.clone(),
        );
        registry.register(
            "destination_rests",
            "Times a destination was held or parked after a call; a rest made longer counts again",
            self.rests.clone(),
        );
    }

    fn register_states(&mut self) {
        let registry = &mut self.registry;
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
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Which leadsync this is", version);
        self.process.register_collector(Box::new(process::ProcessNumbers));
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

    fn accepted_from(&self, source: &SourceName) -> Counter {
        let source = source.as_str().to_owned();
        self.accepted.get_or_create_owned(&OfSource { source })
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
            dead: self.dead_letters.get_or_create_owned(&OfDestination {
                destination: name.as_str().to_owned(),
            }),
            held: self.rested(name, "held"),
            parked: self.rested(name, "parked"),
        }
    }

    fn rested(&self, name: &DestinationName, how: &'static str) -> Counter {
        let destination = name.as_str().to_owned();
        self.rests.get_or_create_owned(&Rested { destination, how })
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
            lag: self.outcomes_lag.get_or_create_owned(&OfSource {
                source: name.as_str().to_owned(),
            }),
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

    /// A page of all of it, with what is taken over for it alone.
    pub fn page(&self, state: &State, form: PageForm) -> Result<String, std::fmt::Error> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let uptime = self.ticks.now();
        self.uptime.set(uptime.as_secs().try_into().unwrap_or(i64::MAX));
        self.asks.show(uptime);
        self.show(state);
        Ok(form.of(self.text()?))
    }

    /// What was counted, with what was taken over last.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut page = String::new();
        text::encode_registry(&mut page, &self.registry)?;
        text::encode_registry(&mut page, &self.process)?;
        text::encode_eof(&mut page)?;
        Ok(page)
    }

    fn show_totals(&self, totals: &Totals) {
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
    }
}
