//! What [`OutcomeSource`](crate::OutcomeSource) promises.

use std::collections::{BTreeMap, BTreeSet};

use super::OutcomeHarness;
use crate::ids::LeadId;
use crate::outcome::{Outcome, Stage, overall};
use crate::raw::Checkpoint;
use crate::roles::OutcomeSource;

/// More pages than any of these little systems needs.
const PAGES: usize = 1_000;

/// Checks every promise of an outcome source.
///
/// # Panics
/// When one is broken.
pub async fn outcomes(harness: &dyn OutcomeHarness) {
    what_is_decided_is_told(harness).await;
    a_decision_taken_later_is_told_from_the_checkpoint_on(harness).await;
    from_any_checkpoint_the_end_is_the_same(harness).await;
    records_of_others_are_kept_quiet(harness).await;
    a_deleted_record_says_so_or_nothing(harness).await;
    a_forgotten_checkpoint_costs_time_and_nothing_else(harness).await;
}

fn lead(number: u8) -> LeadId {
    LeadId::new(1_800_000_000_000 + u64::from(number), &[number; 10])
}

/// What a reader knows who remembers everything, as the daemon does.
#[derive(Clone, Default)]
struct Reader {
    after: Option<Checkpoint>,
    records: BTreeMap<String, Outcome>,
}

impl Reader {
    /// Reads to the end; every checkpoint on the way.
    async fn read(&mut self, source: &dyn OutcomeSource, limit: usize) -> Vec<Checkpoint> {
        let mut checkpoints = Vec::new();
        for _ in 0..PAGES {
            let page = source.outcomes(self.after.as_ref(), limit).await;
            assert!(page.is_ok(), "a healthy system can be asked: {:?}", page.err());
            let Ok(page) = page else { break };
            page.items.into_iter().for_each(|outcome| self.note(outcome));
            checkpoints.extend(page.next.clone());
            self.after = page.next.or(self.after.take());
            if !page.more {
                return checkpoints;
            }
        }
        panic!("asking comes to an end");
    }

    fn note(&mut self, mut outcome: Outcome) {
        assert!(
            outcome.lead.is_some() || outcome.stage == Stage::Gone,
            "a living record tells its lead: {outcome:?}"
        );
        let before = self.records.get(&outcome.record.0);
        if outcome.lead.is_none() {
            outcome.lead = before.and_then(|before| before.lead);
        }
        if before.is_none_or(|before| before.changed_at <= outcome.changed_at) {
            self.records.insert(outcome.record.0.clone(), outcome);
        }
    }

    /// What holds for the lead; an untouched one is open.
    fn stage(&self, lead: LeadId) -> Stage {
        let of_lead = self.records.values().filter(|outcome| outcome.lead == Some(lead));
        overall(of_lead).map_or(Stage::Open, |outcome| outcome.stage)
    }
}

async fn what_is_decided_is_told(harness: &dyn OutcomeHarness) {
    let leads: Vec<LeadId> = (1..=6).map(lead).collect();
    let (source, sales) = harness.holding(&leads).await;
    sales.accept(leads[1]).await;
    sales.decline(leads[2]).await;
    let closes = sales.win(leads[3], "20000.50").await;
    assert_eq!(sales.lose(leads[4]).await, closes, "who can win can lose");
    let mut reader = Reader::default();
    reader.read(source.as_ref(), 2).await;
    let found: Vec<Stage> = leads.iter().map(|lead| reader.stage(*lead)).collect();
    let (won, lost) = if closes {
        (Stage::Won, Stage::Lost)
    } else {
        (Stage::Open, Stage::Open)
    };
    assert_eq!(
        found,
        [
            Stage::Open,
            Stage::Accepted,
            Stage::Declined,
            won,
            lost,
            Stage::Open
        ],
        "each decision is told as what it is"
    );
    if closes {
        let worth: BTreeSet<String> = reader
            .records
            .values()
            .filter_map(|outcome| Some(outcome.value.as_ref()?.amount.to_string()))
            .collect();
        let tells = |amount: &str| worth.iter().any(|told| told.trim_end_matches('0') == amount);
        assert!(tells("20000.5"), "a won deal tells what it is worth: {worth:?}");
    }
}

