//! `leadsync reprocess`: what came is read once more, by today's rules.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use connector_kit::LeadId;

use super::screen::Progress;
use super::{Exit, Place, house, screen};
use crate::app;
use crate::config::Loaded;
use crate::dedupe;
use crate::normalize::{BodyLimits, check_body};
use crate::settle::{Again, Difference, Reader, Router, again};
use crate::store::sqlite::SqliteStore;
use crate::store::{InboxId, Settled, Settlement, Store};

#[derive(Debug, Args)]
pub(super) struct ReprocessArgs {
    /// Arrivals that could not be understood, and bodies refused at the door that can be read by now
    #[arg(long, required_unless_present_any = ["arrival", "lead", "since", "all"])]
    quarantined: bool,
    /// One arrival that could not be understood, by the number the log gave
    #[arg(long, value_name = "NUMBER", conflicts_with = "quarantined")]
    arrival: Option<i64>,
    /// One lead
    #[arg(long, value_name = "ID", conflicts_with_all = ["since", "all"])]
    lead: Option<LeadId>,
    /// Leads of which something came since then: 2026-11-01T00:00:00Z, or a time ago like 7d
    #[arg(long, value_name = "WHEN", value_parser = when)]
    since: Option<When>,
    /// Every lead, and everything that could not be understood
    #[arg(long)]
    all: bool,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
}

/// A moment, or a time ago.
#[derive(Clone, Copy, Debug)]
enum When {
    At(DateTime<Utc>),
    Ago(TimeDelta),
}

fn when(text: &str) -> Result<When, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(When::At(at.to_utc()));
    }
    let ago = humantime::parse_duration(text)
        .ok()
        .and_then(|ago| TimeDelta::from_std(ago).ok());
    ago.map(When::Ago)
        .ok_or_else(|| "expected a moment like 2026-11-01T00:00:00Z, or a time ago like 7d".to_owned())
}

/// What was done, or would be.
#[derive(Debug, Default)]
struct Tally {
    given_back: u64,
    same: u64,
    changed: Vec<(LeadId, Vec<Difference>)>,
    left: Vec<(LeadId, &'static str)>,
}

/// Reads once more.
pub(super) fn reprocess(place: &Place, args: &ReprocessArgs) -> Result<(), Exit> {
    let loaded = house::config(place)?;
    let rules = Rules::of(&loaded)?;
    let tally = house::ask(place, |store| async move {
        let reading = Reading {
            store: &store,
            rules,
            dry_run: args.dry_run,
        };
        let mut tally = Tally::default();
        reading.quarantined(args, &mut tally).await?;
        reading.leads(args, &mut tally).await?;
        Ok::<_, Exit>(tally)
    })?;
    if !args.dry_run {
        house::nudge(place)?;
    }
    tell(place, args.dry_run, &tally);
    Ok(())
}

/// Today's rules. No secret is needed for them.
struct Rules {
    reader: Reader,
    router: Router,
    dedupe: dedupe::Rules,
    limits: BodyLimits,
}

impl Rules {
    fn of(loaded: &Loaded) -> Result<Self, Exit> {
        let (config, routes) = (&loaded.config, loaded.routes()?);
        Ok(Self {
            reader: app::reader(config),
            router: Arc::new(move |lead| routes.choose(lead)),
            dedupe: dedupe::Rules {
                window: TimeDelta::from_std(config.dedupe.window).unwrap_or(TimeDelta::MAX),
                forward_test_leads: config.forward_test_leads,
                ..dedupe::Rules::default()
            },
            limits: BodyLimits {
                max_keys: config.intake.max_keys,
            },
        })
    }
}

struct Reading<'a> {
    store: &'a SqliteStore,
    rules: Rules,
    dry_run: bool,
}

