//! Places an order, sees it carried out, and tells how it ended.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use connector_kit::clock::{Clock, SystemClock};
use connector_kit::{ErrorKind, ReferralChange, ReferralId, SourceName};
use serde_json::json;

use super::super::{Exit, Place, house, reports, screen};
use super::Target;
use crate::app;
use crate::store::sqlite::SqliteStore;
use crate::store::{Order, ReferralStore, ReferralStory};
use crate::syncback::order::decide;
use crate::syncback::plan::Decision;
use crate::syncback::{End, Reported};

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

/// Places the order, carries it out in this process, and tells how it ended. When somebody else is at
/// it, waits for them.
pub(super) fn carry_out(place: &Place, target: &Target, change: ReferralChange) -> Result<(), Exit> {
    let id = target.referral.clone();
    let (loaded, outside) = (house::config(place)?, house::outside()?);
    // As precise as the store keeps it: what is done from then on is told below.
    let at = house::now().trunc_subsecs(3);
    let order = Order { change, at };
    let until = at + TimeDelta::from_std(target.wait).unwrap_or(TimeDelta::days(1));
    let (story, reported) = house::ask(place, |floor| async move {
        let floor = Arc::new(floor);
        let story = floor.referral(&id).await?.ok_or_else(|| unknown(&id))?;
        let sink = &story.row.source;
        let worker = app::report_by_hand(&loaded, &outside, floor.clone(), sink)?;
        let worker = worker.ok_or_else(|| no_sink(sink))?;
        floor.order(&id, order).await?;
        let reported = worker.carry_out(story.row.key).await?;
        house::nudge(place)?;
        let story = await_end(&floor, &id, reported.as_ref(), until).await?;
        Ok((story, reported))
    })?;
    tell(place, &story, at);
    let ending = reported
        .as_ref()
        .and_then(of_report)
        .unwrap_or_else(|| ending(&story, at));
    match ending {
        Ending::Done => Ok(()),
        Ending::Refused { reason, hint } => Err(refused(&reason, &hint)),
        Ending::Later(why) => Err(Exit::unfinished(format!(
            "it is ordered, and not done yet: {why}"
        ))),
        Ending::Unanswered(why) => Err(Exit::unanswered(format!(
            "it is ordered, and tried again by the daemon: {why}"
        ))),
    }
}

fn no_sink(sink: &SourceName) -> Exit {
    Exit::missing(format!(
        "it came through {sink}, and the config has no connector of this name with the role outcome-sink: nothing was ordered"
    ))
}

/// How it stands once nobody is at it any more, or the time is over.
async fn await_end(
    floor: &SqliteStore,
    id: &ReferralId,
    reported: Option<&Reported>,
    until: DateTime<Utc>,
) -> Result<ReferralStory, Exit> {
    let is_ours = reported.is_some_and(|reported| !matches!(reported.end, End::LeaseLost));
    loop {
        let story = floor.referral(id).await?.ok_or_else(|| unknown(id))?;
        let is_open = story
            .report
            .as_ref()
            .is_some_and(|report| report.order.is_some() && report.state != "waiting");
        if is_ours || !is_open || SystemClock.now() >= until {
            return Ok(story);
        }
        SystemClock.rest(LOOK_EVERY).await;
    }
}

/// How an order ended.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Done,
    Refused {
        reason: String,
        hint: String,
    },
    Later(String),
    /// The other side does not answer.
    Unanswered(String),
}

/// How our own attempt ended; none when it became somebody else's.
fn of_report(reported: &Reported) -> Option<Ending> {
    let refused = |reason: &str, hint: &str| Ending::Refused {
        reason: reason.to_owned(),
        hint: hint.to_owned(),
    };
    if let Some(refusal) = &reported.order_refused {
        return Some(refused(&refusal.reason, &refusal.hint));
    }
    if reported.order_done {
        // What the CRM says beside it has its own report.
        return Some(Ending::Done);
    }
    match &reported.end {
        End::Settled => Some(Ending::Done),
        End::Refused(refusal) => Some(refused(&refusal.reason, &refusal.hint)),
        End::Waiting(_, why) => Some(Ending::Later((*why).to_owned())),
        End::LeaseLost => None,
        End::Failed(error) => {
            let what = format!("could not {error}");
            let hint = error.hint_text().unwrap_or("see leadsync doctor");
            Some(match error.kind() {
                ErrorKind::Rejected | ErrorKind::Unauthorized | ErrorKind::Misconfigured => {
                    refused(&what, hint)
                }
                _ => Ending::Unanswered(what),
            })
        }
    }
}

/// How the order of that moment ended for whoever carried it out, as far as it did.
fn ending(story: &ReferralStory, ordered_at: DateTime<Utc>) -> Ending {
    let Some(report) = &story.report else {
        return Ending::Done;
    };
    if report.order.is_some() {
        let why = if report.reason.is_empty() {
            "somebody else works on it"
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

/// The plan, the steps since the order, and how the referral stands now: what it became by our own
/// writes is known before the store has read it.
fn tell(place: &Place, story: &ReferralStory, ordered_at: DateTime<Utc>) {
    let mut recent = story.clone();
    recent.steps.retain(|step| step.at >= ordered_at);
    let written = recent.steps.iter().rev().find(|step| step.result == "done");
    if let Some(state) = written.and_then(|step| step.state.clone()) {
        recent.row.referral.state = state;
    }
    if place.json {
        screen::json(&reports::as_json(&recent));
    } else {
        reports::print(&recent, house::now());
    }
}

#[cfg(test)]
mod tests;
