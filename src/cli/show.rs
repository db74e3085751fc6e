//! `leadsync show`: the whole story of one lead.

use clap::Args;
use connector_kit::LeadId;
use connector_kit::lead::Said;

use super::tables::Table;
use super::{Exit, Place, house, leads, outcomes, referrals, reports, screen};
use crate::store::{DeliveryStory, LeadStory, OutcomeFilter, ReferralFilter, Store};

/// Which lead.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The lead's id: 32 hex digits, as in `leadsync leads` and in the CRM's external id
    lead: LeadId,
}

/// Shows one lead.
pub(super) fn show(place: &Place, args: &ShowArgs) -> Result<(), Exit> {
    let id = args.lead;
    let filter = OutcomeFilter {
        lead: Some(id),
        ..OutcomeFilter::default()
    };
    let of_lead = ReferralFilter {
        lead: Some(id),
        ..ReferralFilter::default()
    };
    let (story, said, referred) = house::ask(place, |store| async move {
        let (story, said) = (store.lead(id).await?, store.outcomes(filter).await?);
        Ok((story, said, referrals::stories(&store, of_lead).await?))
    })?;
    let story = story.ok_or_else(|| Exit::missing(format!("there is no lead {id}")))?;
    if place.json {
        let mut value = as_json(&story);
        value["outcomes"] = said.iter().map(outcomes::as_json).collect();
        value["referrals"] = referred.iter().map(reports::as_json).collect();
        screen::json(&value);
        return Ok(());
    }
    print(&story);
    if !said.is_empty() {
        screen::line("");
        outcomes::print(&said);
    }
    for referral in &referred {
        screen::line("");
        reports::print(referral, house::now());
    }
    Ok(())
}

fn print(story: &LeadStory) {
    let lead = &story.row.lead;
    screen::line(format_args!(
        "lead       {}  revision {}",
        lead.id, story.row.revision
    ));
    screen::line(format_args!("fate       {}", story.row.fate));
    screen::line(format_args!("account    {}", lead.account));
    screen::line(format_args!(
        "intent     {}{}",
        lead.intent.as_str(),
        if lead.dnc { ", do not contact" } else { "" }
    ));
    let person = &lead.person;
    let fields = [
        ("first name", &person.first_name),
        ("last name", &person.last_name),
        ("e-mail", &person.email),
        ("phone", &person.phone),
        ("country", &person.country),
        ("company", &person.company),
        ("title", &person.title),
    ];
    for (label, said) in fields {
        if let Some(said) = said {
            screen::line(format_args!("{label:<11}{}", written(said)));
        }
    }
    for touch in &lead.touches {
        screen::line(format_args!(
            "touch      {}  {} {}  {}",
            touch.at.format("%Y-%m-%d %H:%M:%S"),
            screen::clean(&touch.storefront),
            screen::clean(&touch.action),
            screen::clean(&touch.offer),
        ));
    }
    for (id, source, at, what) in &story.arrivals {
        screen::line(format_args!(
            "arrival    {}  #{} from {source}: {what}",
            at.format("%Y-%m-%d %H:%M:%S"),
            id.0
        ));
    }
    if story.deliveries.is_empty() {
        return;
    }
    screen::line("");
    deliveries(&story.deliveries);
}

fn written(said: &Said) -> String {
    let value = screen::clean(&said.value);
    match (&said.raw, said.normal) {
        (Some(raw), true) => format!("{value}  (came as {})", screen::clean(raw)),
        (_, false) => format!("{value}  (as it came: no normal form)"),
        (None, true) => value,
    }
}

fn deliveries(stories: &[DeliveryStory]) {
    let mut table = Table::new(&["DESTINATION", "STATE", "WANTED", "HELD", "RECORD", "AT"]);
    for story in stories {
        table.row(vec![
            story.destination.to_string(),
            story.state.clone(),
            story.wanted.to_string(),
            story.held.to_string(),
            story
                .record
                .as_ref()
                .map(|record| record.0.clone())
                .unwrap_or_default(),
            story
                .at
                .map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string())
                .unwrap_or_default(),
        ]);
    }
    table.print();
    for story in stories {
        for (at, failure) in &story.failures {
            screen::line(format_args!(
                "\n{}  {}: {}\n  {}",
                at.format("%Y-%m-%d %H:%M:%S"),
                story.destination,
                screen::clean(&failure.what),
                screen::clean(&failure.hint),
            ));
            if let Some(answer) = &failure.answer {
                screen::line(format_args!("  answer: {}", screen::clean(answer)));
            }
        }
    }
}

fn as_json(story: &LeadStory) -> serde_json::Value {
    let mut value = leads::as_json(&story.row);
    value["arrivals"] = story
        .arrivals
        .iter()
        .map(|(id, source, at, what)| {
            serde_json::json!({ "arrival": id.0, "source": source, "received_at": at.to_rfc3339(), "became": what })
        })
        .collect();
    value["deliveries"] = story
        .deliveries
        .iter()
        .map(|delivery| {
            let failures: Vec<_> = delivery
                .failures
                .iter()
                .map(|(at, failure)| {
                    serde_json::json!({
                        "at": at.to_rfc3339(), "kind": failure.kind.as_str(), "what": failure.what,
                        "hint": failure.hint, "answer": failure.answer,
                    })
                })
                .collect();
            serde_json::json!({
                "destination": delivery.destination, "state": delivery.state, "wanted": delivery.wanted,
                "held": delivery.held, "record": delivery.record, "at": delivery.at.map(|at| at.to_rfc3339()),
                "failures": failures,
            })
        })
        .collect();
    value
}
