//! `leadsync completions`: what makes a shell complete the commands of leadsync.

use std::io::Write;

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::{Shell, generate};

use super::Cli;

/// For which shell.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Known,
}

/// The shells a package can place a file for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Known {
    Bash,
    Zsh,
    Fish,
}

/// Prints the file for a shell.
pub(super) fn completions(args: &CompletionsArgs) {
    let shell = match args.shell {
        Known::Bash => Shell::Bash,
        Known::Zsh => Shell::Zsh,
        Known::Fish => Shell::Fish,
    };
    // Into memory first: the generator panics when a pipe is closed.
    let mut file = Vec::new();
    generate(shell, &mut Cli::command(), "leadsync", &mut file);
    let _ = std::io::stdout().lock().write_all(&file);
}
