//! Where log lines go: journald fields under systemd, JSON for collectors, text for a terminal.

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::config::{Log, LogFormat};

/// The crates whose lines follow `log.level`; of all others only warnings are told.
const OURS: [&str; 9] = [
    "leadsync",
    "connector_kit",
    "connector_azure_table",
    "connector_https_endpoint",
    "connector_file",
    "connector_salesforce",
    "connector_dynamics365",
    "connector_marketo",
    "connector_partner_center",
];

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

/// Changes how much is told while the daemon runs.
#[derive(Clone)]
pub(super) struct Volume(reload::Handle<EnvFilter, Registry>);

impl Volume {
    /// From now on.
    pub(super) fn set(&self, log: &Log) {
        // It fails only where another subscriber was there before.
        let _ = self.0.reload(filter(log));
    }
}

/// Starts logging. Text fields are written escaped in every format.
pub(super) fn start(log: &Log, format: Option<LogFormat>) -> Volume {
    log_panics_by_place();
    let (filter, handle) = reload::Layer::new(filter(log));
    let layer = layer(format.unwrap_or(log.format));
    // A subscriber is already there only in tests, which want theirs.
    let _ = tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .try_init();
    Volume(handle)
}

fn filter(log: &Log) -> EnvFilter {
    let level = log.level.as_str();
    let ours = OURS.map(|name| format!(",{name}={level}")).concat();
    EnvFilter::builder().parse_lossy(format!("warn{ours}"))
}

fn layer(format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync> {
    match format {
        LogFormat::Journald => journald().unwrap_or_else(text),
        LogFormat::Auto if under_journald() => journald().unwrap_or_else(json),
        LogFormat::Auto if std::io::stderr().is_terminal() => text(),
        LogFormat::Auto | LogFormat::Json => json(),
        LogFormat::Text => text(),
    }
}

/// systemd names the journal's stream when standard error leads there.
fn under_journald() -> bool {
    std::env::var_os("JOURNAL_STREAM").is_some()
}

fn journald() -> Option<Box<dyn Layer<Registry> + Send + Sync>> {
    let layer = tracing_journald::layer().ok()?;
    Some(
        layer
            .with_field_prefix(None)
            .with_syslog_identifier("leadsync".into())
            .boxed(),
    )
}

fn json() -> Box<dyn Layer<Registry> + Send + Sync> {
    tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_writer(std::io::stderr)
        .boxed()
}

fn text() -> Box<dyn Layer<Registry> + Send + Sync> {
    tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_writer(std::io::stderr)
        .boxed()
}

#[cfg(test)]
mod tests;
