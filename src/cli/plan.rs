//! `leadsync plan`: what an edited config would write otherwise than the one in force. Sends nothing.

mod show;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use connector_kit::nearest::did_you_mean;
use connector_kit::secret::SecretReader;
use connector_kit::{DestinationName, LeadId};

use super::{Exit, Place, house, screen};
use crate::app::Outside;
use crate::compare::plan::{DestinationPlan, compare};
use crate::compare::{Sealed, Side};
use crate::config::{Config, Loaded};
use crate::store::{LeadFilter, Store, SurveyAsk, SurveyOf, Surveyed};

/// Which leads, and against what.
#[derive(Debug, Args)]
#[command(after_help = "\
Leads of the store are written once by the config on disk and once by the one the daemon runs with, and what
differs is told. Each is written as if it came now for the first time. Nothing is sent, nobody is asked, and
the store is not changed: what only the other side knows, such as the id of a currency, is told as what would
be looked up. Values are shown: they are about people.
Ends with
  0   told, and no lead would newly become a dead letter
  4   a lead would become a dead letter that does not with the config it is compared with
  66  there is no such destination, lead or store")]
pub(super) struct PlanArgs {
    /// Destinations by name; all when none is given
    #[arg(value_name = "DESTINATION")]
    destinations: Vec<String>,
    /// How many of the newest leads
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    last: u16,
    /// These leads instead
    #[arg(long, value_name = "ID", conflicts_with = "last", num_args = 1..)]
    lead: Vec<LeadId>,
    /// Compare with the config of this directory instead of the one in force
    #[arg(long, value_name = "DIR")]
    against: Option<PathBuf>,
    /// Show every lead that changes, field by field
    #[arg(long, short)]
    verbose: bool,
}

/// What the config on disk is held against.
struct Against {
    side: Option<Side>,
    words: String,
}

/// Tells what would be written otherwise.
pub(super) fn plan(place: &Place, args: &PlanArgs) -> Result<(), Exit> {
    let loaded = house::config(place)?;
    let wanted: Vec<DestinationName> = args.destinations.iter().map(DestinationName::new).collect();
    let outside = house::outside()?;
    // Both sides read their secrets where this config does: none lie beside a config that is kept.
    let outside = Outside {
        transports: Arc::new(Sealed),
        secrets: loaded.with_credentials_beside(&outside.secrets),
        ..outside
    };
    let after = Side::build(&loaded, &outside, &wanted)?;
    let against = against(args, &loaded, &outside, &wanted)?;
    let names = names(&after, against.side.as_ref(), &wanted)?;
    let plans = house::ask(place, |store| async move {
        let ids = ids(&store, args).await?;
        let mut plans = Vec::new();
        for name in names {
            let leads = survey(&store, &name, &ids).await?;
            if leads.is_empty() && !args.lead.is_empty() {
                return Err(Exit::missing("none of these leads is in the store"));
            }
            let plan = compare(against.side.as_ref(), &after, &name, &leads);
            plans.push((name, plan));
        }
        Ok((plans, against.words))
    });
    let (plans, words) = plans?;
    if place.json {
        screen::json(&show::as_json(&words, &plans));
    } else {
        show::print(&words, &plans, args.verbose);
    }
    verdict(&plans)
}

fn verdict(plans: &[(DestinationName, DestinationPlan)]) -> Result<(), Exit> {
    let failing: Vec<&str> = plans
        .iter()
        .filter(|(_, plan)| plan.fails())
        .map(|(name, _)| name.as_str())
        .collect();
    if failing.is_empty() {
        return Ok(());
    }
    let at = failing.join(", ");
    Err(Exit::unfinished(format!(
        "leads would become dead letters at {at}"
    )))
}

/// The config to compare with: the one named, else the one in force, else none.
fn against(
    args: &PlanArgs,
    loaded: &Loaded,
    outside: &Outside,
    wanted: &[DestinationName],
) -> Result<Against, Exit> {
    let (before, words) = match &args.against {
        Some(directory) => {
            let before = Config::load(directory, &SecretReader::from_environment().env)?;
            (Some(before), format!("the config in {}", directory.display()))
        }
        None => match Config::load_applied(&loaded.config.state_dir)? {
            Some(before) => (Some(before), "the config in force".to_owned()),
            None => (None, String::new()),
        },
    };
    let side = match before {
        Some(before) => Some(Side::build(&before, outside, wanted)?),
        None => None,
    };
    Ok(Against { side, words })
}

/// The destinations of either config, or those that were asked for.
fn names(
    after: &Side,
    before: Option<&Side>,
    wanted: &[DestinationName],
) -> Result<Vec<DestinationName>, Exit> {
    let both = before.into_iter().chain([after]);
    let mut known: Vec<DestinationName> = both
        .flat_map(|side| side.destinations().map(|(name, _)| name.clone()))
        .collect();
    known.sort();
    known.dedup();
    for name in wanted {
        if !known.contains(name) {
            let all: Vec<&str> = known.iter().map(DestinationName::as_str).collect();
            let guess = did_you_mean(name.as_str(), all.iter().copied());
            let text = format!("no destination is named {:?}{guess}", name.as_str());
            return Err(Exit::missing(text));
        }
    }
    Ok(known)
}

async fn ids(store: &impl Store, args: &PlanArgs) -> Result<Vec<LeadId>, Exit> {
    if !args.lead.is_empty() {
        return Ok(args.lead.clone());
    }
    let filter = LeadFilter {
        limit: usize::from(args.last),
        fate: None,
    };
    let rows = store.leads(filter).await?;
    Ok(rows.into_iter().map(|row| row.lead.id).collect())
}

async fn survey(
    store: &impl Store,
    destination: &DestinationName,
    ids: &[LeadId],
) -> Result<Vec<Surveyed>, Exit> {
    let ask = SurveyAsk {
        destination: destination.clone(),
        which: SurveyOf::These(ids.to_vec()),
        after: None,
        limit: 0,
    };
    Ok(store.survey(ask).await?)
}
