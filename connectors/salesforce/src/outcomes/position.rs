//! Where watching stands: three walks by stamp and id, and the leads that live on in another record.
//!
//! A page is asked for by what came after the last record of the page before, never by a link: links
//! die after two days, and this works across restarts. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{Checkpoint, LeadId};
use serde::{Deserialize, Serialize};

use crate::soql::{literal, moment_literal};

/// Merged leads followed at a time; more do not fit a query.
const ALIASES: usize = 200;

/// Raised when more fields of a record are read than before: a checkpoint of less begins anew.
pub(super) const FIELDS: u32 = 2;

/// The text of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Position {
    /// [`FIELDS`] when it was written; older ones do not say.
    #[serde(default)]
    fields: u32,
    /// Which walk goes on.
    pub phase: Phase,
    /// Over leads.
    pub leads: Walk,
    /// Over the opportunities they became.
    pub deals: Walk,
    /// Over deleted opportunities.
    pub deleted: Walk,
    /// When the last of these began, by our clock.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Record -> a lead of ours that was merged into it.
    pub aliases: BTreeMap<String, LeadId>,
}

/// One walk after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    #[default]
    Leads,
    Deals,
    Deleted,
}

/// A walk over records in the order of their changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Walk {
    /// Everything up to here was seen.
    pub watermark: Option<DateTime<Utc>>,
    /// The pass that is not at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<Pass>,
}

/// A pass that is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Pass {
    /// Where it began; nowhere is the beginning of all.
    since: Option<DateTime<Utc>>,
    /// The last record seen.
    after: Option<(DateTime<Utc>, String)>,
    /// What the end of the pass may claim to have seen: the moment it began, by both clocks the earlier.
    horizon: Option<DateTime<Utc>>,
    turned: bool,
}

impl Default for Position {
    fn default() -> Self {
        Self {
            fields: FIELDS,
            phase: Phase::default(),
            leads: Walk::default(),
            deals: Walk::default(),
            deleted: Walk::default(),
            deleted_at: None,
            aliases: BTreeMap::new(),
        }
    }
}

impl Position {
    /// Reads a checkpoint; one that cannot be read means beginning anew, which is harmless.
    pub(super) fn read(checkpoint: Option<&Checkpoint>) -> Self {
        let Some(Checkpoint(text)) = checkpoint else {
            return Self::default();
        };
        match serde_json::from_str::<Self>(text) {
            Ok(position) if position.fields == FIELDS => position,
            Ok(_) => {
                tracing::info!(
                    event = "read_anew",
                    "more of each record is read than before; all leads are looked at again"
                );
                Self::default()
            }
            Err(error) => {
                tracing::warn!(event = "checkpoint_unreadable", error = %error, "the checkpoint cannot be read; all leads are looked at again");
                Self::default()
            }
        }
    }

    /// Writes the checkpoint.
    pub(super) fn write(&self) -> Checkpoint {
        Checkpoint(serde_json::to_string(self).unwrap_or_default())
    }

    /// The lead lives on in that record.
    pub(super) fn follow(&mut self, record: &str, lead: LeadId) {
        if self.aliases.len() < ALIASES || self.aliases.contains_key(record) {
            self.aliases.insert(record.to_owned(), lead);
        } else {
            tracing::warn!(
                event = "merges_beyond_count",
                "more merged leads than can be followed; the newest is not"
            );
        }
    }

    /// `(Key__c != null OR Id IN (..))`
    pub(super) fn ours(&self, key_field: &str) -> String {
        if self.aliases.is_empty() {
            return format!("{key_field} != null");
        }
        let ids: Vec<String> = self.aliases.keys().map(|id| literal(id)).collect();
        format!("({key_field} != null OR Id IN ({}))", ids.join(","))
    }
}

impl Walk {
    /// The pass under way, or one from the watermark less the overlap: a row may appear behind its
    /// stamp while a long transaction is open (contract salesforce 9).
    pub(super) fn pass(&mut self, now: DateTime<Utc>, overlap: TimeDelta) -> &mut Pass {
        let since = self.watermark.and_then(|at| at.checked_sub_signed(overlap));
        self.pass.get_or_insert_with(|| Pass {
            since,
            horizon: Some(now),
            ..Pass::default()
        })
    }

