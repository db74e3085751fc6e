//! Deliveries leave the outbox: paced, gated, retried, and never dropped.

pub mod disposition;
pub mod gate;
mod outcome;
pub mod pace;
mod parcel;
pub mod worker;

pub use disposition::{Disposition, Patience, dispose};
pub use worker::{Attempted, DeliveryWorker, Observer, Room, Unobserved};
