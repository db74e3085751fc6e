//! `leadsync audit`: the ledger against what the other systems hold, every difference named.

mod show;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use connector_kit::nearest::did_you_mean;
use connector_kit::{DestinationName, Role, SourceName};

use super::when::{self, When};
use super::{Exit, Place, house, screen};
use crate::app::{self, Counted};
use crate::compare::audit::{self, Audited, Caller};
use crate::config::{DedupeBy, Loaded};
use crate::store::{Store, StoreError};

/// Since when, and whom to ask.
#[derive(Debug, Args)]
#[command(after_help = "\
Every destination is asked for the leads the ledger says it got since then, and for everything it holds with a
key of ours; every source is asked for what it lists. Nothing is changed. The calls go at the connector's rate
and count towards its budget. What differs is named, one line each:
  missing, deleted, merged   delivered, and not there as it should be
  older                      there in an older revision
  doubled                    there twice
  stranger                   there with a key the ledger does not know
  unheard                    the source lists it, the inbox does not have it
Ends with
  0   both sides are equal
  4   they differ
  66  there is no such connector
  69  somebody did not answer, so not everything was counted; or nothing could be counted")]
pub(super) struct AuditArgs {
    /// From when on: 7d, 2026-11-01, or 2026-11-01T08:30:00Z
    #[arg(long, value_name = "WHEN", value_parser = when::parse)]
    since: When,
    /// Connectors and sources by name; all when none is given
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// One system in one role, and what was found there; nothing where it cannot be counted.
struct Line {
    name: String,
    role: &'static str,
    found: Result<Audited, String>,
}

/// Counts, and tells.
pub(super) fn audit(place: &Place, args: &AuditArgs) -> Result<(), Exit> {
    let loaded = house::config(place)?;
    check_names(&loaded, &args.names)?;
    let since = args.since.seen_from(house::now());
    let wanted = |name: &str| args.names.is_empty() || args.names.iter().any(|one| one == name);
    let counted = app::counted(&loaded, &house::outside()?, wanted)?;
    let posted: Vec<SourceName> = loaded
        .config
        .sources
        .keys()
        .filter(|name| wanted(name))
        .map(SourceName::new)
        .collect();
    let one_per_person = joins_by_person(&loaded);
    let quiet = place.json;
    let lines = house::ask(place, |store| async move {
        let mut progress = screen::Progress::new();
        let mut lines = Vec::new();
        for one in counted {
            if !quiet {
                progress.doing(&format!("counting {} ...", one.file.name));
            }
            lines.extend(count(&store, &one, since, one_per_person).await?);
        }
        for name in posted {
            lines.push(posts(&store, name, since).await?);
        }
        progress.clear();
        Ok(lines)
    })?;
    if place.json {
        screen::json(&show::as_json(since, &lines));
    } else {
        show::print(since, &lines);
    }
    verdict(&lines)
}

fn check_names(loaded: &Loaded, names: &[String]) -> Result<(), Exit> {
    let connectors = loaded.connectors.iter().map(|file| file.name.as_str());
    let known: Vec<&str> = connectors
        .chain(loaded.config.sources.keys().map(String::as_str))
        .collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let guess = did_you_mean(name, known.iter().copied());
            let text = format!(
                "nothing is named {name:?}{guess}; in the config: {}",
                known.join(", ")
            );
            Err(Exit::missing(text))
        }
    }
}

/// Whether two records with one address are one too many: not where leads are joined by more than the
/// person, nor where several publishers share a destination.
fn joins_by_person(loaded: &Loaded) -> bool {
    let connectors = loaded.connectors.iter().map(|file| file.account.as_str());
    let mut accounts: Vec<&str> = connectors
        .chain(
            loaded
                .config
                .sources
                .values()
                .map(|source| source.account.as_str()),
        )
        .collect();
    accounts.sort_unstable();
    accounts.dedup();
    accounts.len() <= 1 && loaded.config.dedupe.by == DedupeBy::Person
}

/// One connector in each of its roles.
async fn count(
    store: &dyn Store,
    one: &Counted,
    since: DateTime<Utc>,
    one_per_person: bool,
) -> Result<Vec<Line>, StoreError> {
    let Counted {
        file,
        connector,
        purse,
        clock,
    } = one;
    let caller = Caller {
        store,
        purse: std::sync::Arc::clone(purse),
        clock: std::sync::Arc::clone(clock),
    };
    let line = |role, found| Line {
        name: file.name.clone(),
        role,
        found,
    };
    let mut lines = Vec::new();
    if let Some(source) = connector
        .source
        .as_ref()
        .filter(|_| file.roles.contains(&Role::Source))
    {
        let name = SourceName::new(&file.name);
        // Twice: the poll before this one may just have missed it.
        let grace = TimeDelta::from_std(file.poll_every * 2).unwrap_or(TimeDelta::hours(1));
        let found = audit::source(&caller, source.as_ref(), &name, since, grace).await?;
        lines.push(line("source", Ok(found)));
    }
    if file.roles.contains(&Role::Destination) {
        let name = DestinationName::new(&file.name);
        let found = match &connector.census {
            None => Err(format!(
                "a destination of kind {} cannot be asked what it holds",
                file.kind
            )),
            Some(census) => {
                Ok(audit::destination(&caller, census.as_ref(), &name, since, one_per_person).await?)
            }
        };
        lines.push(line("destination", found));
    }
    Ok(lines)
}

/// What Microsoft posted is in no list one could ask for.
async fn posts(store: &dyn Store, name: SourceName, since: DateTime<Utc>) -> Result<Line, StoreError> {
    let arrived = store.arrived_since(&name, since).await?;
    Ok(Line {
        name: name.to_string(),
        role: "source",
        found: Err(format!(
            "Microsoft keeps no list of the leads it posts; the inbox has {arrived} since then"
        )),
    })
}

fn verdict(lines: &[Line]) -> Result<(), Exit> {
    let audited = || {
        lines
            .iter()
            .filter_map(|line| Some((line, line.found.as_ref().ok()?)))
    };
    let unanswered: Vec<&str> = audited()
        .filter(|(_, found)| found.unanswered.is_some())
        .map(|(line, _)| line.name.as_str())
        .collect();
    if !unanswered.is_empty() {
        let text = format!("not everything was counted: see {}", unanswered.join(", "));
        return Err(Exit::unanswered(text));
    }
    if audited().next().is_none() {
        return Err(Exit::unanswered(
            "nothing was counted: none of these can be asked what it holds",
        ));
    }
    match audited().map(|(_, found)| found.tally.differences()).sum::<u64>() {
        0 => Ok(()),
        1 => Err(Exit::unfinished("1 difference")),
        many => Err(Exit::unfinished(format!("{many} differences"))),
    }
}
