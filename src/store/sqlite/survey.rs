//! How leads stand with a destination, read page by page; and what is ordered again.

use chrono::{DateTime, Utc};
use connector_kit::{DestinationName, RecordRef, SourceName};
use rusqlite::{OptionalExtension, Row, params};

use super::codes::{self, state};
use super::desk::Desk;
use super::leads::{count_suppression, read_lead, wish};
use super::names::NameKind;
use super::reader::Shelf;
use super::trouble::Trouble;
use crate::store::{Lane, LeadKey, OrderedAgain, Standing, Suppression, SurveyAsk, SurveyOf, Surveyed};

/// What is read of a lead and its delivery to destination `?1`.
macro_rules! rows {
    ($join:literal, $which:literal) => {
        concat!(
            "SELECT l.id, l.body, l.revision, l.revised_at, l.suppression,
               d.state, d.held, d.uncertain, d.record, d.at
             FROM leads l ",
            $join,
            " JOIN deliveries d ON d.lead = l.id AND d.destination = ?1 WHERE ",
            $which
        )
    };
}

const DELIVERED: &str = rows!(
    "CROSS",
    "d.state IN (3, 7) AND d.at >= ?2 AND l.id > ?3 ORDER BY l.id LIMIT ?4"
);
/// No route yet is no rule: the routes may have changed since.
const NEVER: &str = rows!(
    "LEFT",
    "d.lead IS NULL AND l.dnc = 0 AND l.suppression IN (0, 3) AND l.revised_at >= ?2 AND l.id > ?3
     ORDER BY l.id LIMIT ?4"
);
const THIS: &str = rows!("LEFT", "l.public_id = ?2");

/// One page.
pub(super) fn survey(shelf: &mut Shelf, ask: &SurveyAsk) -> Result<Vec<Surveyed>, Trouble> {
    let Shelf { connection, names } = shelf;
    // Numbers of names are positive: nothing was ever meant for a destination without one.
    let found = names.find(connection, NameKind::Destination, ask.destination.as_str())?;
    let destination = found.unwrap_or(-1);
    let (sql, since) = match &ask.which {
        SurveyOf::Delivered(since) => (DELIVERED, since),
        SurveyOf::Never(since) => (NEVER, since),
        SurveyOf::These(ids) => {
            let mut statement = connection.prepare_cached(THIS)?;
            let mut these = Vec::with_capacity(ids.len());
            for id in ids {
                let mut rows = statement.query(params![destination, &id.as_bytes()[..]])?;
                if let Some(row) = rows.next()? {
                    these.push(surveyed(row)?);
                }
            }
            return Ok(these);
        }
    };
    let after = ask.after.map_or(0, |key| key.0);
    let limit = i64::try_from(ask.limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![destination, codes::millis(*since), after, limit])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        page.push(surveyed(row)?);
    }
    Ok(page)
}

fn surveyed(row: &Row<'_>) -> Result<Surveyed, Trouble> {
    let body: Vec<u8> = row.get(1)?;
    let delivery = match row.get::<_, Option<i64>>(5)? {
        None => None,
        Some(code) => Some(Standing {
            state: state::word(code),
            held: row.get(6)?,
            uncertain: row.get(7)?,
            record: row.get::<_, Option<String>>(8)?.map(RecordRef),
            at: codes::moment(row.get(9)?),
        }),
    };
    Ok(Surveyed {
        key: LeadKey(row.get(0)?),
        lead: read_lead(&body)?,
        revision: row.get(2)?,
        revised_at: codes::moment(row.get(3)?),
        suppression: codes::suppression_from(row.get(4)?),
        delivery,
    })
}

/// Orders these to be delivered to the destination again, or for the first time, behind all that is live.
pub(super) fn order_again(
    desk: &mut Desk,
    destination: &DestinationName,
    leads: &[LeadKey],
    now: i64,
) -> Result<OrderedAgain, Trouble> {
    let number = desk
        .names
        .number(&desk.connection, NameKind::Destination, destination.as_str())?;
    let mut ordered = OrderedAgain::default();
    for lead in leads {
        let found: Option<(Option<i64>, bool, i64, u32)> = desk
            .connection
            .prepare_cached(
                "SELECT d.state, l.dnc, l.suppression, l.revision FROM leads l
                 LEFT JOIN deliveries d ON d.lead = l.id AND d.destination = ?2 WHERE l.id = ?1",
            )?
            .query_row(params![lead.0, number], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let Some((state, dnc, suppression, revision)) = found else {
            ordered.left += 1;
            continue;
        };
        let suppression = codes::suppression_from(suppression);
        match (state, suppression) {
            (Some(state::DELIVERED), _) if !dnc => {
                deliver_again(desk, lead.0, number, now)?;
                ordered.again += 1;
            }
            (None, None | Some(Suppression::NoRoute)) if !dnc => {
                // It has a route now.
                if suppression.is_some() {
                    lift_suppression(desk, lead.0, suppression)?;
                }
                wish(desk, lead.0, destination, Lane::Backfill, revision, now)?;
                ordered.new += 1;
            }
            _ => ordered.left += 1,
        }
    }
    Ok(ordered)
}

fn deliver_again(desk: &mut Desk, lead: i64, destination: i64, now: i64) -> Result<(), Trouble> {
    desk.connection
        .prepare_cached(
            "UPDATE deliveries SET state = 0, attempt = 0, since = ?3, at = ?3, again = ?3, lane = ?4
             WHERE lead = ?1 AND destination = ?2",
        )?
        .execute(params![lead, destination, now, codes::lane(Lane::Backfill)])?;
    desk.tally
        .moved(destination, Some(state::DELIVERED), Some(state::DUE));
    Ok(())
}

fn lift_suppression(desk: &mut Desk, lead: i64, was: Option<Suppression>) -> Result<(), Trouble> {
    desk.connection
        .prepare_cached("UPDATE leads SET suppression = 0 WHERE id = ?1")?
        .execute([lead])?;
    count_suppression(desk, was, -1);
    Ok(())
}

/// How many arrivals of this source happened since then, by the source's own word where it says.
pub(super) fn arrived_since(
    shelf: &mut Shelf,
    source: &SourceName,
    since: DateTime<Utc>,
) -> Result<u64, Trouble> {
    let Shelf { connection, names } = shelf;
    let Some(number) = names.find(connection, NameKind::Source, source.as_str())? else {
        return Ok(0);
    };
    let count: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM inbox WHERE source = ?1 AND coalesce(occurred_at, received_at) >= ?2",
        )?
        .query_row(params![number, codes::millis(since)], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}
