//! Two views of the same leads are held against each other; nothing is sent.
//!
//! [`plan`] compares what two configs would write, [`audit`] the ledger with what other systems hold.

pub mod audit;
pub mod plan;

mod render;

pub use render::{Sealed, Side, Stored};
