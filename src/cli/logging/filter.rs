//! How much is told, and of whom.

use tracing_subscriber::EnvFilter;

use crate::config::LogLevel;

/// The crates whose lines follow `log.level`; of all others only warnings are told.
pub(super) const OURS: [&str; 9] = [
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

/// Lets through what the operator wants to hear.
pub(super) fn by_level(level: LogLevel) -> EnvFilter {
    let level = level.as_str();
    let ours = OURS.map(|name| format!(",{name}={level}")).concat();
    EnvFilter::builder().parse_lossy(format!("warn{ours}"))
}
