//! Arrivals: kept as they came, and waiting to be understood.

use bytes::Bytes;
use connector_kit::ids::AccountName;
use connector_kit::{Checkpoint, RawLead, SourceName};
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::codes;
use super::desk::Desk;
use super::names::{NameKind, Names};
use super::reader::Shelf;
use super::tally::Counter;
use super::trouble::Trouble;
use crate::store::{Arrival, Custody, InboxId, Unreadable, Unsettled};

/// Keeps arrivals, and the checkpoint that goes with them.
pub(super) fn accept(
    desk: &mut Desk,
    arrivals: &[Arrival],
    checkpoint: Option<&(SourceName, Checkpoint)>,
) -> Result<Vec<Custody>, Trouble> {
    let mut custody = Vec::with_capacity(arrivals.len());
    for arrival in arrivals {
        custody.push(keep(desk, arrival)?);
    }
    if let Some((source, Checkpoint(text))) = checkpoint {
        let source = desk
            .names
            .number(&desk.connection, NameKind::Source, source.as_str())?;
        desk.connection
            .prepare_cached("INSERT OR REPLACE INTO checkpoints (source, checkpoint) VALUES (?1, ?2)")?
            .execute(params![source, text])?;
    }
    Ok(custody)
}

/// Keeps one arrival, unless its reference is known.
pub(super) fn keep(desk: &mut Desk, arrival: &Arrival) -> Result<Custody, Trouble> {
    let account = desk
        .names
        .number(&desk.connection, NameKind::Account, arrival.account.as_str())?;
    let source = desk
        .names
        .number(&desk.connection, NameKind::Source, arrival.source.as_str())?;
    if let Some(reference) = &arrival.raw.reference
        && !is_first(desk, source, reference)?
    {
        return Ok(Custody::Known);
    }
    desk.connection
        .prepare_cached(
            "INSERT INTO inbox (account, source, received_at, format, occurred_at, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            account,
            source,
            codes::millis(arrival.received_at),
            codes::format(arrival.raw.format),
            arrival.raw.occurred_at.map(codes::millis),
            &arrival.raw.body[..],
        ])?;
    let id = desk.connection.last_insert_rowid();
    desk.connection
        .prepare_cached("INSERT INTO unsettled (id, starts) VALUES (?1, 0)")?
        .execute([id])?;
    desk.tally.add(Counter::Accepted, 1);
    desk.tally.add(Counter::Unsettled, 1);
    Ok(Custody::Kept(InboxId(id)))
}

/// What is kept of a reference.
fn digest(reference: &str) -> [u8; 16] {
    let whole = Sha256::digest(reference.as_bytes());
    std::array::from_fn(|at| whole[at])
}

/// Which of these references are known, in the same order.
pub(super) fn known_references(
    shelf: &mut Shelf,
    source: &SourceName,
    references: &[String],
) -> Result<Vec<bool>, Trouble> {
    let Shelf { connection, names } = shelf;
    let Some(number) = names.find(connection, NameKind::Source, source.as_str())? else {
        return Ok(vec![false; references.len()]);
    };
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM inbox_references WHERE source = ?1 AND reference = ?2)",
    )?;
    let mut known = Vec::with_capacity(references.len());
    for reference in references {
        let digest = digest(reference);
        known.push(statement.query_row(params![number, &digest[..]], |row| row.get(0))?);
    }
    Ok(known)
}

fn is_first(desk: &Desk, source: i64, reference: &str) -> Result<bool, Trouble> {
    let inserted = desk
        .connection
        .prepare_cached("INSERT OR IGNORE INTO inbox_references (source, reference) VALUES (?1, ?2)")?
        .execute(params![source, &digest(reference)[..]])?;
    Ok(inserted == 1)
}

