//! Azurite, Microsoft's emulator of Azure Table storage, as a child process.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::subject::{free_port, loopback};

/// Where `npm` puts it when the tests' own packages are installed.
pub(crate) const DEFAULT_AZURITE: &str = "tests/azurite/node_modules/.bin/azurite-table";

/// A running Azurite that keeps everything in memory; it ends with this value.
pub(crate) struct Azurite {
    child: Child,
    address: SocketAddr,
}

impl Azurite {
    /// Starts the table service alone and waits until it listens.
    pub(crate) fn start(program: &Path) -> anyhow::Result<Self> {
        let address = loopback(free_port()?);
        let child = Command::new(program)
            .args([
                "--tableHost",
                "127.0.0.1",
                "--tablePort",
                &address.port().to_string(),
            ])
            .args([
                "--inMemoryPersistence",
                "--disableTelemetry",
                "--skipApiVersionCheck",
                "--silent",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut azurite = Self { child, address };
        azurite.wait()?;
        Ok(azurite)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("Azurite ended with {status}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("Azurite does not listen on {}", self.address)
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        // Already gone is as good as ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The program to start, by its whole path.
pub(crate) fn azurite_path(path: &Path) -> anyhow::Result<PathBuf> {
    ensure!(
        path.is_file(),
        "no Azurite at {}: run `npm ci` in tests/azurite, or name it with --azurite",
        path.display()
    );
    Ok(std::fs::canonicalize(path)?)
}
