//! Deliveries: handed out to one holder at a time, and written back with what became of them.

use chrono::{DateTime, Utc};
use connector_kit::{DestinationName, ErrorKind, RecordRef};
use rusqlite::{Connection, OptionalExtension, params};

use super::codes::{self, state};
use super::desk::Desk;
use super::destinations;
use super::names::NameKind;
use super::reader::Shelf;
use super::tally::Counter;
use super::trouble::Trouble;
use crate::store::{
    DeliveryResult, DestinationGate, Failure, FinishOutcome, Finished, LeadKey, Lease, LeaseAsk, Leased,
};

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
    let limit = match &gate {
        DestinationGate::Parked { .. } => 0,
        DestinationGate::Held { until, .. } if *until > now => 0,
        // The rest is over: one delivery finds out whether the destination has recovered.
        DestinationGate::Held { .. } => ask.max.min(1),
        DestinationGate::Open => ask.max,
    };
    if limit == 0 {
        let next_at = match &gate {
            DestinationGate::Held { until, .. } => Some(*until),
            _ => None,
        };
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
    let min = ask.min.min(limit);
    let leases = hand_out(desk, number, min, limit, ask.until)?;
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

fn hand_out(
    desk: &mut Desk,
    destination: i64,
    min: usize,
    max: usize,
    until: DateTime<Utc>,
) -> Result<Vec<Lease>, Trouble> {
    let due: Vec<i64> = desk
        .connection
        .prepare_cached(
            "SELECT lead FROM deliveries WHERE destination = ?1 AND state = 0 ORDER BY lane, lead LIMIT ?2",
        )?
        .query_map(
            params![destination, i64::try_from(max).unwrap_or(i64::MAX)],
            |row| row.get(0),
        )?
        .collect::<Result<_, _>>()?;
    if due.len() < min.max(1) {
        return Ok(Vec::new());
    }
    let mut take = desk.connection.prepare_cached(
        "UPDATE deliveries SET state = 1, token = token + 1, at = ?3 WHERE lead = ?1 AND destination = ?2
         RETURNING token, held, uncertain, attempt, record",
    )?;
    let mut read = desk
        .connection
        .prepare_cached("SELECT revision, revised_at, dnc, body FROM leads WHERE id = ?1")?;
    let mut leases = Vec::with_capacity(due.len());
    for lead in due {
        let (token, held, uncertain, attempt, record): (i64, u32, bool, u32, Option<String>) = take
            .query_row(params![lead, destination, codes::millis(until)], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })?;
        let lease = read.query_row([lead], |row| {
            Ok(Lease {
                lead: LeadKey(lead),
                token,
                body: row.get(3)?,
                revision: row.get(0)?,
                revised_at: codes::moment(row.get(1)?),
                held,
                uncertain,
                dnc: row.get(2)?,
                attempt,
                record: record.map(RecordRef),
            })
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

/// Which of these leads must not be contacted.
pub(super) fn forbidden(shelf: &Shelf, leads: &[LeadKey]) -> Result<Vec<LeadKey>, Trouble> {
    let mut forbidden = Vec::new();
    for lead in leads {
        if is_forbidden(&shelf.connection, *lead)? {
            forbidden.push(*lead);
        }
    }
    Ok(forbidden)
}

fn is_forbidden(connection: &Connection, lead: LeadKey) -> Result<bool, Trouble> {
    let dnc = connection
        .prepare_cached("SELECT dnc FROM leads WHERE id = ?1")?
        .query_row([lead.0], |row| row.get(0))
        .optional()?;
    Ok(dnc == Some(true))
}

/// Writes back what became of leases, and whether the destination may be called.
pub(super) fn finish(
    desk: &mut Desk,
    destination: &DestinationName,
    results: &[Finished],
    gate: Option<&DestinationGate>,
    now: DateTime<Utc>,
) -> Result<Vec<FinishOutcome>, Trouble> {
    let number = desk
        .names
        .number(&desk.connection, NameKind::Destination, destination.as_str())?;
    let mut outcomes = Vec::with_capacity(results.len());
    for finished in results {
        outcomes.push(finish_one(desk, number, finished, codes::millis(now))?);
    }
    if let Some(gate) = gate {
        destinations::set_gate(&desk.connection, number, gate)?;
    }
    Ok(outcomes)
}

fn finish_one(
    desk: &mut Desk,
    destination: i64,
    finished: &Finished,
    now: i64,
) -> Result<FinishOutcome, Trouble> {
    let lease = &finished.lease;
    let wanted: Option<u32> = desk
        .connection
        .prepare_cached(
            "SELECT wanted FROM deliveries WHERE lead = ?1 AND destination = ?2 AND state = 1 AND token = ?3",
        )?
        .query_row(params![lease.lead.0, destination, lease.token], |row| row.get(0))
        .optional()?;
    let Some(wanted) = wanted else {
        return Ok(FinishOutcome::LeaseLost);
    };
    // A newer revision came while this one was under way: whatever happened, it is due.
    let newer = wanted > lease.revision;
    let mut row = After::of(lease, now);
    match &finished.result {
        DeliveryResult::Delivered(record) => {
            row.held = lease.revision;
            row.uncertain = false;
            row.attempt = 0;
            row.record = record.as_ref().or(lease.record.as_ref());
            row.state = if newer { state::DUE } else { state::DELIVERED };
            desk.tally.add(Counter::Receipts, 1);
        }
        DeliveryResult::Closed(record) => {
            row.held = lease.revision;
            row.uncertain = false;
            row.attempt = 0;
            row.record = record.as_ref().or(lease.record.as_ref());
            // Nothing follows, except the word that this person must not be contacted.
            let unheard = newer && !lease.dnc && is_forbidden(&desk.connection, lease.lead)?;
            row.state = if unheard { state::DUE } else { state::CLOSED };
            desk.tally.add(Counter::Receipts, 1);
        }
        DeliveryResult::Suppressed => row.state = if newer { state::DUE } else { state::WITHHELD },
        DeliveryResult::Returned { uncertain } => row.uncertain |= *uncertain,
        DeliveryResult::Retry(at, failure) => {
            note_failure(desk, destination, lease, failure, now)?;
            row.attempt = if newer { 0 } else { lease.attempt + 1 };
            row.uncertain = true;
            row.state = state::WAITING;
            row.at = codes::millis(*at);
        }
        DeliveryResult::Dead(failure) => {
            note_failure(desk, destination, lease, failure, now)?;
            row.attempt = if newer { 0 } else { lease.attempt + 1 };
            // A refusal is an answer; whatever else failed may have been applied.
            row.uncertain |= failure.kind != ErrorKind::Rejected;
            row.state = if newer { state::DUE } else { state::DEAD };
        }
    }
    row.write(desk, lease.lead.0, destination)?;
    Ok(FinishOutcome::Done)
}

/// How the row stands afterwards.
struct After<'a> {
    state: i64,
    held: u32,
    uncertain: bool,
    attempt: u32,
    at: i64,
    record: Option<&'a RecordRef>,
}

impl<'a> After<'a> {
    fn of(lease: &'a Lease, now: i64) -> Self {
        Self {
            state: state::DUE,
            held: lease.held,
            uncertain: lease.uncertain,
            attempt: lease.attempt,
            at: now,
            record: lease.record.as_ref(),
        }
    }

    fn write(self, desk: &mut Desk, lead: i64, destination: i64) -> Result<(), Trouble> {
        desk.connection
            .prepare_cached(
                "UPDATE deliveries SET state = ?3, held = ?4, uncertain = ?5, attempt = ?6, at = ?7, record = ?8,
                   wanted = CASE ?3 WHEN 7 THEN ?4 ELSE wanted END
                 WHERE lead = ?1 AND destination = ?2",
            )?
            .execute(params![
                lead,
                destination,
                self.state,
                self.held,
                self.uncertain,
                self.attempt,
                self.at,
                self.record.map(|record| &record.0),
            ])?;
        desk.tally
            .moved(destination, Some(state::LEASED), Some(self.state));
        Ok(())
    }
}

fn note_failure(
    desk: &Desk,
    destination: i64,
    lease: &Lease,
    failure: &Failure,
    now: i64,
) -> Result<(), Trouble> {
    desk.connection
        .prepare_cached(
            "INSERT INTO attempts (lead, destination, revision, at, kind, what, hint, answer)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            lease.lead.0,
            destination,
            lease.revision,
            now,
            codes::kind(failure.kind),
            failure.what,
            failure.hint,
            failure.answer,
        ])?;
    Ok(())
}
