//! The real daemon as a child process, with a configuration written for the bench.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::config::{SECRET, daemon_text, intake_path};
use super::connector::{CLIENT_ID, CLIENT_ID_FILE};
use super::{Home, Running, SinkKind, SinkText, Target, bytes_on_disk, free_port, loopback};
use crate::clock;

/// Longer than the pause any connector keeps by itself.
const PAUSE_MS: i64 = 1500;

/// Longest wait for the daemon to understand what it accepted.
const SETTLING: Duration = Duration::from_mins(5);

/// A configured daemon that can be started, stopped and started again on the same store.
pub(crate) struct Daemon {
    binary: PathBuf,
    home: Home,
    target: Target,
}

impl Daemon {
    /// Writes the configuration into a fresh directory under `parent`.
    pub(crate) fn prepare(binary: &Path, parent: Option<&Path>, sinks: &[SinkText]) -> anyhow::Result<Self> {
        let home = Home::new(parent)?;
        let address = loopback(free_port()?);
        fs::create_dir_all(home.join("connectors.d"))?;
        fs::create_dir_all(home.join("state"))?;
        fs::set_permissions(home.join("state"), fs::Permissions::from_mode(0o700))?;
        fs::write(home.join("leadsync.toml"), daemon_text(home.path(), address))?;
        write_secret(&home.join("bench.secret"), SECRET)?;
        write_secret(&home.join(CLIENT_ID_FILE), CLIENT_ID)?;
        for sink in sinks {
            let name = sink.kind.name();
            fs::write(
                home.join(&format!("connectors.d/{name}.toml")),
                sink.connector_text(home.path())?,
            )?;
            write_secret(&home.join(&format!("{name}.secret")), &sink.secret())?;
        }
        Ok(Self {
            binary: binary.to_owned(),
            home,
            target: Target {
                address,
                path: intake_path(),
            },
        })
    }

    /// Starts it; it is not listening yet.
    pub(crate) fn start(&self) -> anyhow::Result<Running> {
        let mut command = Command::new(&self.binary);
        command.arg("run").arg("--config").arg(self.home.path());
        Running::spawn(&mut command, self.target.clone(), &self.home.join("daemon.log"))
    }

    /// Starts it with a socket somebody else bound, as a service manager does; its own address stays unused.
    pub(crate) fn start_on(&self, listener: &TcpListener) -> anyhow::Result<Running> {
        // The protocol: descriptor 3, and the number of the process it is meant for.
        let hand_over =
            "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=public; exec \"$@\"";
        let mut command = Command::new("sh");
        command
            .args(["-c", hand_over, "sh"])
            .arg(&self.binary)
            .arg("run")
            .arg("--config")
            .arg(self.home.path())
            .stdin(OwnedFd::from(listener.try_clone()?));
        let target = Target {
            address: listener.local_addr()?,
            ..self.target.clone()
        };
        Running::spawn_reading(&mut command, target, &self.home.join("daemon.log"))
    }

    /// Waits until so many leads are due at every destination, and every one of these rests for a
    /// while: nobody is about to call or to write back any more. Returns when what was asked of the
    /// connectors ([`SinkKind::held_s`]) is over and the rest is not.
    pub(crate) fn wait_for_backlog(&self, leads: u64) -> anyhow::Result<()> {
        let begun = Instant::now();
        let rests = |one: &Value| {
            let until = one["until"].as_str()?.parse::<DateTime<Utc>>().ok()?;
            Some(one["gate"] == "held" && until.timestamp_millis() >= clock::unix_millis() + 2 * PAUSE_MS)
        };
        let waits = |one: &Value| one["due"].as_u64() >= Some(leads) && rests(one) == Some(true);
        while begun.elapsed() < SETTLING {
            let status = self.ask(&["status"])?;
            if status["destinations"]
                .as_array()
                .is_some_and(|all| all.iter().all(waits))
            {
                std::thread::sleep(Duration::from_millis(PAUSE_MS.unsigned_abs()));
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        bail!("the backlog is not complete after {} s", SETTLING.as_secs())
    }

    /// The operator's word that the destination may be called again, while the daemon runs.
    pub(crate) fn release(&self, kind: SinkKind) -> anyhow::Result<()> {
        self.ask(&["release", kind.name()]).map(drop)
    }

    /// Its dead letters, as the operator sees them.
    pub(crate) fn dead_letters(&self) -> anyhow::Result<Vec<Value>> {
        let told = self.ask(&["dead-letters", "list", "--limit", "1000000"])?;
        told.as_array().cloned().context("dead letters are not a list")
    }

    /// Writes the connector's file anew, with something else in it; it counts once it is told to reload.
    pub(crate) fn rewrite_connector(
        &self,
        sink: &SinkText,
        edit: impl FnOnce(&mut toml::Table),
    ) -> anyhow::Result<()> {
        let mut table: toml::Table = sink.connector_text(self.home.path())?.parse()?;
        edit(&mut table);
        let path = self.home.join(&format!("connectors.d/{}.toml", sink.kind.name()));
        Ok(fs::write(path, toml::to_string(&table)?)?)
    }

    /// Writes the main file anew, with one more source; none when the name is empty.
    pub(crate) fn rewrite_main(&self, source: &str) -> anyhow::Result<()> {
        let mut text = daemon_text(self.home.path(), self.target.address);
        if !source.is_empty() {
            let file = self.keep("more.secret", &SECRET.replace("bench", "other"))?;
            let more = format!("\n[sources.{source}]\nsecrets = [{{ file = \"{file}\" }}]\n");
            text.push_str(&more);
        }
        Ok(fs::write(self.home.join("leadsync.toml"), text)?)
    }

    /// Another file of its directory, readable by nobody else; its path.
    pub(crate) fn keep(&self, name: &str, text: &str) -> anyhow::Result<String> {
        let path = self.home.join(name);
        write_secret(&path, text)?;
        Ok(path.display().to_string())
    }

    /// Its public door.
    pub(crate) fn address(&self) -> SocketAddr {
        self.target.address
    }

    /// What it said so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home.join("daemon.log")).unwrap_or_default()
    }

    /// The command line with `--json`.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(words)
            .arg("--json")
            .arg("--config")
            .arg(self.home.path())
            .stdin(Stdio::null());
        command
    }

    /// What the command line says with `--json`.
    pub(crate) fn ask(&self, words: &[&str]) -> anyhow::Result<Value> {
        let output = self.command(words).output()?;
        ensure!(
            output.status.success(),
            "`leadsync {}` ended with {}: {}",
            words.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// What its store takes on the disk, in MB.
    pub(crate) fn store_mb(&self) -> f64 {
        bytes_on_disk(&self.home.join("state"))
    }
}

fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(())
}

/// The daemon to measure: the one named, or the one built beside the bench.
pub(crate) fn daemon_path(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => std::env::current_exe()?.with_file_name("leadsync"),
    };
    ensure!(
        path.is_file(),
        "no daemon at {}: build it with `cargo build --release`, or name it with --daemon",
        path.display()
    );
    fs::canonicalize(&path).with_context(|| format!("cannot find {}", path.display()))
}
