//! A lead, or word of one, comes in by HTTP and is kept as it came, before its sender gets an answer.

// 1. What the operator decides.
pub mod limits;

// 2. The way of one request: who, how fast, which source, which bytes, kept or refused. And those who
// fetch: a source that is asked, what an event tells of.
pub mod body;
pub mod custody;
pub mod door;
pub mod follow;
pub mod forward;
pub mod keys;
pub mod pace;
pub mod poll;
pub mod proxies;
pub mod refusal;

// 3. Nothing comes any more.
pub mod silence;

// 4. The sockets it comes through.
mod connection;
mod framing;
mod seats;
pub mod server;
pub mod tls;

pub use door::{BodyCheck, Caller, Door, DoorParts, DoorRules, Doubt, EventSource, PUBLIC_PATHS, body_check};
pub use follow::{FollowWorker, Trail};
pub use forward::{ForwardParts, ForwardWorker};
pub use keys::Keys;
pub use limits::{ConnectionLimits, IntakeLimits, IntakeSource, Rate};
pub use proxies::Proxies;
pub use server::{bind, serve};
pub use tls::Tls;

#[cfg(test)]
pub(crate) mod tests;
