//! Where log lines go: journald fields under systemd, JSON for collectors, text for a terminal.
//!
//! A line takes one way: `filter.rs` and `crowd.rs` decide whether it is told at all, a form of the
//! three (`journal.rs`, JSON, `text.rs`) is given to it, `sink.rs` writes it without anybody waiting.

mod catalogue;
mod crowd;
mod filter;
mod journal;
mod sink;
mod text;
mod words;

use std::io::IsTerminal;
use std::time::Duration;

use tracing::{info, warn};
use tracing_subscriber::filter::FilterExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::admin::metrics::LogMeter;
use crate::config::{Log, LogFormat};
use crate::runtime::Ticks;
use crowd::Crowd;
use sink::{Lines, Sink};

/// How often what was counted instead of told is summed up.
const SUM_UP_EVERY: Duration = Duration::from_secs(1);

/// The log of this process. When it is dropped, what is still to be told is told.
pub(super) struct Logging {
    crowd: Crowd,
    sink: Sink,
    volume: Volume,
}

/// Changes how much is told while the daemon runs.
#[derive(Clone)]
pub(super) struct Volume(reload::Handle<EnvFilter, Registry>);

impl Volume {
    /// From now on.
    pub(super) fn set(&self, log: &Log) {
        // It fails only where another subscriber was there before.
        let _ = self.0.reload(filter::by_level(log.level));
    }
}

/// Starts logging.
pub(super) fn start(log: &Log, format: Option<LogFormat>) -> Logging {
    log_panics_by_place();
    let form = Form::choose(format.unwrap_or(log.format));
    let sink = match form {
        Form::Journal => Sink::open(journal::Socket::open()),
        Form::Json | Form::Text => Sink::open(sink::standard_error()),
    };
    let crowd = Crowd::new(Ticks::machine());
    let layer = layer(form, sink.lines());
    let (filter, handle) = reload::Layer::new(filter::by_level(log.level));
    // A subscriber is already there only in tests, which want theirs.
    let _ = tracing_subscriber::registry()
        .with(layer.with_filter(filter.and(crowd.clone())))
        .try_init();
    Logging {
        crowd,
        sink,
        volume: Volume(handle),
    }
}

impl Logging {
    /// What sets how much is told.
    pub(super) fn volume(&self) -> Volume {
        self.volume.clone()
    }

    /// Tells once a second what was counted instead of told, and what was lost. Never ends.
    pub(super) async fn keep_count(&self, meter: LogMeter) {
        let mut turns = tokio::time::interval(SUM_UP_EVERY);
        let mut losses = Losses::default();
        loop {
            turns.tick().await;
            self.sum_up();
            let dropped = self.sink.dropped();
            meter.dropped(dropped);
            if let Some(lost) = losses.worth_telling(dropped) {
                warn!(
                    event = "log_lines_dropped",
                    lines = lost,
                    "{lost} lines of the log were lost: nobody took them"
                );
            }
        }
    }

    fn sum_up(&self) {
        for sum in self.crowd.take() {
            let crowd::Sum {
                event,
                system,
                lines,
                leads,
            } = sum;
            info!(
                event = "summed_up",
                what = event,
                system,
                lines,
                leads,
                "{lines} more lines of {event} were not written, about {leads} leads"
            );
        }
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.sum_up();
        self.sink.close();
    }
}

/// What was lost is told once lines are taken again: before, the telling would be lost, too.
#[derive(Default)]
struct Losses {
    seen: u64,
    told: u64,
    /// What had been told before the last telling, which may itself be lost.
    before: Option<u64>,
}

impl Losses {
    fn worth_telling(&mut self, dropped: u64) -> Option<u64> {
        let before = self.before.take();
        if dropped > self.seen {
            self.seen = dropped;
            self.told = before.unwrap_or(self.told);
            return None;
        }
        let lost = dropped - self.told;
        if lost == 0 {
            return None;
        }
        self.before = Some(self.told);
        self.told = dropped;
        Some(lost)
    }
}

/// How a line looks, once it is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Journal,
    Json,
    Text,
}

impl Form {
    fn choose(format: LogFormat) -> Self {
        match format {
            LogFormat::Journald if journal::is_there() => Self::Journal,
            LogFormat::Auto if journal::is_our_standard_error() && journal::is_there() => Self::Journal,
            LogFormat::Auto if std::io::stderr().is_terminal() => Self::Text,
            LogFormat::Auto | LogFormat::Json => Self::Json,
            LogFormat::Text | LogFormat::Journald => Self::Text,
        }
    }
}

fn layer(form: Form, lines: Lines) -> Box<dyn Layer<Registry> + Send + Sync> {
    let layer = tracing_subscriber::fmt::layer().with_writer(lines);
    match form {
        Form::Journal => layer.event_format(journal::Entry).boxed(),
        Form::Json => layer
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed(),
        Form::Text => layer.event_format(text::Text::for_standard_error()).boxed(),
    }
}

/// A failure inside our own code is logged by its place alone: its words may quote a lead.
fn log_panics_by_place() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(
            event = "panic",
            place,
            "leadsync failed inside; please report the place"
        );
    }));
}

#[cfg(test)]
mod tests;
