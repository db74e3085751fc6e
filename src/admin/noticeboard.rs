//! What the last look at things that wear out found, for whoever asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use connector_kit::{Check, readiness};

/// What the last look at each connector found. Clones are the same board.
#[derive(Clone, Debug, Default)]
pub struct Noticeboard(Arc<Mutex<BTreeMap<String, Tended>>>);

/// What one look found.
#[derive(Clone, Debug)]
pub struct Tended {
    /// When.
    pub at: DateTime<Utc>,
    /// One per thing looked at.
    pub checks: Vec<Check>,
}

impl Tended {
    /// Nothing is so ill that leads do not get through.
    pub fn is_well(&self) -> bool {
        !readiness::any_ill(&self.checks)
    }
}

impl Noticeboard {
    /// The last look at each connector, by its name.
    pub fn all(&self) -> BTreeMap<String, Tended> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Nothing is known of a connector any more; gives what was.
    pub fn take_down(&self, connector: &str) -> Option<Tended> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(connector)
    }

    /// Replaces what is known of a connector; gives what was.
    pub fn pin(&self, connector: &str, tended: Tended) -> Option<Tended> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(connector.to_owned(), tended)
    }
}
