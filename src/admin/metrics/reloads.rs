//! The numbers of configs: when the one in force was applied, and how attempts to replace it ended.

use chrono::{DateTime, Utc};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::Metrics;
use crate::admin::{NotReloaded, Reloaded};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    result: &'static str,
}

/// All numbers of configs.
#[derive(Default)]
pub(super) struct ReloadNumbers {
    reloads: Family<Ended, Counter>,
    applied_at: Gauge,
    last_succeeded: Gauge,
}

impl ReloadNumbers {
    pub(super) fn register(&self, registry: &mut Registry) {
        // Zero is told, too: a rate needs something to begin with.
        for result in ["applied", "refused", "failed"] {
            drop(self.reloads.get_or_create_owned(&Ended { result }));
        }
        registry.register(
            "config_reloads",
            "Attempts to replace the config while running, by how they ended",
            self.reloads.clone(),
        );
        registry.register_with_unit(
            "config_last_reload_timestamp",
            "When the config in force was applied, since 1970",
            Unit::Seconds,
            self.applied_at.clone(),
        );
        registry.register(
            "config_last_reload_successful",
            "Whether the last attempt was applied: 1 yes, 0 no",
            self.last_succeeded.clone(),
        );
    }
}

impl Metrics {
    /// A config is in force from now on.
    pub fn applied(&self, now: DateTime<Utc>) {
        self.reloads.applied_at.set(now.timestamp());
        self.reloads.last_succeeded.set(1);
    }

    /// An attempt to replace the config ended.
    pub fn reloaded(&self, result: &Result<Reloaded, NotReloaded>, now: DateTime<Utc>) {
        let word = match result {
            Ok(_) => "applied",
            Err(NotReloaded::Stopping) => return,
            Err(why) => why.as_str(),
        };
        self.reloads
            .reloads
            .get_or_create_owned(&Ended { result: word })
            .inc();
        match result {
            Ok(_) => self.applied(now),
            Err(_) => drop(self.reloads.last_succeeded.set(0)),
        }
    }
}
