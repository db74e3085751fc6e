//! Whether every lead has its fate, and every receiver exactly what it should have.

use std::collections::BTreeMap;

use connector_kit::ReferralId;

use super::DemoError;
use super::listener::Listener;
use super::partner_center::Center;
use super::receivers::{Holding, NAMES, Receivers, Shelf};
use super::samples::FORBIDDEN_MARKS;
use super::summary::{Counted, Summary};
use crate::store::{DeadLetter, DeadLetterFilter, LeadFilter, LeadStory, ReferralFilter, Store};

/// The numbers, and what is wrong with them.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The numbers.
    pub summary: Summary,
    /// What could not be delivered.
    pub dead_letters: Vec<DeadLetter>,
    /// What could not be reported.
    pub refusals: Vec<Unreported>,
    /// What is not as promised; empty when all is well.
    pub faults: Vec<String>,
}

/// A referral whose outcome could not be reported.
#[derive(Clone, Debug)]
pub struct Unreported {
    /// Which.
    pub referral: ReferralId,
    /// Why.
    pub reason: String,
    /// What to do.
    pub hint: String,
}

impl Verdict {
    /// Looks at the store, at every receiver, and at Partner Center.
    pub async fn reach(
        store: &dyn Store,
        receivers: &Receivers,
        center: &Center,
        listener: &Listener,
    ) -> Result<Self, DemoError> {
        let stories = stories(store).await.map_err(DemoError::asking())?;
        let summary = Summary::of(&Counted {
            totals: &store.totals().await.map_err(DemoError::asking())?,
            referrals: &store.referral_totals().await.map_err(DemoError::asking())?,
            stories: &stories,
            standings: center.standings(),
            times: &listener.delivery_times(),
        });
        let every = DeadLetterFilter::default();
        let dead_letters = store.dead_letters(every).await.map_err(DemoError::asking())?;
        let mut faults = summary.faults();
        for name in NAMES {
            let (shelf, wanted) = (receivers.shelf(name)?, wanted(name, &stories));
            faults.extend(shelf_faults(name, &shelf, &wanted));
        }
        faults.extend(misdeeds(receivers)?);
        faults.extend(center.faults());
        Ok(Self {
            summary,
            dead_letters,
            refusals: refusals(store).await?,
            faults,
        })
    }
}

/// What receivers were sent that they must not be, or not so.
fn misdeeds(receivers: &Receivers) -> Result<Vec<String>, DemoError> {
    let sent = receivers.everything()?;
    let leaked = FORBIDDEN_MARKS.into_iter().filter(|mark| sent.contains(mark));
    let leaked = leaked.map(|mark| format!("a receiver was sent {mark}"));
    let complaints = receivers.complaints().into_iter();
    let complaints = complaints.map(|text| format!("the webhook complained: {text}"));
    Ok(leaked.chain(complaints).collect())
}

/// What the store says could not be reported.
async fn refusals(store: &dyn Store) -> Result<Vec<Unreported>, DemoError> {
    let mut refusals = Vec::new();
    let all = store.referrals(ReferralFilter::default()).await;
    for row in all.map_err(DemoError::asking())? {
        let id = row.referral.id;
        let known = store.referral(&id).await.map_err(DemoError::asking())?;
        let report = known.and_then(|known| known.report);
        let refused = report.filter(|report| report.state == "refused");
        refusals.extend(refused.map(|report| Unreported {
            referral: id,
            reason: report.reason,
            hint: report.hint,
        }));
    }
    Ok(refusals)
}

async fn stories(store: &dyn Store) -> Result<Vec<LeadStory>, crate::store::StoreError> {
    let filter = LeadFilter {
        limit: 1000,
        fate: None,
    };
    let mut stories = Vec::new();
    for row in store.leads(filter).await? {
        stories.extend(store.lead(row.lead.id).await?);
    }
    Ok(stories)
}

/// What the store says this destination holds: lead id to revision.
fn wanted(name: &str, stories: &[LeadStory]) -> BTreeMap<String, u64> {
    let mut wanted = BTreeMap::new();
    for story in stories {
        let here = story
            .deliveries
            .iter()
            .find(|one| one.destination.as_str() == name && one.held > 0);
        if let Some(delivery) = here {
            wanted.insert(story.row.lead.id.to_string(), u64::from(delivery.held));
        }
    }
    wanted
}

/// Where shelf and store disagree about one destination.
fn shelf_faults(name: &str, shelf: &Shelf, wanted: &BTreeMap<String, u64>) -> Vec<String> {
    let missing = wanted
        .iter()
        .filter_map(|(lead, revision)| match shelf.get(lead) {
            Some(Holding { revision: None, .. }) => None,
            Some(Holding {
                revision: Some(held), ..
            }) if held == revision => None,
            Some(Holding {
                revision: Some(held), ..
            }) => Some(format!(
                "{name} holds revision {held} of lead {lead} and should hold {revision}"
            )),
            None => Some(format!("{name} does not hold lead {lead}")),
        });
    let strangers = shelf.keys().filter(|lead| !wanted.contains_key(*lead));
    let strangers = strangers.map(|lead| format!("{name} holds lead {lead}, which was not delivered there"));
    let doubles = shelf.iter().filter(|(_, held)| held.doubles > 0);
    let doubles =
        doubles.map(|(lead, held)| format!("{name} was sent lead {lead} {} times too often", held.doubles));
    missing.chain(strangers).chain(doubles).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_that_misses_holds_or_was_sent_too_much_is_found_out() {
        let wanted: BTreeMap<String, u64> = [("a", 2), ("b", 1)].map(|(k, v)| (k.to_owned(), v)).into();
        let shelf = |leads: &[(&str, u64, u64)]| -> Shelf {
            let holding = |&(lead, revision, doubles): &(&str, u64, u64)| {
                let revision = Some(revision);
                (lead.to_owned(), Holding { revision, doubles })
            };
            leads.iter().map(holding).collect()
        };
        let faults = |leads: &[(&str, u64, u64)]| shelf_faults("r", &shelf(leads), &wanted).join(", ");
        assert_eq!(faults(&[("a", 2, 0), ("b", 1, 0)]), "");
        assert_eq!(faults(&[("a", 2, 0)]), "r does not hold lead b");
        assert_eq!(
            faults(&[("a", 1, 0), ("b", 1, 0)]),
            "r holds revision 1 of lead a and should hold 2"
        );
        assert_eq!(
            faults(&[("a", 2, 0), ("b", 1, 0), ("c", 1, 0)]),
            "r holds lead c, which was not delivered there"
        );
        assert_eq!(
            faults(&[("a", 2, 1), ("b", 1, 0)]),
            "r was sent lead a 1 times too often"
        );
    }
}
