//! The daemon put together: config becomes rooms, rooms get workers, and all end in order.

mod build;
mod daemon;
mod listeners;
mod observers;

pub use build::{Blueprint, Outside, Surprise};
pub use daemon::{Daemon, Staff, StartError};
pub use listeners::Listeners;
pub use observers::{Ears, Silence};
