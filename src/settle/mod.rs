//! Arrivals become leads: read, understood, joined with what is known, and written in one piece.

mod caution;
mod worker;

pub use worker::{Reader, SettleParts, SettleWorker, Unwatched, Watcher};
