//! The role of a source: reads every row Microsoft adds to the table, and never writes one
//! (contract azure-table 10.1).
//!
//! Rows come ordered by key, not by time. So only a whole pass over the table tells what is new,
//! and only at its end the watermark moves.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::http::Fault;
use connector_kit::{Batch, Checkpoint, ConnectorError, ErrorKind, RawLead, Source};

use crate::api::{Failure, Page, Table};
use crate::pass::{Pass, Position};
use crate::row;

/// Rows the service gives at once, at most.
const PAGE_ROWS: usize = 1000;
/// Empty pages followed before the daemon is let in between.
const EMPTY_PAGES: usize = 50;

/// A table that is polled.
pub(crate) struct TableSource {
    /// Where the rows are.
    pub table: Arc<Table>,
    /// How far back of the watermark rows may still appear.
    pub overlap: TimeDelta,
    /// How often everything is read.
    pub full_scan_every: TimeDelta,
    /// The pass this instance is in: another's continuation is not followed.
    pub own_pass: Mutex<Option<String>>,
}

#[async_trait]
impl Source for TableSource {
    async fn poll(&self, after: Option<&Checkpoint>, limit: usize) -> Result<Batch<RawLead>, ConnectorError> {
        let mut position = Position::read(after);
        let mut pass = self.pass(&mut position);
        let mut top = limit.clamp(1, PAGE_ROWS);
        let mut followed = 0;
        loop {
            let page = match self.page(&pass, top).await {
                Ok(page) => page,
                Err(Failure::Silent(Fault::TooLarge, _)) if top > 1 => {
                    top = top.div_ceil(4);
                    continue;
                }
                Err(failure) => return self.without_page(failure, &pass, &position),
            };
            let items = pass.take(&page);
            followed += 1;
            let more = page.next.is_some();
            if !more {
                position = pass.finish();
                self.forget_pass();
            } else if items.is_empty() && followed < EMPTY_PAGES {
                continue;
            } else {
                position.pass = Some(pass);
            }
            return Ok(Batch {
                items,
                next: Some(position.write()),
                more,
            });
        }
    }

    fn since(&self, at: DateTime<Utc>) -> Option<Checkpoint> {
        Some(self.position_at(at).write())
    }
}

impl TableSource {
    /// Everything from there on counts as read, but for the overlap.
    fn position_at(&self, at: DateTime<Utc>) -> Position {
        Position {
            watermark: Some(at),
            last_full_scan: Some(self.table.clock.now()),
            pass: None,
        }
    }

    /// The pass to go on with: the one begun by this very instance, or a new one from the watermark.
    fn pass(&self, position: &mut Position) -> Pass {
        let mut own = self.own_pass.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pass) = position.pass.take()
            && own.as_deref() == Some(pass.id.as_str())
        {
            return pass;
        }
        let pass = Pass::begin(
            position,
            self.table.clock.now(),
            self.overlap,
            self.full_scan_every,
            &self.table.dice,
        );
        *own = Some(pass.id.clone());
        pass
    }

    fn forget_pass(&self) {
        *self.own_pass.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn page(&self, pass: &Pass, top: usize) -> Result<Page, Failure> {
        let page = self
            .table
            .query(pass.filter().as_deref(), top, pass.next.as_ref())
            .await?;
        if page.next.is_some() && page.next == pass.next {
            let text = format!(
                "{}: the same page is offered again and again",
                self.table.doing("query")
            );
            return Err(Failure::Told(ConnectorError::new(ErrorKind::Broken, text)));
        }
        Ok(page)
    }

    /// A missing table has no rows yet; anything else ends the pass, and the next poll begins anew.
    fn without_page(
        &self,
        failure: Failure,
        pass: &Pass,
        position: &Position,
    ) -> Result<Batch<RawLead>, ConnectorError> {
        if failure.is("TableNotFound") {
            self.forget_pass();
            return Ok(Batch {
                items: Vec::new(),
                next: Some(position.write()),
                more: false,
            });
        }
        let error = failure.into_error(&self.table.doing("query"));
        let in_doubt = matches!(
            error.kind(),
            ErrorKind::Rejected | ErrorKind::Broken | ErrorKind::Misconfigured
        );
        if pass.next.is_none() || !in_doubt {
            return Err(error);
        }
        self.forget_pass();
        tracing::info!(event = "page_lost", table = %self.table.name, error = %error, "the page cannot be continued; the pass begins again");
        Ok(Batch {
            items: Vec::new(),
            next: Some(position.write()),
            more: false,
        })
    }
}

impl Pass {
    /// The rows of a page, oldest first, and what they say about time.
    fn take(&mut self, page: &Page) -> Vec<RawLead> {
        let mut items: Vec<RawLead> = page.rows.iter().map(|row| row::raw_lead(row)).collect();
        items.sort_by_key(|lead| lead.occurred_at);
        let newest: Option<DateTime<Utc>> = items.last().and_then(|lead| lead.occurred_at);
        self.turn(newest, page.at, page.next.clone());
        items
    }
}
