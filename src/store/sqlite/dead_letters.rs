//! Dead letters: shown with their reason, given another life, or given up.

use connector_kit::{DestinationName, LeadId};
use rusqlite::params;

use super::codes::{self, state};
use super::desk::Desk;
use super::names::{NameKind, Names};
use super::operator::{failures, key_of};
use super::reader::Shelf;
use super::trouble::Trouble;
use crate::store::{DeadLetter, DeadLetterAct, DeadLetterFilter, Failure};

/// Rows of `deliveries` the filter means: lead, destination, attempts, moment of death.
const SELECT: &str = "
SELECT d.lead, d.destination, d.attempt, d.at, l.public_id FROM deliveries d JOIN leads l ON l.id = d.lead
WHERE d.state = 5 AND (?1 IS NULL OR d.lead = ?1) AND (?2 IS NULL OR d.destination = ?2)
ORDER BY d.at DESC, d.lead LIMIT ?3";

/// A filter in the store's own numbers.
struct Resolved {
    lead: Option<i64>,
    destination: Option<i64>,
    limit: i64,
}

/// What the filter's names mean here; `None` when it can match nothing.
fn resolve(
    connection: &rusqlite::Connection,
    names: &mut Names,
    filter: &DeadLetterFilter,
) -> Result<Option<Resolved>, Trouble> {
    let lead = match filter.lead {
        None => None,
        Some(id) => match key_of(connection, id)? {
            None => return Ok(None),
            found => found,
        },
    };
    let destination = match &filter.destination {
        None => None,
        Some(name) => match names.find(connection, NameKind::Destination, name.as_str())? {
            None => return Ok(None),
            found => found,
        },
    };
    let limit = if filter.limit == 0 {
        i64::MAX
    } else {
        i64::try_from(filter.limit).unwrap_or(i64::MAX)
    };
    Ok(Some(Resolved {
        lead,
        destination,
        limit,
    }))
}

/// Dead letters, newest first.
pub(super) fn list(shelf: &mut Shelf, filter: &DeadLetterFilter) -> Result<Vec<DeadLetter>, Trouble> {
    let Shelf { connection, names } = shelf;
    let Some(Resolved {
        lead,
        destination,
        limit,
    }) = resolve(connection, names, filter)?
    else {
        return Ok(Vec::new());
    };
    let mut statement = connection.prepare_cached(SELECT)?;
    let mut rows = statement.query(params![lead, destination, limit])?;
    let mut letters = Vec::new();
    while let Some(row) = rows.next()? {
        let (lead, destination): (i64, i64) = (row.get(0)?, row.get(1)?);
        let failure = failures(connection, lead, destination)?
            .pop()
            .map(|(_, failure)| failure);
        letters.push(DeadLetter {
            lead: LeadId::from_bytes(row.get(4)?),
            destination: DestinationName::new(names.text(connection, destination)?),
            died_at: codes::moment(row.get(3)?),
            attempts: row.get(2)?,
            failure: failure.unwrap_or_else(unknown),
        });
    }
    Ok(letters)
}

fn unknown() -> Failure {
    Failure {
        kind: connector_kit::ErrorKind::Broken,
        what: "the attempts are no longer kept".into(),
        hint: "requeue to try again, or discard".into(),
        answer: None,
    }
}

/// Requeues or discards what the filter means; tells how many.
pub(super) fn settle(
    desk: &mut Desk,
    filter: &DeadLetterFilter,
    act: DeadLetterAct,
    now: i64,
) -> Result<u64, Trouble> {
    let Some(Resolved {
        lead,
        destination,
        limit,
    }) = resolve(&desk.connection, &mut desk.names, filter)?
    else {
        return Ok(0);
    };
    let rows: Vec<(i64, i64)> = desk
        .connection
        .prepare_cached(SELECT)?
        .query_map(params![lead, destination, limit], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    let to = match act {
        DeadLetterAct::Requeue => state::DUE,
        DeadLetterAct::Discard => state::DISCARDED,
    };
    // Who waits now does not wait for what waited long; but do-not-contact is told at once.
    for (lead, destination) in &rows {
        desk.connection
            .prepare_cached(
                "UPDATE deliveries SET state = ?3, attempt = 0, since = ?4, at = ?4,
                   lane = CASE (SELECT dnc FROM leads WHERE id = ?1) WHEN 1 THEN 0 ELSE 3 END
                 WHERE lead = ?1 AND destination = ?2",
            )?
            .execute(params![lead, destination, to, now])?;
        desk.tally.moved(*destination, Some(state::DEAD), Some(to));
    }
    Ok(rows.len() as u64)
}
