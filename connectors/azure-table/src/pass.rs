//! One walk over all rows, and what the checkpoint remembers of it.

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::Checkpoint;
use connector_kit::dice::Dice;
use serde::{Deserialize, Serialize};

use crate::api::Continuation;
use crate::entity::moment;

/// Where polling stands; the text of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Position {
    /// The newest row of a pass that was walked to its end.
    pub watermark: Option<DateTime<Utc>>,
    /// When everything was read last, by our clock.
    pub last_full_scan: Option<DateTime<Utc>>,
    /// The pass that is not at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<Pass>,
}

/// A pass that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pass {
    /// Drawn when it began; tells the instance that may go on with it.
    pub id: String,
    /// Rows from this moment on; all of them when there is none.
    since: Option<DateTime<Utc>>,
    /// When it began, by our clock.
    started: DateTime<Utc>,
    /// When it began, by the service's clock once that is known.
    began: DateTime<Utc>,
    /// Whether a page was turned: only the first may say when the pass began.
    turned: bool,
    /// The newest row so far.
    newest: Option<DateTime<Utc>>,
    /// The watermark it began from.
    watermark: Option<DateTime<Utc>>,
    /// The full scan before it.
    last_full_scan: Option<DateTime<Utc>>,
    /// The next page.
    pub next: Option<Continuation>,
}

impl Position {
    /// Reads a checkpoint; one that cannot be read means reading everything again, which is harmless.
    pub(crate) fn read(checkpoint: Option<&Checkpoint>) -> Self {
        let Some(Checkpoint(text)) = checkpoint else {
            return Self::default();
        };
        serde_json::from_str(text).unwrap_or_else(|error| {
            tracing::warn!(event = "checkpoint_unreadable", error = %error, "the checkpoint cannot be read; the whole table is read again");
            Self::default()
        })
    }

    /// Writes the checkpoint.
    pub(crate) fn write(&self) -> Checkpoint {
        Checkpoint(serde_json::to_string(self).unwrap_or_default())
    }
}

impl Pass {
    /// Begins at the watermark less the overlap, or with the first row when a full scan is due.
    pub(crate) fn begin(
        from: &Position,
        now: DateTime<Utc>,
        overlap: TimeDelta,
        full_scan_every: TimeDelta,
        dice: &Dice,
    ) -> Self {
        let full_is_due = from
            .last_full_scan
            .is_none_or(|last| now - last >= full_scan_every || last > now);
        let mut id = [0; 8];
        dice.fill(&mut id);
        Self {
            id: format!("{:016x}", u64::from_be_bytes(id)),
            since: from
                .watermark
                .filter(|_| !full_is_due)
                .and_then(|at| at.checked_sub_signed(overlap)),
            started: now,
            began: now,
            turned: false,
            newest: None,
            watermark: from.watermark,
            last_full_scan: from.last_full_scan,
            next: None,
        }
    }

    /// The filter of every page. `ge`, because an emulator compares milliseconds only and `gt`
    /// would lose the rows of the same one.
    pub(crate) fn filter(&self) -> Option<String> {
        self.since
            .map(|at| format!("Timestamp ge datetime'{}'", moment(at)))
    }

    /// Takes note of a page.
    pub(crate) fn turn(
        &mut self,
        newest: Option<DateTime<Utc>>,
        server: Option<DateTime<Utc>>,
        next: Option<Continuation>,
    ) {
        if let Some(at) = server.filter(|_| !self.turned) {
            self.began = at;
        }
        self.turned = true;
        self.newest = self.newest.max(newest);
        self.next = next;
    }

    /// The position after the last page.
    ///
    /// A row written behind our back while we walked is not newer than the beginning of the pass
    /// lets us claim: the watermark stays at or before that beginning.
    pub(crate) fn finish(self) -> Position {
        let seen = self.newest.map(|newest| newest.min(self.began));
        Position {
            watermark: self.watermark.max(seen),
            last_full_scan: if self.since.is_none() {
                Some(self.started)
            } else {
                self.last_full_scan
            },
            pass: None,
        }
    }
}

#[cfg(test)]
#[path = "pass/tests.rs"]
mod tests;
