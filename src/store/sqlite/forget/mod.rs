//! A person is forgotten: found wherever they are kept, overwritten, and known again by hashes only.
//!
//! Searching takes as long as it takes and stops nobody. What came in meanwhile is searched in the
//! one transaction that erases, so that nothing slips through between the two.

mod erase;
mod list;
mod search;
mod slack;
mod sweep;

use chrono::{DateTime, Utc};
use connector_kit::LeadId;
use rusqlite::params;

pub(super) use list::{Hash, Key, List, parse as parse_list, path_beside, read as read_list};
pub(super) use sweep::Broom;

use super::codes;
use super::desk::Desk;
use super::queue::Line;
use super::reader::Shelf;
use super::trouble::Trouble;
use super::{SqliteStore, StoreError};
use crate::store::{Erasure, ForgetOrder, Identity, Remembered, TouchKey, Traces};
use search::{Found, Search};

/// Forgets, or with `dry_run` only looks.
pub(super) async fn forget(
    store: &SqliteStore,
    order: ForgetOrder,
    now: DateTime<Utc>,
) -> Result<Traces, StoreError> {
    let found = search(store, &order).await?;
    let now = codes::millis(now);
    if order.dry_run {
        return dry_run(store, &order, &found, now);
    }
    carry_out(store, order, found, now).await
}

/// Erases what was found, and what came since.
async fn carry_out(
    store: &SqliteStore,
    order: ForgetOrder,
    found: Found,
    now: i64,
) -> Result<Traces, StoreError> {
    let list = store.list.clone();
    list.begin(order.new_key)
        .map_err(|error| StoreError::Failed(format!("the list of who was forgotten: {error}")))?;
    let work = move |desk: &mut Desk| {
        let mut found = found.clone();
        found.catch_up(desk, &order)?;
        erase::erase(desk, &list, &order, &found, now)
    };
    let mut traces = store.write(Line::Work, 1, work).await?;
    traces.is_swept = store.sweep()?;
    Ok(traces)
}

/// Looks at everything that is kept, in portions, so that no reader holds up the log for long.
async fn search(store: &SqliteStore, order: &ForgetOrder) -> Result<Found, StoreError> {
    let mut search = Search::default();
    loop {
        let order = order.clone();
        let (next, done) = store
            .read(move |shelf| {
                let Shelf { connection, names } = shelf;
                let done = search.go_on(connection, names, &order)?;
                Ok((search, done))
            })
            .await?;
        if done {
            return Ok(next.found);
        }
        search = next;
    }
}

/// The same as in earnest, on a connection of its own, and then not kept.
fn dry_run(store: &SqliteStore, order: &ForgetOrder, found: &Found, now: i64) -> Result<Traces, StoreError> {
    let told = |trouble: Trouble| super::trouble::to_store_error(&trouble, false);
    let mut desk = Desk::open(store.space.path().to_owned())?;
    desk.connection
        .execute_batch("BEGIN IMMEDIATE")
        .map_err(|error| told(error.into()))?;
    let traces = erase::erase(&mut desk, &List::nowhere(), order, found, now).map_err(told)?;
    desk.connection
        .execute_batch("ROLLBACK")
        .map_err(|error| told(error.into()))?;
    Ok(traces)
}

/// What is remembered behind each identity and touch.
pub(super) fn remembered(
    shelf: &Shelf,
    list: &List,
    asked: &[(Identity, TouchKey)],
) -> Result<Vec<Remembered>, Trouble> {
    let connection = &shelf.connection;
    let anybody: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM forgotten)")?
        .query_row([], |row| row.get(0))?;
    let key = anybody.then(|| list.key()).flatten();
    let Some(key) = key else {
        return Ok(vec![Remembered::default(); asked.len()]);
    };
    let mut statement = connection.prepare_cached("SELECT max(at) FROM forgotten WHERE hash = ?1")?;
    let mut at = |hash: [u8; 16]| -> Result<Option<DateTime<Utc>>, Trouble> {
        let at: Option<i64> = statement.query_row([&hash[..]], |row| row.get(0))?;
        Ok(at.map(codes::moment))
    };
    let look = |(identity, touch): &(Identity, TouchKey)| {
        Ok(Remembered {
            person_at: at(key.person(*identity))?,
            touch_at: at(key.touch(*identity, *touch))?,
            barred: at(key.barred(*identity))?.is_some(),
        })
    };
    asked.iter().map(look).collect()
}

/// Takes the bytes out of an arrival; when and how it came stays.
pub(super) fn empty_arrival(desk: &mut Desk, id: i64) -> Result<bool, Trouble> {
    let emptied = desk
        .connection
        .prepare_cached("UPDATE inbox SET body = x'' WHERE id = ?1 AND length(body) > 0")?
        .execute([id])?;
    desk.broom.note();
    Ok(emptied > 0)
}

/// Leads somebody on a list is known by.
pub(super) fn known_as(
    shelf: &Shelf,
    is_listed: &(dyn Fn(Identity) -> bool + Send + Sync),
) -> Result<Vec<LeadId>, Trouble> {
    let mut statement = shelf
        .connection
        .prepare_cached("SELECT i.identity, l.public_id FROM identities i JOIN leads l ON l.id = i.lead")?;
    let mut rows = statement.query([])?;
    let mut leads = Vec::new();
    while let Some(row) = rows.next()? {
        if is_listed(Identity(row.get(0)?)) {
            leads.push(LeadId::from_bytes(row.get(1)?));
        }
    }
    Ok(leads)
}

/// Each time somebody was forgotten, the newest first.
pub(super) fn history(shelf: &Shelf, limit: usize) -> Result<Vec<Erasure>, Trouble> {
    let mut statement = shelf
        .connection
        .prepare_cached("SELECT at, leads, bodies, mentions FROM erasures ORDER BY id DESC LIMIT ?1")?;
    let rows = statement
        .query_map(params![i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
            let count = |column| {
                row.get::<_, i64>(column)
                    .map(|count| u64::try_from(count).unwrap_or(0))
            };
            Ok(Erasure {
                at: codes::moment(row.get(0)?),
                leads: count(1)?,
                bodies: count(2)?,
                mentions: count(3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

#[cfg(test)]
mod tests;
