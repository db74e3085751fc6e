//! The numbers of what wears out while nobody looks.

use connector_kit::Check;
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

impl Metrics {
    /// A connector is looked after no more; these were its checks.
    pub fn forget_upkeep(&self, connector: &str, checks: &[Check]) {
        for check in checks {
            let (connector, check) = (connector.to_owned(), check.name);
            let (health, ends_at) = (&self.upkeep.health, &self.upkeep.ends_at);
            ends_at.remove(&Ends {
                connector: connector.clone(),
                credential: check,
            });
            health.remove(&Looked { connector, check });
        }
    }

    /// Takes over what the upkeep of a connector found.
    pub fn upkeep(&self, connector: &str, checks: &[Check]) {
        for check in checks {
            let connector = connector.to_owned();
            let looked = Looked {
                connector,
                check: check.name,
            };
            self.upkeep.health.get_or_create(&looked).set(check.health as i64);
            if let Some(end) = check.ends_at {
                let (connector, credential) = (looked.connector, check.name);
                let ends = Ends {
                    connector,
                    credential,
                };
                self.upkeep.ends_at.get_or_create(&ends).set(end.timestamp());
            }
        }
    }
}
