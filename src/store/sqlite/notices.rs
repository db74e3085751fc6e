//! Events the other side told of: kept once, and followed until somebody has looked.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{ReferralId, SourceName};
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use super::codes;
use super::desk::Desk;
use super::forwards;
use super::inbox;
use super::names::NameKind;
use super::reader::Shelf;
use super::trouble::Trouble;
use crate::store::{Follow, Heard, NoticeId, NoticesDue, Told, Waiting};

/// How long an event is known again. Ten deliveries of one take hours (contract partner-center 8.5);
/// after that a repeat costs one look.
const KNOWN_FOR: TimeDelta = TimeDelta::days(7);
/// Old references that go when a new one comes: more than one, so that they become fewer.
const FORGOTTEN_AT_ONCE: i64 = 4;

/// Keeps events that are new, to be followed and, where somebody else wants them, to be passed on.
pub(super) fn hear(desk: &mut Desk, told: &[Told]) -> Result<Vec<Heard>, Trouble> {
    told.iter().map(|told| hear_one(desk, told)).collect()
}

fn hear_one(desk: &mut Desk, told: &Told) -> Result<Heard, Trouble> {
    let source = desk
        .names
        .number(&desk.connection, NameKind::Source, told.source.as_str())?;
    let received_at = codes::millis(told.received_at);
    if !is_first(&desk.connection, source, &told.notice.reference, received_at)? {
        return Ok(Heard::Known);
    }
    if let Some(copy) = &told.copy {
        forwards::keep(&desk.connection, source, copy, received_at)?;
    }
    let Some(referral) = &told.notice.referral else {
        return Ok(Heard::Noted);
    };
    desk.connection
        .prepare_cached(
            "INSERT INTO notices (source, referral, received_at, at, tries) VALUES (?1, ?2, ?3, ?3, 0)",
        )?
        .execute(params![source, referral.as_str(), received_at])?;
    desk.tally.noticed(source, 1);
    Ok(Heard::Kept)
}

fn is_first(connection: &Connection, source: i64, reference: &str, now: i64) -> Result<bool, Trouble> {
    let digest = Sha256::digest(reference.as_bytes());
    let first = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO notice_references (source, reference, heard_at) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![source, &digest[..16], now])?;
    if first == 0 {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "DELETE FROM notice_references WHERE id IN (
               SELECT id FROM (SELECT id, heard_at FROM notice_references ORDER BY id LIMIT ?2) WHERE heard_at < ?1)",
        )?
        .execute(params![now - KNOWN_FOR.num_milliseconds(), FORGOTTEN_AT_ONCE])?;
    Ok(true)
}

/// What is to be followed now, one entry per referral.
pub(super) fn due(
    shelf: &mut Shelf,
    source: &SourceName,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<NoticesDue, Trouble> {
    let Shelf { connection, names } = shelf;
    let Some(source) = names.find(connection, NameKind::Source, source.as_str())? else {
        return Ok(NoticesDue::default());
    };
    let mut waiting = Vec::new();
    for referral in referrals_due(connection, source, limit, codes::millis(now))? {
        waiting.push(about(connection, source, &referral)?);
    }
    waiting.sort_by_key(|one| one.received_at);
    let next_at = if waiting.is_empty() {
        connection
            .prepare_cached("SELECT min(at) FROM notices WHERE source = ?1")?
            .query_row([source], |row| row.get::<_, Option<i64>>(0))?
            .map(codes::moment)
    } else {
        None
    };
    Ok(NoticesDue { waiting, next_at })
}

/// The referrals at the front of the line; read only as far as they are wanted.
fn referrals_due(
    connection: &Connection,
    source: i64,
    limit: usize,
    now: i64,
) -> Result<BTreeSet<String>, Trouble> {
    let mut statement = connection
        .prepare_cached("SELECT referral FROM notices WHERE source = ?1 AND at <= ?2 ORDER BY at, id")?;
    let mut rows = statement.query(params![source, now])?;
    let mut referrals = BTreeSet::new();
    while referrals.len() < limit
        && let Some(row) = rows.next()?
    {
        referrals.insert(row.get(0)?);
    }
    Ok(referrals)
}

/// All events about the referral, also those that are to wait longer: one look answers them all.
fn about(connection: &Connection, source: i64, referral: &str) -> Result<Waiting, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT id, received_at, tries FROM notices WHERE referral = ?1 AND source = ?2 ORDER BY id",
    )?;
    let mut rows = statement.query(params![referral, source])?;
    let (mut ids, mut received_at, mut tries) = (Vec::new(), i64::MAX, 0);
    while let Some(row) = rows.next()? {
        ids.push(NoticeId(row.get(0)?));
        received_at = received_at.min(row.get(1)?);
        tries = tries.max(row.get(2)?);
    }
    Ok(Waiting {
        ids,
        referral: named(referral)?,
        received_at: codes::moment(received_at),
        tries,
    })
}

fn named(referral: &str) -> Result<ReferralId, Trouble> {
    referral
        .parse()
        .map_err(|_| Trouble::Unreadable("a stored referral id cannot be read".into()))
}

/// Writes what came of following.
pub(super) fn follow(desk: &mut Desk, source: &SourceName, followed: &[Follow]) -> Result<(), Trouble> {
    let source = desk
        .names
        .number(&desk.connection, NameKind::Source, source.as_str())?;
    for one in followed {
        match one {
            Follow::Read(ids, arrival) => {
                inbox::keep(desk, arrival)?;
                end(desk, source, ids)?;
            }
            Follow::GivenUp(ids) => end(desk, source, ids)?,
            Follow::Later(ids, at) => {
                let mut statement = desk.connection.prepare_cached(
                    "UPDATE notices SET at = ?3, tries = tries + 1 WHERE id = ?1 AND source = ?2",
                )?;
                for NoticeId(id) in ids {
                    statement.execute(params![id, source, codes::millis(*at)])?;
                }
            }
        }
    }
    Ok(())
}

fn end(desk: &mut Desk, source: i64, ids: &[NoticeId]) -> Result<(), Trouble> {
    for NoticeId(id) in ids {
        let gone = desk
            .connection
            .prepare_cached("DELETE FROM notices WHERE id = ?1 AND source = ?2")?
            .execute(params![id, source])?;
        if gone > 0 {
            desk.tally.noticed(source, -1);
        }
    }
    Ok(())
}

/// Events about the referral that wait.
pub(super) fn count_about(connection: &Connection, source: i64, referral: &str) -> Result<u64, Trouble> {
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM notices WHERE referral = ?1 AND source = ?2")?
        .query_row(params![referral, source], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}
