//! What each connector may spend, from one config to the next: what was spent stays spent.

use std::collections::BTreeMap;
use std::sync::Arc;

use connector_kit::{CallBook, DestinationName};

use super::build::Outside;
use crate::config::{ConnectorFile, Loaded};
use crate::deliver::pace::Pace;
use crate::deliver::{Budget, Purse};

/// The purses of all connectors there ever were in this process, by name.
///
/// One that is taken out of the config and put back finds its purse as it left it, under the terms of its
/// file of now.
#[derive(Clone, Default)]
pub struct Purses(BTreeMap<String, Kept>);

#[derive(Clone)]
struct Kept {
    kind: String,
    purse: Arc<Purse>,
}

impl Purses {
    /// These, and a full one for each connector that is new or of another kind now.
    pub(super) fn and_new(&self, loaded: &Loaded, outside: &Outside) -> Self {
        let mut all = self.clone();
        for file in &loaded.connectors {
            let known = self.0.get(&file.name);
            if known.is_none_or(|kept| kept.kind != file.kind) {
                let kept = Kept {
                    kind: file.kind.clone(),
                    purse: Arc::new(full(file, outside)),
                };
                all.0.insert(file.name.clone(), kept);
            }
        }
        all
    }

    /// The purse of a connector.
    pub fn get(&self, name: &str) -> Option<&Arc<Purse>> {
        self.0.get(name).map(|kept| &kept.purse)
    }

    /// The terms of a file that changed or was put back hold from now on.
    pub(super) fn renew(&self, file: &ConnectorFile) {
        if let Some(purse) = self.get(&file.name) {
            purse.renew(rate(file), budget(file));
        }
    }
}

fn full(file: &ConnectorFile, outside: &Outside) -> Purse {
    let (per_second, burst) = rate(file);
    let pace = Pace::new(per_second, burst, Arc::clone(&outside.clock));
    let name = DestinationName::new(&file.name);
    Purse::new(name, pace, budget(file), CallBook::default())
}

fn rate(file: &ConnectorFile) -> (u32, u32) {
    (file.rate.per_second.get(), file.rate.burst.get())
}

/// What a day may cost, of each connector that has a budget.
pub fn budgets(loaded: &Loaded) -> BTreeMap<DestinationName, Budget> {
    let budget = |file: &ConnectorFile| Some((DestinationName::new(&file.name), budget(file)?));
    loaded.connectors.iter().filter_map(budget).collect()
}

fn budget(file: &ConnectorFile) -> Option<Budget> {
    file.budget.map(|budget| Budget {
        calls_per_day: budget.calls_per_day.get(),
        reserve: budget.reserve,
        day_starts: budget.day_starts,
    })
}
