//! Brings marketplace leads to the CRM, once.
//!
//! The modules stand in the order a lead walks through them.

// 1. A lead comes in and is kept as it came.
pub mod intake;

// 2. It is understood, joined with what is known of the person, and written.
pub mod dedupe;
pub mod normalize;
pub mod settle;

// 3. It is delivered.
pub mod deliver;
pub mod route;

// 4. What becomes of it there is seen.
pub mod syncback;

// Two views of the same leads are held against each other.
pub mod compare;

// The floor: what is written survives, until somebody is to be forgotten.
pub mod erase;
pub mod store;

// Who listens to the rooms and tells a collector.
#[cfg(feature = "otel")]
pub mod traces;

// What keeps the lights on.
pub mod app;
pub mod registry;
pub mod runtime;

// What the operator and the service manager may ask, type and write.
pub mod admin;
pub mod cli;
pub mod config;
pub mod demo;

// What a test hears of the log.
#[cfg(test)]
#[path = "../tests/e2e/log.rs"]
mod log;
