//! The numbers of what wears out while nobody looks.

use connector_kit::{Check, Health};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::Metrics;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Looked {
    connector: String,
    check: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ends {
    connector: String,
    credential: &'static str,
}

/// What the last look at what wears out found.
#[derive(Clone, Default)]
pub(super) struct UpkeepNumbers {
    /// How each check ended: 0 ok, 1 skipped, 2 warning, 3 failed.
    health: Family<Looked, Gauge>,
    ends_at: Family<Ends, Gauge>,
}

impl UpkeepNumbers {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "upkeep_health",
            "How what wears out stands: 0 ok, 1 skipped, 2 warning, 3 failed",
            self.health.clone(),
        );
        registry.register_with_unit(
            "credential_expiry_timestamp",
            "When a sign-in, a certificate or a signature ends by itself, since 1970",
            Unit::Seconds,
            self.ends_at.clone(),
        );
    }
}

fn labels(connector: &str, check: &'static str) -> (Looked, Ends) {
    let looked = Looked {
        connector: connector.to_owned(),
        check,
    };
    let ends = Ends {
        connector: connector.to_owned(),
        credential: check,
    };
    (looked, ends)
}

impl Metrics {
    /// A connector is looked after no more; these were its checks.
    pub fn forget_upkeep(&self, connector: &str, checks: &[Check]) {
        for check in checks {
            let (looked, ends) = labels(connector, check.name);
            self.upkeep.health.remove(&looked);
            self.upkeep.ends_at.remove(&ends);
        }
    }

    /// Takes over what the upkeep of a connector found, in place of what it found `before`.
    pub fn upkeep(&self, connector: &str, before: &[Check], checks: &[Check]) {
        let is_gone = |old: &&Check| checks.iter().all(|check| check.name != old.name);
        let gone: Vec<Check> = before.iter().filter(is_gone).cloned().collect();
        self.forget_upkeep(connector, &gone);
        let UpkeepNumbers { health, ends_at } = &self.upkeep;
        for check in checks {
            let (looked, ends) = labels(connector, check.name);
            health.get_or_create(&looked).set(check.health as i64);
            if let Some(end) = check.ends_at {
                ends_at.get_or_create(&ends).set(end.timestamp());
            } else if check.health != Health::Unknown {
                // What could not be looked at still ends when it was said to.
                ends_at.remove(&ends);
            }
        }
    }
}
