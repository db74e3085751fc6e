//! Brings marketplace leads to the CRM, once.
//!
//! The modules stand in the order a lead walks through them.

// A lead comes in and is kept as it came.
pub mod intake;

// What the operator and the service manager may ask.
pub mod admin;

// The floor: what is written survives.
pub mod store;
