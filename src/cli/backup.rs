//! `leadsync backup`: the whole store in one file, while the daemon runs.

use std::path::PathBuf;

use clap::Args;

use super::screen::Progress;
use super::{Exit, Place, house, screen};
use crate::store::sqlite::{self, BackupFacts};

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The file to write; it must not exist
    file: PathBuf,
    /// Write nothing: say whether this backup is whole
    #[arg(long)]
    check: bool,
}

/// Makes a backup, or looks at one.
pub(super) fn backup(place: &Place, args: &BackupArgs) -> Result<(), Exit> {
    let facts = if args.check {
        sqlite::examine(&args.file)?
    } else {
        make(place, args)?
    };
    if place.json {
        screen::json(&as_json(&facts));
        return Ok(());
    }
    let done = if args.check { "whole" } else { "written" };
    screen::line(format_args!(
        "{}: {done}, {} leads from {} arrivals, as of {}, {} KiB",
        args.file.display(),
        facts.leads,
        facts.accepted,
        facts.made_at.format("%Y-%m-%d %H:%M:%S UTC"),
        facts.bytes / 1024,
    ));
    Ok(())
}

fn make(place: &Place, args: &BackupArgs) -> Result<BackupFacts, Exit> {
    let config = house::config(place)?.config;
    let database = config.store_path();
    if !database.exists() {
        return Err(Exit::missing(format!(
            "there is no store at {} yet: start the daemon first",
            database.display()
        )));
    }
    let mut progress = Progress::new();
    let mut tell = |done: u64, all: u64| {
        let percent = done * 100 / all.max(1);
        let filled = usize::try_from(percent / 5).unwrap_or(0);
        progress.doing(&format!("copying  [{:<20}] {percent} %", "#".repeat(filled)));
    };
    let made = sqlite::backup(&database, &config.state_dir, &args.file, house::now(), &mut tell);
    progress.clear();
    Ok(made?)
}

/// What a backup says of itself.
pub(super) fn as_json(facts: &BackupFacts) -> serde_json::Value {
    serde_json::json!({
        "made_at": facts.made_at.to_rfc3339(), "version": facts.version, "schema": facts.schema,
        "accepted": facts.accepted, "leads": facts.leads, "files": facts.files, "bytes": facts.bytes,
    })
}
