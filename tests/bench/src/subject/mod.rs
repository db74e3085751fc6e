//! The programs under measurement, each a child process that takes leads over HTTP.

mod config;
mod connector;
mod daemon;
mod home;
mod own;
mod peer;

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::book::Book;
use crate::lead::Shapes;
use crate::loader::Client;

pub(crate) use connector::{
    AZURE_ACCOUNT, AZURE_KEY, AZURE_TABLE, CLIENT_ID, CLIENT_SECRET, Pacing, SinkKind, SinkText, TENANT,
};
pub(crate) use daemon::{Daemon, daemon_path};
pub(crate) use home::{Home, bytes_on_disk};
pub(crate) use own::{Own, start_own};
pub(crate) use peer::{Peer, PeerSpec};

/// Longest wait for a subject's first 2xx.
const PATIENCE: Duration = Duration::from_mins(2);

/// Where a subject takes leads.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The listener.
    pub(crate) address: SocketAddr,
    /// Path and query of the intake.
    pub(crate) path: String,
}

/// A subject at work; it ends with this value.
pub(crate) struct Running {
    child: Child,
    target: Target,
    log: PathBuf,
    spawned: Instant,
}

impl Running {
    /// Starts the program; what it prints goes to `log`.
    pub(crate) fn spawn(command: &mut Command, target: Target, log: &Path) -> anyhow::Result<Self> {
        Self::spawn_reading(command.stdin(Stdio::null()), target, log)
    }

    /// The same with the standard input the command has.
    fn spawn_reading(command: &mut Command, target: Target, log: &Path) -> anyhow::Result<Self> {
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdout(file.try_clone()?).stderr(file);
        let spawned = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
        Ok(Self {
            child,
            target,
            log: log.to_owned(),
            spawned,
        })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it takes leads.
    pub(crate) fn target(&self) -> Target {
        self.target.clone()
    }

    /// Posts one lead again and again until it is accepted; the seconds since the start of the process.
    pub(crate) fn first_accepted(&mut self, book: &Book) -> anyhow::Result<f64> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let mut client = Client::new(&self.target);
        let mut body = Vec::new();
        let number = book.take();
        Shapes::new().write(number, &mut body);
        let mut last = String::from("it never answered");
        while self.spawned.elapsed() < PATIENCE {
            match runtime.block_on(client.post(&body)) {
                Ok(200..300) => {
                    let took = self.spawned.elapsed();
                    book.accept(number);
                    return Ok(took.as_secs_f64());
                }
                Ok(status) => last = format!("it answered {status}"),
                Err(kind) => last = format!("no answer: {kind}"),
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the subject ended with {status}:\n{}", self.log_tail());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        bail!(
            "no lead was accepted in {} s; {last}:\n{}",
            PATIENCE.as_secs(),
            self.log_tail()
        )
    }

    /// Asks it to stop (SIGTERM) and waits; false when it had to be killed.
    pub(crate) fn stop(mut self, patience: Duration) -> anyhow::Result<bool> {
        if let Some(pid) = rustix::process::Pid::from_raw(i32::try_from(self.pid())?) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        let asked = Instant::now();
        while asked.elapsed() < patience {
            if self.child.try_wait()?.is_some() {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(false)
    }

    fn log_tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let start = text.len().saturating_sub(4096);
        String::from_utf8_lossy(&text[start..]).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end and only the wait matters.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A port of the loopback address that was free a moment ago.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on loopback")?;
    Ok(listener.local_addr()?.port())
}

/// A loopback address.
pub(crate) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
