//! How a referral and its report stand, for every command that shows them: ids and facts, no person.

use chrono::{DateTime, Utc};
use connector_kit::referral::Phase;
use connector_kit::{Referral, ReferralChange, ReferralMove};
use serde_json::{Value, json};

use super::screen::Colour;
use super::tables::Table;
use super::{screen, spans};
use crate::store::{ReferralStory, ReportRow, ReportStep};

/// The table of referrals.
pub(super) fn print_table(stories: &[ReferralStory], now: DateTime<Utc>) {
    let mut table = Table::new(&[
        "REFERRAL",
        "STATE",
        "KIND",
        "FAVOURITE",
        "LINK",
        "LEAD",
        "VALUE",
        "ANSWER DUE",
        "REPORT",
    ]);
    for story in stories {
        let row = &story.row;
        table.row(vec![
            row.referral.id.to_string(),
            row.referral.state.to_string(),
            row.referral.kind.as_str().to_owned(),
            if row.referral.favourite { "yes" } else { "" }.to_owned(),
            row.link.as_str().to_owned(),
            row.lead.to_string(),
            value(&row.referral),
            answer_due(&row.referral, now),
            report_word(story).to_owned(),
        ]);
        if let Some(colour) = story.report.as_ref().and_then(colour) {
            table.paint(8, colour);
        }
    }
    table.print();
}

/// One referral with its report: what is planned, what was done, why not, and what to do.
pub(super) fn print(story: &ReferralStory, now: DateTime<Utc>) {
    let (row, referral) = (&story.row, &story.row.referral);
    let marks = if referral.favourite { ", favourite" } else { "" };
    screen::line(format_args!(
        "referral   {}  {}  ({}{marks}, from {})",
        referral.id,
        screen::clean(&referral.state.to_string()),
        screen::clean(referral.kind.as_str()),
        row.source,
    ));
    screen::line(format_args!("lead       {}  {}", row.lead, row.link.as_str()));
    let facts = [
        ("value", value(referral)),
        (
            "closes",
            referral
                .deal
                .closes_on()
                .map(|day| day.to_string())
                .unwrap_or_default(),
        ),
        ("answer due", answer_due(referral, now)),
        ("crm id", referral.external_reference.clone()),
        ("campaign", referral.campaign.clone()),
        ("reason", referral.reason.clone()),
    ];
    for (label, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        screen::line(format_args!("{label:<11}{}", screen::clean(fact)));
    }
    if story.notices_waiting > 0 {
        screen::line(format_args!(
            "events     {} wait to be followed",
            story.notices_waiting
        ));
    }
    if let Some(report) = &story.report {
        print_report(report);
    }
    for step in &story.steps {
        print_step(step);
    }
}

/// How the report stands, and its plan.
fn print_report(report: &ReportRow) {
    let reason = if report.reason.is_empty() {
        String::new()
    } else {
        format!(": {}", screen::clean_whole(&report.reason))
    };
    let state = match colour(report) {
        Some(colour) => colour.over(report.state),
        None => report.state.to_owned(),
    };
    screen::line(format_args!(
        "report     {}  {state}{reason}",
        spans::moment(report.at)
    ));
    if !report.hint.is_empty() {
        screen::line(format_args!(
            "           -> {}",
            screen::clean_whole(&report.hint)
        ));
    }
    for line in &report.plan {
        screen::line(format_args!("plan       {}", screen::clean_whole(line)));
    }
    if let Some(order) = &report.order {
        screen::line(format_args!(
            "ordered    {}  {}",
            spans::moment(order.at),
            change(&order.change)
        ));
    }
}

/// One line per thing that was done.
pub(super) fn print_step(step: &ReportStep) {
    screen::line(format_args!(
        "step       {}  {}",
        spans::moment(step.at),
        sentence(step)
    ));
}

