//! What keeps the lights on: workers, their bells, and the end of the day.

pub mod bell;
pub mod rests;
pub mod worker;

pub use bell::{Bell, Bells};
pub use rests::Rests;
pub use worker::{LONGEST_REST, LONGEST_STEP, LONGEST_TALK, Next, Pulse, Worker, run};
