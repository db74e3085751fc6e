//! The connector against a strict simulator of Marketo on a real socket.

#![expect(clippy::unwrap_used, reason = "the helpers of a test are part of the test")]

// The kit's promises.
mod conformance;

// What goes wrong first, line by line (contract marketo A0).
mod first_wrongs;

// What this connector promises beyond.
mod answers;
mod do_not_contact;
mod exactly_once;
mod figures;
mod outcomes;
mod readiness;

mod world;
