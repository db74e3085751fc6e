//! How far a source has read, and the pass it is in (contract partner-center 4.4).

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::Checkpoint;
use serde::{Deserialize, Serialize};

use crate::config::{Literal, Settings};
use crate::odata::{NEWEST_CHANGE_FIRST, Query};
use crate::page::{Item, Page};

/// What is asked for, and how far back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    /// How far before the newest change a pass begins.
    pub overlap: TimeDelta,
    /// How far back the first pass reads what is closed.
    pub history: TimeDelta,
    /// How often everything that is not closed is read.
    pub full_scan_every: TimeDelta,
    /// Whether what this partner sent is read, too.
    pub outgoing: bool,
    /// How a moment is written.
    pub literal: Literal,
    /// Referrals of one page.
    pub page_size: Option<usize>,
}

impl Reach {
    /// As the operator wishes.
    pub(crate) fn new(own: &Settings) -> Self {
        Self {
            overlap: own.overlap,
            history: own.history,
            full_scan_every: own.full_scan_every,
            outgoing: own.outgoing,
            literal: own.datetime_literal,
            page_size: own.page_size,
        }
    }
}

/// How far everything is read. As a checkpoint it may be handed back twice, or to another process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The newest change seen by a pass that came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newest: Option<DateTime<Utc>>,
    /// When everything that is not closed was read last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    full_at: Option<DateTime<Utc>>,
    /// How a moment is not to be written: the service would not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Literal>,
    /// The pass that is not at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<Pass>,
}

impl Position {
    /// The one in the checkpoint; one that cannot be read is the beginning.
    pub(crate) fn read(after: Option<&Checkpoint>) -> Self {
        let Some(after) = after else {
            return Self::default();
        };
        serde_json::from_str(&after.0).unwrap_or_else(|_| {
            tracing::info!(
                event = "checkpoint_unreadable",
                "the checkpoint cannot be read; referrals are read from the beginning"
            );
            Self::default()
        })
    }

    /// Everything before `at` counts as read, and what is not closed was read at `now`.
    pub(crate) fn at(at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        Self {
            newest: Some(at),
            full_at: Some(now),
            ..Self::default()
        }
    }

    /// As a checkpoint.
    pub(crate) fn write(&self) -> Option<Checkpoint> {
        serde_json::to_string(self).ok().map(Checkpoint)
    }

    /// A new pass from here.
    pub(crate) fn begin(&self, id: String, now: DateTime<Utc>, reach: &Reach) -> Pass {
        // A clock that was put back must not keep us from looking.
        let due = |at: DateTime<Utc>| at > now || now - at >= reach.full_scan_every;
        let full = self.newest.is_none() || self.full_at.is_none_or(due);
        Pass {
            id,
            began_at: now,
            full,
            since: self
                .newest
                .map_or(now - reach.history, |newest| newest - reach.overlap),
            stage: if full { Stage::New } else { Stage::Changed },
            place: Place::First,
            read: 0,
            newest: None,
        }
    }

    /// The pass has come to its end.
    pub(crate) fn finish(&mut self, pass: &Pass, reach: &Reach) {
        // A change of tomorrow, by a wrong clock of theirs, would hide those of today.
        let seen = pass.newest.map(|newest| newest.min(pass.began_at));
        let least = pass.since + reach.overlap;
        self.newest = self.newest.max(seen).or(Some(least));
        if pass.full {
            self.full_at = Some(pass.began_at);
        }
        self.pass = None;
    }
}

/// Which referrals are read. What is open is read by its two documented states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Those nobody has answered.
    New,
    /// Those somebody works on.
    Active,
    /// Those that changed, whatever they are now.
    Changed,
}

/// Where in a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// At its beginning.
    First,
    /// Behind a link: its query.
    Link(String),
    /// A page was full, and no link came along.
    Skip,
}

/// Once through all stages. Only its end moves the position: pages come newest change first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pass {
    /// Tells it from those of other instances.
    pub id: String,
    began_at: DateTime<Utc>,
    full: bool,
    since: DateTime<Utc>,
    pub stage: Stage,
    pub place: Place,
    read: usize,
    newest: Option<DateTime<Utc>>,
}

impl Pass {
    /// What is asked for next.
    pub(crate) fn query(&self, reach: &Reach, literal: Literal) -> String {
        if let Place::Link(query) = &self.place {
            return query.clone();
        }
        let mut query = Query::ordered(NEWEST_CHANGE_FIRST).top(reach.page_size);
        query = match self.stage {
            Stage::New => query.whose("status", "New"),
            Stage::Active => query.whose("status", "Active"),
            Stage::Changed => query,
        };
        if !reach.outgoing {
            query = query.whose("direction", "Incoming");
        }
        if self.stage == Stage::Changed {
            query = query.changed_since(self.since, literal);
        }
        if self.place == Place::Skip {
            query = query.skip(self.read);
        }
        query.text()
    }

    /// What a page has that is asked for, oldest change first. The pass knows its newest change from now on.
    pub(crate) fn take(&mut self, page: Page) -> Vec<Item> {
        self.read += page.items.len();
        let mut items = page.items;
        self.newest = items.iter().filter_map(Item::changed_at).chain(self.newest).max();
        if self.stage == Stage::Changed {
            let since = self.since;
            items.retain(|item| item.changed_at().is_none_or(|at| at >= since));
        }
        items.sort_by_key(Item::changed_at);
        items
    }

    /// Whether what follows is older than what is asked for: only if the page is in the order asked for.
    pub(crate) fn is_past(&self, items: &[Item]) -> bool {
        let times: Option<Vec<_>> = items.iter().map(Item::changed_at).collect();
        self.stage == Stage::Changed
            && times.is_some_and(|times| {
                times.is_sorted_by(|one, next| one >= next)
                    && times.last().is_some_and(|last| *last < self.since)
            })
    }

    /// The stage is over; false when it was the last.
    pub(crate) fn next_stage(&mut self) -> bool {
        self.place = Place::First;
        self.read = 0;
        self.stage = match self.stage {
            Stage::New => Stage::Active,
            Stage::Active => Stage::Changed,
            Stage::Changed => return false,
        };
        true
    }
}

#[cfg(test)]
#[path = "position/tests.rs"]
mod tests;
