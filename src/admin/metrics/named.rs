//! Counters whose labels turn up as things happen, remembered by whom they are about.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// Counters of connectors; clones are the same.
#[derive(Clone)]
pub(super) struct Named<L> {
    counters: Family<L, Counter>,
    /// The labels there are of each connector.
    known: Arc<Mutex<BTreeMap<String, HashSet<L>>>>,
}

impl<L: Clone + Eq + Hash> Default for Named<L> {
    fn default() -> Self {
        Self {
            counters: Family::default(),
            known: Arc::default(),
        }
    }
}

impl<L: Clone + Eq + Hash> Named<L> {
    /// What is registered.
    pub(super) fn family(&self) -> Family<L, Counter> {
        self.counters.clone()
    }

    /// The counter of this connector with these labels.
    pub(super) fn of(&self, name: &str, labels: L) -> Counter {
        let mut known = self.known();
        let counter = self.counters.get_or_create_owned(&labels);
        known.entry(name.to_owned()).or_default().insert(labels);
        counter
    }

    /// Nothing more is told of this connector.
    pub(super) fn forget(&self, name: &str) {
        let gone = self.known().remove(name).unwrap_or_default();
        for labels in gone {
            self.counters.remove(&labels);
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, HashSet<L>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
