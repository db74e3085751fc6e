//! Destinations: whether they may be called, and how much waits for each.

use chrono::{DateTime, Utc};
use connector_kit::DestinationName;
use rusqlite::{Connection, OptionalExtension, params};

use super::calls;
use super::codes::{self, state};
use super::desk::Desk;
use super::lanes;
use super::names::NameKind;
use super::reader::Shelf;
use super::tally::{self, DELIVERIES};
use super::trouble::Trouble;
use crate::store::{DestinationGate, DestinationStatus};

const OPEN: i64 = 0;
const HELD: i64 = 1;
const PARKED: i64 = 2;

/// Whether the destination may be called.
pub(super) fn gate(connection: &Connection, destination: i64) -> Result<DestinationGate, Trouble> {
    let gate = connection
        .prepare_cached("SELECT gate, until, holds, reason, hint FROM destinations WHERE id = ?1")?
        .query_row([destination], |row| {
            Ok(match row.get::<_, i64>(0)? {
                HELD => DestinationGate::Held {
                    until: codes::moment(row.get(1)?),
                    holds: row.get(2)?,
                    reason: row.get(3)?,
                },
                PARKED => DestinationGate::Parked {
                    reason: row.get(3)?,
                    hint: row.get(4)?,
                },
                _ => DestinationGate::Open,
            })
        })
        .optional()?;
    Ok(gate.unwrap_or_default())
}

/// How many of `max` may go while the gate stands so: when a rest is over, one finds out whether the
/// destination has recovered.
pub(super) fn admits(gate: &DestinationGate, max: usize, now: DateTime<Utc>) -> usize {
    match gate {
        DestinationGate::Parked { .. } => 0,
        DestinationGate::Held { until, .. } if *until > now => 0,
        DestinationGate::Held { .. } => max.min(1),
        DestinationGate::Open => max,
    }
}

/// When a gate that lets nobody through opens by itself.
pub(super) fn opens_at(gate: &DestinationGate) -> Option<DateTime<Utc>> {
    match gate {
        DestinationGate::Held { until, .. } => Some(*until),
        _ => None,
    }
}

/// Writes whether the destination may be called. A park stays until it is released.
pub(super) fn set_gate(
    connection: &Connection,
    destination: i64,
    gate: &DestinationGate,
    now: DateTime<Utc>,
) -> Result<(), Trouble> {
    let (code, until, holds, reason, hint) = match gate {
        DestinationGate::Open => (OPEN, 0, 0, "", ""),
        DestinationGate::Held { until, holds, reason } => {
            (HELD, codes::millis(*until), *holds, reason.as_str(), "")
        }
        DestinationGate::Parked { reason, hint } => (PARKED, 0, 0, reason.as_str(), hint.as_str()),
    };
    connection
        .prepare_cached(
            "INSERT INTO destinations (id, gate, until, holds, reason, hint, since)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (id) DO UPDATE SET gate = excluded.gate, holds = excluded.holds,
               since = CASE WHEN destinations.gate = excluded.gate THEN destinations.since ELSE excluded.since END,
               until = CASE WHEN destinations.gate = 1 AND excluded.gate = 1
                 THEN max(destinations.until, excluded.until) ELSE excluded.until END,
               reason = excluded.reason, hint = excluded.hint
             WHERE destinations.gate <> 2 OR excluded.gate = 2",
        )?
        .execute(params![
            destination,
            code,
            until,
            holds,
            reason,
            hint,
            codes::millis(now)
        ])?;
    Ok(())
}

/// Opens the destination, whatever its gate. False when nobody ever heard of it.
pub(super) fn release(desk: &mut Desk, destination: &DestinationName) -> Result<bool, Trouble> {
    let Some(number) = desk
        .names
        .find(&desk.connection, NameKind::Destination, destination.as_str())?
    else {
        return Ok(false);
    };
    desk.connection
        .execute("DELETE FROM destinations WHERE id = ?1", [number])?;
    Ok(true)
}

/// Every destination at a glance.
pub(super) fn all(shelf: &mut Shelf) -> Result<Vec<DestinationStatus>, Trouble> {
    let numbers: Vec<(i64, String)> = shelf
        .connection
        .prepare_cached("SELECT id, name FROM names WHERE kind = ?1 ORDER BY name")?
        .query_map([NameKind::Destination as i64], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    numbers
        .into_iter()
        .map(|(number, name)| status(shelf, number, &name))
        .collect()
}

fn status(shelf: &mut Shelf, number: i64, name: &str) -> Result<DestinationStatus, Trouble> {
    let name = DestinationName::new(name);
    let calls = calls::ledger(shelf, &name)?;
    let connection = &shelf.connection;
    let count = |state: i64| tally::read(connection, number, DELIVERIES + state);
    let due = count(state::DUE)?;
    let lanes = lanes::queues(connection, number, due)?;
    Ok(DestinationStatus {
        name,
        calls,
        gate: gate(connection, number)?,
        resting_since: resting_since(connection, number)?,
        due: due + count(state::LEASED)?,
        waiting: count(state::WAITING)?,
        dead: count(state::DEAD)?,
        delivered: count(state::DELIVERED)?,
        closed: count(state::CLOSED)?,
        oldest_due: lanes.iter().filter_map(|lane| lane.oldest).min(),
        lanes,
    })
}

fn resting_since(connection: &Connection, number: i64) -> Result<Option<DateTime<Utc>>, Trouble> {
    let since = connection
        .prepare_cached("SELECT since FROM destinations WHERE id = ?1 AND gate <> 0 AND since > 0")?
        .query_row([number], |row| row.get(0))
        .optional()?;
    Ok(since.map(codes::moment))
}
