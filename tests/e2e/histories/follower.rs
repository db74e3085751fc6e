//! Follows events the shortest way: reads what they point at.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::Clock;
use connector_kit::ids::AccountName;
use connector_kit::{ReferralDesk, SourceName};
use leadsync::runtime::{Next, Worker};
use leadsync::store::{Arrival, Follow, Store, StoreError};

use super::town::SINK;

pub(super) struct Follower {
    store: Arc<dyn Store>,
    desk: Arc<dyn ReferralDesk>,
    clock: Arc<dyn Clock>,
}

impl Follower {
    pub(super) fn new(store: &Arc<dyn Store>, desk: &Arc<dyn ReferralDesk>, clock: &Arc<dyn Clock>) -> Self {
        Self {
            store: Arc::clone(store),
            desk: Arc::clone(desk),
            clock: Arc::clone(clock),
        }
    }
}

#[async_trait]
impl Worker for Follower {
    fn name(&self) -> &str {
        "follow"
    }

    async fn step(&mut self, now: DateTime<Utc>) -> Result<Next, StoreError> {
        let source = SourceName::new(SINK);
        let due = self.store.notices(&source, 5, now).await?;
        if due.waiting.is_empty() {
            return Ok(due.next_at.map_or(Next::Idle, Next::At));
        }
        for waiting in due.waiting {
            let followed = match self.desk.read(&waiting.referral).await {
                Ok(Some(fetched)) => {
                    let arrival = Arrival {
                        account: AccountName::new("default"),
                        source: source.clone(),
                        received_at: self.clock.now(),
                        raw: fetched.raw,
                    };
                    Follow::Read(waiting.ids, Box::new(arrival))
                }
                Ok(None) if waiting.tries > 3 => Follow::GivenUp(waiting.ids),
                _ => Follow::Later(waiting.ids, now + TimeDelta::seconds(30)),
            };
            self.store.follow(&source, vec![followed]).await?;
        }
        Ok(Next::Again)
    }
}
