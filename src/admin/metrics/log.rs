//! The numbers of the log itself.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::Metrics;

/// Lines nobody took.
#[derive(Clone, Default)]
pub(super) struct LogNumbers {
    dropped: Counter,
}

/// What the log counts of itself.
#[derive(Clone)]
pub struct LogMeter {
    dropped: Counter,
}

impl LogNumbers {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "log_lines_dropped",
            "Lines of the log that were lost because nobody took them",
            self.dropped.clone(),
        );
    }
}

impl Metrics {
    /// The handles of the log.
    pub fn log(&self) -> LogMeter {
        LogMeter {
            dropped: self.log.dropped.clone(),
        }
    }
}

impl LogMeter {
    /// So many lines were lost since the process began.
    pub fn dropped(&self, in_all: u64) {
        self.dropped.inc_by(in_all.saturating_sub(self.dropped.get()));
    }
}
