//! Scenarios: the daemon's rooms together, seen from outside.

#![expect(clippy::unwrap_used, reason = "a scenario that cannot go on has failed")]

mod intake_custody;
mod intake_descriptors;
mod intake_house;
mod intake_secrecy;
