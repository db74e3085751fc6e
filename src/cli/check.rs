//! `leadsync check`: everything that can be known without starting.

use clap::Args;

use super::{Exit, Place, house, screen};
use crate::app::Blueprint;

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
        house::runtime()?.block_on(probe(&blueprint))
    } else {
        Vec::new()
    };
    let failed: Vec<&(String, Result<Vec<String>, String>)> =
        probes.iter().filter(|(_, found)| found.is_err()).collect();
    if place.json {
        screen::json(&serde_json::json!({
            "ok": failed.is_empty(),
            "sources": blueprint.sources.len(),
            "connectors": blueprint.connectors.iter().map(|(file, _)| &file.name).collect::<Vec<_>>(),
            "warnings": warnings,
            "probes": probes.iter().map(|(name, found)| match found {
                Ok(findings) => serde_json::json!({ "connector": name, "ok": true, "findings": findings }),
                Err(error) => serde_json::json!({ "connector": name, "ok": false, "error": error }),
            }).collect::<Vec<_>>(),
        }));
    } else if !args.quiet {
        tell(&blueprint, &probes);
    }
    for warning in &warnings {
        screen::complain(&format!("warning: {warning}"));
    }
    match failed.as_slice() {
        [] => Ok(()),
        many => Err(Exit::unanswered(format!(
            "{} of {} connectors cannot be used",
            many.len(),
            probes.len()
        ))),
    }
}

fn tell(blueprint: &Blueprint, probes: &[(String, Result<Vec<String>, String>)]) {
    for source in &blueprint.sources {
        screen::line(format_args!(
            "source       {}  (account {})",
            source.name, source.account
        ));
    }
    for (file, connector) in &blueprint.connectors {
        let roles = [
            (connector.source.is_some(), "source"),
            (connector.destination.is_some(), "destination"),
        ];
        let roles: Vec<_> = roles
            .iter()
            .filter(|(plays, _)| *plays)
            .map(|(_, role)| *role)
            .collect();
        screen::line(format_args!(
            "connector    {}  ({}, {})",
            file.name,
            file.kind,
            roles.join(" and ")
        ));
    }
    for (name, found) in probes {
        match found {
            Ok(findings) => findings.iter().for_each(|finding| {
                screen::line(format_args!("{name}: {}", screen::clean(finding)));
            }),
            Err(error) => screen::line(format_args!("{name}: {}", screen::clean(error))),
        }
    }
    screen::line("the config is right");
}

/// What is allowed but probably not meant.
fn warnings(blueprint: &Blueprint) -> Vec<String> {
    let mut warnings = Vec::new();
    if blueprint.destinations().is_empty() {
        warnings.push("no destination is configured: every lead will be kept and go nowhere".to_owned());
    }
    let polled = blueprint
        .connectors
        .iter()
        .any(|(_, connector)| connector.source.is_some());
    if blueprint.sources.is_empty() && !polled {
        warnings.push("no source is configured: no lead can come in".to_owned());
    }
    warnings
}

async fn probe(blueprint: &Blueprint) -> Vec<(String, Result<Vec<String>, String>)> {
    let mut found = Vec::new();
    for (file, connector) in &blueprint.connectors {
        if let Some(probe) = &connector.probe {
            let answer = probe.probe().await;
            let answer = answer
                .map(|report| report.findings)
                .map_err(|error| match error.hint_text() {
                    Some(hint) => format!("{error}; {hint}"),
                    None => error.to_string(),
                });
            found.push((file.name.clone(), answer));
        }
    }
    found
}
