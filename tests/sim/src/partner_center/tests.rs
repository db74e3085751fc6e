//! What the simulated Partner Center takes, refuses and does by itself (contract partner-center 13).

mod clocks;
mod doors;
mod events;
mod lists;
mod registrations;
mod signatures;
mod world;
mod writes;
