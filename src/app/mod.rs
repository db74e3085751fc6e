//! The daemon put together: config becomes rooms, rooms get workers, and all end in order.

mod build;
mod daemon;
mod front;
mod hiring;
mod listeners;
mod observers;
mod site;
mod upkeep;

pub use build::{Blueprint, Outside, budgets, connectors};
pub use daemon::{Daemon, Staff, StartError};
pub use listeners::Listeners;
pub use observers::{Ears, Silence};

#[cfg(test)]
mod tests;
