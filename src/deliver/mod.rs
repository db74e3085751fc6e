//! Deliveries leave the outbox: paced, gated, retried, and never dropped.

mod attempted;
pub mod budget;
pub mod disposition;
pub mod gate;
mod herald;
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
pub use herald::Herald;
pub(crate) use herald::Told;
pub use purse::Purse;
pub use worker::{DeliveryWorker, Room};
