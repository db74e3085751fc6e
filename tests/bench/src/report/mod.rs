//! `report`: measures what the goals name, in interleaved rounds, and judges it.

mod goals;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use serde_json::Value;

use crate::cli::{Cli, Command, Common};
use crate::measurement::{Collected, Measurement};
use crate::print::Printer;
use crate::{accept, circuit, drain, e2e, grow, lone};
use goals::Goals;
use verdict::{Judged, Verdict, judge};

/// `report`
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// The bars.
    #[arg(long, default_value = "tests/bench/goals.toml")]
    gate: PathBuf,
    /// How often everything is measured, in turn; fewer than 3 rounds prove nothing.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Judge the lines of an earlier run with --json in place of measuring.
    #[arg(long)]
    from: Option<PathBuf>,
}

/// Measures, judges, shows; the exit code is the worst verdict.
pub(crate) fn run(args: &ReportArgs, common: &Common) -> anyhow::Result<ExitCode> {
    let goals = Goals::read(&args.gate)?;
    let printer = Printer::new(common.json);
    let measured = match &args.from {
        Some(path) => earlier(path)?,
        None => measure_all(&goals, args.rounds, common, printer)?,
    };
    let judged: Vec<Judged> = goals.bars.iter().map(|bar| judge(bar, &measured)).collect();
    let lines: Vec<(Value, String)> = judged.iter().map(|one| (one.to_json(), one.to_text())).collect();
    printer.lines(&lines)?;
    let worst = judged
        .iter()
        .map(|one| one.verdict)
        .max()
        .unwrap_or(Verdict::Pass);
    Ok(ExitCode::from(worst.exit_code()))
}

/// The measurements of an earlier run, one JSON object a line.
fn earlier(path: &Path) -> anyhow::Result<Vec<Value>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            serde_json::from_str(line).with_context(|| format!("{} is not JSON lines", path.display()))
        })
        .collect()
}

/// Each round runs every measurement once, so that a slow minute of the machine hits all of them.
fn measure_all(
    goals: &Goals,
    rounds: usize,
    common: &Common,
    printer: Printer,
) -> anyhow::Result<Vec<Value>> {
    let mut collected = Collected::default();
    for round in 0..rounds {
        for line in &goals.measure {
            printer.progress(&format!("round {} of {rounds}: {}", round + 1, line.join(" ")));
            for measured in measure_one(line, round, common, printer)? {
                collected.merge(measured);
            }
        }
    }
    let objects: Vec<Value> = collected.0.iter().map(Measurement::to_json).collect();
    if !collected.0.is_empty() {
        printer.results("Measured", &collected.0)?;
    }
    Ok(objects)
}

fn measure_one(
    line: &[String],
    round: usize,
    common: &Common,
    printer: Printer,
) -> anyhow::Result<Vec<Measurement>> {
    let words = std::iter::once("leadsync-bench").chain(line.iter().map(String::as_str));
    let parsed = Cli::try_parse_from(words).context("a line of `measure` is not a command of the bench")?;
    match parsed.command {
        Command::Accept(mut args) => {
            args.rounds = 1;
            let first = round % args.subjects.len().max(1);
            args.subjects.rotate_left(first);
            accept::measure(&args, common, printer)
        }
        Command::E2e(mut args) => {
            args.rounds = 1;
            e2e::measure(&args, common, printer)
        }
        Command::Lone(mut args) => {
            args.rounds = 1;
            lone::measure(&args, common, printer)
        }
        Command::Loop(mut args) => {
            args.rounds = 1;
            circuit::measure(&args, common, printer)
        }
        Command::Drain(mut args) => {
            args.rounds = 1;
            drain::measure(&args, common, printer)
        }
        Command::Grow(mut args) => {
            args.rounds = 1;
            grow::measure(&args, common, printer)
        }
        _ => bail!(
            "`measure` knows accept, e2e, lone, loop, drain and grow, not {}",
            line.join(" ")
        ),
    }
}
