//! The numbers of sources: when each was heard last, and which is silent.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use connector_kit::SourceName;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::{Metrics, OfSource};

/// Which source is silent, and when each was heard last.
#[derive(Clone, Default)]
pub struct SilenceMeter {
    silent: Family<OfSource, Gauge>,
    heard_at: Family<OfSource, Gauge>,
    /// Of whom there is a number.
    shown: Arc<Mutex<BTreeSet<String>>>,
}

impl SilenceMeter {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "source_silent",
            "Whether a source is quieter than its own history: 0 no, 1 yes",
            self.silent.clone(),
        );
        let help = "When the last lead came from a source, since 1970";
        registry.register_with_unit(
            "source_last_lead_timestamp",
            help,
            Unit::Seconds,
            self.heard_at.clone(),
        );
    }

    /// Nobody listens to the source any more.
    pub(super) fn forget(&self, source: &OfSource) {
        self.silent.remove(source);
        self.heard_at.remove(source);
    }

    /// Nobody listens to others than these any more.
    pub fn keep_only(&self, sources: &BTreeSet<&str>) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let others = shown.extract_if(.., |source| !sources.contains(source.as_str()));
        others.for_each(|source| self.forget(&OfSource { source }));
    }

    /// Shows how a source stands; no moment while it was never heard.
    pub fn show(&self, source: &SourceName, is_silent: bool, heard_at: Option<DateTime<Utc>>) {
        let labels = OfSource {
            source: source.as_str().to_owned(),
        };
        self.shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(labels.source.clone());
        self.silent.get_or_create(&labels).set(i64::from(is_silent));
        if let Some(at) = heard_at {
            self.heard_at.get_or_create(&labels).set(at.timestamp());
        }
    }
}

impl Metrics {
    /// The handles of who listens to sources.
    pub fn silence(&self) -> SilenceMeter {
        self.silence.clone()
    }
}