async fn a_decision_taken_later_is_told_from_the_checkpoint_on(harness: &dyn OutcomeHarness) {
    let leads: Vec<LeadId> = (1..=3).map(lead).collect();
    let (source, sales) = harness.holding(&leads).await;
    let mut reader = Reader::default();
    reader.read(source.as_ref(), 100).await;
    sales.accept(leads[0]).await;
    reader.read(source.as_ref(), 100).await;
    assert_eq!(
        reader.stage(leads[0]),
        Stage::Accepted,
        "what changed after the first look"
    );
    sales.decline(leads[0]).await;
    sales.accept(leads[2]).await;
    reader.read(source.as_ref(), 100).await;
    let found: Vec<Stage> = leads.iter().map(|lead| reader.stage(*lead)).collect();
    assert_eq!(
        found,
        [Stage::Declined, Stage::Open, Stage::Accepted],
        "what changed after the second look"
    );
}

async fn from_any_checkpoint_the_end_is_the_same(harness: &dyn OutcomeHarness) {
    let leads: Vec<LeadId> = (1..=9).map(lead).collect();
    let (source, sales) = harness.holding(&leads).await;
    let mut reader = Reader::default();
    let mut places = vec![reader.clone()];
    for (number, lead) in leads.iter().enumerate() {
        if number % 2 == 0 {
            sales.accept(*lead).await;
        } else {
            sales.decline(*lead).await;
        }
        if number % 3 == 0 {
            reader.read(source.as_ref(), 2).await;
            places.push(reader.clone());
        }
    }
    reader.read(source.as_ref(), 2).await;
    let end: Vec<Stage> = leads.iter().map(|lead| reader.stage(*lead)).collect();
    for mut place in places {
        place.read(source.as_ref(), 3).await;
        let again: Vec<Stage> = leads.iter().map(|lead| place.stage(*lead)).collect();
        assert_eq!(again, end, "read on from {:?}", place.after);
    }
}

async fn records_of_others_are_kept_quiet(harness: &dyn OutcomeHarness) {
    let leads = [lead(1)];
    let (source, sales) = harness.holding(&leads).await;
    sales.make_stranger().await;
    sales.accept(leads[0]).await;
    let mut reader = Reader::default();
    reader.read(source.as_ref(), 100).await;
    let told: BTreeSet<Option<LeadId>> = reader.records.values().map(|outcome| outcome.lead).collect();
    assert!(
        told.iter().all(|lead| *lead == Some(leads[0])),
        "only ours: {told:?}"
    );
    assert_eq!(reader.stage(leads[0]), Stage::Accepted);
}

async fn a_deleted_record_says_so_or_nothing(harness: &dyn OutcomeHarness) {
    let leads = [lead(1), lead(2)];
    let (source, sales) = harness.holding(&leads).await;
    sales.accept(leads[0]).await;
    let mut reader = Reader::default();
    reader.read(source.as_ref(), 100).await;
    sales.delete(leads[0]).await;
    reader.read(source.as_ref(), 100).await;
    assert_eq!(reader.stage(leads[0]), Stage::Gone, "a deleted record is gone");
    assert_eq!(reader.stage(leads[1]), Stage::Open, "its neighbour is not");
}

async fn a_forgotten_checkpoint_costs_time_and_nothing_else(harness: &dyn OutcomeHarness) {
    let leads = [lead(1), lead(2)];
    let (source, sales) = harness.holding(&leads).await;
    sales.accept(leads[0]).await;
    let mut reader = Reader::default();
    reader.read(source.as_ref(), 100).await;
    sales.forget_checkpoints().await;
    sales.decline(leads[1]).await;
    reader.read(source.as_ref(), 100).await;
    assert_eq!(reader.stage(leads[0]), Stage::Accepted);
    assert_eq!(
        reader.stage(leads[1]),
        Stage::Declined,
        "read on after the system forgot"
    );
}
