//! What keeps the lights on: workers, their bells, the time they are held to, and the end of the day.

pub mod bell;
pub mod rests;
pub mod ticks;
pub mod worker;

pub use bell::{Bell, Bells};
pub use rests::Rests;
pub use ticks::Ticks;
pub use worker::{LONGEST_REST, LONGEST_STEP, LONGEST_TALK, Next, Pulse, Worker, run};
