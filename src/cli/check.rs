//! `leadsync check`: everything that can be known without starting.

use std::collections::BTreeSet;

use clap::Args;

use connector_kit::{Check, Health, Role};

use super::examine::{Examined, examine};
use super::warnings::warnings;
use super::{Exit, Place, house, screen};
use crate::app::Blueprint;
use crate::config::ConnectorFile;

/// What `check` looks at.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Say nothing when all is well
    #[arg(long)]
    quiet: bool,
    /// Also reach out to every connector: sign in, and look whether what the config names is there
    #[arg(long)]
    probe: bool,
}

/// Builds everything, starts nothing.
pub(super) fn check(place: &Place, args: &CheckArgs) -> Result<(), Exit> {
    let blueprint = Blueprint::draw(house::config(place)?, house::outside()?)?;
    let warnings = warnings(&blueprint);
    let probes = if args.probe {
        house::runtime()?.block_on(examine(&blueprint.connectors))
    } else {
        Vec::new()
    };
    let failed = probes.iter().filter(|probed| !probed.is_well()).count();
    if place.json {
        screen::json(&serde_json::json!({
            "ok": failed == 0,
            "sources": blueprint.sources.len(),
            "connectors": blueprint.connectors.iter().map(|(file, _)| &file.name).collect::<Vec<_>>(),
            "warnings": warnings,
            "probes": probes.iter().map(as_json).collect::<Vec<_>>(),
        }));
    } else if !args.quiet {
        tell(&blueprint, &probes);
    }
    for warning in &warnings {
        screen::complain(&format!("warning: {warning}"));
    }
    if failed == 0 {
        return Ok(());
    }
    Err(Exit::unanswered(format!(
        "{failed} of {} connectors cannot be used; leadsync doctor tells more",
        probes.len()
    )))
}

fn tell(blueprint: &Blueprint, probes: &[Examined]) {
    for source in &blueprint.sources {
        screen::line(format_args!(
            "source       {}  (account {})",
            source.name, source.account
        ));
    }
    for (file, _) in &blueprint.connectors {
        screen::line(format_args!(
            "connector    {}  ({}, {})",
            file.name,
            file.kind,
            roles(file)
        ));
    }
    for probed in probes {
        for sentence in said(probed) {
            screen::line(format_args!(
                "{}: {}",
                probed.name,
                screen::clean_whole(&sentence)
            ));
        }
    }
    screen::line("the config is right");
}

fn roles(file: &ConnectorFile) -> String {
    let word = |role: &Role| match role {
        Role::Source => "source",
        Role::Destination => "destination",
        Role::OutcomeSource => "outcome source",
        Role::OutcomeSink => "outcome sink",
        Role::Alerts => "alerts",
    };
    let roles: BTreeSet<&Role> = file.roles.iter().collect();
    roles.into_iter().map(word).collect::<Vec<_>>().join(" and ")
}

/// The first illness, or everything that was found.
fn said(probed: &Examined) -> Vec<String> {
    let ill = probed.checks.iter().find(|check| check.health == Health::Ill);
    if let Some(ill) = ill {
        return vec![sentence(ill)];
    }
    let seen = probed
        .checks
        .iter()
        .filter(|check| check.health != Health::Unknown);
    seen.map(sentence).collect()
}

/// A probe looks at one thing, which needs no name.
fn sentence(check: &Check) -> String {
    let whole = check.to_string();
    whole.strip_prefix("probe: ").map(str::to_owned).unwrap_or(whole)
}

fn as_json(probed: &Examined) -> serde_json::Value {
    let said = said(probed);
    if probed.is_well() {
        serde_json::json!({ "connector": probed.name, "ok": true, "findings": said })
    } else {
        serde_json::json!({ "connector": probed.name, "ok": false, "error": said.join("; ") })
    }
}
