//! Brings marketplace leads to the CRM, once.
//!
//! The modules stand in the order a lead walks through them.

// 1. A lead comes in and is kept as it came.
pub mod intake;

// 2. It is understood.
pub mod normalize;

// 3. It joins what is known of the same person.
pub mod dedupe;

// 4. It is delivered.
pub mod deliver;

// The floor: what is written survives.
pub mod store;

// What keeps the lights on.
pub mod runtime;

// What the operator and the service manager may ask.
pub mod admin;

// What the operator wrote.
pub mod config;
pub mod route;
