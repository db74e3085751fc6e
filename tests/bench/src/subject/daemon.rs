//! The real daemon as a child process, with a configuration written for the bench.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::config::{SECRET, daemon_text, intake_path};
use super::{Home, Running, SinkText, Target, bytes_on_disk, free_port, loopback};

/// A configured daemon that can be started, stopped and started again on the same store.
pub(crate) struct Daemon {
    binary: PathBuf,
    home: Home,
    target: Target,
}

impl Daemon {
    /// Writes the configuration into a fresh directory under `parent`.
    pub(crate) fn prepare(binary: &Path, parent: Option<&Path>, sink: &SinkText) -> anyhow::Result<Self> {
        let home = Home::new(parent)?;
        let address = loopback(free_port()?);
        fs::create_dir_all(home.join("connectors.d"))?;
        fs::create_dir_all(home.join("state"))?;
        fs::set_permissions(home.join("state"), fs::Permissions::from_mode(0o700))?;
        fs::write(home.join("leadsync.toml"), daemon_text(home.path(), address))?;
        fs::write(
            home.join("connectors.d/sink.toml"),
            sink.connector_text(home.path()),
        )?;
        write_secret(&home.join("bench.secret"), SECRET)?;
        write_secret(&home.join("azure.secret"), &sink.azure_secret())?;
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
