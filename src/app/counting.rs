//! Connectors for those who count what other systems hold: with what each may spend, and nothing else.

use std::sync::Arc;

use connector_kit::Connector;
use connector_kit::clock::Clock;

use super::build::{self, Outside};
use super::purses::Purses;
use crate::config::{ConnectorFile, Diagnostics, Loaded};
use crate::deliver::Purse;

/// A connector, and what it may spend.
pub struct Counted {
    /// What the operator wrote.
    pub file: ConnectorFile,
    /// What became of it.
    pub connector: Connector,
    /// Its pace, budget and book of calls.
    pub purse: Arc<Purse>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// The wanted connectors, each with its purse.
pub fn counted(
    loaded: &Loaded,
    outside: &Outside,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Counted>, Diagnostics> {
    let purses = Purses::default().and_new(loaded, outside);
    let purse = |name: &str| purses.get(name).filter(|_| wanted(name));
    let built = build::connectors(loaded, outside, |name| purse(name).map(|purse| purse.book()))?;
    let counted = built.into_iter().filter_map(|(file, connector)| {
        Some(Counted {
            purse: Arc::clone(purse(&file.name)?),
            clock: Arc::clone(&outside.clock),
            file,
            connector,
        })
    });
    Ok(counted.collect())
}
