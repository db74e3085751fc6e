//! Reports that are due are handed out, to one holder at a time.

use chrono::{DateTime, Utc};
use connector_kit::DestinationName;
use rusqlite::{OptionalExtension, params};

use super::codes::{self, report};
use super::desk::Desk;
use super::destinations;
use super::leads::read_lead;
use super::names::NameKind;
use super::outcomes;
use super::trouble::Trouble;
use crate::store::{DestinationGate, LeasedReports, ReferralKey, ReportAsk, ReportLease};

/// Hands out what is due, if the sink may be called; the one an operator waits for in any case.
pub(super) fn lease(
    desk: &mut Desk,
    sink: &DestinationName,
    ask: ReportAsk,
    now: DateTime<Utc>,
) -> Result<LeasedReports, Trouble> {
    let Some(sink) = desk
        .names
        .find(&desk.connection, NameKind::Destination, sink.as_str())?
    else {
        return Ok(nothing(DestinationGate::Open, None));
    };
    let gate = destinations::gate(&desk.connection, sink)?;
    let limit = destinations::admits(&gate, ask.max, now);
    if let Some(only) = ask.only {
        ripen(desk, sink, codes::millis(now))?;
        let free = free(desk, sink, only)?;
        return hand_out(desk, sink, gate, &free, ask.until);
    }
    if limit == 0 {
        let next_at = destinations::opens_at(&gate);
        return Ok(nothing(gate, next_at));
    }
    ripen(desk, sink, codes::millis(now))?;
    // One probe at a time: its answer decides for all.
    let due = if gate != DestinationGate::Open && is_called(desk, sink)? {
        Vec::new()
    } else {
        front(desk, sink, limit)?
    };
    hand_out(desk, sink, gate, &due, ask.until)
}

fn nothing(gate: DestinationGate, next_at: Option<DateTime<Utc>>) -> LeasedReports {
    LeasedReports {
        gate,
        leases: Vec::new(),
        next_at,
    }
}

/// A report and the state it is taken from.
type Free = (i64, i64);

/// What waited long enough is due again, and so is what a lost worker held.
fn ripen(desk: &mut Desk, sink: i64, now: i64) -> Result<(), Trouble> {
    let ripe: Vec<Free> = desk
        .connection
        .prepare_cached(
            "SELECT referral, state FROM reports WHERE sink = ?1 AND at <= ?2 AND state IN (1, 2)
             ORDER BY at LIMIT 1000",
        )?
        .query_map(params![sink, now], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (referral, from) in ripe {
        desk.connection
            .prepare_cached("UPDATE reports SET state = 0 WHERE referral = ?1")?
            .execute([referral])?;
        desk.tally.reported(sink, Some(from), report::DUE);
    }
    Ok(())
}

/// Those that are wanted longest.
fn front(desk: &Desk, sink: i64, limit: usize) -> Result<Vec<Free>, Trouble> {
    let due = desk
        .connection
        .prepare_cached(
            "SELECT referral, state FROM reports WHERE sink = ?1 AND state = 0 ORDER BY since, referral LIMIT ?2",
        )?
        .query_map(
            params![sink, i64::try_from(limit).unwrap_or(i64::MAX)],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .collect::<Result<_, _>>()?;
    Ok(due)
}

/// This one, however it stands, unless somebody holds it.
fn free(desk: &Desk, sink: i64, only: ReferralKey) -> Result<Vec<Free>, Trouble> {
    let free: Option<Free> = desk
        .connection
        .prepare_cached(
            "SELECT referral, state FROM reports WHERE referral = ?1 AND sink = ?2 AND state <> 1",
        )?
        .query_row(params![only.0, sink], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(free.into_iter().collect())
}

fn hand_out(
    desk: &mut Desk,
    sink: i64,
    gate: DestinationGate,
    due: &[Free],
    until: DateTime<Utc>,
) -> Result<LeasedReports, Trouble> {
    let mut leases = Vec::with_capacity(due.len());
    for &(referral, from) in due {
        leases.push(take(desk, referral, until)?);
        desk.tally.reported(sink, Some(from), report::LEASED);
    }
    let next_at = if leases.is_empty() {
        next_timed(desk, sink)?
    } else {
        None
    };
    Ok(LeasedReports {
        gate,
        leases,
        next_at,
    })
}

fn take(desk: &Desk, referral: i64, until: DateTime<Utc>) -> Result<ReportLease, Trouble> {
    let connection = &desk.connection;
    let mut told = connection.prepare_cached(
        "SELECT r.link, r.body, r.lead, l.body FROM referrals r JOIN leads l ON l.id = r.lead WHERE r.id = ?1",
    )?;
    let (link, body, lead, lead_body): (i64, Vec<u8>, i64, Vec<u8>) = told.query_row([referral], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    let row = connection
        .prepare_cached(
            "UPDATE reports SET state = 1, token = token + 1, at = ?2 WHERE referral = ?1
             RETURNING token, wanted, attempt, since, agreed, ordered",
        )?
        .query_row(params![referral, codes::millis(until)], |row| {
            Ok(Row {
                token: row.get(0)?,
                wanted: row.get(1)?,
                attempt: row.get(2)?,
                since: codes::moment(row.get(3)?),
                agreed: row.get(4)?,
                ordered: row.get(5)?,
            })
        })?;
    let agreed = row
        .agreed
        .map(|text| codes::read_back(text.as_bytes(), "agreement"));
    let order = row.ordered.map(|text| codes::read_back(text.as_bytes(), "order"));
    Ok(ReportLease {
        key: ReferralKey(referral),
        token: row.token,
        wanted: row.wanted,
        referral: codes::read_back(&body, "referral")?,
        link: codes::link_from(link),
        lead: read_lead(&lead_body)?,
        outcomes: outcomes::holding(connection, lead)?,
        agreed: agreed.transpose()?,
        order: order.transpose()?,
        attempt: row.attempt,
        since: row.since,
    })
}

/// What the report itself holds.
struct Row {
    token: i64,
    wanted: i64,
    attempt: u32,
    since: DateTime<Utc>,
    agreed: Option<String>,
    ordered: Option<String>,
}

/// Whether somebody makes a report to the sink.
fn is_called(desk: &Desk, sink: i64) -> Result<bool, Trouble> {
    let leased = desk
        .connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM reports WHERE sink = ?1 AND state IN (1, 2) AND state = 1)",
        )?
        .query_row([sink], |row| row.get(0))?;
    Ok(leased)
}

fn next_timed(desk: &Desk, sink: i64) -> Result<Option<DateTime<Utc>>, Trouble> {
    let at: Option<i64> = desk
        .connection
        .prepare_cached("SELECT min(at) FROM reports WHERE sink = ?1 AND state IN (1, 2)")?
        .query_row([sink], |row| row.get(0))?;
    Ok(at.map(codes::moment))
}
