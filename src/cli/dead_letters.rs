//! `leadsync dead-letters`: what could not be delivered, why, and what to do about it.

use clap::{Args, Subcommand};
use connector_kit::{DestinationName, LeadId};

use super::tables::Table;
use super::{Exit, Place, house, screen};
use crate::store::{DeadLetter, DeadLetterAct, DeadLetterFilter, Store};

#[derive(Debug, Subcommand)]
pub(super) enum DeadLettersCommand {
    /// List them, newest first
    List(ListArgs),
    /// Show those of one lead, with reason and remedy
    Show(OneArgs),
    /// Try again, from the first attempt
    Requeue(ManyArgs),
    /// Leave them undelivered for good
    Discard(ManyArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// At most this many
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Only those of this destination
    #[arg(long)]
    destination: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct OneArgs {
    /// The lead's id
    lead: LeadId,
}

#[derive(Debug, Args)]
pub(super) struct ManyArgs {
    /// The lead's id
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    lead: Option<LeadId>,
    /// Only those of this destination
    #[arg(long)]
    destination: Option<String>,
    /// All of them
    #[arg(long)]
    all: bool,
}

/// Looks at dead letters or settles them.
pub(super) fn dead_letters(place: &Place, command: &DeadLettersCommand) -> Result<(), Exit> {
    match command {
        DeadLettersCommand::List(args) => {
            let filter = DeadLetterFilter {
                lead: None,
                destination: name(args.destination.as_ref()),
                limit: args.limit,
            };
            list(place, &read(place, filter)?);
            Ok(())
        }
        DeadLettersCommand::Show(args) => {
            let filter = DeadLetterFilter {
                lead: Some(args.lead),
                ..DeadLetterFilter::default()
            };
            let letters = read(place, filter)?;
            if letters.is_empty() {
                return Err(Exit::missing(format!("lead {} has no dead letter", args.lead)));
            }
            show(place, &letters);
            Ok(())
        }
        DeadLettersCommand::Requeue(args) => settle(place, args, DeadLetterAct::Requeue, "requeued"),
        DeadLettersCommand::Discard(args) => settle(place, args, DeadLetterAct::Discard, "discarded"),
    }
}

fn name(destination: Option<&String>) -> Option<DestinationName> {
    destination.map(DestinationName::new)
}

fn read(place: &Place, filter: DeadLetterFilter) -> Result<Vec<DeadLetter>, Exit> {
    house::ask(
        place,
        |store| async move { Ok(store.dead_letters(filter).await?) },
    )
}

fn list(place: &Place, letters: &[DeadLetter]) {
    if place.json {
        return screen::json(&letters.iter().map(as_json).collect());
    }
    if letters.is_empty() {
        return screen::line("no dead letters");
    }
    let mut table = Table::new(&["LEAD", "DESTINATION", "SINCE", "ATTEMPTS", "WHAT", "REMEDY"]);
    for letter in letters {
        table.row(vec![
            letter.lead.to_string(),
            letter.destination.to_string(),
            letter.died_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            letter.attempts.to_string(),
            letter.failure.what.clone(),
            letter.failure.hint.clone(),
        ]);
    }
    table.print();
}

fn show(place: &Place, letters: &[DeadLetter]) {
    if place.json {
        return screen::json(&letters.iter().map(as_json).collect());
    }
    for letter in letters {
        screen::line(format_args!("lead         {}", letter.lead));
        screen::line(format_args!("destination  {}", letter.destination));
        screen::line(format_args!(
            "since        {}",
            letter.died_at.format("%Y-%m-%d %H:%M:%S UTC")
        ));
        screen::line(format_args!("attempts     {}", letter.attempts));
        screen::line(format_args!(
            "what         {}",
            screen::clean(&letter.failure.what)
        ));
        screen::line(format_args!(
            "remedy       {}",
            screen::clean(&letter.failure.hint)
        ));
        if let Some(answer) = &letter.failure.answer {
            screen::line(format_args!("answer       {}", screen::clean(answer)));
        }
        screen::line(format_args!(
            "then         leadsync dead-letters requeue {} --destination {}",
            letter.lead, letter.destination
        ));
    }
}

fn as_json(letter: &DeadLetter) -> serde_json::Value {
    serde_json::json!({
        "lead": letter.lead, "destination": letter.destination, "died_at": letter.died_at.to_rfc3339(),
        "attempts": letter.attempts, "kind": letter.failure.kind.as_str(), "what": letter.failure.what,
        "hint": letter.failure.hint, "answer": letter.failure.answer,
    })
}

fn settle(place: &Place, args: &ManyArgs, act: DeadLetterAct, done: &str) -> Result<(), Exit> {
    let filter = DeadLetterFilter {
        lead: args.lead,
        destination: name(args.destination.as_ref()),
        limit: 0,
    };
    let now = house::now();
    let count = house::act(place, |store| async move {
        Ok(store.settle_dead_letters(filter, act, now).await?)
    })?;
    if place.json {
        screen::json(&serde_json::json!({ done: count }));
    } else {
        screen::line(format_args!("{count} {done}"));
    }
    match (count, args.lead) {
        (0, Some(lead)) => Err(Exit::missing(format!("lead {lead} has no such dead letter"))),
        _ => Ok(()),
    }
}