impl Reading<'_> {
    async fn quarantined(&self, args: &ReprocessArgs, tally: &mut Tally) -> Result<(), Exit> {
        if !(args.quarantined || args.all || args.arrival.is_some()) {
            return Ok(());
        }
        let only = args.arrival.map(InboxId);
        if self.dry_run {
            tally.given_back = self.store.count_quarantined(only).await?;
        } else {
            tally.given_back = self.store.give_back_quarantined(only).await?;
        }
        if only.is_some() {
            if tally.given_back == 0 {
                return Err(Exit::missing(
                    "no arrival of this number waits in quarantine with its bytes",
                ));
            }
            return Ok(());
        }
        self.refused(tally).await
    }

    /// What was refused at the door and can be read by now comes in after all.
    async fn refused(&self, tally: &mut Tally) -> Result<(), Exit> {
        let mut after = 0;
        loop {
            let portion = self.store.refused(after).await?;
            let Some((last, _)) = portion.last() else {
                return Ok(());
            };
            after = *last;
            for (row, arrival) in portion {
                if check_body(&arrival.raw.body, &self.rules.limits).is_err() {
                    continue;
                }
                if self.dry_run || self.store.take_refused(row, arrival).await? {
                    tally.given_back += 1;
                }
            }
        }
    }

    async fn leads(&self, args: &ReprocessArgs, tally: &mut Tally) -> Result<(), Exit> {
        if let Some(id) = args.lead {
            if !self.lead(id, tally).await? {
                return Err(Exit::missing(format!(
                    "there is no lead {id}, or it is forgotten"
                )));
            }
            return Ok(());
        }
        let since = match args.since {
            Some(When::At(at)) => Some(at),
            Some(When::Ago(ago)) => Some(house::now() - ago),
            None if args.all => None,
            None => return Ok(()),
        };
        let mut progress = Progress::new();
        let (mut after, mut done) = (0, 0_u64);
        loop {
            let portion = self.store.leads_since(after, since).await?;
            let Some((last, _)) = portion.last() else { break };
            after = *last;
            for (_, id) in portion {
                self.lead(id, tally).await?;
                done += 1;
            }
            progress.doing(&format!("read {done} leads again"));
        }
        progress.clear();
        Ok(())
    }

    /// One lead. Whoever changes it meanwhile goes first, and then it is read again.
    async fn lead(&self, id: LeadId, tally: &mut Tally) -> Result<bool, Exit> {
        let Rules {
            reader,
            router,
            dedupe,
            ..
        } = &self.rules;
        loop {
            let Some((known, arrivals)) = self.store.origin(id).await? else {
                return Ok(false);
            };
            match again(&known, &arrivals, reader, router, dedupe) {
                Again::Same => tally.same += 1,
                Again::Not(why) => tally.left.push((id, why)),
                Again::Changed(change, differences) => {
                    let settlement = Settlement {
                        leads: vec![*change],
                        arrivals: Vec::new(),
                    };
                    if !self.dry_run && self.store.settle(settlement, house::now()).await? == Settled::Stale {
                        continue;
                    }
                    tally.changed.push((id, differences));
                }
            }
            return Ok(true);
        }
    }
}

fn tell(place: &Place, dry_run: bool, tally: &Tally) {
    if place.json {
        return screen::json(&as_json(dry_run, tally));
    }
    for (id, differences) in &tally.changed {
        screen::line(format_args!("lead {id}"));
        for difference in differences {
            let shown =
                |value: &Option<String>| value.as_deref().map_or_else(|| "nothing".into(), screen::clean);
            screen::line(format_args!(
                "  {}: {} -> {}",
                screen::clean(&difference.path),
                shown(&difference.was),
                shown(&difference.becomes)
            ));
        }
    }
    for (id, why) in &tally.left {
        screen::line(format_args!("lead {id} is left as it is: {why}"));
    }
    let (gave, changed) = if dry_run {
        ("would be read once more", "would change")
    } else {
        (
            "are read once more by the daemon",
            "changed and are delivered again",
        )
    };
    screen::line(format_args!(
        "{} arrivals {gave}; {} leads {changed}, {} are the same",
        tally.given_back,
        tally.changed.len(),
        tally.same
    ));
}

fn as_json(dry_run: bool, tally: &Tally) -> serde_json::Value {
    let changed = tally.changed.iter().map(|(id, differences)| {
        let differences = differences.iter().map(|difference| {
            serde_json::json!({ "path": difference.path, "was": difference.was, "becomes": difference.becomes })
        });
        serde_json::json!({ "lead": id, "differences": differences.collect::<Vec<_>>() })
    });
    let left = tally
        .left
        .iter()
        .map(|(id, why)| serde_json::json!({ "lead": id, "why": why }));
    serde_json::json!({
        "dry_run": dry_run, "given_back": tally.given_back, "same": tally.same,
        "changed": changed.collect::<Vec<_>>(), "left": left.collect::<Vec<_>>(),
    })
}