    /// The end of the pass: what is behind it need not be read again.
    pub(super) fn finish(&mut self) {
        let pass = self.pass.take().unwrap_or_default();
        let newest = pass.after.map(|(at, _)| at);
        self.watermark = self.watermark.max(newest).max(pass.horizon);
    }
}

impl Pass {
    /// What the next page is of; none for everything. Stamps are exact to the second, so many records
    /// may share one: their ids tell them apart.
    pub(super) fn condition(&self, stamp: &str) -> Option<String> {
        match (&self.after, self.since) {
            (Some((at, id)), _) => {
                let at = moment_literal(*at);
                let id = literal(id);
                Some(format!("({stamp} > {at} OR ({stamp} = {at} AND Id > {id}))"))
            }
            (None, Some(since)) => Some(format!("{stamp} >= {}", moment_literal(since))),
            (None, None) => None,
        }
    }

    /// Takes note of a page: when it was made, by their clock, and its last record.
    pub(super) fn turn(&mut self, at: Option<DateTime<Utc>>, last: Option<(DateTime<Utc>, String)>) {
        if !self.turned {
            // A clock of ours that is ahead must not claim what nobody has seen.
            self.horizon = at.and_then(|theirs| Some(self.horizon?.min(theirs)));
        }
        self.turned = true;
        if let Some(last) = last {
            self.after = Some(last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-20T{text}Z").parse().unwrap()
    }

    #[test]
    fn a_walk_reads_on_behind_the_last_record_even_among_equal_stamps() {
        let mut walk = Walk::default();
        let pass = walk.pass(at("12:00:00"), TimeDelta::minutes(5));
        assert_eq!(pass.condition("S"), None);
        pass.turn(Some(at("12:00:01")), Some((at("11:00:00"), "00Q1".to_owned())));
        assert_eq!(
            pass.condition("S").unwrap(),
            "(S > 2026-11-20T11:00:00Z OR (S = 2026-11-20T11:00:00Z AND Id > '00Q1'))"
        );
    }

    #[test]
    fn the_next_pass_begins_before_the_end_of_the_last() {
        let mut walk = Walk::default();
        let pass = walk.pass(at("12:00:00"), TimeDelta::minutes(5));
        pass.turn(Some(at("12:00:00")), Some((at("11:00:00"), "00Q1".to_owned())));
        walk.finish();
        let next = walk.pass(at("12:01:00"), TimeDelta::minutes(5));
        assert_eq!(next.condition("S").unwrap(), "S >= 2026-11-20T11:55:00Z");
    }

    #[test]
    fn a_clock_that_is_ahead_skips_nothing() {
        let mut walk = Walk::default();
        let pass = walk.pass(at("18:00:00"), TimeDelta::minutes(5));
        pass.turn(Some(at("12:00:00")), None);
        walk.finish();
        assert_eq!(walk.watermark, Some(at("12:00:00")));
    }

    #[test]
    fn without_their_clock_only_what_was_seen_counts() {
        let mut walk = Walk::default();
        walk.pass(at("18:00:00"), TimeDelta::zero())
            .turn(None, Some((at("11:00:00"), "x".to_owned())));
        walk.finish();
        assert_eq!(walk.watermark, Some(at("11:00:00")));
    }

    #[test]
    fn a_checkpoint_comes_back_as_it_was_and_rubbish_begins_anew() {
        let mut position = Position::default();
        position.follow("00Q5e0000000001", "0199".repeat(8).parse().unwrap());
        position
            .leads
            .pass(at("12:00:00"), TimeDelta::zero())
            .turn(None, Some((at("11:00:00"), "x".into())));
        position.phase = Phase::Deals;
        assert_eq!(Position::read(Some(&position.write())), position);
        let older = position
            .write()
            .0
            .replacen(&format!("\"fields\":{FIELDS},"), "", 1);
        for other in ["01g-2000", "{}", older.as_str()] {
            let read = Position::read(Some(&Checkpoint(other.into())));
            assert_eq!(read, Position::default(), "{other}");
        }
    }
}
