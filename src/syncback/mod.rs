//! The way back: what becomes of leads in the CRMs.

mod watch;

pub use watch::{Onlooker, WatchParts, WatchWorker};
