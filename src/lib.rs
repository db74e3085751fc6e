//! Brings marketplace leads to the CRM, once.
//!
//! The modules stand in the order a lead walks through them.

// The floor: what is written survives.
pub mod store;
