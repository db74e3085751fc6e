//! Whether every lead has its fate, and every receiver exactly what it should have.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use connector_kit::clock::Clock;

use super::DemoError;
use super::listener::Listener;
use super::receivers::{Holding, NAMES, Receivers, Shelf};
use super::samples::{Expected, FORBIDDEN_MARKS};
use crate::store::{DeadLetter, DeadLetterFilter, LeadFilter, LeadStory, Store, Totals};

/// Longer than any hold of the scenario.
const PATIENCE: TimeDelta = TimeDelta::seconds(20);
/// How often the store is asked whether all is done.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The numbers of the run.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Summary {
    /// Bodies answered 200.
    pub accepted: u64,
    /// The same touch again.
    pub repeats: u64,
    /// New touches of a known person.
    pub merged: u64,
    /// Leads.
    pub leads: u64,
    /// Deliveries whose destination holds the newest revision.
    pub delivered: u64,
    /// Leads that go nowhere, by rule.
    pub suppressed: u64,
    /// Unreadable bodies, kept with the reason.
    pub quarantined: u64,
    /// Dead letters.
    pub dead: u64,
    /// Half of the deliveries were confirmed within so many milliseconds of the lead's receipt.
    pub p50_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// Leads by what became of them in the CRMs.
    pub outcomes: Outcomes,
}

/// Leads by what became of them in the CRMs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Outcomes {
    /// Sold.
    pub won: u64,
    /// Not sold.
    pub lost: u64,
    /// Not worth a call.
    pub declined: u64,
}

/// The numbers, and what is wrong with them.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The numbers.
    pub summary: Summary,
    /// What could not be delivered.
    pub dead_letters: Vec<DeadLetter>,
    /// What is not as promised; empty when all is well.
    pub faults: Vec<String>,
}

impl Verdict {
    /// Looks at the store and at every receiver.
    pub async fn reach(
        store: &dyn Store,
        receivers: &Receivers,
        listener: &Listener,
    ) -> Result<Self, DemoError> {
        let failed = "ask its store";
        let totals = store.totals().await.map_err(DemoError::while_doing(failed))?;
        let dead_letters = store
            .dead_letters(DeadLetterFilter::default())
            .await
            .map_err(DemoError::while_doing(failed))?;
        let stories = stories(store).await.map_err(DemoError::while_doing(failed))?;
        let summary = Summary::of(&totals, &listener.delivery_times());
        let mut faults = summary.faults();
        for name in NAMES {
            faults.extend(shelf_faults(
                name,
                &receivers.shelf(name)?,
                &wanted(name, &stories),
            ));
        }
        let sent = receivers.everything()?;
        let leaked = FORBIDDEN_MARKS.into_iter().filter(|mark| sent.contains(mark));
        faults.extend(leaked.map(|mark| format!("a receiver was sent {mark}")));
        let complaints = receivers.complaints().into_iter();
        faults.extend(complaints.map(|text| format!("the webhook complained: {text}")));
        Ok(Self {
            summary,
            dead_letters,
            faults,
        })
    }
}

/// Waits until nothing is on its way any more, or patience ends.
pub async fn all_done(store: &dyn Store, listener: &Listener, clock: &dyn Clock) -> Result<(), DemoError> {
    let until = clock.now() + PATIENCE;
    loop {
        let totals = store
            .totals()
            .await
            .map_err(DemoError::while_doing("ask its store"))?;
        let heard = listener.delivery_times().len() as u64;
        let quiet = totals.unsettled == 0 && totals.pending == 0 && heard >= totals.delivered + totals.closed;
        if quiet || clock.now() > until {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits until the daemon has seen what people did in the CRMs, or patience ends.
pub async fn all_told(store: &dyn Store, clock: &dyn Clock) -> Result<(), DemoError> {
    let until = clock.now() + PATIENCE;
    loop {
        let totals = store
            .totals()
            .await
            .map_err(DemoError::while_doing("ask its store"))?;
        let told = totals.outcomes.won + totals.outcomes.lost + totals.outcomes.declined;
        if told >= Expected::WON + Expected::LOST + Expected::DECLINED || clock.now() > until {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl Summary {
    fn of(totals: &Totals, times: &[TimeDelta]) -> Self {
        Self {
            accepted: totals.accepted,
            repeats: totals.repeats,
            merged: totals.merged,
            leads: totals.leads,
            delivered: totals.delivered + totals.closed,
            suppressed: totals.suppressed().iter().map(|(_, leads)| leads).sum(),
            quarantined: totals.refused + totals.quarantined,
            dead: totals.dead,
            p50_ms: percentile(times, 50),
            p99_ms: percentile(times, 99),
            outcomes: Outcomes {
                won: totals.outcomes.won,
                lost: totals.outcomes.lost,
                declined: totals.outcomes.declined,
            },
        }
    }

    /// Every count that is not what the samples come to.
    fn faults(&self) -> Vec<String> {
        let destinations = NAMES.len() as u64;
        let delivered = (Expected::LEADS - Expected::SUPPRESSED) * destinations - Expected::DEAD;
        let counts = [
            ("accepted", self.accepted, Expected::ACCEPTED),
            ("repeats", self.repeats, Expected::REPEATS),
            ("merged", self.merged, Expected::MERGED),
            ("leads", self.leads, Expected::LEADS),
            ("delivered", self.delivered, delivered),
            ("suppressed", self.suppressed, Expected::SUPPRESSED),
            ("quarantined", self.quarantined, Expected::REFUSED),
            ("dead", self.dead, Expected::DEAD),
            ("won", self.outcomes.won, Expected::WON),
            ("lost", self.outcomes.lost, Expected::LOST),
            ("declined", self.outcomes.declined, Expected::DECLINED),
        ];
        let wrong = counts.into_iter().filter(|(_, is, should)| is != should);
        wrong
            .map(|(name, is, should)| format!("{name} is {is} and should be {should}"))
            .collect()
    }
}

/// The smallest time that `percent` of 100 do not exceed, in milliseconds.
fn percentile(sorted: &[TimeDelta], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    let micros = sorted.get(rank - 1).and_then(TimeDelta::num_microseconds);
    let tenths = micros.unwrap_or_default().max(0) / 100;
    f64::from(i32::try_from(tenths).unwrap_or(i32::MAX)) / 10.0
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

    #[test]
    fn every_count_that_differs_is_named() {
        let faults = Summary::of(&Totals::default(), &[]).faults();
        assert_eq!(faults.len(), 11);
        assert_eq!(faults[4], "delivered is 0 and should be 69");
    }

    #[test]
    fn a_percentile_is_a_time_that_was_measured() {
        let times: Vec<TimeDelta> = (1..=200).map(TimeDelta::milliseconds).collect();
        let found = [50, 99, 100].map(|percent| percentile(&times, percent).to_string());
        assert_eq!(found, ["100", "198", "200"]);
        assert_eq!(percentile(&times[..1], 99).to_string(), "1");
        assert_eq!(percentile(&[], 50).to_string(), "0");
    }
}
