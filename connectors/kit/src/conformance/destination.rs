//! What [`Destination`](crate::Destination) promises.

mod preview;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::leads::{canaries, delivery, forbidden, referral_canaries, referral_changed, referred, revised};
use super::{DestinationHarness, HeldRecord, System};
use crate::delivery::{Gate, LeadDelivery, Receipt};
use crate::error::ConnectorError;
use crate::referral::ReferralState;
use crate::roles::Destination;

/// Checks every promise of a destination.
///
/// # Panics
/// When one is broken.
pub async fn destination(harness: &dyn DestinationHarness) {
    an_empty_call_is_fine(harness).await;
    each_delivery_has_its_result_and_its_record(harness).await;
    the_same_delivery_twice_is_one_record(harness).await;
    a_newer_revision_replaces_an_older_one(harness).await;
    a_bad_record_fails_alone(harness).await;
    a_do_not_contact_lead_leaves_nobody_to_contact(harness).await;
    a_closed_gate_alone_is_enough(harness).await;
    a_referral_goes_with_its_lead_and_leaves_nobody_either(harness).await;
    preview::what_is_shown_is_what_is_written(harness).await;
    preview::what_is_shown_behind_the_gate_names_nobody(harness).await;
}

struct World {
    destination: Arc<dyn Destination>,
    system: Arc<dyn System>,
}

impl World {
    async fn fresh(harness: &dyn DestinationHarness) -> Self {
        let (destination, system) = harness.fresh().await;
        assert!(destination.batch_limit() >= 1, "batch_limit is at least 1");
        Self { destination, system }
    }

    /// Delivers the way the daemon does: never more than `batch_limit` at once.
    async fn deliver(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Receipt, ConnectorError>> {
        let mut results = Vec::new();
        for part in deliveries.chunks(self.destination.batch_limit()) {
            let answer = self.destination.upsert(part).await;
            assert_eq!(answer.len(), part.len(), "one result per delivery");
            results.extend(answer);
        }
        results
    }

    async fn deliver_well(&self, deliveries: &[LeadDelivery]) {
        for (index, result) in self.deliver(deliveries).await.iter().enumerate() {
            assert!(result.is_ok(), "a good delivery is taken: {index}: {result:?}");
        }
    }

    async fn record(&self, of: &LeadDelivery) -> Option<HeldRecord> {
        let key = of.lead.id.to_string();
        self.system
            .records()
            .await
            .into_iter()
            .find(|record| record.key == key)
    }
}

async fn an_empty_call_is_fine(harness: &dyn DestinationHarness) {
    let world = World::fresh(harness).await;
    assert!(
        world.destination.upsert(&[]).await.is_empty(),
        "no delivery, no result"
    );
    assert_eq!(world.system.records().await, [], "no delivery, no record");
}

async fn each_delivery_has_its_result_and_its_record(harness: &dyn DestinationHarness) {
    let world = World::fresh(harness).await;
    let many: Vec<_> = (0..25).map(delivery).collect();
    world.deliver_well(&many).await;
    let held: BTreeSet<String> = world
        .system
        .records()
        .await
        .into_iter()
        .map(|record| record.key)
        .collect();
    let sent: BTreeSet<String> = many.iter().map(|delivery| delivery.lead.id.to_string()).collect();
    assert_eq!(held, sent, "every delivered lead is held, and no other");
}

async fn the_same_delivery_twice_is_one_record(harness: &dyn DestinationHarness) {
    let world = World::fresh(harness).await;
    let one = [delivery(1)];
    world.deliver_well(&one).await;
    let before = world.system.records().await;
    world.deliver_well(&one).await;
    assert_eq!(
        world.system.records().await,
        before,
        "the same delivery again changes nothing"
    );
    assert_eq!(before.len(), 1, "one lead, one record");
}

async fn a_newer_revision_replaces_an_older_one(harness: &dyn DestinationHarness) {
    let world = World::fresh(harness).await;
    let first = delivery(1);
    let second = revised(&first, 2);
    world.deliver_well(&[first]).await;
    world.deliver_well(std::slice::from_ref(&second)).await;
    let record = world
        .record(&second)
        .await
        .expect_promise("a revised lead is still held");
    assert!(
        record.text.contains("Company1Canary r2"),
        "the newer revision is held: {record:?}"
    );
    assert!(
        record.revision.is_none_or(|revision| revision == 2),
        "and says so: {record:?}"
    );
}

async fn a_bad_record_fails_alone(harness: &dyn DestinationHarness) {
    let Some(bad) = harness.unacceptable() else { return };
    let world = World::fresh(harness).await;
    let mut mixed: Vec<_> = (0..7).map(delivery).collect();
    mixed.insert(3, bad);
    let results = world.deliver(&mixed).await;
    for (index, result) in results.iter().enumerate() {
        assert_eq!(
            result.is_ok(),
            index != 3,
            "only the bad record fails, at its place: {index}: {result:?}"
        );
    }
    assert_eq!(world.system.records().await.len(), 7, "its neighbours are held");
}

async fn a_do_not_contact_lead_leaves_nobody_to_contact(harness: &dyn DestinationHarness) {
    let world = World::fresh(harness).await;
    let (known, stranger) = (delivery(1), forbidden(&delivery(2), 1));
    world.deliver_well(std::slice::from_ref(&known)).await;
    world.deliver_well(&[forbidden(&known, 2), stranger]).await;
    nobody_to_contact(&world, &[1, 2]).await;
}

async fn a_closed_gate_alone_is_enough(harness: &dyn DestinationHarness) {
    let world = World::fresh(harness).await;
    let closed = LeadDelivery {
        gate: Gate::DoNotContact,
        ..delivery(3)
    };
    world.deliver_well(&[closed]).await;
    nobody_to_contact(&world, &[3]).await;
}

async fn a_referral_goes_with_its_lead_and_leaves_nobody_either(harness: &dyn DestinationHarness) {
    let world = World::fresh(harness).await;
    let (first, second, stranger) = (referred(1), referred(2), referred(3));
    let expired = referral_changed(&first, 2, |referral| {
        referral.state = ReferralState::Expired;
        referral.expires_at = None;
    });
    world.deliver_well(&[first, delivery(4), second.clone()]).await;
    world.deliver_well(std::slice::from_ref(&expired)).await;
    world
        .deliver_well(&[
            forbidden(&expired, 3),
            forbidden(&second, 2),
            forbidden(&stranger, 1),
        ])
        .await;
    nobody_to_contact(&world, &[1, 2, 3]).await;
}

async fn nobody_to_contact(world: &World, people: &[u32]) {
    for record in world.system.records().await {
        let texts = |number: &u32| [canaries(*number), referral_canaries(*number)].concat();
        for canary in people.iter().flat_map(texts) {
            assert!(
                !record.text.contains(&canary),
                "nobody to contact, but: {record:?}"
            );
        }
    }
}

/// `expect` with the name of a promise.
trait ExpectPromise<T> {
    fn expect_promise(self, promise: &str) -> T;
}

impl<T> ExpectPromise<T> for Option<T> {
    fn expect_promise(self, promise: &str) -> T {
        assert!(self.is_some(), "{promise}");
        match self {
            Some(value) => value,
            None => unreachable!("{promise}"),
        }
    }
}
