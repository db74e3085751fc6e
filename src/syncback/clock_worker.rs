//! Tells when clocks run out: the log always, and whoever wants alerts.
//!
//! What was told is written down after it was told. Should the process die between, it is told once
//! more: never not at all. A clock that ran while nobody looked tells only the newest moment.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{Alert, ConnectorError};
use tracing::{info, warn};

use super::clocks::{ClockState, Moments, advice, state};
use crate::admin::metrics::ClockMeter;
use crate::deliver::{Herald, Told};
use crate::runtime::{LONGEST_TALK, Next, Rests, Worker};
use crate::store::{ClockFilter, ClockId, ClockKind, ClockRow, Store, StoreError};

/// Clocks read at once.
const PAGE: usize = 500;
/// The first rest after an alert that failed is twice this.
const PAUSE: Duration = Duration::from_secs(15);
/// Alerts wait this long for leave to call; for longer, the log does not wait with them.
const PATIENCE: TimeDelta = TimeDelta::seconds(5);

/// What telling of clocks takes.
pub struct ClockParts {
    /// The floor.
    pub store: Arc<dyn Store>,
    /// The moments worth telling.
    pub moments: Moments,
    /// Who wants alerts.
    pub herald: Option<Herald>,
    /// Shows how many stand how.
    pub meter: ClockMeter,
}

/// Looks at every running clock again and again, a page at a time.
pub struct ClockWorker {
    parts: ClockParts,
    pass: Pass,
    rests: Rests,
    /// No alert is told before.
    quiet_until: Option<DateTime<Utc>>,
}

/// One look at all running clocks.
#[derive(Default)]
struct Pass {
    /// The last clock that was looked at.
    after: Option<(DateTime<Utc>, ClockId)>,
    /// Alerts of the page that was read last.
    alerts: VecDeque<(Alert, ClockId, u8)>,
    /// The soonest moment still to come.
    next: Option<DateTime<Utc>>,
    /// The rest after the first alert that was not taken.
    rest: Option<TimeDelta>,
    counts: BTreeMap<(ClockKind, ClockState), i64>,
    complete: bool,
}

impl ClockWorker {
    /// A worker that has not looked yet.
    pub fn new(parts: ClockParts) -> Self {
        Self {
            parts,
            pass: Pass::default(),
            rests: Rests::of(PAUSE),
            quiet_until: None,
        }
    }

    /// Reads a page, tells the log, and notes who else is to be told.
    async fn look(&mut self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let filter = ClockFilter {
            after: self.pass.after,
            limit: PAGE,
            ..ClockFilter::default()
        };
        let rows = self.parts.store.clocks(filter).await?;
        let mut told = Vec::new();
        for row in &rows {
            told.extend(self.weigh(row, now));
        }
        if !told.is_empty() {
            self.parts.store.clocks_told(told).await?;
        }
        self.pass.complete = rows.len() < PAGE;
        self.pass.after = rows.last().map(|row| (row.due_at, row.id));
        Ok(())
    }

    /// Tells the log of one clock; gives what is to be written down of it now.
    fn weigh(&mut self, row: &ClockRow, now: DateTime<Utc>) -> Option<(ClockId, u8, u8)> {
        let moments = &self.parts.moments;
        let passed = moments.passed(row, now);
        *self.pass.counts.entry((row.kind, state(row, now))).or_default() += 1;
        let next = moments.next(row, now);
        self.pass.next = [self.pass.next, next].into_iter().flatten().min();
        if passed > row.told {
            report(row, moments.part(passed).unwrap_or_default(), now);
        }
        let is_quiet = self.quiet_until.is_some_and(|until| now < until);
        let alert = self
            .parts
            .herald
            .as_ref()
            .and_then(|_| moments.alert(row, passed));
        let alerted = match alert {
            // Nobody is to be told, and nobody who comes later will hear of what is over.
            None => passed.max(row.alerted),
            Some(_) if is_quiet => row.alerted,
            Some(alert) => {
                self.pass.alerts.push_back((Alert::Clock(alert), row.id, passed));
                row.alerted
            }
        };
        let told = passed.max(row.told);
        (told != row.told || alerted != row.alerted).then_some((row.id, told, alerted))
    }

