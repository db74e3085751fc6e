//! A lead comes in by HTTP and is kept as it came, before its sender gets an answer.

// 1. What the operator decides.
pub mod limits;

// 2. The way of one request: who, how fast, which source, which bytes, kept or refused.
pub mod body;
pub mod custody;
pub mod door;
pub mod keys;
pub mod pace;
pub mod poll;
pub mod proxies;
pub mod refusal;

// 3. The sockets it comes through.
mod connection;
mod framing;
mod seats;
pub mod server;
pub mod tls;

pub use door::{BodyCheck, Caller, Door, DoorParts, Doubt, body_check};
pub use limits::{ConnectionLimits, IntakeLimits, IntakeSource, Rate};
pub use proxies::Proxies;
pub use server::{bind, serve};
pub use tls::Tls;

#[cfg(test)]
pub(crate) mod tests;
