//! A source falls silent: it is quieter than it ever was, which is told once, and so is that it is
//! heard again.

// 1. What is usual for a source, and when it counts as silent. Pure.
mod habit;
mod rule;

// 2. It is told.
mod worker;

pub use habit::Habit;
pub use rule::{SilenceRule, silent_at};
pub use worker::{Listened, SilenceParts, SilenceWorker};

#[cfg(test)]
mod tests;
