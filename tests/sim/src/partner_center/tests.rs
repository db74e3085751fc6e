//! What the simulated Partner Center takes, refuses and does by itself (contract partner-center 13).

mod lists;
mod world;
mod writes;