    /// Tells one alert, and writes down that it was told. When not now, says when.
    async fn tell(&mut self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
        let (Some(herald), Some((alert, id, passed))) = (&self.parts.herald, self.pass.alerts.front()) else {
            return Ok(None);
        };
        match herald.tell(&*self.parts.store, alert, now).await? {
            Told::Yes => {
                // The log was told before: it has its own count, written by then.
                let told = vec![(*id, *passed, *passed)];
                self.parts.store.clocks_told(told).await?;
                self.pass.alerts.pop_front();
            }
            Told::NotBefore(at) if at - now <= PATIENCE => return Ok(Some(at)),
            Told::NotBefore(at) => self.be_quiet(at),
            Told::No(error) => self.hold_back(&error, now),
        }
        Ok(None)
    }

    /// An alert was not taken. When it may be the alert itself, the others still are told.
    fn hold_back(&mut self, error: &ConnectorError, now: DateTime<Utc>) {
        let rest = *self.pass.rest.get_or_insert_with(|| self.rests.after(error));
        let refused = self.pass.alerts.pop_front();
        if let (Some(herald), Some((alert, ..))) = (&self.parts.herald, refused) {
            herald.complain(&alert, error, rest);
        }
        if !Herald::concerns_it_alone(error) {
            self.be_quiet(now + rest);
        }
    }

    /// The log goes on alone; who wants alerts is told later.
    fn be_quiet(&mut self, until: DateTime<Utc>) {
        self.pass.alerts.clear();
        self.quiet_until = Some(until);
    }

    /// All clocks were looked at: shows how they stand, and says when to look again.
    fn rest(&mut self, now: DateTime<Utc>) -> Next {
        let pass = std::mem::take(&mut self.pass);
        self.parts.meter.show(&pass.counts);
        match pass.rest {
            Some(rest) => self.quiet_until = Some(now + rest),
            None if self.quiet_until.is_none_or(|until| until <= now) => {
                self.rests.well();
                self.quiet_until = None;
            }
            None => {}
        }
        [pass.next, self.quiet_until]
            .into_iter()
            .flatten()
            .min()
            .map_or(Next::Idle, Next::At)
    }
}

#[async_trait]
impl Worker for ClockWorker {
    fn name(&self) -> &'static str {
        "clocks"
    }

    fn longest_step(&self) -> Duration {
        LONGEST_TALK
    }

    async fn step(&mut self, now: DateTime<Utc>) -> Result<Next, StoreError> {
        if !self.pass.alerts.is_empty() {
            return Ok(self.tell(now).await?.map_or(Next::Again, Next::At));
        }
        if self.pass.complete {
            return Ok(self.rest(now));
        }
        let looked = self.look(now).await;
        if looked.is_err() {
            self.pass = Pass::default();
        }
        looked.map(|()| Next::Again)
    }
}

/// One line per moment: what runs, whose it is, and what to do.
fn report(row: &ClockRow, part: f64, now: DateTime<Utc>) {
    let (clock, lead, hint) = (row.kind.as_str(), row.lead, advice(row.kind));
    let referral = row.referral.as_ref().map(ToString::to_string).unwrap_or_default();
    let due_at = row.due_at.format("%Y-%m-%dT%H:%M:%SZ");
    let state = state(row, now).as_str();
    if part >= 1.0 {
        warn!(event = "clock", clock, state, lead.id = %lead, referral.id = %referral, %due_at, hint, "the time of the {clock} clock is over");
    } else {
        let percent = format!("{:.0}", part * 100.0);
        info!(event = "clock", clock, state, lead.id = %lead, referral.id = %referral, %due_at, hint, "{percent} % of the time of the {clock} clock are over");
    }
}

#[cfg(test)]
mod tests;
