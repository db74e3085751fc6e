//! The real program as a child process: its house, its visitors, and what they remember.

mod cell;
mod circuit;
mod clinic;
pub(crate) mod crm;
mod daemon;
pub(crate) mod desk;
mod destination;
pub(crate) mod filled;
mod house;
mod journal;
mod ledger;
mod load;
mod machine;
mod parrot;
mod patience;
mod signal;
mod terminal;
mod town;
pub(crate) mod trace;
mod wire;

pub(crate) use cell::Cell;
pub(crate) use circuit::Circuit;
pub(crate) use clinic::Clinic;
pub(crate) use daemon::Daemon;
pub(crate) use destination::Destination;
pub(crate) use house::{BINARY, House, Plan, SECRET, address_of_our_own, by_email, is_quiet, lead_path};
pub(crate) use journal::Journal;
pub(crate) use ledger::{Kept, Ledger};
pub(crate) use load::{Load, lead_body};
pub(crate) use machine::{LATER, Machine, Suite};
pub(crate) use parrot::Parrot;
pub(crate) use patience::{GENEROUS, eventually, until_none_left};
pub(crate) use signal::ServiceManager;
pub(crate) use terminal::Terminal;
pub(crate) use town::{Town, TownClock};
pub(crate) use wire::{Answer, Wire, post};
