//! Brings marketplace leads to the CRM, once.
//!
//! The modules stand in the order a lead walks through them.

// 1. It is understood.
pub mod normalize;

// 2. It joins what is known of the same person.
pub mod dedupe;

// 3. It is delivered.
pub mod deliver;

// The floor: what is written survives.
pub mod store;

// What keeps the lights on.
pub mod runtime;
