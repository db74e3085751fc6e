//! Totals that move in the transaction that makes them true, so that reading them costs nothing.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::trouble::Trouble;

/// What is counted once for the whole store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Counter {
    Accepted = 1,
    Repeats = 2,
    Merged = 3,
    Leads = 4,
    SuppressedTest = 5,
    SuppressedDnc = 6,
    SuppressedNoRoute = 7,
    Refused = 8,
    Quarantined = 9,
    Unsettled = 10,
    Receipts = 11,
    QuarantineBytes = 12,
    SuppressedClosed = 13,
    SuppressedOwn = 14,
    SuppressedForgotten = 15,
    Forgotten = 16,
    Canaries = 17,
}

/// Counters of one destination start here: `DELIVERIES + state`.
pub(super) const DELIVERIES: i64 = 100;

/// Counters of one outcome source start here: `OUTCOMES + stage`.
pub(super) const OUTCOMES: i64 = 200;

/// Calls of one connector.
pub(super) const CALLS: i64 = 300;

/// Reports to one sink start here: `REPORTS + state`.
pub(super) const REPORTS: i64 = 400;

/// Referrals of one source start here: `REFERRALS + standing`.
pub(super) const REFERRALS: i64 = 500;

/// Events of one source that wait to be followed.
pub(super) const NOTICES: i64 = 600;

/// Changes of one transaction, written at its end.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<(i64, i64), i64>);

impl Tally {
    /// Moves a total of the whole store.
    pub(super) fn add(&mut self, counter: Counter, by: i64) {
        self.bump(0, counter as i64, by);
    }

    /// Moves one delivery from a state to another; `None` is outside.
    pub(super) fn moved(&mut self, destination: i64, from: Option<i64>, to: Option<i64>) {
        if from == to {
            return;
        }
        if let Some(state) = from {
            self.bump(destination, DELIVERIES + state, -1);
        }
        if let Some(state) = to {
            self.bump(destination, DELIVERIES + state, 1);
        }
    }

    /// Moves one lead, as an outcome source sees it, from a stage to another; `None` is outside.
    pub(super) fn stood(&mut self, source: i64, from: Option<i64>, to: i64) {
        if let Some(stage) = from {
            self.bump(source, OUTCOMES + stage, -1);
        }
        self.bump(source, OUTCOMES + to, 1);
    }

    /// Something is counted no longer: what began at `base` and stood at `code`.
    pub(super) fn gone(&mut self, scope: i64, base: i64, code: i64) {
        self.bump(scope, base + code, -1);
    }

    /// Moves one report from a state to another; `None` is outside.
    pub(super) fn reported(&mut self, sink: i64, from: Option<i64>, to: i64) {
        if let Some(state) = from {
            self.bump(sink, REPORTS + state, -1);
        }
        self.bump(sink, REPORTS + to, 1);
    }

    /// Moves one referral from a standing to another; `None` is outside.
    pub(super) fn referred(&mut self, source: i64, from: Option<i64>, to: i64) {
        if let Some(standing) = from {
            self.bump(source, REFERRALS + standing, -1);
        }
        self.bump(source, REFERRALS + to, 1);
    }

    /// Events of a source began or ceased to wait.
    pub(super) fn noticed(&mut self, source: i64, by: i64) {
        self.bump(source, NOTICES, by);
    }

    /// A connector made calls.
    pub(super) fn called(&mut self, connector: i64, calls: i64) {
        self.bump(connector, CALLS, calls);
    }

    fn bump(&mut self, scope: i64, counter: i64, by: i64) {
        *self.0.entry((scope, counter)).or_insert(0) += by;
    }

    /// Writes the changes and forgets them.
    pub(super) fn write(&mut self, connection: &Connection) -> Result<(), Trouble> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut statement = connection.prepare_cached(
            "INSERT INTO counters (scope, counter, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (scope, counter) DO UPDATE SET value = value + excluded.value",
        )?;
        for ((scope, counter), by) in std::mem::take(&mut self.0) {
            if by != 0 {
                statement.execute(params![scope, counter, by])?;
            }
        }
        Ok(())
    }

    /// Forgets the changes of a transaction that was rolled back.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// Reads one counter, summed over all destinations or sources.
pub(super) fn over_all(connection: &Connection, counter: i64) -> Result<u64, Trouble> {
    let sum: i64 = connection
        .prepare_cached("SELECT coalesce(sum(value), 0) FROM counters WHERE scope > 0 AND counter = ?1")?
        .query_row([counter], |row| row.get(0))?;
    Ok(u64::try_from(sum).unwrap_or(0))
}

/// Reads one total.
pub(super) fn read(connection: &Connection, scope: i64, counter: i64) -> Result<u64, Trouble> {
    use rusqlite::OptionalExtension;
    let value: Option<i64> = connection
        .prepare_cached("SELECT value FROM counters WHERE scope = ?1 AND counter = ?2")?
        .query_row(params![scope, counter], |row| row.get(0))
        .optional()?;
    Ok(u64::try_from(value.unwrap_or(0)).unwrap_or(0))
}
