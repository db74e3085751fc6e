//! Where a list goes on: opaque tokens, and what they stand for.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::filter::Filter;
use super::ids::mix;

/// So many lists may be open at a time.
const OPEN: usize = 1000;

/// A list, as it was asked for.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) filter: Option<Filter>,
    /// Whether by creation, else by update; whether the newest come first.
    pub(super) order: Vec<(bool, bool)>,
    pub(super) select: Option<Vec<String>>,
    pub(super) count: bool,
}

/// Where a list goes on.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) view: Arc<View>,
    /// The last one told of.
    pub(super) after: Option<(Vec<DateTime<Utc>>, Arc<str>)>,
    /// So many are passed over.
    pub(super) skip: usize,
    /// So many are still wanted.
    pub(super) left: usize,
}

/// All open lists.
#[derive(Default)]
pub(super) struct Pages {
    places: HashMap<String, Place>,
    serial: u64,
}

impl Pages {
    /// A token for a place. It holds characters that need escaping in a URL.
    pub(super) fn keep(&mut self, place: Place) -> String {
        if self.places.len() >= OPEN {
            self.places.clear();
        }
        self.serial += 1;
        let token = format!("k{:x}/{:x}+SIM", mix(self.serial), mix(!self.serial) >> 32);
        self.places.insert(token.clone(), place);
        token
    }

    pub(super) fn find(&self, token: &str) -> Option<Place> {
        self.places.get(token).cloned()
    }

    pub(super) fn forget(&mut self) {
        self.places.clear();
    }
}
