//! `leadsync restore`: a backup takes the place of the store.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::{Exit, Place, backup, house, screen};
use crate::app;
use crate::erase::ByList;
use crate::store::Seeker;
use crate::store::sqlite::{self, Restored};

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// A file `leadsync backup` wrote
    file: PathBuf,
}

/// Puts a backup back.
pub(super) fn restore(place: &Place, args: &RestoreArgs) -> Result<(), Exit> {
    let config = house::config(place)?.config;
    if !args.file.exists() {
        return Err(Exit::missing(format!("there is no file {}", args.file.display())));
    }
    let reader = app::reader(&config);
    let seeker_of = |is_listed| -> Arc<dyn Seeker> {
        Arc::new(ByList {
            is_listed,
            reader: Arc::clone(&reader),
        })
    };
    let database = config.store_path();
    let restoring = sqlite::restore(&database, &config.state_dir, &args.file, &seeker_of, house::now());
    let restored = house::runtime()?.block_on(restoring)?;
    if place.json {
        screen::json(&as_json(&restored));
    } else {
        tell(&restored);
    }
    if !restored.forgotten.is_swept {
        return Err(Exit::unfinished(
            "who was forgotten since is erased again, but the log of the database could not be emptied: run the same command again",
        ));
    }
    if restored.forgotten.waiting > 0 {
        return Err(Exit::unfinished(format!(
            "{} arrivals of others mention somebody who was forgotten since and wait to be understood: start the daemon, and once they are, run `leadsync forget` again for whoever was forgotten after {}",
            restored.forgotten.waiting,
            restored.facts.made_at.format("%Y-%m-%d %H:%M:%S UTC"),
        )));
    }
    Ok(())
}

fn tell(restored: &Restored) {
    let facts = &restored.facts;
    screen::line(format_args!(
        "restored: {} leads from {} arrivals, as of {}",
        facts.leads,
        facts.accepted,
        facts.made_at.format("%Y-%m-%d %H:%M:%S UTC"),
    ));
    let gone = restored.forgotten.leads.len();
    if gone > 0 {
        screen::line(format_args!(
            "  {gone} leads of persons who were forgotten since are erased again"
        ));
    }
    if restored.files > 0 {
        screen::line(format_args!(
            "  {} files of connectors were put back",
            restored.files
        ));
    }
    if let Some(replaced) = &restored.replaced {
        screen::line(format_args!(
            "  the store that stood here is in {}; remove it when you need it no longer",
            replaced.display()
        ));
    }
    screen::line(
        "start the daemon now: it asks its sources again from where the backup left off, and what it",
    );
    screen::line(
        "delivers a second time is written under the same key. Leads that were posted since are not in it.",
    );
}

fn as_json(restored: &Restored) -> serde_json::Value {
    serde_json::json!({
        "backup": backup::as_json(&restored.facts), "replaced": restored.replaced, "files": restored.files,
        "forgotten_again": restored.forgotten.leads.len(), "waiting": restored.forgotten.waiting,
    })
}
