//! `leadsync doctor`: what is in a lead's way, and what to do about it.

use clap::Args;
use connector_kit::{Check, Health};

use super::examine::{Examined, examine};
use super::{Exit, Place, house, screen};

/// Whom to look at.
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is changed, and neither the daemon nor its store is needed. One line per thing looked at:
  ok       as it should be
  warning  works, but not as it should
  failed   leads will not get through
  skipped  could not be looked at
Ends with 0 when nothing failed, with 69 when a connector cannot be used.")]
pub(super) struct DoctorArgs {
    /// Connectors by name, as their files in connectors.d are called; all when none is given
    #[arg(value_name = "CONNECTOR")]
    connectors: Vec<String>,
}

/// Looks at the connectors and tells what was found.
pub(super) fn doctor(place: &Place, args: &DoctorArgs) -> Result<(), Exit> {
    let connectors = house::connectors(place, &args.connectors)?;
    let mut progress = screen::Progress::new();
    if !place.json {
        progress.doing("looking ...");
    }
    let all = house::runtime()?.block_on(examine(&connectors));
    progress.clear();
    let ill: Vec<&str> = all
        .iter()
        .filter(|one| !one.is_well())
        .map(|one| one.name.as_str())
        .collect();
    if place.json {
        screen::json(&serde_json::json!({
            "ok": ill.is_empty(),
            "connectors": all.iter().map(as_json).collect::<Vec<_>>(),
        }));
    } else {
        all.iter().for_each(print);
        if ill.is_empty() {
            screen::line(summary(&all));
        }
    }
    match ill.as_slice() {
        [] => Ok(()),
        [one] => Err(Exit::unanswered(format!("{one} cannot be used"))),
        many => Err(Exit::unanswered(format!("{} cannot be used", many.join(", ")))),
    }
}

fn print(examined: &Examined) {
    screen::line(format_args!("{}  ({})", examined.name, examined.kind));
    let width = examined.checks.iter().map(|check| check.name.len()).max();
    let width = width.unwrap_or_default();
    for check in &examined.checks {
        let found = screen::clean_whole(&check.found);
        screen::line(format_args!(
            "  {:<7}  {:<width$}  {found}",
            check.health.as_str(),
            check.name,
        ));
        if !check.remedy.is_empty() {
            let remedy = screen::clean_whole(&check.remedy);
            screen::line(format_args!("  {:<7}  {:<width$}  -> {remedy}", "", ""));
        }
    }
    screen::line("");
}

fn summary(all: &[Examined]) -> String {
    let warnings: usize = all.iter().map(|one| one.count(Health::Ailing)).sum();
    match (all.len(), warnings) {
        (0, _) => "there is no connector in the config".to_owned(),
        (_, 0) => "all is well".to_owned(),
        (_, 1) => "leads get through; see the warning".to_owned(),
        (_, many) => format!("leads get through; see the {many} warnings"),
    }
}

fn as_json(examined: &Examined) -> serde_json::Value {
    let check = |check: &Check| {
        serde_json::json!({
            "check": check.name, "state": check.health.as_str(), "found": check.found, "remedy": check.remedy,
        })
    };
    serde_json::json!({
        "name": examined.name, "kind": examined.kind, "ok": examined.is_well(),
        "checks": examined.checks.iter().map(check).collect::<Vec<_>>(),
    })
}
