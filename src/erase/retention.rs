//! The worker that clears old data away: one small portion at a time, behind everybody else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tracing::info;

use crate::config::{Keep, Retention};
use crate::runtime::{LONGEST_STEP, Next, Worker};
use crate::store::{FieldGroup, Portion, Store, StoreError};

/// Between two rounds.
const EVERY: TimeDelta = TimeDelta::hours(6);
/// Between two portions: whoever else writes comes first.
const BREATH: TimeDelta = TimeDelta::milliseconds(20);

/// Clears away what was kept long enough.
pub struct RetentionWorker {
    store: Arc<dyn Store>,
    retention: Retention,
    /// Groups still to be looked at in this round.
    groups: Vec<FieldGroup>,
    after: i64,
    pruned: BTreeMap<FieldGroup, u64>,
    next_round: Option<DateTime<Utc>>,
}

impl RetentionWorker {
    /// Begins with a round at once.
    pub fn new(store: Arc<dyn Store>, retention: Retention) -> Self {
        Self {
            store,
            retention,
            groups: Vec::new(),
            after: 0,
            pruned: BTreeMap::new(),
            next_round: None,
        }
    }

    fn keep(&self, group: FieldGroup) -> Keep {
        match group {
            FieldGroup::Raw => self.retention.raw,
            FieldGroup::Quarantined | FieldGroup::Refused => self.retention.quarantine,
            FieldGroup::Answers => self.retention.answers,
            FieldGroup::Outcomes => self.retention.outcomes,
            FieldGroup::Persons => self.retention.persons,
        }
    }

    /// What is older than this may go; none when all is kept.
    fn before(&self, group: FieldGroup, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Keep::For(time) = self.keep(group) else {
            return None;
        };
        now.checked_sub_signed(TimeDelta::from_std(time).ok()?)
    }

    fn begin(&mut self, now: DateTime<Utc>) {
        self.groups = FieldGroup::ALL.into_iter().rev().collect();
        self.after = 0;
        self.pruned.clear();
        self.next_round = Some(now + EVERY);
    }

    /// Goes on with the next group; after the last one, what was cleared is told.
    fn done_with_group(&mut self) {
        self.groups.pop();
        if self.groups.is_empty() {
            self.tell();
        }
    }

    fn tell(&self) {
        for (group, rows) in &self.pruned {
            let group = group.as_str();
            info!(
                event = "retention_pruned",
                group, rows, "old data was cleared away: {group}"
            );
        }
    }
}

#[async_trait]
impl Worker for RetentionWorker {
    fn name(&self) -> &'static str {
        "retention"
    }

    fn longest_step(&self) -> Duration {
        LONGEST_STEP
    }

    async fn step(&mut self, now: DateTime<Utc>) -> Result<Next, StoreError> {
        let Some(group) = self.groups.last().copied() else {
            match self.next_round {
                Some(at) if at > now => return Ok(Next::At(at)),
                _ => self.begin(now),
            }
            return Ok(Next::Again);
        };
        let Some(before) = self.before(group, now) else {
            self.done_with_group();
            return Ok(Next::Again);
        };
        let portion = Portion {
            group,
            before,
            after: self.after,
        };
        let pruned = self.store.prune(portion).await?;
        if pruned.count > 0 {
            *self.pruned.entry(group).or_default() += pruned.count;
        }
        self.after = pruned.next.unwrap_or(0);
        if pruned.next.is_none() {
            self.done_with_group();
        }
        Ok(Next::At(now + BREATH))
    }
}

#[cfg(test)]
mod tests;
