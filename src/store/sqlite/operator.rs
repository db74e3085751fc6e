//! What the operator sees.

use connector_kit::{DestinationName, LeadId, RecordRef, SourceName};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codes::{self, state, understood};
use super::leads::{read_lead, spans};
use super::reader::Shelf;
use super::tally::{self, Counter, DELIVERIES};
use super::trouble::Trouble;
use crate::store::{DeliveryStory, Failure, InboxId, LeadFilter, LeadRow, LeadStory, Totals};

/// Totals of the whole store.
pub(super) fn totals(shelf: &mut Shelf) -> Result<Totals, Trouble> {
    let connection = &shelf.connection;
    let total = |counter: Counter| tally::read(connection, 0, counter as i64);
    let deliveries = |states: &[i64]| sum(connection, states);
    Ok(Totals {
        accepted: total(Counter::Accepted)?,
        repeats: total(Counter::Repeats)?,
        merged: total(Counter::Merged)?,
        leads: total(Counter::Leads)?,
        suppressed_test: total(Counter::SuppressedTest)?,
        suppressed_dnc: total(Counter::SuppressedDnc)?,
        suppressed_no_route: total(Counter::SuppressedNoRoute)?,
        suppressed_closed: total(Counter::SuppressedClosed)?,
        suppressed_own: total(Counter::SuppressedOwn)?,
        suppressed_forgotten: total(Counter::SuppressedForgotten)?,
        forgotten: total(Counter::Forgotten)?,
        refused: total(Counter::Refused)?,
        quarantined: total(Counter::Quarantined)?,
        unsettled: total(Counter::Unsettled)?,
        delivered: deliveries(&[state::DELIVERED])?,
        closed: deliveries(&[state::CLOSED])?,
        pending: deliveries(&[state::DUE, state::LEASED, state::WAITING])?,
        withheld: deliveries(&[state::WITHHELD])?,
        dead: deliveries(&[state::DEAD])?,
        receipts: total(Counter::Receipts)?,
        outcomes: super::outcomes::totals(connection)?,
    })
}

fn sum(connection: &Connection, states: &[i64]) -> Result<u64, Trouble> {
    let mut statement = connection
        .prepare_cached("SELECT coalesce(sum(value), 0) FROM counters WHERE scope > 0 AND counter = ?1")?;
    let mut all = 0_i64;
    for state in states {
        all += statement.query_row([DELIVERIES + state], |row| row.get::<_, i64>(0))?;
    }
    Ok(u64::try_from(all).unwrap_or(0))
}

/// A lead's one fate, from its suppression and its deliveries.
const FATE: &str = "
CASE l.suppression WHEN 1 THEN 'suppressed: test lead' WHEN 2 THEN 'suppressed: do not contact'
  WHEN 3 THEN 'suppressed: no route' WHEN 4 THEN 'suppressed: referral closed before it was seen'
  WHEN 5 THEN 'suppressed: our own referral' WHEN 6 THEN 'suppressed: forgotten'
ELSE coalesce((
  SELECT CASE
    WHEN max(d.state = 5) THEN 'dead'
    WHEN max(d.state IN (0, 1, 2)) THEN 'pending'
    WHEN max(d.state = 3) THEN 'delivered'
    WHEN max(d.state = 7) THEN 'delivered (closed in CRM)'
    WHEN max(d.state = 6) THEN 'discarded'
    ELSE 'suppressed: do not contact' END
  FROM deliveries d WHERE d.lead = l.id HAVING count(*) > 0), 'suppressed: no route') END";

/// Leads, newest first.
pub(super) fn leads(shelf: &mut Shelf, filter: &LeadFilter) -> Result<Vec<LeadRow>, Trouble> {
    let sql = format!(
        "SELECT * FROM (SELECT l.body, l.revision, l.revised_at, {FATE} AS fate FROM leads l ORDER BY l.id DESC)
         WHERE ?1 IS NULL OR substr(fate, 1, length(?1)) = ?1 LIMIT ?2"
    );
    let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
    let mut statement = shelf.connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![filter.fate, limit])?;
    let mut leads = Vec::new();
    while let Some(row) = rows.next()? {
        leads.push(lead_row(row)?);
    }
    Ok(leads)
}

