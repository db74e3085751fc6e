//! Tests over the simulator.
