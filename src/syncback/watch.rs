//! Asks a CRM what became of leads: a page at a time, each page and its checkpoint in one commit.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::ids::AccountName;
use connector_kit::{
    Batch, Checkpoint, ConnectorError, ErrorKind, Outcome, OutcomeSource, SourceName, Stage,
};
use futures_util::FutureExt;
use tracing::{debug, info, warn};

use crate::deliver::Purse;
use crate::runtime::{Bells, LONGEST_TALK, Next, Rests, Worker};
use crate::store::{Noted, Sighting, Store, StoreError};

/// Changed records asked for at once.
const PAGE: usize = 1000;

/// Hears what was seen; metrics and the demo listen.
pub trait Onlooker: Send + Sync {
    /// A page was kept; these of its outcomes were news, `now`.
    fn observed(&self, source: &SourceName, news: &[Outcome], now: DateTime<Utc>);

    /// A look was answered and kept, `to_the_end` when there was no more.
    fn looked(&self, _source: &SourceName, _to_the_end: bool) {}

    /// A look failed.
    fn failed(&self, _source: &SourceName, _kind: ErrorKind) {}
}

/// What a look at one CRM takes.
pub struct WatchParts {
    /// The connector's name.
    pub name: SourceName,
    /// The publisher it belongs to.
    pub account: AccountName,
    /// The way to it.
    pub source: Arc<dyn OutcomeSource>,
    /// When it may be called.
    pub purse: Arc<Purse>,
    /// The floor.
    pub store: Arc<dyn Store>,
    /// Told what was seen.
    pub onlooker: Arc<dyn Onlooker>,
    /// Wakes those who report it.
    pub bells: Bells,
    /// How long the CRM is left alone once it has nothing more.
    pub every: Duration,
}

/// Looks at one CRM again and again.
pub struct WatchWorker {
    parts: WatchParts,
    rests: Rests,
    label: String,
}

impl WatchWorker {
    /// A worker that has not looked yet.
    pub fn new(parts: WatchParts) -> Self {
        Self {
            rests: Rests::of(parts.every),
            label: format!("watch {}", parts.name),
            parts,
        }
    }

    async fn ask(&self, after: Option<&Checkpoint>) -> Result<Batch<Outcome>, ConnectorError> {
        let ask = AssertUnwindSafe(self.parts.source.outcomes(after, PAGE)).catch_unwind();
        ask.await.unwrap_or_else(|_| {
            Err(ConnectorError::new(
                ErrorKind::Broken,
                "ask for outcomes: the connector failed inside",
            ))
        })
    }

    /// Nothing moves past what is not on disk: outcomes and checkpoint share one commit.
    async fn keep(&self, batch: Batch<Outcome>, now: DateTime<Utc>) -> Result<(), StoreError> {
        let WatchParts { name, account, .. } = &self.parts;
        let outcomes = batch.items;
        if outcomes.is_empty() && batch.next.is_none() {
            return Ok(());
        }
        let sighting = Sighting {
            source: name.clone(),
            account: account.clone(),
            outcomes: outcomes.clone(),
            checkpoint: batch.next,
        };
        let noted = self.parts.store.observe(sighting, now).await?;
        let strangers = noted.iter().filter(|noted| **noted == Noted::Stranger).count();
        if strangers > 0 {
            debug!(source = %name, records = strangers, "records of {name} that are no leads of ours");
        }
        let news: Vec<Outcome> = outcomes
            .into_iter()
            .zip(noted)
            .filter(|(_, noted)| *noted == Noted::News)
            .map(|(outcome, _)| outcome)
            .collect();
        for outcome in &news {
            self.report(outcome);
        }
        if !news.is_empty() {
            self.parts.bells.ring_report();
            self.parts.onlooker.observed(name, &news, now);
        }
        Ok(())
    }

    fn report(&self, outcome: &Outcome) {
        let name = &self.parts.name;
        let lead = outcome.lead.map(|id| id.to_string()).unwrap_or_default();
        let stage = outcome.stage.as_str();
        if outcome.stage == Stage::Open {
            debug!(lead.id = %lead, source = %name, stage, "lead is open in {name}");
        } else {
            info!(event = "outcome", lead.id = %lead, source = %name, stage, "lead is {stage} in {name}");
        }
    }

    fn rest_after(&mut self, error: &ConnectorError, now: DateTime<Utc>) -> Next {
        let name = &self.parts.name;
        let rest = self.rests.after(error);
        self.parts.onlooker.failed(name, error.kind());
        let hint = error.hint_text().unwrap_or("it is asked again by itself");
        warn!(event = "watch_failed", source = %name, kind = error.kind().as_str(), error = %error, hint, again_in_s = rest.num_seconds(), "cannot ask {name} for outcomes");
        Next::At(now + rest)
    }
}

#[async_trait]
impl Worker for WatchWorker {
    fn name(&self) -> &str {
        &self.label
    }

    fn longest_step(&self) -> Duration {
        LONGEST_TALK
    }

    async fn step(&mut self, now: DateTime<Utc>) -> Result<Next, StoreError> {
        let WatchParts {
            name, purse, store, ..
        } = &self.parts;
        let token = match purse.draw_to_look(&**store, now).await? {
            Ok(token) => token,
            Err(at) => return Ok(Next::At(at)),
        };
        let after = store.watched_until(name).await?;
        token.spend();
        let asked = self.ask(after.as_ref()).await;
        purse.looked(&**store, now).await?;
        let batch = match asked {
            Ok(batch) => batch,
            Err(error) => return Ok(self.rest_after(&error, now)),
        };
        let pause = self.rests.well();
        let more = batch.more;
        self.keep(batch, now).await?;
        self.parts.onlooker.looked(&self.parts.name, !more);
        Ok(if more { Next::Again } else { Next::At(now + pause) })
    }
}

#[cfg(test)]
mod tests;
