//! Places an order, sees it carried out, and tells how it ended.

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::{Clock, SystemClock};
use connector_kit::{ReferralChange, ReferralId};
use serde_json::json;

use super::super::{Exit, Place, house, reports, screen};
use super::Target;
use crate::store::sqlite::SqliteStore;
use crate::store::{Order, ReferralStore, ReferralStory};
use crate::syncback::order::decide;
use crate::syncback::plan::Decision;

/// How often the store is asked whether somebody else has done it.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(200);

/// The referral is not known.
pub(super) fn unknown(id: &ReferralId) -> Exit {
    Exit::missing(format!("there is no referral {id}; see leadsync referrals"))
}

/// Shows what would be written, by how the referral stood when it was last seen.
pub(super) fn plan(place: &Place, id: &ReferralId, change: &ReferralChange) -> Result<(), Exit> {
    let asked = id.clone();
    let story = house::ask(place, |store| async move { Ok(store.referral(&asked).await?) })?;
    let story = story.ok_or_else(|| unknown(id))?;
    let referral = &story.row.referral;
    let seen = referral.updated_at.format("%Y-%m-%d %H:%M:%S UTC");
    let (steps, refusal) = match decide(change, referral) {
        Decision::Write(steps, _) => (steps, None),
        Decision::Refuse(refusal) => (Vec::new(), Some(refusal)),
        Decision::Agree(_) | Decision::Wait(..) => (Vec::new(), None),
    };
    if place.json {
        let steps: Vec<_> = steps
            .iter()
            .map(|step| json!({ "step": step.step, "fields": step.fields() }))
            .collect();
        screen::json(&json!({
            "referral": id, "state": referral.state.to_string(), "as_of": referral.updated_at.to_rfc3339(), "plan": steps,
            "reason": refusal.as_ref().map(|refusal| &refusal.reason), "hint": refusal.as_ref().map(|refusal| &refusal.hint),
        }));
    } else {
        screen::line(format_args!(
            "referral   {id}  {}  (as of {seen})",
            screen::clean(&referral.state.to_string())
        ));
        for step in &steps {
            screen::line(format_args!("plan       {}", reports::change(step)));
        }
        if steps.is_empty() && refusal.is_none() {
            screen::line("nothing to do: it says so already");
        }
    }
    refusal.map_or(Ok(()), |refusal| Err(refused(&refusal.reason, &refusal.hint)))
}

fn refused(reason: &str, hint: &str) -> Exit {
    Exit::refused(format!("it cannot be done: {reason}\n  -> {hint}"))
}

/// Places the order and waits for its end, whoever brings it about.
pub(super) fn carry_out(place: &Place, target: &Target, change: ReferralChange) -> Result<(), Exit> {
    let id = target.referral.clone();
    let at = house::now();
    let order = Order { change, at };
    let until = at + TimeDelta::from_std(target.wait).unwrap_or(TimeDelta::days(1));
    let story = house::ask(place, |store| async move {
        if !store.order(&id, order).await? {
            return Err(unknown(&id));
        }
        house::nudge(place)?;
        await_end(&store, &id, until).await
    })?;
    tell(place, &story, at);
    match ending(&story, at) {
        Ending::Done => Ok(()),
        Ending::Refused { reason, hint } => Err(refused(&reason, &hint)),
        Ending::Later(why) => Err(Exit::unfinished(format!(
            "it is ordered, and not done yet: {why}"
        ))),
    }
}

/// Reads until the order is done with, or the time is over.
async fn await_end(
    floor: &SqliteStore,
    id: &ReferralId,
    until: DateTime<Utc>,
) -> Result<ReferralStory, Exit> {
    loop {
        let story = floor.referral(id).await?.ok_or_else(|| unknown(id))?;
        let is_open = story
            .report
            .as_ref()
            .is_some_and(|report| report.order.is_some() && report.state != "waiting");
        if !is_open || SystemClock.now() >= until {
            return Ok(story);
        }
        SystemClock.rest(LOOK_EVERY).await;
    }
}

/// How an order ended.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Done,
    Refused { reason: String, hint: String },
    Later(String),
}

/// How the order of that moment ended, as far as it did.
fn ending(story: &ReferralStory, ordered_at: DateTime<Utc>) -> Ending {
    let Some(report) = &story.report else {
        return Ending::Done;
    };
    if report.order.is_some() {
        let why = if report.reason.is_empty() {
            "somebody else works on it, or the daemon has to"
        } else {
            &report.reason
        };
        return Ending::Later(why.to_owned());
    }
    let last = story
        .steps
        .iter()
        .rev()
        .find(|step| step.at >= ordered_at && step.result != "ordered");
    let was_refused = last.map_or(report.state == "refused", |step| step.result == "refused");
    if !was_refused {
        return Ending::Done;
    }
    // What the CRM says may have been refused since; the step tells what became of the order.
    let told = last
        .map(|step| step.detail.clone())
        .filter(|detail| !detail.is_empty());
    Ending::Refused {
        reason: told.unwrap_or_else(|| report.reason.clone()),
        hint: report.hint.clone(),
    }
}

/// The plan, the steps since the order, and how the referral stands now.
fn tell(place: &Place, story: &ReferralStory, ordered_at: DateTime<Utc>) {
    if place.json {
        return screen::json(&reports::as_json(story));
    }
    let mut recent = story.clone();
    recent.steps.retain(|step| step.at >= ordered_at);
    reports::print(&recent, house::now());
}

#[cfg(test)]
mod tests;