/// What was done, how it ended, and how the referral stood then.
pub(super) fn sentence(step: &ReportStep) -> String {
    let mut text = format!("{}: {}", step.step, step.result);
    if !step.fields.is_empty() {
        text = format!("{text} ({})", step.fields.join(", "));
    }
    if let Some(state) = &step.state {
        text = format!("{text}, now {state}");
    }
    if !step.detail.is_empty() {
        text = format!("{text}; {}", step.detail);
    }
    screen::clean_whole(&text)
}

/// The step and the fields of one write, in words; never the values.
pub(super) fn change(change: &ReferralChange) -> String {
    let step = change.step.map_or("edit", ReferralMove::as_str);
    format!("{step}: {}", change.fields().join(", "))
}

fn colour(report: &ReportRow) -> Option<Colour> {
    match report.state {
        "refused" => Some(Colour::Red),
        "waiting" => Some(Colour::Yellow),
        "settled" => Some(Colour::Green),
        _ => None,
    }
}

/// The state of its report; nothing where there is none.
pub(super) fn report_word(story: &ReferralStory) -> &'static str {
    story.report.as_ref().map_or("", |report| report.state)
}

/// What the deal is worth.
pub(super) fn value(referral: &Referral) -> String {
    let amount = referral
        .deal
        .value
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let currency = referral.deal.currency.as_deref().unwrap_or_default();
    if amount.is_empty() {
        return String::new();
    }
    format!("{amount} {currency}").trim_end().to_owned()
}

/// How long it may still be answered; nothing once it was.
fn answer_due(referral: &Referral, now: DateTime<Utc>) -> String {
    if referral.state.phase() != Phase::New {
        return String::new();
    }
    let due = referral.answer_due();
    let left = spans::words(due - now);
    if now >= due {
        format!("{} (over since {left})", due.format("%Y-%m-%d %H:%M"))
    } else {
        format!("{} ({left} left)", due.format("%Y-%m-%d %H:%M"))
    }
}

/// One referral, its report and everything done about it, as JSON.
pub(super) fn as_json(story: &ReferralStory) -> Value {
    let (row, referral) = (&story.row, &story.row.referral);
    let is_new = referral.state.phase() == Phase::New;
    json!({
        "id": referral.id, "source": row.source, "account": row.account, "lead": row.lead,
        "state": referral.state.to_string(), "kind": referral.kind.as_str(), "favourite": referral.favourite,
        "incoming": referral.incoming, "link": row.link.as_str(), "linked": row.link.is_linked(),
        "value": referral.deal.value, "currency": referral.deal.currency, "closes_on": referral.deal.closes_on(),
        "crm_id": referral.external_reference, "campaign": referral.campaign, "reason": referral.reason,
        "created_at": referral.created_at.to_rfc3339(), "updated_at": referral.updated_at.to_rfc3339(),
        "seen_at": row.seen_at.to_rfc3339(), "answer_due": is_new.then(|| referral.answer_due().to_rfc3339()),
        "events_waiting": story.notices_waiting,
        "report": story.report.as_ref().map(report_as_json),
        "steps": story.steps.iter().map(step_as_json).collect::<Vec<_>>(),
        "versions": story.versions.iter().map(|(at, state, came)| {
            json!({ "updated_at": at.to_rfc3339(), "state": state, "seen_at": came.to_rfc3339() })
        }).collect::<Vec<_>>(),
    })
}

fn report_as_json(report: &ReportRow) -> Value {
    let order = report.order.as_ref().map(|order| {
        json!({ "at": order.at.to_rfc3339(), "step": order.change.step, "fields": order.change.fields() })
    });
    json!({
        "state": report.state, "at": report.at.to_rfc3339(), "attempts": report.attempt, "plan": report.plan,
        "reason": report.reason, "hint": report.hint, "ordered": order, "lag_ms": report.lag_ms,
    })
}

/// One thing that was done, as JSON.
pub(super) fn step_as_json(step: &ReportStep) -> Value {
    json!({
        "at": step.at.to_rfc3339(), "step": step.step, "fields": step.fields, "result": step.result,
        "detail": step.detail, "state": step.state.as_ref().map(ToString::to_string),
    })
}
