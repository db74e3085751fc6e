//! Everything that happened to a lead and its referrals, in the order of time. Pure.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::super::{outcomes, reports};
use super::Whole;
use crate::store::{ClockEnd, ClockRow, DeliveryStory, OutcomeRow, ReferralStory};

/// Something that happened, or will.
pub(super) struct Event {
    pub(super) at: DateTime<Utc>,
    /// `arrival`, `delivery`, `attempt`, `crm`, `referral`, `report`, `clock`.
    pub(super) kind: &'static str,
    /// The source, the destination, or the referral.
    pub(super) about: String,
    pub(super) what: String,
    /// The remedy and the answer of what failed.
    pub(super) notes: Vec<String>,
}

impl Event {
    fn new(at: DateTime<Utc>, kind: &'static str, about: &impl ToString, what: impl Into<String>) -> Self {
        Self {
            at,
            kind,
            about: about.to_string(),
            what: what.into(),
            notes: Vec::new(),
        }
    }

    pub(super) fn as_json(&self) -> Value {
        json!({
            "at": self.at.to_rfc3339(), "kind": self.kind, "about": self.about, "what": self.what,
            "notes": self.notes,
        })
    }
}

/// The whole history, oldest first.
pub(super) fn of(whole: &Whole) -> Vec<Event> {
    let story = &whole.lead;
    let arrivals = story
        .arrivals
        .iter()
        .map(|(id, source, at, became)| Event::new(*at, "arrival", source, format!("#{}: {became}", id.0)));
    let mut events: Vec<Event> = arrivals.collect();
    for delivery in &story.deliveries {
        events.extend(deliveries(delivery, story.row.revised_at));
    }
    events.extend(whole.said.iter().map(said));
    for story in &whole.referrals {
        events.extend(referral(story));
    }
    for row in &whole.clocks {
        events.extend(clock(row));
    }
    // What happened at the same moment stays in the order of the way.
    events.sort_by_key(|event| event.at);
    events
}

/// The attempts that failed, and how it stands.
fn deliveries(story: &DeliveryStory, revised_at: DateTime<Utc>) -> Vec<Event> {
    let name = &story.destination;
    let failed = story.failures.iter().map(|(at, failure)| Event {
        notes: [
            Some(format!("-> {}", failure.hint)),
            failure.answer.as_ref().map(|text| format!("answer: {text}")),
        ]
        .into_iter()
        .flatten()
        .collect(),
        ..Event::new(
            *at,
            "attempt",
            name,
            format!("{}: {}", failure.kind.as_str(), failure.what),
        )
    });
    let mut events: Vec<Event> = failed.collect();
    let mut what = format!("{}, revision {} of {}", story.state, story.held, story.wanted);
    if let Some(record) = &story.record {
        what = format!("{what}, record {}", record.0);
    }
    events.push(Event::new(story.at.unwrap_or(revised_at), "delivery", name, what));
    events
}

fn said(row: &OutcomeRow) -> Event {
    let outcome = &row.outcome;
    let mut what = format!(
        "{} ({}), record {}",
        outcome.stage.as_str(),
        outcome.state,
        outcome.record.0
    );
    let value = outcomes::value(outcome);
    if !value.is_empty() {
        what = format!("{what}, {value}");
    }
    if let Some(reason) = &outcome.reason {
        what = format!("{what}, {reason}");
    }
    let mut event = Event::new(row.seen_at, "crm", &row.source, what);
    if !row.holds {
        event.notes.push("overtaken since".to_owned());
    }
    event
}

fn referral(story: &ReferralStory) -> Vec<Event> {
    let id = &story.row.referral.id;
    let versions = story.versions.iter().map(|(updated_at, state, came)| {
        let version = updated_at.format("%Y-%m-%d %H:%M:%S");
        Event::new(*came, "referral", id, format!("{state}, as of {version}"))
    });
    let steps = story
        .steps
        .iter()
        .map(|step| Event::new(step.at, "report", id, reports::sentence(step)));
    let mut events: Vec<Event> = versions.chain(steps).collect();
    if let Some(report) = story.report.as_ref() {
        let mut what = format!("report {}", report.state);
        if !report.reason.is_empty() {
            what = format!("{what}: {}", report.reason);
        }
        if report.attempt > 0 {
            what = format!("{what} ({} attempts failed)", report.attempt);
        }
        let mut event = Event::new(report.at, "report", id, what);
        event
            .notes
            .extend(report.plan.iter().map(|line| format!("plan: {line}")));
        event
            .notes
            .extend((!report.hint.is_empty()).then(|| format!("-> {}", report.hint)));
        events.push(event);
    }
    events
}

fn clock(row: &ClockRow) -> [Event; 2] {
    let kind = row.kind.as_str();
    let about = row
        .referral
        .as_ref()
        .map_or_else(|| "lead".to_owned(), ToString::to_string);
    let until = row.due_at.format("%Y-%m-%d %H:%M:%S");
    let begins = Event::new(
        row.starts_at,
        "clock",
        &about,
        format!("{kind} begins, until {until}"),
    );
    let (at, what) = match row.end {
        None => (row.due_at, "the time is over"),
        Some(ClockEnd::Met(at)) if at > row.due_at => (at, "met, late"),
        Some(ClockEnd::Met(at)) => (at, "met"),
        Some(ClockEnd::Missed(at)) => (at, "missed"),
    };
    [begins, Event::new(at, "clock", &about, format!("{kind}: {what}"))]
}
