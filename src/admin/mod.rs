//! What the operator and the service manager may ask: alive, ready, how much, wake up.
//!
//! Served on a unix socket, or on loopback; never where leads come in (T15).

// 1. What the rooms say of themselves.
pub mod health;
pub mod metrics;
pub mod noticeboard;
pub mod ticks;

// 2. How it is asked for.
pub mod reload;
pub mod router;
pub mod server;

pub use health::{Health, Pulse, Trouble};
pub use metrics::Metrics;
pub use noticeboard::{Noticeboard, Tended};
pub use reload::{Changes, Names, NotReloaded, Reload, Reloaded};
pub use router::{Desk, Poke, Terms, router};
pub use server::{AdminListen, AdminListener, serve};
pub use ticks::Ticks;
