//! What [`Census`](crate::Census) promises.

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::DateTime;

use super::CensusHarness;
use super::leads::{delivery, revised};
use crate::census::{Census, Held, HeldState, Sought};
use crate::delivery::{LeadDelivery, RecordRef};
use crate::roles::Destination;

/// More pages than any of these little systems needs.
const PAGES: usize = 1_000;

/// Checks every promise of a census.
///
/// # Panics
/// When one is broken.
pub async fn census(harness: &dyn CensusHarness) {
    nobody_is_found_in_an_empty_system(harness).await;
    whoever_was_delivered_is_found_once_and_nobody_else(harness).await;
    everything_with_a_key_of_ours_is_listed(harness).await;
    the_revision_that_is_told_is_the_one_that_is_held(harness).await;
}

struct World {
    destination: Arc<dyn Destination>,
    census: Arc<dyn Census>,
    _system: Box<dyn Any + Send>,
}

impl World {
    async fn fresh(harness: &dyn CensusHarness) -> Self {
        let (destination, census, system) = harness.fresh().await;
        assert!(census.at_once() >= 1, "at_once is at least 1");
        Self {
            destination,
            census,
            _system: system,
        }
    }

    /// Delivers, and gives what may be asked for afterwards.
    async fn deliver(&self, deliveries: &[LeadDelivery]) -> Vec<Sought> {
        let mut sought = Vec::new();
        for part in deliveries.chunks(self.destination.batch_limit()) {
            for (delivery, result) in part.iter().zip(self.destination.upsert(part).await) {
                assert!(result.is_ok(), "a good delivery is taken: {result:?}");
                let record = result.ok().and_then(|receipt| receipt.record);
                sought.push(asked(delivery, record));
            }
        }
        sought
    }

    async fn find(&self, sought: &[Sought]) -> Vec<Held> {
        let mut found = Vec::new();
        for part in sought.chunks(self.census.at_once()) {
            let answer = self.census.find(part).await;
            assert!(
                answer.is_ok(),
                "a healthy system can be asked: {:?}",
                answer.err()
            );
            found.extend(answer.unwrap_or_default());
        }
        found
    }

    async fn list(&self) -> Vec<Held> {
        let (mut found, mut after) = (Vec::new(), None);
        for _ in 0..PAGES {
            let page = self.census.list(DateTime::UNIX_EPOCH, after.as_ref()).await;
            assert!(page.is_ok(), "a healthy system can be asked: {:?}", page.err());
            let Ok(page) = page else { break };
            found.extend(page.items);
            if !page.more {
                return found;
            }
            after = page.next;
        }
        panic!("listing comes to an end");
    }
}

fn asked(delivery: &LeadDelivery, record: Option<RecordRef>) -> Sought {
    Sought {
        lead: delivery.lead.id,
        record,
    }
}

fn keys(held: &[Held]) -> Vec<String> {
    let mut keys: Vec<String> = held.iter().map(|held| held.key.clone()).collect();
    keys.sort();
    keys
}

fn ids(deliveries: &[LeadDelivery]) -> Vec<String> {
    let mut ids: Vec<String> = deliveries.iter().map(|one| one.lead.id.to_string()).collect();
    ids.sort();
    ids
}

async fn nobody_is_found_in_an_empty_system(harness: &dyn CensusHarness) {
    let world = World::fresh(harness).await;
    assert_eq!(
        world.find(&[asked(&delivery(1), None)]).await,
        [],
        "nobody was delivered"
    );
    assert_eq!(world.list().await, [], "nothing was written");
}

async fn whoever_was_delivered_is_found_once_and_nobody_else(harness: &dyn CensusHarness) {
    let world = World::fresh(harness).await;
    let many: Vec<LeadDelivery> = (0..25).map(delivery).collect();
    let mut sought = world.deliver(&many).await;
    sought.extend((30..33).map(|number| asked(&delivery(number), None)));
    let found = world.find(&sought).await;
    assert_eq!(keys(&found), ids(&many), "each once, by its key");
    assert!(
        found.iter().all(|held| held.state == HeldState::Open),
        "nobody has touched them: {found:?}"
    );
    let some = world.find(&sought[3..5]).await;
    assert_eq!(keys(&some), ids(&many[3..5]), "no more than was asked for");
}

async fn everything_with_a_key_of_ours_is_listed(harness: &dyn CensusHarness) {
    let world = World::fresh(harness).await;
    let many: Vec<LeadDelivery> = (0..25).map(delivery).collect();
    world.deliver(&many).await;
    let listed: BTreeSet<String> = keys(&world.list().await).into_iter().collect();
    let expected: BTreeSet<String> = match world.census.unlisted() {
        Some(why) => {
            assert!(!why.is_empty(), "it is said why nothing is listed");
            BTreeSet::new()
        }
        None => ids(&many).into_iter().collect(),
    };
    assert_eq!(listed, expected);
}

async fn the_revision_that_is_told_is_the_one_that_is_held(harness: &dyn CensusHarness) {
    let world = World::fresh(harness).await;
    let first = delivery(1);
    world.deliver(std::slice::from_ref(&first)).await;
    let sought = world.deliver(&[revised(&first, 2)]).await;
    let found = world.find(&sought).await;
    assert_eq!(found.len(), 1, "one lead, one record: {found:?}");
    assert!(
        found[0].revision.is_none_or(|revision| revision == 2),
        "the newer one: {found:?}"
    );
}
