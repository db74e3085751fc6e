//! The threads of a running daemon.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::Exit;
use crate::app::Staff;

/// How much understanding and delivering yield to taking leads in.
const BACK_NICENESS: i32 = 5;

/// The threads: those that take leads in, and those behind them.
pub(super) struct Crew {
    /// Takes leads in.
    pub(super) front: Runtime,
    back: Runtime,
}

impl Crew {
    /// Starts them.
    pub(super) fn assemble() -> Result<Self, Exit> {
        let cores = std::thread::available_parallelism()
            .map_or(2, std::num::NonZero::get)
            .clamp(2, 8);
        let front = Builder::new_multi_thread()
            .worker_threads(cores)
            .thread_name("intake")
            .enable_all()
            .build()?;
        let back = Builder::new_multi_thread()
            .worker_threads(cores)
            .thread_name("work")
            .on_thread_start(yield_to_intake)
            .enable_all()
            .build()?;
        Ok(Self { front, back })
    }

    /// Who does what in the daemon.
    pub(super) fn staff(&self) -> Staff {
        Staff {
            front: self.front.handle().clone(),
            back: self.back.handle().clone(),
        }
    }

    /// Ends them; what still runs has a second.
    pub(super) fn dismiss(self) {
        self.back.shutdown_timeout(Duration::from_secs(1));
        self.front.shutdown_timeout(Duration::from_secs(1));
    }
}

/// Lowers this thread's claim on the processor. Refused: it only competes on equal terms.
fn yield_to_intake() {
    let _ = rustix::process::setpriority_process(None, BACK_NICENESS);
}
