//! Deliveries leave the outbox: paced, gated, retried, and never dropped.

mod attempted;
pub mod budget;
pub mod disposition;
pub mod gate;
mod outcome;
pub mod pace;
mod parcel;
pub mod purse;
mod restraint;
mod taking;
pub mod worker;

pub use attempted::{AttemptFate, Attempted, Observer, Unobserved};
pub use budget::{Allowance, Budget};
pub use disposition::{Disposition, Patience, dispose};
pub use purse::Purse;
pub use worker::{DeliveryWorker, Room};
