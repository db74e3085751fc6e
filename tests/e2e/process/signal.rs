//! A service manager's ear: what the daemon tells it.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use super::{Daemon, GENEROUS, House};

/// A socket the daemon reports to.
pub(crate) struct ServiceManager {
    socket: UnixDatagram,
    path: std::path::PathBuf,
}

impl ServiceManager {
    pub(crate) fn listen(house: &House) -> Self {
        let path = house.path("notify.sock");
        // That of an earlier daemon, perhaps.
        let _ = std::fs::remove_file(&path);
        Self {
            socket: UnixDatagram::bind(&path).unwrap(),
            path,
        }
    }

    /// Starts a daemon that reports to a manager of its own; with `watchdog` it is to beat in each such time.
    pub(crate) fn start(house: &House, watchdog: Option<Duration>) -> (Self, Daemon) {
        let manager = Self::listen(house);
        let mut command = house.command();
        manager.adopt(&mut command);
        if let Some(interval) = watchdog {
            command.env("WATCHDOG_USEC", interval.as_micros().to_string());
        }
        (manager, Daemon::spawn_as(house, &mut command))
    }

    /// Makes a command report here.
    pub(crate) fn adopt(&self, command: &mut Command) {
        command.env("NOTIFY_SOCKET", &self.path);
    }

    /// The next report, if one comes in time.
    pub(crate) fn hear(&self, patience: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let mut bytes = [0; 4096];
        match self.socket.recv(&mut bytes) {
            Ok(count) => Some(String::from_utf8_lossy(&bytes[..count]).into_owned()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("cannot hear: {error}"),
        }
    }

    /// Waits for a report that says this, whatever else is said before.
    #[track_caller]
    pub(crate) fn await_word(&self, word: &str) -> String {
        loop {
            let report = self.hear(GENEROUS);
            let report = report.unwrap_or_else(|| panic!("never said: {word}"));
            if report.lines().any(|line| line == word) {
                return report;
            }
        }
    }
}
