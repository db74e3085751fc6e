//! Scenarios: the daemon's rooms together, seen from outside.

#![expect(clippy::unwrap_used, reason = "a scenario that cannot go on has failed")]

mod process;
mod process_disk;
mod process_kill;
mod process_manager;
mod process_operator;
mod process_order;
mod process_overload;
mod process_stop;

mod intake_custody;
mod intake_descriptors;
mod intake_house;
mod intake_secrecy;
