//! Arrivals become leads: read, understood, joined with what is known, and written in one piece.

mod again;
mod canaries;
mod caution;
mod journal;
mod passage;
mod worker;

pub use again::{Again, Difference, again};
pub use passage::Passage;
pub use worker::{Reader, Router, SETTLING, SettleParts, SettleWorker, Unwatched, Watcher};
