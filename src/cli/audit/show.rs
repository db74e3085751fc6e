//! How an audit is told: counts in a table, then each difference in a line with what to do.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::Line;
use crate::cli::screen::{self, Colour};
use crate::cli::spans::moment;
use crate::cli::tables::Table;
use crate::compare::audit::{Audited, Difference};

/// Tells people.
pub(super) fn print(since: DateTime<Utc>, lines: &[Line]) {
    screen::line(format_args!("since {} UTC; nothing is changed", moment(since)));
    screen::line("");
    let mut table = Table::new(&[
        "SYSTEM",
        "ROLE",
        "LEDGER",
        "THERE",
        "MISSING",
        "STRANGERS",
        "OLDER",
        "DOUBLED",
        "",
    ]);
    for line in lines {
        table.row(row(line));
        if matches!(&line.found, Ok(found) if found.tally.differences() > 0 || found.unanswered.is_some()) {
            table.paint(0, Colour::Red);
        }
    }
    table.print();
    for line in lines {
        let Ok(found) = &line.found else { continue };
        if !found.differences.is_empty() {
            screen::line("");
        }
        found
            .differences
            .iter()
            .for_each(|one| screen::line(sentence(&line.name, one)));
        if found.unnamed() > 0 {
            screen::line(format_args!("and {} more at {}", found.unnamed(), line.name));
        }
    }
    remarks(lines).into_iter().for_each(screen::line);
}

fn row(line: &Line) -> Vec<String> {
    let mut cells = vec![line.name.clone(), line.role.to_owned()];
    match &line.found {
        Err(_) => {
            cells.extend(["-"; 6].map(str::to_owned));
            cells.push("cannot be counted".to_owned());
        }
        Ok(found) => {
            let tally = found.tally;
            let counts = [
                tally.ledger,
                tally.there,
                tally.missing,
                tally.strangers,
                tally.older,
                tally.doubled,
            ];
            cells.extend(counts.map(|count| count.to_string()));
            cells.push(match (&found.unanswered, tally.differences()) {
                (Some(_), _) => "not counted to the end".to_owned(),
                (None, 0) => "equal".to_owned(),
                (None, _) => "differs".to_owned(),
            });
        }
    }
    cells
}

/// `missing  crm  lead 01a2..  delivered 2026-11-20 ..; no record has its key -> leadsync resync ..`
fn sentence(system: &str, one: &Difference) -> String {
    let about = match (one.lead, &one.record) {
        (Some(lead), Some(record)) => format!("lead {lead}, record {}", screen::clean(record)),
        (Some(lead), None) => format!("lead {lead}"),
        (None, Some(record)) => screen::clean(record),
        (None, None) => String::new(),
    };
    let since = match (one.at, one.what) {
        (None, _) => String::new(),
        (Some(at), "unheard") => format!("of {}, ", moment(at)),
        (Some(at), _) => format!("delivered {}; ", moment(at)),
    };
    let (words, remedy) = (screen::clean_whole(&one.words), screen::clean_whole(&one.remedy));
    format!("{:<8}  {system}  {about}  {since}{words} -> {remedy}", one.what)
}

/// What is to be known of the counts, and who did not answer.
fn remarks(lines: &[Line]) -> Vec<String> {
    let mut remarks = Vec::new();
    for line in lines {
        match &line.found {
            Err(why) => remarks.push(format!("{}: {}", line.name, screen::clean_whole(why))),
            Ok(found) => {
                let notes = found.notes.iter();
                remarks.extend(notes.map(|note| format!("{}: {}", line.name, screen::clean_whole(note))));
                remarks.extend(found.unanswered.as_ref().map(|error| {
                    let hint = error.hint_text().map(|hint| format!("\n  -> {hint}"));
                    let text = format!("{}: could not {error}{}", line.name, hint.unwrap_or_default());
                    text.lines()
                        .map(screen::clean_whole)
                        .collect::<Vec<_>>()
                        .join("\n")
                }));
            }
        }
    }
    if !remarks.is_empty() {
        remarks.insert(0, String::new());
    }
    remarks
}

/// Tells programs.
pub(super) fn as_json(since: DateTime<Utc>, lines: &[Line]) -> Value {
    let counted: Vec<&Audited> = lines.iter().filter_map(|line| line.found.as_ref().ok()).collect();
    let is_equal = |found: &&Audited| found.tally.differences() == 0 && found.unanswered.is_none();
    // Where nothing was counted nothing is equal.
    let equal = !counted.is_empty() && counted.iter().all(is_equal);
    json!({
        "since": since.to_rfc3339_opts(SecondsFormat::Secs, true),
        "equal": equal,
        "systems": lines.iter().map(line_json).collect::<Vec<_>>(),
    })
}

fn line_json(line: &Line) -> Value {
    match &line.found {
        Err(why) => json!({ "name": line.name, "role": line.role, "counted": false, "why": why }),
        Ok(found) => counted_json(line, found),
    }
}

fn counted_json(line: &Line, found: &Audited) -> Value {
    let tally = found.tally;
    let difference = |one: &Difference| {
        json!({
            "what": one.what, "lead": one.lead, "record": one.record, "at": one.at.map(|at| at.to_rfc3339()),
            "words": one.words, "remedy": one.remedy,
        })
    };
    json!({
        "name": line.name, "role": line.role, "counted": found.unanswered.is_none(),
        "ledger": tally.ledger, "there": tally.there, "missing": tally.missing, "strangers": tally.strangers,
        "older": tally.older, "doubled": tally.doubled,
        "differences": found.differences.iter().map(difference).collect::<Vec<_>>(),
        "unnamed": found.unnamed(), "notes": found.notes,
        "unanswered": found.unanswered.as_ref().map(|error| json!({
            "what": error.to_string(), "remedy": error.hint_text(),
        })),
    })
}
