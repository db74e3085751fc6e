//! Calls: how many a system took on each day, and how many it says are left.

use connector_kit::{DestinationName, Quota};
use rusqlite::{Connection, OptionalExtension, params};

use super::codes;
use super::desk::Desk;
use super::names::NameKind;
use super::reader::Shelf;
use super::tally::{self, CALLS};
use super::trouble::Trouble;
use crate::store::{Ledger, Spent};

/// Writes down what was spent; what a system said is kept when it is not older than what stands there.
pub(super) fn spend(desk: &mut Desk, connector: &DestinationName, spent: &Spent) -> Result<(), Trouble> {
    let number = desk
        .names
        .number(&desk.connection, NameKind::Connector, connector.as_str())?;
    if spent.calls > 0 {
        let calls = i64::try_from(spent.calls).unwrap_or(i64::MAX);
        desk.connection
            .prepare_cached(
                "INSERT INTO calls (connector, day, calls) VALUES (?1, ?2, ?3)
                 ON CONFLICT (connector, day) DO UPDATE SET calls = calls + excluded.calls",
            )?
            .execute(params![number, codes::millis(spent.day), calls])?;
        desk.tally.called(number, calls);
    }
    if let Some(Quota {
        granted,
        left,
        told_at,
    }) = spent.quota
    {
        desk.connection
            .prepare_cached(
                "INSERT INTO quotas (connector, granted, remaining, told_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (connector) DO UPDATE SET granted = excluded.granted,
                   remaining = excluded.remaining, told_at = excluded.told_at
                 WHERE excluded.told_at > told_at OR (excluded.told_at = told_at AND excluded.remaining < remaining)",
            )?
            .execute(params![
                number,
                i64::try_from(granted).unwrap_or(i64::MAX),
                i64::try_from(left).unwrap_or(i64::MAX),
                codes::millis(told_at)
            ])?;
    }
    Ok(())
}

/// What is written down of a connector's calls.
pub(super) fn ledger(shelf: &mut Shelf, connector: &DestinationName) -> Result<Ledger, Trouble> {
    let Shelf { connection, names } = shelf;
    match names.find(connection, NameKind::Connector, connector.as_str())? {
        Some(number) => read(connection, number),
        None => Ok(Ledger::default()),
    }
}

fn read(connection: &Connection, number: i64) -> Result<Ledger, Trouble> {
    let newest: Option<(i64, i64)> = connection
        .prepare_cached("SELECT day, calls FROM calls WHERE connector = ?1 ORDER BY day DESC LIMIT 1")?
        .query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let count = |calls: i64| u64::try_from(calls).unwrap_or(0);
    let quota = connection
        .prepare_cached("SELECT granted, remaining, told_at FROM quotas WHERE connector = ?1")?
        .query_row([number], |row| {
            Ok(Quota {
                granted: count(row.get(0)?),
                left: count(row.get(1)?),
                told_at: codes::moment(row.get(2)?),
            })
        })
        .optional()?;
    Ok(Ledger {
        day: newest.map(|(day, _)| codes::moment(day)),
        spent: newest.map_or(0, |(_, calls)| count(calls)),
        total: tally::read(connection, number, CALLS)?,
        quota,
    })
}
