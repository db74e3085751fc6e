//! What was taken in is given back to be read once more.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use connector_kit::ids::AccountName;
use connector_kit::{LeadId, RawFormat, RawLead, SourceName};
use rusqlite::{Connection, OptionalExtension, params};

use super::codes::{self, understood};
use super::desk::Desk;
use super::inbox::{self, arrival};
use super::leads::{read_lead, spans};
use super::operator::key_of;
use super::reader::Shelf;
use super::tally::Counter;
use super::trouble::Trouble;
use crate::store::{Arrival, InboxId, KnownLead, LeadKey};

/// A lead and everything it came from.
pub type Origin = (KnownLead, Vec<(InboxId, Arrival)>);

/// Arrivals that cannot be understood and whose bytes are kept: one, or all.
fn quarantined(connection: &Connection, only: Option<InboxId>) -> Result<Vec<i64>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT a.id FROM arrivals a JOIN inbox i ON i.id = a.id
         WHERE a.understood = ?1 AND length(i.body) > 0 AND (?2 IS NULL OR a.id = ?2)",
    )?;
    let rows = statement.query_map(params![understood::QUARANTINED, only.map(|id| id.0)], |row| {
        row.get(0)
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many there are.
pub(super) fn count_quarantined(shelf: &Shelf, only: Option<InboxId>) -> Result<u64, Trouble> {
    Ok(quarantined(&shelf.connection, only)?.len() as u64)
}

/// Lets them wait to be understood again; tells how many.
pub(super) fn give_back_quarantined(desk: &mut Desk, only: Option<InboxId>) -> Result<u64, Trouble> {
    let ids = quarantined(&desk.connection, only)?;
    for id in &ids {
        desk.connection
            .prepare_cached("DELETE FROM arrivals WHERE id = ?1")?
            .execute([id])?;
        desk.connection
            .prepare_cached("INSERT INTO unsettled (id, starts) VALUES (?1, 0)")?
            .execute([id])?;
    }
    let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    desk.tally.add(Counter::Quarantined, -count);
    desk.tally.add(Counter::Unsettled, count);
    Ok(ids.len() as u64)
}

/// Bodies that were refused at the door, behind `after`: row and arrival, as if it came now as it came then.
pub(super) fn refused(shelf: &mut Shelf, after: i64) -> Result<Vec<(i64, Arrival)>, Trouble> {
    let Shelf { connection, names } = shelf;
    let mut statement = connection.prepare_cached(
        "SELECT id, account, source, received_at, body FROM quarantine WHERE id > ?1 ORDER BY id LIMIT 100",
    )?;
    let mut rows = statement.query([after])?;
    let mut refused = Vec::new();
    while let Some(row) = rows.next()? {
        let body: Vec<u8> = row.get(4)?;
        let arrival = Arrival {
            account: AccountName::new(names.text(connection, row.get(1)?)?),
            source: SourceName::new(names.text(connection, row.get(2)?)?),
            received_at: codes::moment(row.get(3)?),
            raw: RawLead {
                format: RawFormat::MarketplaceJson,
                reference: None,
                occurred_at: None,
                body: Bytes::from(body),
            },
        };
        refused.push((row.get(0)?, arrival));
    }
    Ok(refused)
}

/// Takes a body that was refused at the door into the inbox after all. False when it is gone.
pub(super) fn take_refused(desk: &mut Desk, id: i64, arrival: &Arrival) -> Result<bool, Trouble> {
    let size: Option<i64> = desk
        .connection
        .prepare_cached("DELETE FROM quarantine WHERE id = ?1 RETURNING length(body)")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    let Some(size) = size else { return Ok(false) };
    desk.tally.add(Counter::QuarantineBytes, -size);
    inbox::keep(desk, arrival)?;
    Ok(true)
}

/// Leads behind `after`, the oldest first, of which something came since `since`: number and id.
pub(super) fn leads_since(
    shelf: &Shelf,
    after: i64,
    since: Option<DateTime<Utc>>,
) -> Result<Vec<(i64, LeadId)>, Trouble> {
    let mut statement = shelf.connection.prepare_cached(
        "SELECT l.id, l.public_id FROM leads l WHERE l.id > ?1 AND l.suppression <> ?2 AND (?3 IS NULL OR EXISTS (
           SELECT 1 FROM arrivals a JOIN inbox i ON i.id = a.id WHERE a.lead = l.id AND i.received_at >= ?3))
         ORDER BY l.id LIMIT 200",
    )?;
    let rows = statement.query_map(
        params![after, codes::FORGOTTEN, since.map(codes::millis)],
        |row| Ok((row.get(0)?, LeadId::from_bytes(row.get(1)?))),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A lead and all arrivals it came from, the oldest first. None when it is not there, or forgotten.
pub(super) fn origin(shelf: &mut Shelf, id: LeadId) -> Result<Option<Origin>, Trouble> {
    let Shelf { connection, names } = shelf;
    let Some(key) = key_of(connection, id)? else {
        return Ok(None);
    };
    let (revision, suppression, body): (u32, i64, Vec<u8>) = connection
        .prepare_cached("SELECT revision, suppression, body FROM leads WHERE id = ?1")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if suppression == codes::FORGOTTEN {
        return Ok(None);
    }
    let known = KnownLead {
        key: LeadKey(key),
        lead: read_lead(&body)?,
        revision,
        spans: spans(connection, key)?,
        suppression: codes::suppression_from(suppression),
    };
    let mut statement = connection.prepare_cached(
        "SELECT i.account, i.source, i.received_at, i.format, i.occurred_at, i.body, i.id
         FROM arrivals a JOIN inbox i ON i.id = a.id WHERE a.lead = ?1 ORDER BY i.id",
    )?;
    let mut rows = statement.query([key])?;
    let mut arrivals = Vec::new();
    while let Some(row) = rows.next()? {
        arrivals.push((InboxId(row.get(6)?), arrival(connection, names, row)?));
    }
    Ok(Some((known, arrivals)))
}
