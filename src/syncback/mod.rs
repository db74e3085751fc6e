//! The way back: what becomes of leads in the CRMs is seen, and reported to where referrals came from.

// 1. What is seen.
mod watch;

// 2. What is to be reported, and whether it may be. Pure.
pub mod order;
pub mod plan;
pub mod policy;
pub mod preflight;
pub mod terms;

// 3. It is reported.
mod report;
mod reported;
mod reporter;

// 4. The times Microsoft sets: what is told of them.
mod clock_worker;
pub mod clocks;

pub use clock_worker::{ClockParts, ClockWorker};
pub use policy::{FieldRules, Policy, Winner};
pub use preflight::Refusal;
pub use report::{ReportParts, ReportWorker};
pub use reported::{End, Reported, Reporting, Unreported};
pub use reporter::Reporter;
pub use watch::{Onlooker, WatchParts, WatchWorker};
