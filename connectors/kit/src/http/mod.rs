//! The one way out: requests with time-outs, body limits, a target policy and nothing in the logs.
//!
//! A connector asks its context's [`TransportFactory`] for a [`Transport`] and sends through it.
//! In production that is [`ReqwestFactory`]; in a simulation it is whatever the world hands in.

// 1. The seam.
pub mod transport;

// 2. Where a request may go.
pub mod dns;
pub mod network;
pub mod policy;

// 3. The real thing.
pub mod body;
mod client;
mod fault;

// 4. What comes back, and what of it may be shown.
pub mod redact;
pub mod retry_after;

#[cfg(test)]
mod tests;

pub use body::{Truncated, whole};
pub use client::{LONGEST_CALL, ReqwestFactory};
pub use dns::Resolve;
pub use network::Network;
pub use policy::TargetPolicy;
pub use redact::{Clean, Code};
pub use transport::{
    Fault, Request, Response, Transport, TransportError, TransportFactory, TransportSettings,
};
