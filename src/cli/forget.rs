//! `leadsync forget`: everything kept of a person goes, and what only the operator can erase is named.

use std::io::{BufRead, IsTerminal, Write};
use std::sync::Arc;

use clap::Args;
use connector_kit::LeadId;
use connector_kit::dice::Dice;
use connector_kit::ids::AccountName;
use connector_kit::nearest::did_you_mean;

use super::tables::Table;
use super::{Exit, Place, house, screen};
use crate::app;
use crate::config::Loaded;
use crate::erase::ByAddress;
use crate::settle::Reader;
use crate::store::{Erasure, ForgetOrder, Held, Seeker, Store, Traces};

#[derive(Clone, Debug, Args)]
pub(super) struct ForgetArgs {
    /// The person's e-mail address, in any spelling; - reads it from standard input, where neither the shell's
    /// history nor the log of sudo keeps it
    #[arg(required_unless_present_any = ["lead", "history"], conflicts_with = "history")]
    email: Option<String>,
    /// The id of a lead that is theirs; with its address, all else of the person goes, too
    #[arg(long, conflicts_with_all = ["email", "history"])]
    lead: Option<LeadId>,
    /// Only what is kept for this publisher
    #[arg(long)]
    account: Option<String>,
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// When how much was forgotten; nobody is named
    #[arg(long)]
    history: bool,
}

/// Forgets somebody.
pub(super) fn forget(place: &Place, args: &ForgetArgs) -> Result<(), Exit> {
    if args.history {
        return history(place);
    }
    let args = &with_address(args)?;
    if args.dry_run {
        tell(place, &carry_out(place, args, true)?, true);
        return Ok(());
    }
    if !args.yes && !agreed(place, args)? {
        return Err(Exit::failed("nothing was forgotten"));
    }
    let gone = carry_out(place, args, false)?;
    house::nudge(place)?;
    tell(place, &gone, false);
    if !gone.is_swept {
        return Err(Exit::unfinished(
            "all is erased, but the log of the database could not be emptied while others use it: run the same command again",
        ));
    }
    let aside = set_aside(place)?;
    if !aside.is_empty() {
        return Err(Exit::unfinished(format!(
            "stores that a restore set aside, or a restore or backup that was cut off left behind, are not searched and may hold this person; remove them: {}",
            aside.join(", ")
        )));
    }
    if gone.waiting > 0 {
        return Err(Exit::unfinished(format!(
            "{} arrivals of others mention the address and wait to be understood: run the same command again in a minute",
            gone.waiting
        )));
    }
    Ok(())
}

/// The same with the address that was meant by `-`.
fn with_address(args: &ForgetArgs) -> Result<ForgetArgs, Exit> {
    let mut args = args.clone();
    if args.email.as_deref() == Some("-") {
        let mut typed = String::new();
        std::io::stdin().lock().read_line(&mut typed)?;
        args.email = Some(typed.trim().to_owned());
    }
    Ok(args)
}

/// Stores that stood here before a restore, and copies of the store that nobody finished.
fn set_aside(place: &Place) -> Result<Vec<String>, Exit> {
    let database = house::config(place)?.config.store_path();
    let Some(directory) = database.parent() else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let is_copy =
            |name: &str| name.starts_with(".leadsync-restore-") || name.starts_with(".leadsync-backup-");
        if name.is_some_and(|name| is_copy(&name) || (name.starts_with("replaced-") && path.is_dir())) {
            found.push(path.display().to_string());
        }
    }
    found.sort();
    Ok(found)
}

fn carry_out(place: &Place, args: &ForgetArgs, dry_run: bool) -> Result<Traces, Exit> {
    let loaded = house::config(place)?;
    let mut new_key = [0; 32];
    Dice::from_system()
        .map_err(|error| Exit::failed(format!("no randomness: {error}")))?
        .fill(&mut new_key);
    let (email, lead) = (args.email.clone(), args.lead);
    let account = args.account.as_ref().map(AccountName::new);
    let accounts = accounts(&loaded, account.as_ref())?;
    let now = house::now();
    house::ask(place, |store| async move {
        let address = match (email, lead) {
            (Some(email), _) => Some(email),
            (None, Some(id)) => address_of(&store, id).await?,
            (None, None) => None,
        };
        let order = ForgetOrder {
            seeker: address
                .map(|text| seeker(&text, accounts, app::reader(&loaded.config)))
                .transpose()?,
            leads: lead.into_iter().collect(),
            account,
            new_key,
            dry_run,
        };
        Ok(store.forget(order, now).await?)
    })
}

async fn address_of(store: &impl Store, id: LeadId) -> Result<Option<String>, Exit> {
    let found = store.lead(id).await?;
    let found = found.ok_or_else(|| Exit::missing(format!("there is no lead {id}")))?;
    let email = found.row.lead.person.email;
    Ok(email.filter(|said| said.normal).map(|said| said.value))
}

/// The publisher that was named, or all of them.
fn accounts(loaded: &Loaded, named: Option<&AccountName>) -> Result<Vec<AccountName>, Exit> {
    let connectors = loaded.connectors.iter().map(|file| &file.account);
    let sources = loaded.config.sources.values().map(|source| &source.account);
    let mut known: Vec<AccountName> = connectors.chain(sources).map(AccountName::new).collect();
    known.sort_unstable();
    known.dedup();
    let Some(named) = named else { return Ok(known) };
    if known.contains(named) {
        return Ok(vec![named.clone()]);
    }
    let all: Vec<&str> = known.iter().map(AccountName::as_str).collect();
    let guess = did_you_mean(named.as_str(), all.iter().copied());
    let all = all.join(", ");
    Err(Exit::missing(format!(
        "no publisher is named {:?}{guess}; in the config: {all}",
        named.as_str()
    )))
}

