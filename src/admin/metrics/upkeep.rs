//! The numbers of what wears out while nobody looks.

use connector_kit::Check;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Metrics;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Looked {
    connector: String,
    check: &'static str,
}

/// How each check ended last: 0 ok, 1 skipped, 2 warning, 3 failed.
#[derive(Clone, Default)]
pub(super) struct UpkeepNumbers(Family<Looked, Gauge>);

impl UpkeepNumbers {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "upkeep_health",
            "How what wears out stands: 0 ok, 1 skipped, 2 warning, 3 failed",
            self.0.clone(),
        );
    }
}

impl Metrics {
    /// A connector is looked after no more; these were its checks.
    pub fn forget_upkeep(&self, connector: &str, checks: &[Check]) {
        for check in checks {
            let (connector, check) = (connector.to_owned(), check.name);
            self.upkeep.0.remove(&Looked { connector, check });
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
            self.upkeep.0.get_or_create(&looked).set(check.health as i64);
        }
    }
}