/// Keeps what nobody could read, within `limit` bytes altogether.
pub(super) fn quarantine(desk: &mut Desk, items: &[Unreadable], limit: u64) -> Result<(), Trouble> {
    for item in items {
        let account = desk
            .names
            .number(&desk.connection, NameKind::Account, item.account.as_str())?;
        let source = desk
            .names
            .number(&desk.connection, NameKind::Source, item.source.as_str())?;
        desk.connection
            .prepare_cached(
                "INSERT INTO quarantine (account, source, received_at, reason, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![account, source, codes::millis(item.received_at), item.reason, &item.body[..]])?;
        desk.tally.add(Counter::Refused, 1);
    }
    drop_oldest(desk, items, limit)
}

fn drop_oldest(desk: &mut Desk, items: &[Unreadable], limit: u64) -> Result<(), Trouble> {
    let added: u64 = items.iter().map(|item| item.body.len() as u64).sum();
    let mut held = super::tally::read(&desk.connection, 0, Counter::QuarantineBytes as i64)? + added;
    let mut change = i64::try_from(added).unwrap_or(i64::MAX);
    while held > limit {
        let oldest: Option<(i64, i64)> = desk
            .connection
            .prepare_cached("SELECT id, length(body) FROM quarantine ORDER BY id LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((id, size)) = oldest else { break };
        desk.connection
            .prepare_cached("DELETE FROM quarantine WHERE id = ?1")?
            .execute([id])?;
        held = held.saturating_sub(u64::try_from(size).unwrap_or(0));
        change -= size;
    }
    desk.tally.add(Counter::QuarantineBytes, change);
    Ok(())
}

/// Where the source's last poll left off.
pub(super) fn checkpoint(shelf: &mut Shelf, source: &SourceName) -> Result<Option<Checkpoint>, Trouble> {
    let Some(source) = shelf
        .names
        .find(&shelf.connection, NameKind::Source, source.as_str())?
    else {
        return Ok(None);
    };
    let text = shelf
        .connection
        .prepare_cached("SELECT checkpoint FROM checkpoints WHERE source = ?1")?
        .query_row([source], |row| row.get(0))
        .optional()?;
    Ok(text.map(Checkpoint))
}

/// The oldest arrivals that wait.
pub(super) fn unsettled(shelf: &mut Shelf, limit: usize) -> Result<Vec<Unsettled>, Trouble> {
    let Shelf { connection, names } = shelf;
    let mut statement = connection.prepare_cached(
        "SELECT i.account, i.source, i.received_at, i.format, i.occurred_at, i.body, u.id, u.starts
         FROM unsettled u JOIN inbox i ON i.id = u.id ORDER BY u.id LIMIT ?1",
    )?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        waiting.push(Unsettled {
            id: InboxId(row.get(6)?),
            starts: row.get(7)?,
            arrival: arrival(connection, names, row)?,
        });
    }
    Ok(waiting)
}

/// An arrival of a row that begins with `account`, `source`, `received_at`, `format`, `occurred_at` and `body`.
pub(super) fn arrival(connection: &Connection, names: &mut Names, row: &Row<'_>) -> Result<Arrival, Trouble> {
    let body: Vec<u8> = row.get(5)?;
    Ok(Arrival {
        account: AccountName::new(names.text(connection, row.get(0)?)?),
        source: SourceName::new(names.text(connection, row.get(1)?)?),
        received_at: codes::moment(row.get(2)?),
        raw: RawLead {
            format: codes::format_from(row.get(3)?)?,
            reference: None,
            occurred_at: row.get::<_, Option<i64>>(4)?.map(codes::moment),
            body: Bytes::from(body),
        },
    })
}

/// The newest arrival that waits.
pub(super) fn newest_unsettled(shelf: &Shelf) -> Result<Option<InboxId>, Trouble> {
    let newest: Option<i64> = shelf
        .connection
        .query_row("SELECT max(id) FROM unsettled", [], |row| row.get(0))?;
    Ok(newest.map(InboxId))
}

/// Counts a start for each of these arrivals.
pub(super) fn mark_started(desk: &mut Desk, ids: &[InboxId]) -> Result<(), Trouble> {
    let mut statement = desk
        .connection
        .prepare_cached("UPDATE unsettled SET starts = starts + 1 WHERE id = ?1")?;
    for id in ids {
        statement.execute([id.0])?;
    }
    Ok(())
}
