//! The kit's promises.

use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::conformance::{self, DeskHarness, OtherSide, SourceHarness};
use connector_kit::{ReferralDesk, ReferralId, Source};
use leadsync_sim::faults::Fault;
use serde_json::json;

use crate::world::World;

struct Polled(&'static str);

#[async_trait]
impl SourceHarness for Polled {
    async fn holding(&self, count: usize) -> Arc<dyn Source> {
        let mut world = World::with(self.0).await;
        world.center.set(|settings| settings.page_size = 10);
        (0..count).for_each(|number| drop(world.lead(number)));
        let source = world.source();
        Arc::new(Held {
            source,
            _world: world,
        })
    }
}

/// The servers live as long as the source.
struct Held {
    source: Arc<dyn Source>,
    _world: World,
}

#[async_trait]
impl Source for Held {
    async fn poll(
        &self,
        after: Option<&connector_kit::Checkpoint>,
        limit: usize,
    ) -> Result<connector_kit::Batch<connector_kit::RawLead>, connector_kit::ConnectorError> {
        self.source.poll(after, limit).await
    }
}

#[tokio::test]
async fn every_promise_of_a_source_is_kept_by_links() {
    conformance::source(&Polled("")).await;
}

#[tokio::test]
async fn every_promise_of_a_source_is_kept_by_counting() {
    conformance::source(&Polled("page_size = 4")).await;
}

/// With 412 or 409 for what changed meanwhile.
struct Kept(u16);

struct Others(World);

#[async_trait]
impl DeskHarness for Kept {
    async fn with_new_referral(&self) -> (Arc<dyn ReferralDesk>, Arc<dyn OtherSide>, ReferralId) {
        let mut world = World::new().await;
        world.center.set(|settings| settings.stale_status = self.0);
        let id = world.lead(1);
        (world.desk(), Arc::new(Others(world)), id)
    }
}

#[async_trait]
impl OtherSide for Others {
    async fn touch(&self, id: &ReferralId) {
        self.0.pass(60);
        self.0.center.edit(id.as_str(), &[("/favorite", json!(true))]);
    }

    async fn expire(&self, id: &ReferralId) {
        self.0.pass(60);
        self.0.center.expire(id.as_str());
    }

    async fn cut_next(&self, applied: bool) {
        let fault = if applied {
            Fault::CutAfter
        } else {
            Fault::CutBefore
        };
        self.0.center.referral_faults.next(fault);
    }

    async fn writes(&self) -> usize {
        self.0.center.writes().len()
    }
}

#[tokio::test]
async fn every_promise_of_a_referral_desk_is_kept() {
    for stale in [412, 409] {
        conformance::referrals(&Kept(stale)).await;
    }
}
