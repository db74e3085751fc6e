//! The daemon put together: config becomes rooms, rooms get workers, and all end in order.

mod build;
mod daemon;
mod front;
mod hiring;
mod listeners;
mod observers;
mod reporting;
mod site;
mod upkeep;

pub use build::{Blueprint, Outside, budgets, connectors};
pub use daemon::{Daemon, Staff, StartError};
pub use listeners::Listeners;
pub use observers::{Ears, Silence};
pub use reporting::report_by_hand;

#[cfg(test)]
mod tests;
