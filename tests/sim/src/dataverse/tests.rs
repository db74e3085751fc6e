//! What the simulator answers, asked as a client asks.

mod batch;
mod bulk;
mod door;
mod fixtures;
mod limits;
mod metadata;
mod query;
mod recorded;
mod sales;
mod tracking;
mod upsert;
mod world;
