//! Looks after what wears out while nobody looks: sign-ins that end, registrations others take.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{Check, Health, Upkeep};
use futures_util::FutureExt;
use tracing::{error, info, warn};

use crate::admin::{Metrics, Noticeboard, Tended};
use crate::runtime::{LONGEST_TALK, Next, Worker};
use crate::store::StoreError;

/// When all is well.
const EVERY: TimeDelta = TimeDelta::hours(1);
/// While something is ill, so that what a person mends is seen soon.
const WHILE_ILL: TimeDelta = TimeDelta::minutes(10);
/// The same is not said again within this time.
const SILENCE: TimeDelta = TimeDelta::hours(1);
/// Nor within this, where a person has days or weeks.
const LONG_SILENCE: TimeDelta = TimeDelta::hours(24);

/// What looking after one connector takes.
pub(super) struct UpkeepParts {
    /// The connector's name.
    pub(super) name: String,
    /// Looks.
    pub(super) upkeep: Arc<dyn Upkeep>,
    /// Where what was found is pinned up.
    pub(super) board: Noticeboard,
    /// Shows it to others.
    pub(super) metrics: Arc<Metrics>,
}

/// Looks after one connector: at the start, and then once an hour.
pub(super) struct UpkeepWorker {
    parts: UpkeepParts,
    label: String,
    next_at: Option<DateTime<Utc>>,
    /// What was said of each thing, and when.
    said: BTreeMap<&'static str, (Check, DateTime<Utc>)>,
}

impl UpkeepWorker {
    /// A worker that has not looked yet.
    pub(super) fn new(parts: UpkeepParts) -> Self {
        Self {
            label: format!("upkeep {}", parts.name),
            next_at: None,
            said: BTreeMap::new(),
            parts,
        }
    }

    async fn look(&self) -> Vec<Check> {
        let look = AssertUnwindSafe(self.parts.upkeep.tend()).catch_unwind();
        look.await.unwrap_or_else(|_| {
            let found = "looking after it failed inside leadsync";
            vec![Check::ill("upkeep", found, "please report it")]
        })
    }

    /// Says what is new, and what still holds after a while.
    fn say(&mut self, check: &Check, now: DateTime<Utc>) {
        let before = self.said.get(check.name);
        let silence = if check.health == Health::Ailing {
            LONG_SILENCE
        } else {
            SILENCE
        };
        let again = before.is_none_or(|(said, at)| said != check || now - *at >= silence);
        let was_bad = before.is_some_and(|(said, _)| is_bad(said));
        let name = &self.parts.name;
        let Check {
            name: what,
            found,
            remedy,
            ..
        } = check;
        match check.health {
            Health::Ill if again => {
                error!(event = "upkeep", source = name, check = what, health = "failed", found = ?found, hint = ?remedy, "{name}: {what} needs a person");
            }
            Health::Ailing if again => {
                warn!(event = "upkeep", source = name, check = what, health = "warning", found = ?found, hint = ?remedy, "{name}: {what} will need a person");
            }
            Health::Well if was_bad => {
                info!(event = "upkeep", source = name, check = what, health = "ok", found = ?found, "{name}: {what} is well again");
            }
            // What cannot be looked at now is neither better nor worse.
            Health::Unknown if was_bad => return,
            _ if !again => return,
            _ => {}
        }
        self.said.insert(check.name, (check.clone(), now));
    }
}

fn is_bad(check: &Check) -> bool {
    matches!(check.health, Health::Ill | Health::Ailing)
}

#[async_trait]
impl Worker for UpkeepWorker {
    fn name(&self) -> &str {
        &self.label
    }

    fn longest_step(&self) -> Duration {
        LONGEST_TALK
    }

    async fn step(&mut self, now: DateTime<Utc>) -> Result<Next, StoreError> {
        if let Some(at) = self.next_at.filter(|at| *at > now) {
            return Ok(Next::At(at));
        }
        let checks = self.look().await;
        for check in &checks {
            self.say(check, now);
        }
        let UpkeepParts {
            name, board, metrics, ..
        } = &self.parts;
        let tended = Tended { at: now, checks };
        let next_at = now + if tended.is_well() { EVERY } else { WHILE_ILL };
        let before = board.pin(name, tended.clone());
        let before = before.map(|tended| tended.checks).unwrap_or_default();
        metrics.upkeep(name, &before, &tended.checks);
        self.next_at = Some(next_at);
        Ok(Next::At(next_at))
    }
}

#[cfg(test)]
mod tests;
