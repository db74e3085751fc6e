//! Requests that somebody else is to get too: kept as they came until they are passed on.

use chrono::{DateTime, Utc};
use connector_kit::SourceName;
use rusqlite::{Connection, params};

use super::codes;
use super::desk::Desk;
use super::names::NameKind;
use super::reader::Shelf;
use super::trouble::Trouble;
use crate::store::{Copy, Forward, NoticeId, Passed};

/// Keeps a request to be passed on now.
pub(super) fn keep(connection: &Connection, source: i64, copy: &Copy, now: i64) -> Result<(), Trouble> {
    connection
        .prepare_cached("INSERT INTO forwards (source, headers, body, at, tries) VALUES (?1, ?2, ?3, ?4, 0)")?
        .execute(params![source, codes::text(&copy.headers)?, copy.body, now])?;
    Ok(())
}

/// What is to be passed on now, and otherwise when something is.
pub(super) fn due(
    shelf: &mut Shelf,
    source: &SourceName,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<(Vec<Forward>, Option<DateTime<Utc>>), Trouble> {
    let Shelf { connection, names } = shelf;
    let Some(source) = names.find(connection, NameKind::Source, source.as_str())? else {
        return Ok((Vec::new(), None));
    };
    let mut statement = connection.prepare_cached(
        "SELECT id, headers, body, tries FROM forwards WHERE source = ?1 AND at <= ?2 ORDER BY at, id LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![source, codes::millis(now), limit])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        let headers: String = row.get(1)?;
        due.push(Forward {
            id: NoticeId(row.get(0)?),
            copy: Copy {
                headers: codes::read_back(headers.as_bytes(), "header")?,
                body: row.get(2)?,
            },
            tries: row.get(3)?,
        });
    }
    if !due.is_empty() {
        return Ok((due, None));
    }
    let next_at: Option<i64> = connection
        .prepare_cached("SELECT min(at) FROM forwards WHERE source = ?1")?
        .query_row([source], |row| row.get(0))?;
    Ok((due, next_at.map(codes::moment)))
}

/// Writes what came of passing on.
pub(super) fn passed(desk: &mut Desk, passed: &[Passed]) -> Result<(), Trouble> {
    for one in passed {
        match one {
            Passed::Done(NoticeId(id)) => desk
                .connection
                .prepare_cached("DELETE FROM forwards WHERE id = ?1")?
                .execute([id])?,
            Passed::Later(NoticeId(id), at) => desk
                .connection
                .prepare_cached("UPDATE forwards SET at = ?2, tries = tries + 1 WHERE id = ?1")?
                .execute(params![id, codes::millis(*at)])?,
        };
    }
    Ok(())
}
