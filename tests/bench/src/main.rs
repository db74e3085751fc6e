//! Measures leadsync, beside the limits of the machine it runs on, in one run.

mod accept;
mod book;
mod circuit;
mod cli;
mod clock;
mod course;
mod drain;
mod e2e;
mod grow;
mod lead;
mod limits;
mod loader;
mod lone;
mod measurement;
mod numbers;
mod peer;
mod print;
mod process;
mod reload;
mod report;
mod restart;
mod serve;
mod sink;
mod subject;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};

fn main() -> anyhow::Result<ExitCode> {
    let Cli { common, command } = Cli::parse();
    match command {
        Command::Limits(args) => limits::run(&args, &common)?,
        Command::Accept(args) => accept::run(&args, &common)?,
        Command::E2e(args) => e2e::run(&args, &common)?,
        Command::Lone(args) => lone::run(&args, &common)?,
        Command::Loop(args) => circuit::run(&args, &common)?,
        Command::Drain(args) => drain::run(&args, &common)?,
        Command::Grow(args) => grow::run(&args, &common)?,
        Command::Reload(args) => reload::run(&args, &common)?,
        Command::Restart(args) => restart::run(&args, &common)?,
        Command::Peer(args) => peer::run(&args, &common)?,
        Command::Report(args) => return report::run(&args, &common),
        Command::Serve(args) => serve::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}