fn seeker(text: &str, accounts: Vec<AccountName>, reader: Reader) -> Result<Arc<dyn Seeker>, Exit> {
    match ByAddress::new(text, accounts, reader) {
        Some(seeker) => Ok(Arc::new(seeker)),
        None => Err(Exit::usage("this is not one e-mail address")),
    }
}

/// Asks a person; who is none has to say so beforehand.
fn agreed(place: &Place, args: &ForgetArgs) -> Result<bool, Exit> {
    if !std::io::stdin().is_terminal() || place.json {
        return Err(Exit::usage(
            "nobody is there to ask: add --yes, or look first with --dry-run",
        ));
    }
    tell(place, &carry_out(place, args, true)?, true);
    let mut asking = std::io::stderr().lock();
    write!(asking, "This cannot be undone. Forget this person? [y/N] ")?;
    asking.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn tell(place: &Place, traces: &Traces, only_found: bool) {
    if place.json {
        screen::json(&as_json(traces, only_found));
        return;
    }
    if traces.is_empty() {
        screen::line("nothing is kept of this person");
        return;
    }
    screen::line(if only_found { "found" } else { "forgotten" });
    for (what, count) in [
        ("leads", traces.leads.len() as u64),
        ("bodies of arrivals", traces.arrivals),
        ("refused bodies", traces.refused),
        ("failed attempts", traces.attempts),
        ("words of CRMs about them", traces.outcomes),
        ("events", traces.events),
        ("mentions in texts about others", traces.mentions),
        ("mentions in arrivals of others that wait", traces.waiting),
    ] {
        if count > 0 {
            screen::line(format_args!("  {count:>6}  {what}"));
        }
    }
    tell_elsewhere(traces, only_found);
    tell_mentioned_by(traces);
}

/// Others mentioned them, and so may the records of these others.
fn tell_mentioned_by(traces: &Traces) {
    let held: Vec<_> = (traces.mentioned_by.iter())
        .filter(|(_, destinations)| !destinations.is_empty())
        .collect();
    if held.is_empty() {
        return;
    }
    screen::line("");
    screen::line(
        "leads of others that mention them; where a record shows the text, deliver it again without:",
    );
    for (lead, destinations) in held {
        for name in destinations {
            screen::line(format_args!("  leadsync resync {name} --lead {lead}"));
        }
    }
}

/// What stands in other systems is the operator's to erase.
fn tell_elsewhere(traces: &Traces, only_found: bool) {
    let mut table = Table::new(&["SYSTEM", "WHAT", "KEY", "HAS IT"]);
    let mut rows = 0;
    for lead in &traces.leads {
        for copy in lead.copies.iter().filter(|copy| copy.held != Held::No) {
            let record = copy.record.as_ref().map(|record| screen::clean(&record.0));
            table.row(vec![
                copy.destination.to_string(),
                record.unwrap_or_else(|| "record".into()),
                lead.id.to_string(),
                copy.held.as_str().to_owned(),
            ]);
            rows += 1;
        }
        for (source, referral) in &lead.referrals {
            table.row(vec![
                source.to_string(),
                "referral".into(),
                referral.to_string(),
                "yes".into(),
            ]);
            rows += 1;
        }
    }
    if rows == 0 {
        return;
    }
    screen::line("");
    screen::line(if only_found {
        "also held by these systems, where you have to erase it yourself:"
    } else {
        "still there; erase it in these systems yourself. These ids are shown once and not kept:"
    });
    table.print();
}

fn as_json(traces: &Traces, only_found: bool) -> serde_json::Value {
    let leads = traces.leads.iter().map(|lead| {
        let copies = lead.copies.iter().map(|copy| {
            serde_json::json!({ "destination": copy.destination, "record": copy.record, "held": copy.held.as_str() })
        });
        let referrals = lead.referrals.iter().map(|(source, id)| {
            serde_json::json!({ "source": source, "id": id })
        });
        serde_json::json!({
            "id": lead.id, "account": lead.account, "copies": copies.collect::<Vec<_>>(),
            "referrals": referrals.collect::<Vec<_>>(),
        })
    });
    let mentioned_by = (traces.mentioned_by.iter())
        .map(|(id, destinations)| serde_json::json!({ "lead": id, "destinations": destinations }));
    serde_json::json!({
        "dry_run": only_found, "leads": leads.collect::<Vec<_>>(), "arrivals": traces.arrivals,
        "refused": traces.refused, "attempts": traces.attempts, "outcomes": traces.outcomes,
        "events": traces.events, "mentions": traces.mentions, "waiting": traces.waiting,
        "mentioned_by": mentioned_by.collect::<Vec<_>>(), "swept": traces.is_swept,
    })
}

fn history(place: &Place) -> Result<(), Exit> {
    let all: Vec<Erasure> = house::ask(place, |store| async move { Ok(store.erasures(1000).await?) })?;
    if place.json {
        let lines = all.iter().map(|one| {
            serde_json::json!({ "at": one.at.to_rfc3339(), "leads": one.leads, "bodies": one.bodies, "mentions": one.mentions })
        });
        screen::json(&lines.collect());
        return Ok(());
    }
    if all.is_empty() {
        screen::line("nobody was forgotten");
        return Ok(());
    }
    let mut table = Table::new(&["WHEN", "LEADS", "BODIES", "MENTIONS"]);
    for one in all {
        table.row(vec![
            one.at.format("%Y-%m-%d %H:%M:%S").to_string(),
            one.leads.to_string(),
            one.bodies.to_string(),
            one.mentions.to_string(),
        ]);
    }
    table.print();
    Ok(())
}
