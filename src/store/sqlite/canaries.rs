//! Canaries: announced, let through once, and forgotten without a trace.

use chrono::{DateTime, Utc};
use connector_kit::{CanaryMark, DestinationName, ErrorKind, SourceName};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codes::{self, state};
use super::desk::Desk;
use super::leads::read_lead;
use super::names::NameKind;
use super::operator;
use super::reader::Shelf;
use super::tally::Counter;
use super::trouble::Trouble;
use crate::store::{CanaryLead, CanaryStory, Expected, LeadChange};

/// Announces a canary.
pub(super) fn expect(desk: &mut Desk, expected: &Expected) -> Result<(), Trouble> {
    let source = desk
        .names
        .number(&desk.connection, NameKind::Source, expected.source.as_str())?;
    desk.connection
        .prepare_cached(
            "INSERT INTO canaries (mark, source, destinations, announced_at, until) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            &expected.mark.as_bytes()[..],
            source,
            codes::text(&expected.destinations)?,
            codes::millis(expected.at),
            codes::millis(expected.until),
        ])?;
    desk.tally.add(Counter::Canaries, 1);
    Ok(())
}

/// Where leads with these marks go.
pub(super) fn expected(
    shelf: &mut Shelf,
    marks: &[(CanaryMark, SourceName)],
    now: DateTime<Utc>,
) -> Result<Vec<Option<Vec<DestinationName>>>, Trouble> {
    let mut statement = shelf.connection.prepare_cached(
        "SELECT c.destinations FROM canaries c JOIN names n ON n.id = c.source
         WHERE c.mark = ?1 AND n.name = ?2 AND c.lead IS NULL AND c.until > ?3",
    )?;
    let mut found = Vec::with_capacity(marks.len());
    for (mark, source) in marks {
        let destinations: Option<String> = statement
            .query_row(
                params![&mark.as_bytes()[..], source.as_str(), codes::millis(now)],
                |row| row.get(0),
            )
            .optional()?;
        let read = |text: String| codes::read_back(text.as_bytes(), "canary");
        found.push(destinations.map(read).transpose()?);
    }
    Ok(found)
}

/// A lead that is new and goes somewhere may be the canary that was announced: from now on it is known.
/// Stale when it was given up since the decision, for then nobody would take it away.
pub(super) fn recognise(connection: &Connection, lead: i64, change: &LeadChange) -> Result<(), Trouble> {
    let Some(mark) = change.canary.filter(|_| change.suppression.is_none()) else {
        return Ok(());
    };
    let known = connection
        .prepare_cached("UPDATE canaries SET lead = ?2 WHERE mark = ?1 AND lead IS NULL")?
        .execute(params![&mark.as_bytes()[..], lead])?;
    if known == 0 {
        return Err(Trouble::Stale);
    }
    Ok(())
}

/// Whether the lead is a canary.
pub(super) fn is_canary(connection: &Connection, lead: i64) -> Result<bool, Trouble> {
    let is_canary = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM canaries WHERE lead = ?1)")?
        .query_row([lead], |row| row.get(0))?;
    Ok(is_canary)
}

/// Every canary there is.
pub(super) fn all(shelf: &mut Shelf) -> Result<Vec<CanaryStory>, Trouble> {
    let connection = &shelf.connection;
    let mut statement = connection.prepare_cached(
        "SELECT c.mark, n.name, c.destinations, c.announced_at, c.until, c.lead FROM canaries c
         JOIN names n ON n.id = c.source ORDER BY c.id",
    )?;
    let mut rows = statement.query([])?;
    let mut stories = Vec::new();
    while let Some(row) = rows.next()? {
        let lead: Option<i64> = row.get(5)?;
        stories.push(CanaryStory {
            expected: read(row)?,
            lead: lead.map(|lead| became(connection, lead)).transpose()?,
        });
    }
    Ok(stories)
}

fn read(row: &Row<'_>) -> Result<Expected, Trouble> {
    Ok(Expected {
        mark: CanaryMark::new(row.get(0)?),
        source: SourceName::new(row.get::<_, String>(1)?),
        destinations: codes::read_back(row.get::<_, String>(2)?.as_bytes(), "canary")?,
        at: codes::moment(row.get(3)?),
        until: codes::moment(row.get(4)?),
    })
}

