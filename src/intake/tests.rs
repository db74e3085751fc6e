//! The door behind real sockets: bytes in, answers out, and what lies on the shelf afterwards.

mod corpus;
mod custody;
mod doorway;
mod events;
mod flood;
mod house;
pub(crate) mod oracle;
pub(crate) mod shelf;
mod slow;
pub(crate) mod wire;
