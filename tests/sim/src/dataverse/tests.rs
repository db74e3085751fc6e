//! What the simulator answers, asked as a client asks.

mod fixtures;
mod world;
