//! What needs somebody, the most urgent first. Pure.

use super::facts::Facts;
use super::front::{Front, Wear};
use super::{age, bytes};
use crate::cli::screen::Colour;
use crate::cli::spans;
use crate::cli::spending::Spending;
use crate::store::{DestinationGate, DestinationStatus};

/// One thing that needs somebody.
#[derive(Debug)]
pub(super) struct Alarm {
    pub(super) colour: Colour,
    pub(super) text: String,
    /// What to type or do.
    pub(super) remedy: Option<String>,
}

impl Alarm {
    fn red(text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            colour: Colour::Red,
            text: text.into(),
            remedy: Some(remedy.into()),
        }
    }

    fn yellow(text: impl Into<String>, remedy: Option<&str>) -> Self {
        Self {
            colour: Colour::Yellow,
            text: text.into(),
            remedy: remedy.map(str::to_owned),
        }
    }
}

/// All of them.
pub(super) fn all(facts: &Facts, front: &Front) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    alarms.extend(of_the_disk(facts));
    let stand = |is_parked: bool| {
        let destinations = facts.destinations.iter().map(|spending| &spending.status);
        destinations.filter(move |status| matches!(status.gate, DestinationGate::Parked { .. }) == is_parked)
    };
    alarms.extend(stand(true).filter_map(|status| of_the_gate(status, facts)));
    alarms.extend(of_what_wears_out(front, Colour::Red));
    alarms.extend(of_what_waits_for_a_person(facts));
    alarms.extend(of_sources(facts));
    alarms.extend(of_what_wears_out(front, Colour::Yellow));
    alarms.extend(stand(false).filter_map(|status| of_the_gate(status, facts)));
    let notes = facts.destinations.iter().filter_map(Spending::note);
    alarms.extend(notes.map(|note| Alarm::yellow(note.lines().next().unwrap_or_default(), None)));
    alarms
}

fn of_the_disk(facts: &Facts) -> Option<Alarm> {
    let disk = &facts.footprint;
    let floor = disk.floor.min(disk.disk / 20);
    (disk.free < floor.saturating_mul(2)).then(|| {
        let text = format!(
            "{} are free on the disk; below {} no lead is taken",
            bytes(disk.free),
            bytes(floor)
        );
        Alarm::red(text, "free space")
    })
}

fn of_the_gate(status: &DestinationStatus, facts: &Facts) -> Option<Alarm> {
    let name = &status.name;
    let since = status
        .resting_since
        .map(|at| format!(" for {}", age(facts.now, at)));
    let since = since.unwrap_or_default();
    match &status.gate {
        DestinationGate::Open => None,
        DestinationGate::Parked { reason, hint } => Some(Alarm::red(
            format!("{name} is parked{since}, {} leads wait: {reason}", status.due),
            format!("{hint}, then: leadsync release {name}"),
        )),
        DestinationGate::Held { until, reason, .. } => Some(Alarm::yellow(
            format!(
                "{name} rests{since}, until {}: {reason}",
                until.format("%H:%M:%S")
            ),
            None,
        )),
    }
}

fn of_what_wears_out(front: &Front, colour: Colour) -> Vec<Alarm> {
    let wears = front.wears().into_iter().filter(|wear| wear.colour == colour);
    let alarm = |wear: Wear| Alarm {
        colour,
        text: format!("{}: {}: {}", wear.connector, wear.check, wear.found),
        remedy: Some(wear.remedy).filter(|remedy| !remedy.is_empty()),
    };
    wears.map(alarm).collect()
}

fn of_what_waits_for_a_person(facts: &Facts) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    let mut say = |count: u64, one: &str, many: &str, remedy: &str| {
        if count > 0 {
            let text = if count == 1 { one } else { many };
            alarms.push(Alarm::red(format!("{count} {text}"), remedy));
        }
    };
    let overdue = facts.overdue as u64;
    say(
        overdue,
        "clock is overdue",
        "clocks are overdue",
        "leadsync clocks",
    );
    say(
        facts.totals.dead,
        "dead letter",
        "dead letters",
        "leadsync dead-letters list",
    );
    say(
        facts.referrals.refused,
        "outcome cannot be reported",
        "outcomes cannot be reported",
        "leadsync outcomes --refused",
    );
    say(
        facts.quarantined,
        "arrival in quarantine",
        "arrivals in quarantine",
        "the log names the reason (event=quarantined); after an upgrade: leadsync reprocess --quarantined --dry-run",
    );
    if let Some(at) = facts
        .next_due
        .filter(|at| *at - facts.now < chrono::TimeDelta::hours(4))
    {
        let text = format!("a clock runs out in {}", spans::words(at - facts.now));
        alarms.push(Alarm::yellow(text, Some("leadsync clocks")));
    }
    alarms
}

fn of_sources(facts: &Facts) -> Vec<Alarm> {
    let silent = facts.sources.iter().filter_map(|source| {
        let silence = source.rhythm.silence?;
        let name = &source.listened.name;
        let tried = source.rhythm.tried_at.filter(|at| *at > silence.since);
        let tried = tried.map(|at| format!("; a test lead came {} ago", age(facts.now, at)));
        Some(Alarm::red(
            format!(
                "nothing heard from {name} for {}{}",
                age(facts.now, silence.since),
                tried.unwrap_or_default()
            ),
            "press Validate in Partner Center, and run: leadsync canary",
        ))
    });
    silent.collect()
}
