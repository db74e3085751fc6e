//! `leadsync status`: one screen; what needs somebody stands first.

mod alarms;
mod facts;
mod front;
mod json;
mod sources;

use chrono::{DateTime, Utc};

use super::tables::Table;
use super::{Exit, Place, house, screen, spans};
use crate::app;
use crate::store::{DestinationGate, OutcomeTotals, ReferralTotals, Suppression, Totals};
use facts::Facts;
use front::Front;
use screen::Colour;

/// Shows how all stands.
pub(super) fn status(place: &Place) -> Result<(), Exit> {
    let now = house::now();
    let loaded = house::config(place)?;
    let front = Front::look(&loaded);
    let budgets = app::budgets(&loaded);
    let facts = match house::ask(place, |store| Facts::gather(store, loaded, budgets, now)) {
        Ok(facts) => facts,
        Err(exit) => {
            // Whatever is wrong with the store, whether the daemon runs comes first.
            if !place.json {
                front.print(now);
            }
            return Err(exit);
        }
    };
    if place.json {
        let mut value = json::of(&facts);
        value["daemon"] = front.as_json();
        screen::json(&value);
        return Ok(());
    }
    front.print(now);
    for alarm in alarms::all(&facts, &front) {
        let text = screen::clean_whole(&alarm.text);
        screen::line(format_args!("{} {text}", alarm.colour.over("!")));
        if let Some(remedy) = &alarm.remedy {
            screen::line(format_args!("    -> {}", screen::clean_whole(remedy)));
        }
    }
    screen::line("");
    totals(&facts);
    for wear in front.wears().iter().filter(|wear| wear.colour == Colour::Green) {
        let text = format!("{}: {}: {}", wear.connector, wear.check, wear.found);
        screen::line(format_args!("upkeep      {}", screen::clean_whole(&text)));
    }
    destinations(&facts);
    sources::print(&facts);
    Ok(())
}

fn totals(facts: &Facts) {
    let Totals {
        accepted,
        repeats,
        merged,
        unsettled,
        leads,
        delivered,
        closed,
        pending,
        withheld,
        ..
    } = &facts.totals;
    screen::line(format_args!(
        "arrivals    {accepted} accepted, {} today; {merged} merged, {repeats} repeats, {unsettled} waiting",
        facts.today()
    ));
    screen::line(format_args!(
        "leads       {leads} leads, {}",
        suppressed(&facts.totals)
    ));
    screen::line(format_args!(
        "deliveries  {delivered} delivered, {pending} on their way, {closed} closed, {withheld} withheld"
    ));
    if facts.totals.outcomes != OutcomeTotals::default() {
        let stages = facts.totals.outcomes.by_stage();
        let told: Vec<String> = stages
            .iter()
            .map(|(stage, leads)| format!("{leads} {}", stage.as_str()))
            .collect();
        screen::line(format_args!("outcomes    {}", told.join(", ")));
    }
    if let Some(line) = referrals(&facts.referrals) {
        screen::line(line);
    }
    let disk = &facts.footprint;
    screen::line(format_args!(
        "disk        {} free of {}; the store takes {}",
        bytes(disk.free),
        bytes(disk.disk),
        bytes(disk.database + disk.log)
    ));
}

/// One line; none while there was never a referral.
fn referrals(totals: &ReferralTotals) -> Option<String> {
    if *totals == ReferralTotals::default() {
        return None;
    }
    let ReferralTotals {
        new,
        active,
        won,
        lost,
        declined,
        expired,
        ..
    } = totals;
    let closed = won + lost + declined + expired;
    let other = match totals.other {
        0 => String::new(),
        other => format!(", {other} other"),
    };
    Some(format!(
        "referrals   {new} new, {active} active, {closed} closed ({won} won, {lost} lost, {declined} declined, {expired} expired){other};\n            \
         reports: {} on their way, {} refused; {} events waiting",
        totals.reporting, totals.refused, totals.notices
    ))
}

fn destinations(facts: &Facts) {
    if facts.destinations.is_empty() {
        return;
    }
    screen::line("");
    let mut table = Table::new(&[
        "DESTINATION",
        "GATE",
        "HOT",
        "LIVE",
        "UPDATE",
        "BACK",
        "OLDEST",
        "RETRY",
        "DEAD",
        "CALLS",
    ]);
    for spending in &facts.destinations {
        let status = &spending.status;
        let mut cells = vec![status.name.to_string(), gate_word(&status.gate).to_owned()];
        cells.extend(status.lanes.iter().map(|lane| lane.due.to_string()));
        cells.extend([
            status
                .oldest_due
                .map(|since| age(facts.now, since))
                .unwrap_or_default(),
            status.waiting.to_string(),
            status.dead.to_string(),
            [Some(spending.today()), spending.left()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(", "),
        ]);
        table.row(cells);
        table.paint(
            1,
            match status.gate {
                DestinationGate::Open => Colour::Green,
                DestinationGate::Held { .. } => Colour::Yellow,
                DestinationGate::Parked { .. } => Colour::Red,
            },
        );
    }
    table.print();
}

fn gate_word(gate: &DestinationGate) -> &'static str {
    match gate {
        DestinationGate::Open => "open",
        DestinationGate::Held { .. } => "held",
        DestinationGate::Parked { .. } => "parked",
    }
}

/// How many leads go nowhere, by rule; what few ever meet is named once one has.
fn suppressed(totals: &Totals) -> String {
    let by_rule = totals.suppressed();
    let all: u64 = by_rule.iter().map(|(_, leads)| leads).sum();
    let rare = by_rule.iter().skip(3).filter(|(_, leads)| *leads > 0);
    let named: Vec<String> = by_rule
        .iter()
        .take(3)
        .chain(rare)
        .map(|(rule, leads)| match rule {
            Suppression::TestLead => format!("{leads} test"),
            rule => format!("{leads} {}", rule.as_str()),
        })
        .collect();
    format!("{all} suppressed ({})", named.join(", "))
}

/// How long ago, short enough for a table.
fn age(now: DateTime<Utc>, since: DateTime<Utc>) -> String {
    let age = now - since;
    if age.num_minutes() == 0 {
        return "<1 min".to_owned();
    }
    spans::words(age)
}

/// Bytes as people say them.
fn bytes(count: u64) -> String {
    let mib = count >> 20;
    match mib {
        0 => format!("{} KiB", count >> 10),
        1..=9_999 => format!("{mib} MiB"),
        _ => format!("{} GiB", mib >> 10),
    }
}
