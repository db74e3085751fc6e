//! The connector against a strict simulator.
