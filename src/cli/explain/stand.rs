//! How a lead and its referrals stand now, in one sentence, and what a person should do. Pure.

use chrono::{DateTime, Utc};
use connector_kit::referral::Phase;

use super::Whole;
use crate::store::{ClockKind, ClockRow, DestinationGate, OutcomeRow, ReferralStory};
use crate::syncback::clocks::{ClockState, advice, state};

/// The sentence at the top.
pub(super) struct Stand {
    pub(super) sentence: String,
    /// The most urgent first; empty when nothing is for a person.
    pub(super) to_do: Vec<String>,
}

/// How it stands at `now`.
pub(super) fn of(whole: &Whole, now: DateTime<Utc>) -> Stand {
    let row = &whole.lead.row;
    let mut parts = vec![format!("lead {} is {}", row.lead.id, row.fate)];
    parts.extend(whole.said.iter().filter(|row| row.holds).map(holds));
    parts.extend(whole.referrals.iter().map(referral));
    let events: u64 = whole.referrals.iter().map(|story| story.notices_waiting).sum();
    if events > 0 {
        parts.push(format!("{events} events about it wait to be followed"));
    }
    let urgent = [
        parked(whole),
        dead(whole),
        refused(whole),
        late(whole, now),
        unanswered(whole, now),
    ];
    let mut to_do: Vec<String> = Vec::new();
    for what in urgent.into_iter().flatten() {
        if !to_do.contains(&what) {
            to_do.push(what);
        }
    }
    Stand {
        sentence: parts.join("; "),
        to_do,
    }
}

fn holds(row: &OutcomeRow) -> String {
    format!("{} says {}", row.source, row.outcome.stage.as_str())
}

fn referral(story: &ReferralStory) -> String {
    let referral = &story.row.referral;
    let stands = format!("referral {} is {}", referral.id, referral.state);
    let Some(report) = &story.report else {
        return stands;
    };
    match report.state {
        "refused" => format!("{stands}, and it could not be reported: {}", report.reason),
        "waiting" => format!("{stands}, and its report waits: {}", report.reason),
        "settled" => format!("{stands}, and both sides agree"),
        _ => format!("{stands}, and its report is on its way"),
    }
}

/// Whatever is in the way of everything comes first.
fn parked(whole: &Whole) -> Vec<String> {
    let waits = |name: &str| {
        let sent = |state: &str| matches!(state, "due" | "leased" | "waiting");
        let deliveries = whole.lead.deliveries.iter();
        let mut to_send = deliveries.filter(|story| story.destination.as_str() == name);
        let mut to_report = whole
            .referrals
            .iter()
            .filter(|story| story.row.source.as_str() == name);
        to_send.any(|story| sent(&story.state))
            || to_report.any(|story| story.report.as_ref().is_some_and(|report| sent(report.state)))
    };
    let parked = whole.systems.iter().filter_map(|system| match &system.gate {
        DestinationGate::Parked { reason, hint } if waits(system.name.as_str()) => {
            let name = &system.name;
            Some(format!(
                "{name} is parked ({reason}): {hint}; then: leadsync release {name}"
            ))
        }
        _ => None,
    });
    parked.collect()
}

fn dead(whole: &Whole) -> Vec<String> {
    let id = whole.lead.row.lead.id;
    let dead = whole.lead.deliveries.iter().filter(|story| story.state == "dead");
    dead.map(|story| {
        let name = &story.destination;
        let hint = story
            .failures
            .last()
            .map_or("see why it ended", |(_, failure)| failure.hint.as_str());
        let hint = hint.trim_end_matches(", then requeue");
        format!(
            "{name} did not take it: {hint}; then: leadsync dead-letters requeue {id} --destination {name}"
        )
    })
    .collect()
}

fn refused(whole: &Whole) -> Vec<String> {
    let reports = whole.referrals.iter().filter_map(|story| story.report.as_ref());
    let refused = reports.filter(|report| report.state == "refused");
    refused.map(|report| report.hint.clone()).collect()
}

fn late(whole: &Whole, now: DateTime<Utc>) -> Vec<String> {
    // Who has to answer is told until when, by name.
    let is_told = |row: &ClockRow, wanted| wanted == ClockState::Due && row.kind == ClockKind::Answer;
    let standing = |wanted: ClockState| {
        let clocks = whole.clocks.iter();
        let late = clocks.filter(move |row| state(row, now) == wanted && !is_told(row, wanted));
        late.map(move |row| {
            let how = if wanted == ClockState::Overdue {
                "overdue"
            } else {
                "running out"
            };
            format!("the {} clock is {how}: {}", row.kind.as_str(), advice(row.kind))
        })
    };
    standing(ClockState::Overdue)
        .chain(standing(ClockState::Due))
        .collect()
}

/// Somebody has to answer a new referral, whatever the clocks say, unless an answer is on its way.
fn unanswered(whole: &Whole, now: DateTime<Utc>) -> Vec<String> {
    let open = whole.referrals.iter().filter(|story| {
        let referral = &story.row.referral;
        let is_reported = story
            .report
            .as_ref()
            .is_some_and(|report| report.state != "settled");
        referral.incoming
            && referral.state.phase() == Phase::New
            && referral.answer_due() > now
            && !is_reported
    });
    open.map(|story| {
        let id = &story.row.referral.id;
        let until = story.row.referral.answer_due().format("%Y-%m-%d %H:%M UTC");
        format!(
            "accept or decline it until {until}: in the CRM, or with leadsync referral accept {id} or decline {id}"
        )
    })
    .collect()
}