fn lead_row(row: &Row<'_>) -> Result<LeadRow, Trouble> {
    let body: Vec<u8> = row.get(0)?;
    Ok(LeadRow {
        lead: read_lead(&body)?,
        revision: row.get(1)?,
        revised_at: codes::moment(row.get(2)?),
        fate: row.get(3)?,
    })
}

/// Everything known of one lead.
pub(super) fn lead(shelf: &mut Shelf, id: LeadId) -> Result<Option<LeadStory>, Trouble> {
    let connection = &shelf.connection;
    let sql =
        format!("SELECT l.body, l.revision, l.revised_at, {FATE}, l.id FROM leads l WHERE l.public_id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([&id.as_bytes()[..]])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let key: i64 = row.get(4)?;
    Ok(Some(LeadStory {
        row: lead_row(row)?,
        spans: spans(connection, key)?,
        arrivals: arrivals(connection, key)?,
        deliveries: deliveries(connection, key)?,
    }))
}

type ArrivalLine = (InboxId, SourceName, chrono::DateTime<chrono::Utc>, String);

fn arrivals(connection: &Connection, lead: i64) -> Result<Vec<ArrivalLine>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT a.id, n.name, i.received_at, a.understood FROM arrivals a
         JOIN inbox i ON i.id = a.id JOIN names n ON n.id = i.source WHERE a.lead = ?1 ORDER BY a.id",
    )?;
    let lines = statement
        .query_map([lead], |row| {
            let what = match row.get::<_, i64>(3)? {
                understood::NEW => "new lead",
                understood::MERGED => "merged",
                understood::REPEAT => "repeat",
                _ => "quarantined",
            };
            let source = SourceName::new(row.get::<_, String>(1)?);
            Ok((
                InboxId(row.get(0)?),
                source,
                codes::moment(row.get(2)?),
                what.to_owned(),
            ))
        })?
        .collect::<Result<_, _>>()?;
    Ok(lines)
}

/// How each delivery of a lead stands.
pub(super) fn deliveries(connection: &Connection, lead: i64) -> Result<Vec<DeliveryStory>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT n.name, d.state, d.wanted, d.held, d.record, d.at, d.destination FROM deliveries d
         JOIN names n ON n.id = d.destination WHERE d.lead = ?1 ORDER BY n.name",
    )?;
    let mut rows = statement.query([lead])?;
    let mut stories = Vec::new();
    while let Some(row) = rows.next()? {
        let code: i64 = row.get(1)?;
        let timed = code != state::DUE;
        stories.push(DeliveryStory {
            destination: DestinationName::new(row.get::<_, String>(0)?),
            state: state::word(code).to_owned(),
            wanted: row.get(2)?,
            held: row.get(3)?,
            record: row.get::<_, Option<String>>(4)?.map(RecordRef),
            at: timed.then_some(codes::moment(row.get(5)?)),
            failures: failures(connection, lead, row.get(6)?)?,
        });
    }
    Ok(stories)
}

type FailureLine = (chrono::DateTime<chrono::Utc>, Failure);

/// Failed attempts of one delivery, oldest first.
pub(super) fn failures(
    connection: &Connection,
    lead: i64,
    destination: i64,
) -> Result<Vec<FailureLine>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT at, kind, what, hint, answer FROM attempts WHERE lead = ?1 AND destination = ?2 ORDER BY id",
    )?;
    let lines = statement
        .query_map(params![lead, destination], |row| {
            let failure = Failure {
                kind: codes::kind_from(row.get(1)?),
                what: row.get(2)?,
                hint: row.get(3)?,
                answer: row.get(4)?,
            };
            Ok((codes::moment(row.get(0)?), failure))
        })?
        .collect::<Result<_, _>>()?;
    Ok(lines)
}

/// The number behind a public id.
pub(super) fn key_of(connection: &Connection, id: LeadId) -> Result<Option<i64>, Trouble> {
    let key = connection
        .prepare_cached("SELECT id FROM leads WHERE public_id = ?1")?
        .query_row([&id.as_bytes()[..]], |row| row.get(0))
        .optional()?;
    Ok(key)
}
