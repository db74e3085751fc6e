//! What the operator and the service manager may ask: alive, ready, how much, wake up.
//!
//! Served on a unix socket, or on loopback; never where leads come in (T15).

// 1. What the rooms say of themselves.
pub mod health;
pub mod metrics;
pub mod noticeboard;

// 2. What is told of that.
mod numbers;
pub mod vitals;

// 3. How it is asked for.
pub mod guard;
pub mod outlet;
pub mod reception;
pub mod reload;
pub mod router;
pub mod server;

pub use guard::{Token, guarded};
pub use health::{Health, Pulse, Trouble};
pub use metrics::Metrics;
pub use noticeboard::{Noticeboard, Tended};
pub use outlet::serve_readers;
pub use reception::Reception;
pub use reload::{Changes, Names, NotReloaded, Reload, Reloaded};
pub use router::{Desk, Poke, Stuck, Terms, readable, router};
pub use server::{AdminListen, AdminListener, serve};