fn became(connection: &Connection, lead: i64) -> Result<CanaryLead, Trouble> {
    let (body, revision, settled_at, received_at): (Vec<u8>, u32, i64, i64) = connection
        .prepare_cached(
            "SELECT l.body, l.revision, l.revised_at, i.received_at FROM leads l
             JOIN arrivals a ON a.lead = l.id JOIN inbox i ON i.id = a.id WHERE l.id = ?1 ORDER BY i.id LIMIT 1",
        )?
        .query_row([lead], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    // What was refused for its own sake was not written.
    let held = connection
        .prepare_cached(
            "SELECT n.name FROM deliveries d JOIN names n ON n.id = d.destination
             WHERE d.lead = ?1 AND (d.held > 0 OR d.uncertain = 1 OR d.state = 1 OR EXISTS (
               SELECT 1 FROM attempts a WHERE a.lead = d.lead AND a.destination = d.destination AND a.kind != ?2))
             ORDER BY n.name",
        )?
        .query_map(params![lead, codes::kind(ErrorKind::Rejected)], |row| {
            Ok(DestinationName::new(row.get::<_, String>(0)?))
        })?
        .collect::<Result<_, _>>()?;
    Ok(CanaryLead {
        lead: read_lead(&body)?,
        revision,
        received_at: codes::moment(received_at),
        settled_at: codes::moment(settled_at),
        deliveries: operator::deliveries(connection, lead)?,
        held,
    })
}

/// Gives up what is not under way; a canary that has not come yet will be a test lead.
pub(super) fn recall(desk: &mut Desk, mark: CanaryMark, now: DateTime<Utc>) -> Result<(), Trouble> {
    let now = codes::millis(now);
    desk.connection
        .prepare_cached("UPDATE canaries SET until = min(until, ?2) WHERE mark = ?1")?
        .execute(params![&mark.as_bytes()[..], now])?;
    let Some(lead) = lead_of(&desk.connection, mark)? else {
        return Ok(());
    };
    let waiting: Vec<(i64, i64)> = desk
        .connection
        .prepare_cached("SELECT destination, state FROM deliveries WHERE lead = ?1 AND state IN (0, 2, 5)")?
        .query_map([lead], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (destination, from) in waiting {
        desk.connection
            .prepare_cached("UPDATE deliveries SET state = ?3, at = ?4 WHERE lead = ?1 AND destination = ?2")?
            .execute(params![lead, destination, state::DISCARDED, now])?;
        desk.tally.moved(destination, Some(from), Some(state::DISCARDED));
    }
    Ok(())
}

fn lead_of(connection: &Connection, mark: CanaryMark) -> Result<Option<i64>, Trouble> {
    let lead: Option<Option<i64>> = connection
        .prepare_cached("SELECT lead FROM canaries WHERE mark = ?1")?
        .query_row([&mark.as_bytes()[..]], |row| row.get(0))
        .optional()?;
    Ok(lead.flatten())
}

/// What a lead leaves behind in other tables than its own, except `deliveries` and its arrivals. A canary
/// has no identity, no referral and no clock.
const TRACES: [&str; 4] = [
    "DELETE FROM touchpoints WHERE lead = ?1",
    "DELETE FROM attempts WHERE lead = ?1",
    "DELETE FROM outcomes WHERE lead = ?1",
    "DELETE FROM standings WHERE lead = ?1",
];

/// Removes a canary. False while somebody holds a delivery of it.
pub(super) fn forget(desk: &mut Desk, mark: CanaryMark) -> Result<bool, Trouble> {
    if let Some(lead) = lead_of(&desk.connection, mark)? {
        let deliveries: Vec<(i64, i64)> = desk
            .connection
            .prepare_cached("SELECT destination, state FROM deliveries WHERE lead = ?1")?
            .query_map([lead], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        if deliveries.iter().any(|(_, is)| *is == state::LEASED) {
            return Ok(false);
        }
        for (destination, from) in deliveries {
            desk.tally.moved(destination, Some(from), None);
        }
        forget_lead(desk, lead)?;
    }
    desk.connection
        .prepare_cached("DELETE FROM canaries WHERE mark = ?1")?
        .execute([&mark.as_bytes()[..]])?;
    Ok(true)
}

fn forget_lead(desk: &mut Desk, lead: i64) -> Result<(), Trouble> {
    for sql in TRACES {
        desk.connection.prepare_cached(sql)?.execute([lead])?;
    }
    let arrivals: Vec<i64> = desk
        .connection
        .prepare_cached("DELETE FROM arrivals WHERE lead = ?1 RETURNING id")?
        .query_map([lead], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in &arrivals {
        desk.connection
            .prepare_cached("DELETE FROM inbox WHERE id = ?1")?
            .execute([id])?;
    }
    // Numbers behind the last arrival are given again; what gets them has not been counted.
    desk.connection
        .prepare_cached("UPDATE listening SET up_to = min(up_to, (SELECT coalesce(max(id), 0) FROM inbox))")?
        .execute([])?;
    desk.connection
        .prepare_cached("DELETE FROM deliveries WHERE lead = ?1")?
        .execute([lead])?;
    desk.connection
        .prepare_cached("DELETE FROM leads WHERE id = ?1")?
        .execute([lead])?;
    desk.tally.add(Counter::Leads, -1);
    desk.tally.add(Counter::Accepted, -1);
    Ok(())
}
