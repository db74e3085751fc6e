//! The bench's own servers as child processes: the limits everything else is held against.

use std::path::Path;
use std::process::Command;

use super::{Home, Running, Target, free_port, loopback};

/// A server of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Own {
    /// Reads the body and answers 202; nothing is understood, nothing kept.
    Plain,
    /// Parses the lead into types and answers 202; nothing is kept.
    Echo,
    /// Keeps each lead in a commit of its own before the 202.
    Single,
    /// The ceiling program: many requests share one commit.
    Ceiling,
}

impl Own {
    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Echo => "echo",
            Self::Single => "single",
            Self::Ceiling => "ceiling",
        }
    }
}

/// Starts one of the bench's servers with an empty store in `home`.
pub(crate) fn start_own(which: Own, home: &Home) -> anyhow::Result<Running> {
    let target = Target {
        address: loopback(free_port()?),
        path: "/leads".to_owned(),
    };
    let mut command = Command::new(std::env::current_exe()?);
    command.args([
        "serve",
        which.name(),
        "--port",
        &target.address.port().to_string(),
    ]);
    command.args([Path::new("--dir"), home.path()]);
    Running::spawn(&mut command, target, &home.join("server.log"))
}
