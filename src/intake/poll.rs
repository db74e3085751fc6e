//! Sources that have to be asked: a page at a time, each page and its checkpoint in one commit.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::clock::Clock;
use connector_kit::ids::AccountName;
use connector_kit::{Batch, Checkpoint, ConnectorError, ErrorKind, RawLead, Source, SourceName};
use futures_util::FutureExt;
use tracing::{info, warn};

use crate::admin::metrics::PollMeter;
use crate::runtime::{Bells, LONGEST_TALK, Next, Rests, Worker};
use crate::store::{Arrival, Custody, Store, StoreError};

/// Rows asked for at once.
const PAGE: usize = 1000;

/// Asks one source.
pub struct PollWorker {
    /// Its name.
    pub name: SourceName,
    /// The publisher it belongs to.
    pub account: AccountName,
    /// The way to it.
    pub source: Arc<dyn Source>,
    /// The floor.
    pub store: Arc<dyn Store>,
    /// Tells the time of custody.
    pub clock: Arc<dyn Clock>,
    /// Wakes whoever understands leads.
    pub bells: Bells,
    /// How long it is left alone once it has nothing more, or after failures.
    rests: Rests,
    meter: PollMeter,
}

impl PollWorker {
    /// A worker that has not asked yet.
    pub fn new(
        name: SourceName,
        account: AccountName,
        source: Arc<dyn Source>,
        every: Duration,
        (store, clock, bells): (Arc<dyn Store>, Arc<dyn Clock>, Bells),
        meter: PollMeter,
    ) -> Self {
        Self {
            name,
            account,
            source,
            store,
            clock,
            bells,
            rests: Rests::of(every),
            meter,
        }
    }

    async fn ask(&self, after: Option<&Checkpoint>) -> Result<Batch<RawLead>, ConnectorError> {
        let poll = AssertUnwindSafe(self.source.poll(after, PAGE)).catch_unwind();
        poll.await.unwrap_or_else(|_| {
            Err(ConnectorError::new(
                ErrorKind::Broken,
                "ask the source: the connector failed inside",
            ))
        })
    }

    /// Nothing moves past what is not on disk: items and checkpoint share one commit.
    async fn keep(&self, batch: Batch<RawLead>) -> Result<(), StoreError> {
        let received_at = self.clock.now();
        let arrivals = batch.items.into_iter().map(|raw| Arrival {
            account: self.account.clone(),
            source: self.name.clone(),
            received_at,
            raw,
        });
        let checkpoint = batch.next.map(|next| (self.name.clone(), next));
        let custody = self.store.accept(arrivals.collect(), checkpoint).await?;
        let kept = custody
            .iter()
            .filter(|one| matches!(one, Custody::Kept(_)))
            .count();
        if kept > 0 {
            self.meter.accepted.inc_by(kept as u64);
            info!(event = "polled", source = %self.name, leads = kept, "leads taken from {}", self.name);
            self.bells.settle.ring();
        }
        Ok(())
    }

    fn rest_after(&mut self, error: &ConnectorError, now: DateTime<Utc>) -> Next {
        let rest = self.rests.after(error);
        self.meter.asks.failed(error.kind());
        let hint = error.hint_text().unwrap_or("it is asked again by itself");
        warn!(event = "source_failed", source = %self.name, kind = error.kind().as_str(), error = %error, hint, again_in_s = rest.num_seconds(), "cannot ask {}", self.name);
        Next::At(now + rest)
    }
}

#[async_trait]
impl Worker for PollWorker {
    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn longest_step(&self) -> Duration {
        LONGEST_TALK
    }

    async fn step(&mut self, now: DateTime<Utc>) -> Result<Next, StoreError> {
        let after = self.store.checkpoint(&self.name).await?;
        let batch = match self.ask(after.as_ref()).await {
            Ok(batch) => batch,
            Err(error) => return Ok(self.rest_after(&error, now)),
        };
        let pause = self.rests.well();
        let more = batch.more;
        self.keep(batch).await?;
        self.meter.asks.answered(!more);
        Ok(if more { Next::Again } else { Next::At(now + pause) })
    }
}
