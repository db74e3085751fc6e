//! What the operating system may say to a running daemon.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Sent when a file grows beyond a limit; unhandled it kills the process.
const SIGXFSZ: i32 = 25;

/// Told again and again to read the config anew.
pub(super) struct Hangups(Signal);

impl Hangups {
    /// Listens from now on.
    pub(super) fn listen() -> std::io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Told once. Several that come while nobody listens are one.
    pub(super) async fn next(&mut self) {
        // It ends only with the runtime.
        let _ = self.0.recv().await;
    }
}

/// What the operating system may say.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    _file_limit: Signal,
}

impl Signals {
    /// Listens from now on.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            // Listening is enough: the write then fails with an error that is handled.
            _file_limit: signal(SignalKind::from_raw(SIGXFSZ))?,
        })
    }

    /// Told to stop.
    pub(super) async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
