//! What [`Withdraw`] promises: a canary goes, and nothing else ever does.

use super::System;
use super::leads::{canary, canary_delivery, delivery};
use crate::canary::{Canary, Withdraw, Withdrawn};
use crate::delivery::LeadDelivery;
use crate::roles::Destination;

/// Checks every promise, on an empty system.
///
/// # Panics
/// When one is broken.
pub async fn withdrawal(destination: &dyn Destination, withdraw: &dyn Withdraw, system: &dyn System) {
    let world = World {
        destination,
        withdraw,
        system,
    };
    let neighbour = delivery(100);
    world.deliver(&neighbour).await;
    world.one_that_never_came_is_gone().await;
    world.a_canary_goes_and_may_go_again().await;
    world.a_person_under_its_key_stays().await;
    assert!(world.holds(&neighbour).await, "a neighbour is never touched");
}

struct World<'a> {
    destination: &'a dyn Destination,
    withdraw: &'a dyn Withdraw,
    system: &'a dyn System,
}

impl World<'_> {
    async fn deliver(&self, delivery: &LeadDelivery) -> Canary {
        let answer = self.destination.upsert(std::slice::from_ref(delivery)).await;
        let receipt = answer.into_iter().next();
        let Some(Ok(receipt)) = receipt else {
            panic!("a good delivery is taken: {receipt:?}")
        };
        let flown = Canary::of(&delivery.lead, delivery.revision, receipt.record);
        flown.unwrap_or_else(|| canary(0))
    }

    async fn take(&self, canary: &Canary) -> Withdrawn {
        let taken = self.withdraw.withdraw(canary).await;
        taken.unwrap_or_else(|error| panic!("a canary can be taken away: {error}"))
    }

    async fn holds(&self, delivery: &LeadDelivery) -> bool {
        let key = delivery.lead.id.to_string();
        let records = self.system.records().await;
        records.iter().any(|record| record.key == key)
    }

    async fn one_that_never_came_is_gone(&self) {
        let taken = self.take(&canary(9)).await;
        assert_ne!(
            taken,
            Withdrawn::NotOurs,
            "there is nothing that could be somebody else's"
        );
    }

    async fn a_canary_goes_and_may_go_again(&self) {
        let flown = canary_delivery(1);
        let canary = self.deliver(&flown).await;
        for _ in 0..2 {
            match self.take(&canary).await {
                Withdrawn::Gone => assert!(!self.holds(&flown).await, "its record is gone"),
                Withdrawn::Told => {}
                Withdrawn::NotOurs => panic!("a canary is known by its mark"),
            }
        }
    }

    async fn a_person_under_its_key_stays(&self) {
        let person = delivery(5);
        self.deliver(&person).await;
        if self.take(&canary(5)).await != Withdrawn::Told {
            assert!(self.holds(&person).await, "who is no canary stays");
        }
    }
}
