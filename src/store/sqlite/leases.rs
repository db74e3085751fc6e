//! Leases: what is due is handed out, to one holder at a time.

use chrono::{DateTime, Utc};
use connector_kit::{DestinationName, RecordRef};
use rusqlite::{OptionalExtension, params};

use super::codes::{self, state};
use super::desk::Desk;
use super::destinations;
use super::names::NameKind;
use super::trouble::Trouble;
use crate::store::{DestinationGate, Lane, LeadKey, Lease, LeaseAsk, Leased};

/// Hands out what is due, if the destination may be called.
pub(super) fn lease(
    desk: &mut Desk,
    destination: &DestinationName,
    ask: LeaseAsk,
    now: DateTime<Utc>,
) -> Result<Leased, Trouble> {
    let Some(number) = desk
        .names
        .find(&desk.connection, NameKind::Destination, destination.as_str())?
    else {
        return Ok(Leased {
            gate: DestinationGate::Open,
            leases: Vec::new(),
            next_at: None,
        });
    };
    let gate = destinations::gate(&desk.connection, number)?;
    let limit = destinations::admits(&gate, ask.max, now);
    if limit == 0 {
        let next_at = destinations::opens_at(&gate);
        return Ok(Leased {
            gate,
            leases: Vec::new(),
            next_at,
        });
    }
    ripen(desk, number, codes::millis(now))?;
    if gate != DestinationGate::Open && is_called(desk, number)? {
        // One probe at a time: its answer decides for all.
        return Ok(Leased {
            gate,
            leases: Vec::new(),
            next_at: next_timed(desk, number)?,
        });
    }
    let due = if !ask.bulk {
        front(desk, number, ask, limit)?
    } else if gate == DestinationGate::Open {
        end(desk, number, ask)?
    } else {
        Vec::new()
    };
    let leases = hand_out(desk, number, &due, ask.until)?;
    let next_at = if leases.is_empty() {
        next_timed(desk, number)?
    } else {
        None
    };
    Ok(Leased {
        gate,
        leases,
        next_at,
    })
}

/// What waited long enough is due again, and so is what a lost worker held.
fn ripen(desk: &mut Desk, destination: i64, now: i64) -> Result<(), Trouble> {
    let ripe: Vec<(i64, i64)> = desk
        .connection
        .prepare_cached(
            "SELECT lead, state FROM deliveries
             WHERE destination = ?1 AND at <= ?2 AND state IN (1, 2) ORDER BY at LIMIT 1000",
        )?
        .query_map(params![destination, now], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (lead, from) in ripe {
        // A lease that ran out may have been written by its holder: nobody knows.
        desk.connection
            .prepare_cached(
                "UPDATE deliveries SET state = 0, uncertain = CASE state WHEN 1 THEN 1 ELSE uncertain END
                 WHERE lead = ?1 AND destination = ?2",
            )?
            .execute(params![lead, destination])?;
        desk.tally.moved(destination, Some(from), Some(state::DUE));
    }
    Ok(())
}

/// The front of the line, or nothing when fewer wait than are wanted.
fn front(desk: &Desk, destination: i64, ask: LeaseAsk, limit: usize) -> Result<Vec<i64>, Trouble> {
    let due: Vec<i64> = desk
        .connection
        .prepare_cached(
            "SELECT lead FROM deliveries WHERE destination = ?1 AND state = 0 AND lane <= ?2
             ORDER BY lane, lead LIMIT ?3",
        )?
        .query_map(
            params![destination, codes::lane(ask.lowest), count(limit)],
            |row| row.get(0),
        )?
        .collect::<Result<_, _>>()?;
    if due.len() < ask.min.min(limit) {
        return Ok(Vec::new());
    }
    Ok(due)
}

/// The end of the line, without what is hot; nothing while something hot waits, or too little.
fn end(desk: &Desk, destination: i64, ask: LeaseAsk) -> Result<Vec<i64>, Trouble> {
    let hot = codes::lane(Lane::Hot);
    let lowest = codes::lane(ask.lowest);
    let (is_hot, waiting): (bool, i64) = desk
        .connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM deliveries WHERE destination = ?1 AND state = 0 AND lane = ?2),
               (SELECT count(*) FROM (SELECT 1 FROM deliveries
                WHERE destination = ?1 AND state = 0 AND lane > ?2 AND lane <= ?3 LIMIT ?4))",
        )?
        .query_row(params![destination, hot, lowest, count(ask.min)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if is_hot || waiting < count(ask.min) {
        return Ok(Vec::new());
    }
    let mut due: Vec<i64> = Vec::new();
    let mut of_lane = desk.connection.prepare_cached(
        "SELECT lead FROM deliveries WHERE destination = ?1 AND state = 0 AND lane = ?2 ORDER BY lead LIMIT ?3",
    )?;
    for lane in (hot + 1..=lowest).rev() {
        let rest = count(ask.max - due.len());
        for lead in of_lane.query_map(params![destination, lane, rest], |row| row.get(0))? {
            due.push(lead?);
        }
    }
    Ok(due)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn hand_out(
    desk: &mut Desk,
    destination: i64,
    due: &[i64],
    until: DateTime<Utc>,
) -> Result<Vec<Lease>, Trouble> {
    let mut take = desk.connection.prepare_cached(
        "UPDATE deliveries SET state = 1, token = token + 1, at = ?3 WHERE lead = ?1 AND destination = ?2
         RETURNING token, held, uncertain, attempt, record, again",
    )?;
    let mut read = desk
        .connection
        .prepare_cached("SELECT revision, revised_at, dnc, body FROM leads WHERE id = ?1")?;
    let mut leases = Vec::with_capacity(due.len());
    for &lead in due {
        let mut lease = read.query_row([lead], |row| {
            Ok(Lease {
                lead: LeadKey(lead),
                token: 0,
                body: row.get(3)?,
                revision: row.get(0)?,
                revised_at: codes::moment(row.get(1)?),
                held: 0,
                uncertain: false,
                dnc: row.get(2)?,
                attempt: 0,
                record: None,
                again: None,
            })
        })?;
        take.query_row(params![lead, destination, codes::millis(until)], |row| {
            lease.token = row.get(0)?;
            lease.held = row.get(1)?;
            lease.uncertain = row.get(2)?;
            lease.attempt = row.get(3)?;
            lease.record = row.get::<_, Option<String>>(4)?.map(RecordRef);
            lease.again = row.get::<_, Option<i64>>(5)?.map(codes::moment);
            Ok(())
        })?;
        leases.push(lease);
        desk.tally
            .moved(destination, Some(state::DUE), Some(state::LEASED));
    }
    Ok(leases)
}

/// Whether somebody holds a delivery to the destination.
fn is_called(desk: &Desk, destination: i64) -> Result<bool, Trouble> {
    let leased = desk
        .connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM deliveries WHERE destination = ?1 AND state IN (1, 2) AND state = 1)",
        )?
        .query_row([destination], |row| row.get(0))?;
    Ok(leased)
}

fn next_timed(desk: &Desk, destination: i64) -> Result<Option<DateTime<Utc>>, Trouble> {
    let at: Option<i64> = desk
        .connection
        .prepare_cached("SELECT min(at) FROM deliveries WHERE destination = ?1 AND state IN (1, 2)")?
        .query_row([destination], |row| row.get(0))
        .optional()?
        .flatten();
    Ok(at.map(codes::moment))
}
