//! A running daemon: started, watched, stopped, killed.

use std::fs::File;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::{House, eventually};

/// The child process; it dies with this.
pub(crate) struct Daemon(Child);

impl Daemon {
    /// Starts it and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(house: &House) -> Self {
        let mut daemon = Self::spawn(house);
        daemon.wait_until_ready(house);
        daemon
    }

    /// Starts it.
    pub(crate) fn spawn(house: &House) -> Self {
        Self::spawn_as(house, &mut house.command())
    }

    /// Starts it with a command that may say more.
    pub(crate) fn spawn_as(house: &House, command: &mut Command) -> Self {
        let log = File::options()
            .append(true)
            .create(true)
            .open(house.path("log"))
            .unwrap();
        Self(command.arg("run").stderr(log).spawn().unwrap())
    }

    /// Starts it with a command that knows where the log goes.
    pub(crate) fn spawn_mute(command: &mut Command) -> Self {
        Self(command.arg("run").spawn().unwrap())
    }

    /// Waits until it says that it is ready; gives how long that took.
    #[track_caller]
    pub(crate) fn wait_until_ready(&mut self, house: &House) -> Duration {
        let begun = Instant::now();
        eventually("a ready daemon", || {
            if let Some(status) = self.0.try_wait().unwrap() {
                panic!("it ended with {status} instead: {}", house.log());
            }
            Self::is_ready(house).then_some(())
        });
        begun.elapsed()
    }

    /// Whether it says that it is ready.
    pub(crate) fn is_ready(house: &House) -> bool {
        house.admin("/readyz").is_some_and(|answer| answer.status == 200)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Stops it where it is, and returns when all of it stands still; `CONT` lets it go on.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
        let stands = waitid(WaitId::Pid(self.pid()), WaitIdOptions::STOPPED).unwrap();
        assert!(stands.is_some_and(|status| status.stopped()), "it ended");
    }

    /// Kills it without a word.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually("the daemon's end", || self.0.try_wait().unwrap())
    }

    /// Tells it to stop and waits for its end, which must be a good one.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::TERM);
        let status = self.wait();
        assert!(status.success(), "{status}");
    }

    /// Whether it still runs.
    pub(crate) fn lives(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has ended already in most tests.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
