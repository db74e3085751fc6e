//! Real clients, unchanged, against the simulators: what the vendors' users send has to be understood.
//!
//! `./scripts/likeness` installs the clients; a missing one fails its test.

#![expect(clippy::unwrap_used, reason = "the helpers of a test are part of the test")]

mod client;
mod dataverse;
mod partner_center;
mod salesforce;
