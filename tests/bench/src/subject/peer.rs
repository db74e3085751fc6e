//! Any other relay, given as a file with its command line and its URL.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::{Home, Running, Target, free_port, loopback};

/// What a peer file says. In `command` and `url`, `{port}`, `{sink}` (host and port of the sink)
/// and `{dir}` (an empty directory) are filled in; `{bench}` is the bench's own binary.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeerSpec {
    /// Its name in tables and JSON.
    pub(crate) name: String,
    /// Program and arguments.
    command: Vec<String>,
    /// Where it takes leads, for example `http://127.0.0.1:{port}/hook`.
    url: String,
    /// The most leads it puts into one call, for the call efficiency.
    #[serde(default = "one")]
    pub(crate) batch_max: u64,
}

fn one() -> u64 {
    1
}

impl PeerSpec {
    /// Reads a peer file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is not a peer file", path.display()))
    }
}

/// A peer with a directory and a port of its own.
pub(crate) struct Peer {
    home: Home,
    command: Vec<String>,
    target: Target,
}

impl Peer {
    /// Fills in the blanks of the peer file.
    pub(crate) fn prepare(spec: &PeerSpec, parent: Option<&Path>, sink: SocketAddr) -> anyhow::Result<Self> {
        let home = Home::new(parent)?;
        let port = free_port()?;
        let bench = std::env::current_exe()?;
        let fill = |text: &String| {
            text.replace("{port}", &port.to_string())
                .replace("{sink}", &sink.to_string())
                .replace("{dir}", &home.path().display().to_string())
                .replace("{bench}", &bench.display().to_string())
        };
        let command: Vec<String> = spec.command.iter().map(fill).collect();
        ensure!(!command.is_empty(), "the peer's command is empty");
        let target = parse_url(&fill(&spec.url), port)?;
        Ok(Self {
            home,
            command,
            target,
        })
    }

    /// Starts it.
    pub(crate) fn start(&self) -> anyhow::Result<Running> {
        let mut command = Command::new(self.command.first().context("the peer's command is empty")?);
        command.args(&self.command[1..]).current_dir(self.home.path());
        Running::spawn(&mut command, self.target.clone(), &self.home.join("peer.log"))
    }
}

/// `http://127.0.0.1:PORT/path`; the loader speaks nothing else.
fn parse_url(url: &str, port: u16) -> anyhow::Result<Target> {
    let start = format!("http://127.0.0.1:{port}");
    let rest = url
        .strip_prefix(&start)
        .with_context(|| format!("the peer's url must start with {start}"))?;
    let path = if rest.is_empty() { "/" } else { rest };
    ensure!(path.starts_with('/'), "the peer's url must start with {start}/");
    Ok(Target {
        address: loopback(port),
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_takes_leads_on_the_loopback_address_only() {
        assert_eq!(
            parse_url("http://127.0.0.1:8080/hook?a=b", 8080).unwrap().path,
            "/hook?a=b"
        );
        assert_eq!(parse_url("http://127.0.0.1:8080", 8080).unwrap().path, "/");
        assert!(parse_url("http://127.0.0.1:80801/", 8080).is_err());
        assert!(parse_url("https://example.com/", 8080).is_err());
    }
}
