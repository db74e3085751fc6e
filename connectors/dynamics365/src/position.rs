//! Where the outcome source left off: one track per table, both in one checkpoint.
//!
//! A track keeps the link (or moment) at which its last chain of pages ended until the next chain has
//! ended, too: a chain that breaks off begins again, and nothing between is lost.

use chrono::{DateTime, Utc};
use connector_kit::{Checkpoint, Subject};
use serde::{Deserialize, Serialize};

/// Raised when more columns of a record are read than before: a checkpoint of less begins anew.
pub(crate) const COLUMNS: u32 = 2;

/// Both tracks, and whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// [`COLUMNS`] when it was written.
    #[serde(default)]
    columns: u32,
    /// The table that is read now.
    pub turn: Subject,
    /// Leads.
    pub lead: Track,
    /// Opportunities.
    pub opportunity: Track,
}

/// How far one table was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Track {
    /// What changed after the last chain: Dataverse's own link, byte for byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<String>,
    /// The newest change seen by the last chain, when changes are found by time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// The next page of the chain under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The newest change this chain has seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<DateTime<Utc>>,
}

impl Default for Position {
    fn default() -> Self {
        Self {
            columns: COLUMNS,
            turn: Subject::Lead,
            lead: Track::default(),
            opportunity: Track::default(),
        }
    }
}

impl Position {
    /// Reads a checkpoint. One that is not ours, or of another environment, begins anew.
    pub(crate) fn read(after: Option<&Checkpoint>, origin: &str) -> Self {
        let Some(Checkpoint(text)) = after else {
            return Self::default();
        };
        let position: Self = serde_json::from_str(text).unwrap_or_else(|_| {
            tracing::warn!(
                event = "checkpoint_unreadable",
                "the checkpoint cannot be read; everything is read anew"
            );
            Self::default()
        });
        if position.columns != COLUMNS {
            tracing::info!(
                event = "read_anew",
                "more of each record is read than before; everything is read anew"
            );
            return Self::default();
        }
        let links = [&position.lead, &position.opportunity].map(|track| [&track.delta, &track.next]);
        if links
            .iter()
            .flatten()
            .copied()
            .flatten()
            .all(|link| is_of(link, origin))
        {
            return position;
        }
        tracing::warn!(
            event = "environment_changed",
            "the checkpoint is of another environment; everything is read anew"
        );
        Self::default()
    }

    /// For the store.
    pub(crate) fn write(&self) -> Option<Checkpoint> {
        serde_json::to_string(self).ok().map(Checkpoint)
    }

    /// The track whose turn it is.
    pub(crate) fn track(&mut self) -> &mut Track {
        match self.turn {
            Subject::Lead => &mut self.lead,
            Subject::Deal => &mut self.opportunity,
        }
    }

    /// The other table's turn; true when both had theirs.
    pub(crate) fn turn_over(&mut self) -> bool {
        let both = self.turn == Subject::Deal;
        self.turn = if both { Subject::Lead } else { Subject::Deal };
        both
    }
}

impl Track {
    /// The chain goes on with this page.
    pub(crate) fn goes_on(&mut self, next: String) {
        self.next = Some(next);
    }

    /// The chain has ended; what comes next is what changed since.
    pub(crate) fn ends(&mut self, delta: Option<String>) {
        *self = Self {
            delta,
            since: self.newest.max(self.since),
            next: None,
            newest: None,
        };
    }

    /// This page was seen.
    pub(crate) fn saw(&mut self, changed_at: Option<DateTime<Utc>>) {
        self.newest = self.newest.max(changed_at);
    }

    /// Dataverse has forgotten where we were: the chain begins again; without one, everything does.
    pub(crate) fn is_forgotten(&mut self) {
        if self.next.take().is_none() {
            self.delta = None;
        }
        self.newest = None;
    }

    /// Nothing of it was read before.
    pub(crate) fn is_fresh(&self) -> bool {
        self.delta.is_none() && self.next.is_none()
    }
}

/// Whether a link leads to this environment's Web API and to nothing else.
pub(crate) fn is_of(link: &str, origin: &str) -> bool {
    link.strip_prefix(origin)
        .is_some_and(|path| path.starts_with("/api/data/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://contoso.crm.dynamics.com";

    fn link(text: &str) -> String {
        format!("{ORIGIN}/api/data/v9.2/leads?{text}")
    }

    #[test]
    fn a_position_survives_the_store() {
        let mut position = Position::default();
        position.lead.delta = Some(link("$deltatoken=919042%2108%2f22%2f2017%2008%3a10%3a44"));
        position.turn_over();
        position.track().next = Some(link("$skiptoken=%3Ccookie%20pagenumber=%222%22"));
        assert_eq!(Position::read(position.write().as_ref(), ORIGIN), position);
    }

    #[test]
    fn a_checkpoint_that_is_not_ours_begins_anew() {
        for text in ["", "5", "{}", "not json"] {
            assert_eq!(
                Position::read(Some(&Checkpoint(text.into())), ORIGIN),
                Position::default(),
                "{text}"
            );
        }
        let mut foreign = Position::default();
        foreign.lead.delta = Some(link("$deltatoken=1"));
        foreign.opportunity.next =
            Some("https://contoso.crm.dynamics.com.evil.example/api/data/v9.2/leads".into());
        assert_eq!(
            Position::read(foreign.write().as_ref(), ORIGIN),
            Position::default()
        );
    }

    #[test]
    fn a_checkpoint_of_fewer_columns_begins_anew() {
        let mut older = Position::default();
        older.lead.delta = Some(link("$deltatoken=1"));
        let text = serde_json::to_string(&older).unwrap();
        let before_columns = text.replacen(&format!("\"columns\":{COLUMNS},"), "", 1);
        assert_ne!(text, before_columns);
        let checkpoint = Checkpoint(before_columns);
        assert_eq!(Position::read(Some(&checkpoint), ORIGIN), Position::default());
    }

    #[test]
    fn a_link_leads_to_our_web_api_or_nowhere() {
        assert!(is_of(
            "https://contoso.crm.dynamics.com/api/data/v9.2/leads?x",
            ORIGIN
        ));
        for foreign in [
            "https://contoso.crm.dynamics.com",
            "https://contoso.crm.dynamics.com/other",
            "https://contoso.crm.dynamics.com@evil.example/api/data/",
            "https://contoso.crm.dynamics.com:444/api/data/",
            "http://contoso.crm.dynamics.com/api/data/",
            "/api/data/v9.2/leads",
        ] {
            assert!(!is_of(foreign, ORIGIN), "{foreign}");
        }
    }

    #[test]
    fn a_chain_that_breaks_off_begins_again_where_the_last_one_ended() {
        let mut track = Track {
            delta: Some(link("$deltatoken=1")),
            next: Some(link("$skiptoken=2")),
            ..Track::default()
        };
        track.is_forgotten();
        assert_eq!(
            track,
            Track {
                delta: Some(link("$deltatoken=1")),
                ..Track::default()
            }
        );
        track.is_forgotten();
        assert!(track.is_fresh(), "then everything is read");
    }

    #[test]
    fn the_delta_link_is_kept_only_when_the_chain_has_ended() {
        let mut track = Track {
            delta: Some(link("$deltatoken=1")),
            ..Track::default()
        };
        track.goes_on(link("$skiptoken=2"));
        assert_eq!(track.delta, Some(link("$deltatoken=1")));
        track.ends(Some(link("$deltatoken=2")));
        assert_eq!(
            track,
            Track {
                delta: Some(link("$deltatoken=2")),
                ..Track::default()
            }
        );
    }
}
