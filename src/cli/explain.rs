//! `leadsync explain`: the whole story behind an id, both ways, and how it stands now.

mod history;
mod stand;

use chrono::{DateTime, Utc};
use clap::Args;
use connector_kit::{LeadId, ReferralId};
use serde_json::{Value, json};

use super::{Exit, Place, clocks, house, referrals, reports, screen, spans};
use crate::store::sqlite::SqliteStore;
use crate::store::{
    ClockFilter, ClockRow, DestinationStatus, Found, LeadStory, OutcomeFilter, OutcomeRow, ReferralFilter,
    ReferralStore, ReferralStory, Store,
};
use history::Event;
use stand::Stand;

/// More stories than this at once are a choice, not an answer.
const MOST: usize = 5;

/// Which id.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// A lead, a referral, a record of a CRM, or a delivery (`LEAD-REVISION`, as receivers see it)
    id: String,
}

/// Everything known of one lead, and of its referrals or the one that was asked for.
struct Whole {
    lead: LeadStory,
    said: Vec<OutcomeRow>,
    referrals: Vec<ReferralStory>,
    /// Referrals of the same person that were not asked for.
    others: Vec<ReferralId>,
    clocks: Vec<ClockRow>,
    /// Where it goes and what it is reported to.
    systems: Vec<DestinationStatus>,
}

/// Tells the story of everything the id names.
pub(super) fn explain(place: &Place, args: &ExplainArgs) -> Result<(), Exit> {
    let now = house::now();
    let asked = args.id.clone();
    let (found, wholes) = house::ask(place, |store| async move {
        let found = store.find(&asked).await?;
        let mut wholes = Vec::new();
        for one in found.iter().take(MOST) {
            wholes.extend(gather(&store, one, now).await?);
        }
        Ok((found, wholes))
    })?;
    if found.is_empty() {
        return Err(Exit::missing(format!(
            "{} names no lead, no referral, no record of a CRM and no delivery that is known here",
            screen::clean(&args.id)
        )));
    }
    let more: Vec<String> = found.iter().skip(MOST).map(name).collect();
    if place.json {
        let stories: Vec<Value> = wholes.iter().map(|whole| whole.as_json(now)).collect();
        screen::json(&json!({ "id": args.id, "stories": stories, "more": more }));
        return Ok(());
    }
    for (number, whole) in wholes.iter().enumerate() {
        if number > 0 {
            screen::line("");
        }
        whole.print(now);
    }
    if !more.is_empty() {
        screen::line(format_args!("\nit also names: {}", more.join(", ")));
    }
    Ok(())
}

fn name(found: &Found) -> String {
    match found {
        Found::Lead(id) => id.to_string(),
        Found::Referral(_, id) => id.to_string(),
    }
}

async fn gather(floor: &SqliteStore, found: &Found, now: DateTime<Utc>) -> Result<Option<Whole>, Exit> {
    let (lead, asked) = match found {
        Found::Lead(lead) => (*lead, None),
        Found::Referral(_, id) => match floor.referral(id).await? {
            None => return Ok(None),
            Some(story) => (story.row.lead, Some(id)),
        },
    };
    let Some(story) = floor.lead(lead).await? else {
        return Ok(None);
    };
    let is_asked = |id: &ReferralId| asked.is_none_or(|asked| asked == id);
    let of_lead = ReferralFilter {
        lead: Some(lead),
        ..ReferralFilter::default()
    };
    let all = referrals::stories(floor, of_lead).await?;
    let (referrals, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|story| is_asked(&story.row.referral.id));
    let mut clocks = clocks_of(floor, lead).await?;
    clocks.retain(|row| row.referral.as_ref().is_none_or(is_asked));
    let said = OutcomeFilter {
        lead: Some(lead),
        ..OutcomeFilter::default()
    };
    let mut systems = floor.destinations(now).await?;
    systems.retain(|system| {
        let name = system.name.as_str();
        story
            .deliveries
            .iter()
            .any(|delivery| delivery.destination.as_str() == name)
            || referrals.iter().any(|story| story.row.source.as_str() == name)
    });
    Ok(Some(Whole {
        said: floor.outcomes(said).await?,
        others: others.into_iter().map(|story| story.row.referral.id).collect(),
        lead: story,
        referrals,
        clocks,
        systems,
    }))
}

async fn clocks_of(floor: &SqliteStore, lead: LeadId) -> Result<Vec<ClockRow>, Exit> {
    let filter = ClockFilter {
        lead: Some(lead),
        ended: true,
        ..ClockFilter::default()
    };
    Ok(floor.clocks(filter).await?)
}

impl Whole {
    fn print(&self, now: DateTime<Utc>) {
        let Stand { sentence, to_do } = stand::of(self, now);
        screen::line(screen::clean_whole(&sentence));
        for what in &to_do {
            screen::line(format_args!("-> {}", screen::clean_whole(what)));
        }
        if to_do.is_empty() {
            screen::line("nothing to do");
        }
        let lead = &self.lead.row.lead;
        let company = lead.person.company.as_ref().map(|said| said.value.as_str());
        let offer = lead.latest().map(|touch| touch.offer.as_str());
        for (label, text) in [("company", company), ("offer", offer)] {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                screen::line(format_args!("{label:<11}{}", screen::clean(text)));
            }
        }
        for story in &self.referrals {
            screen::line("");
            reports::print(story, now);
        }
        if !self.others.is_empty() {
            let others: Vec<String> = self.others.iter().map(ToString::to_string).collect();
            screen::line(format_args!(
                "\nother referrals of the same lead: {}",
                others.join(", ")
            ));
        }
        if !self.clocks.is_empty() {
            screen::line("");
            clocks::print(&self.clocks, now);
        }
        screen::line("");
        for event in history::of(self) {
            print(&event, now);
        }
    }

    fn as_json(&self, now: DateTime<Utc>) -> Value {
        let Stand { sentence, to_do } = stand::of(self, now);
        let row = &self.lead.row;
        json!({
            "lead": row.lead.id, "fate": row.fate, "stands": sentence, "to_do": to_do,
            "company": row.lead.person.company.as_ref().map(|said| &said.value),
            "offer": row.lead.latest().map(|touch| &touch.offer),
            "referrals": self.referrals.iter().map(reports::as_json).collect::<Vec<_>>(),
            "other_referrals": self.others,
            "clocks": self.clocks.iter().map(|row| clocks::as_json(row, now)).collect::<Vec<_>>(),
            "history": history::of(self).iter().map(Event::as_json).collect::<Vec<_>>(),
        })
    }
}

/// One line, and what belongs to it below.
fn print(event: &Event, now: DateTime<Utc>) {
    let tense = if event.at > now { "  (to come)" } else { "" };
    screen::line(format_args!(
        "{}  {:<9}  {}: {}{tense}",
        spans::moment(event.at),
        event.kind,
        screen::clean(&event.about),
        screen::clean_whole(&event.what),
    ));
    for note in &event.notes {
        screen::line(format_args!("{:<21}{:<9}  {}", "", "", screen::clean_whole(note)));
    }
}

#[cfg(test)]
mod tests;
