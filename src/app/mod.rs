//! The daemon put together: config becomes rooms, rooms get workers, and all end in order.

// 1. What is written becomes what the rooms are built from.
mod build;
mod counting;
mod purses;

// 2. Where a daemon stands and what stays while configs come and go; who works in it.
mod certificate;
mod counters;
mod crew;
mod front;
mod ground;
mod hiring;
mod listeners;
mod observers;
mod premises;
mod reporting;
mod site;
mod upkeep;

// 3. It starts, goes on under another config, and ends.
mod changes;
mod daemon;
mod fixed;
mod reload;

pub use build::{Blueprint, Outside, connectors, reader};
pub use counting::{Counted, counted};
pub use daemon::{Daemon, Staff, StartError};
pub(crate) use hiring::listened;
pub use listeners::Listeners;
pub use observers::{Ears, Silence};
pub use purses::{Purses, budgets};
pub use reload::{Attendant, Redraw, Renewal};
pub use reporting::report_by_hand;

#[cfg(test)]
mod tests;
