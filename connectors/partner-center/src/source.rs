//! The role of a source: reads every referral that changed, and from time to time every one that is not
//! closed. It alone is enough; notifications only make it faster (contract partner-center 4.4, 8.5).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{Batch, Checkpoint, ConnectorError, ErrorKind, RawLead, Source};

use crate::api::Referrals;
use crate::config::Literal;
use crate::error::Failure;
use crate::page::{self, Page};
use crate::position::{Pass, Place, Position, Reach, Stage};

/// Pages without anything new followed before the daemon is let in between.
const EMPTY_PAGES: usize = 20;
/// A pass that cannot be continued begins again so many times before somebody hears of it.
const RESTARTS: u32 = 1;

/// Referrals that are polled.
pub(crate) struct ReferralSource {
    /// Where they are.
    pub referrals: Arc<Referrals>,
    /// What is asked for.
    pub reach: Reach,
    /// The pass this instance is in: another's is not continued.
    pub own: Mutex<Own>,
}

/// What an instance knows of its pass.
#[derive(Debug, Default)]
pub(crate) struct Own {
    pass: Option<String>,
    /// Queries asked and pages seen in this stage: one that comes again comes for ever.
    seen: BTreeSet<String>,
    restarts: u32,
}

#[async_trait]
impl Source for ReferralSource {
    async fn poll(
        &self,
        after: Option<&Checkpoint>,
        _limit: usize,
    ) -> Result<Batch<RawLead>, ConnectorError> {
        let mut position = Position::read(after);
        let mut pass = self.pass(&mut position);
        let (mut items, mut more) = (Vec::new(), true);
        for _ in 0..EMPTY_PAGES {
            match self.page(&mut pass, &mut position).await {
                Ok((found, goes_on)) => (items, more) = (found, goes_on),
                Err(failure) => return self.without_page(failure, &pass, &position),
            }
            if !more || !items.is_empty() {
                break;
            }
        }
        if more {
            position.pass = Some(pass);
        } else {
            position.finish(&pass, &self.reach);
            *self.own() = Own::default();
        }
        Ok(Batch {
            items,
            next: position.write(),
            more,
        })
    }

    fn since(&self, at: DateTime<Utc>) -> Option<Checkpoint> {
        Position::at(at, self.referrals.wire.clock.now()).write()
    }
}

impl ReferralSource {
    /// The pass to go on with: the one begun by this very instance, or a new one.
    fn pass(&self, position: &mut Position) -> Pass {
        let mut own = self.own();
        if let Some(pass) = position.pass.take()
            && own.pass.as_deref() == Some(pass.id.as_str())
        {
            return pass;
        }
        let wire = &self.referrals.wire;
        let pass = position.begin(wire.id(), wire.clock.now(), &self.reach);
        own.pass = Some(pass.id.clone());
        own.seen.clear();
        pass
    }

    /// One page, and whether the pass goes on after it; the pass moves with it.
    async fn page(&self, pass: &mut Pass, position: &mut Position) -> Result<(Vec<RawLead>, bool), Failure> {
        let page = self.ask(pass, position).await?;
        let next = match &page.next {
            _ if pass.is_past(&page.items) => None,
            Some(link) => Some(Place::Link(self.referrals.next(link).map_err(Failure::Told)?)),
            // `$top` may have been taken for all there is to be.
            None => self
                .reach
                .page_size
                .filter(|size| page.items.len() >= *size)
                .map(|_| Place::Skip),
        };
        let items = pass.take(page).into_iter();
        // Microsoft's side of a deal stands beside ours, and is not for us to answer.
        let ours = items.filter(|item| item.referral.as_ref().is_none_or(|referral| referral.ours));
        let items = ours.map(|item| item.raw).collect();
        if let Some(place) = next {
            pass.place = place;
            return Ok((items, true));
        }
        self.own().seen.clear();
        Ok((items, pass.next_stage()))
    }

    /// Asks. A moment the service cannot read in a filter is left out from now on.
    async fn ask(&self, pass: &Pass, position: &mut Position) -> Result<Page, Failure> {
        let literal = self.literal(position);
        let query = pass.query(&self.reach, literal);
        match self.referrals.list(&query).await {
            Err(failure)
                if failure.is_bad_request()
                    && pass.stage == Stage::Changed
                    && pass.place == Place::First
                    && literal != Literal::None =>
            {
                tracing::info!(
                    event = "filter_ignored",
                    "Partner Center does not filter by time as configured; the newest changes are read first instead"
                );
                position.refused = Some(literal);
                let query = pass.query(&self.reach, Literal::None);
                let page = self.referrals.list(&query).await?;
                self.is_new(&query, page)
            }
            Err(failure) => Err(failure),
            Ok(page) => self.is_new(&query, page),
        }
    }

    fn literal(&self, position: &Position) -> Literal {
        if position.refused == Some(self.reach.literal) {
            Literal::None
        } else {
            self.reach.literal
        }
    }

    /// The page, unless it was here before.
    fn is_new(&self, query: &str, page: Page) -> Result<Page, Failure> {
        let references = page.items.iter().filter_map(|item| item.raw.reference.as_deref());
        let content: Vec<&[u8]> = references.map(str::as_bytes).collect();
        let mut own = self.own();
        let is_new = own.seen.insert(query.to_owned());
        if is_new && (content.is_empty() || own.seen.insert(page::hash(&content))) {
            return Ok(page);
        }
        Err(Failure::Told(
            ConnectorError::new(
                ErrorKind::Broken,
                "list referrals: the same page is offered again and again",
            )
            .hint("leave page_size out of the settings; if it stays so, ask Microsoft"),
        ))
    }

    /// What passes is waited for. A pass that cannot be continued begins again, and when that does not
    /// help either, somebody hears of it.
    fn without_page(
        &self,
        failure: Failure,
        pass: &Pass,
        position: &Position,
    ) -> Result<Batch<RawLead>, ConnectorError> {
        let in_doubt = matches!(
            failure.kind(),
            ErrorKind::Rejected | ErrorKind::Broken | ErrorKind::Misconfigured | ErrorKind::Conflict
        );
        let error = failure.into_error("list referrals");
        if !in_doubt {
            return Err(error);
        }
        let mut own = self.own();
        own.pass = None;
        if pass.place == Place::First || own.restarts >= RESTARTS {
            return Err(error);
        }
        own.restarts += 1;
        tracing::info!(event = "page_lost", error = %error, "the next page is not to be had; referrals are read from the first page again");
        Ok(Batch {
            items: Vec::new(),
            next: position.write(),
            more: true,
        })
    }

    fn own(&self) -> std::sync::MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
