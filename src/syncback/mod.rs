//! The way back: what becomes of leads in the CRMs is seen, and reported to where referrals came from.

// 1. What is seen.
mod watch;

// 2. What is to be reported, and whether it may be. Pure.
pub mod order;
pub mod plan;
pub mod policy;
pub mod preflight;
pub mod terms;

pub use policy::{FieldRules, Policy, Winner};
pub use preflight::Refusal;
pub use watch::{Onlooker, WatchParts, WatchWorker};
