//! How a world differs from the usual one.

use std::sync::Arc;
use std::time::Duration;

use connector_kit::clock::ManualClock;
use connector_kit::{Bulk, Source};
use leadsync::deliver::{Budget, Patience};
use leadsync::route::RouteConfig;
use leadsync::runtime::Bell;
use leadsync::settle::Reader;
use leadsync::store::faulty::Failing;

use super::outside::Outside;

/// The usual account and source.
pub(crate) const ACCOUNT: &str = "default";
pub(crate) const SOURCE: &str = "web";
/// The source that is polled, where there is one.
pub(crate) const POLLED: &str = "table";

pub(crate) struct Plan {
    /// Name and account of each destination.
    pub(crate) destinations: Vec<(&'static str, &'static str)>,
    /// Name and account of each source that is posted to.
    pub(crate) sources: Vec<(&'static str, &'static str)>,
    pub(crate) routes: Vec<RouteConfig>,
    pub(crate) batch_limit: usize,
    /// Workers of each destination.
    pub(crate) workers: usize,
    /// Wakes all of them, were they asleep.
    pub(crate) bell: Bell,
    pub(crate) patience: Patience,
    pub(crate) lease: Duration,
    /// Calls per second, and at once.
    pub(crate) pace: (u32, u32),
    pub(crate) budget: Option<Budget>,
    /// The destination's way for many leads at once.
    pub(crate) bulk: Option<Bulk>,
    /// Systems with real connectors, beside the destinations.
    pub(crate) outside: Vec<Outside>,
    /// A clock others look at, too; noon otherwise.
    pub(crate) clock: Option<ManualClock>,
    /// Replaces reading an arrival.
    pub(crate) reader: Option<Reader>,
    /// A source that is asked every minute.
    pub(crate) polled: Option<Arc<dyn Source>>,
    /// Fails this call of the store, once.
    pub(crate) fault: Option<(u64, Failing)>,
    pub(crate) seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            destinations: vec![("crm", ACCOUNT)],
            sources: vec![(SOURCE, ACCOUNT)],
            routes: Vec::new(),
            batch_limit: 100,
            workers: 1,
            bell: Bell::default(),
            patience: Patience::default(),
            lease: Duration::from_mins(2),
            pace: (100_000, 100_000),
            budget: None,
            bulk: None,
            outside: Vec::new(),
            clock: None,
            reader: None,
            polled: None,
            fault: None,
            seed: 1,
        }
    }
}
