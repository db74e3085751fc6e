//! How often each source is heard: arrivals counted by the hour, after they were understood.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use connector_kit::SourceName;
use rusqlite::{Connection, OptionalExtension, params};

use super::codes::{self, understood};
use super::desk::Desk;
use super::names::NameKind;
use super::reader::Shelf;
use super::trouble::Trouble;
use crate::store::{Listen, Listening, Rhythm, Silence};

/// Arrivals counted in one transaction: no sender waits longer for it than for a batch of others.
const PORTION: u32 = 500;
/// What a portion weighs beside arrivals that are understood: it is read, and hardly anything written.
pub(super) const WEIGHT: usize = 64;
/// How far the counting is, is written down this often, in milliseconds.
const WRITTEN_EVERY: i64 = 5 * 60_000;
const HOUR: i64 = 3_600_000;

/// What a portion says of one source.
#[derive(Default)]
struct Portion {
    hours: BTreeMap<i64, u32>,
    first_at: Option<i64>,
    heard_at: Option<i64>,
    tried_at: Option<i64>,
}

/// Where the counting is: the last arrival, since when without a pause, and when that was.
struct Place {
    up_to: i64,
    since: i64,
    at: i64,
}

/// Counts a portion.
pub(super) fn listen(desk: &mut Desk, ask: Listen) -> Result<Listening, Trouble> {
    let now = codes::millis(ask.now);
    let before = place(&desk.connection)?;
    let (up_to, portions, more) =
        portion(&desk.connection, before.as_ref().map_or(0, |before| before.up_to))?;
    for (source, portion) in &portions {
        note(&desk.connection, *source, portion)?;
    }
    let listened = before
        .as_ref()
        .filter(|before| now - before.at <= ask.pause.num_milliseconds());
    let since = listened.map_or(now, |before| before.since);
    let is_due = before.is_none_or(|before| {
        before.up_to != up_to || before.since != since || now - before.at >= WRITTEN_EVERY
    });
    if is_due {
        desk.connection
            .prepare_cached("INSERT OR REPLACE INTO listening (id, up_to, since, at) VALUES (1, ?1, ?2, ?3)")?
            .execute(params![up_to, since, now])?;
        desk.connection
            .prepare_cached("DELETE FROM source_hours WHERE hour < ?1")?
            .execute([codes::millis(ask.forget_before).div_euclid(HOUR)])?;
    }
    Ok(Listening {
        since: codes::moment(since),
        more,
    })
}

/// Since when sources are listened to without a pause.
pub(super) fn since(shelf: &Shelf) -> Result<Option<DateTime<Utc>>, Trouble> {
    Ok(place(&shelf.connection)?.map(|place| codes::moment(place.since)))
}

fn place(connection: &Connection) -> Result<Option<Place>, Trouble> {
    let place = connection
        .prepare_cached("SELECT up_to, since, at FROM listening")?
        .query_row([], |row| {
            Ok(Place {
                up_to: row.get(0)?,
                since: row.get(1)?,
                at: row.get(2)?,
            })
        })
        .optional()?;
    Ok(place)
}

/// The next arrivals that were understood, up to the first that waits: its last number, what it says of
/// each source, and whether there is more.
fn portion(connection: &Connection, after: i64) -> Result<(i64, BTreeMap<i64, Portion>, bool), Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT i.id, i.source, i.received_at, i.format, a.understood, coalesce(l.suppression, 0), c.id IS NOT NULL
         FROM inbox i JOIN arrivals a ON a.id = i.id
         LEFT JOIN leads l ON l.id = a.lead LEFT JOIN canaries c ON c.lead = a.lead
         WHERE i.id > ?1 AND i.id < coalesce((SELECT min(id) FROM unsettled), 9223372036854775807)
         ORDER BY i.id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![after, PORTION])?;
    let (mut up_to, mut count) = (after, 0);
    let mut portions: BTreeMap<i64, Portion> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        up_to = row.get(0)?;
        count += 1;
        let portion = portions.entry(row.get(1)?).or_default();
        let at: i64 = row.get(2)?;
        match sign(row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?) {
            Sign::Lead => {
                *portion.hours.entry(at.div_euclid(HOUR)).or_default() += 1;
                portion.first_at = Some(portion.first_at.map_or(at, |first| first.min(at)));
                portion.heard_at = portion.heard_at.max(Some(at));
            }
            Sign::Trial => portion.tried_at = portion.tried_at.max(Some(at)),
            Sign::None => {}
        }
    }
    Ok((up_to, portions, count == PORTION))
}

/// What an arrival is a sign of.
enum Sign {
    /// The marketplace lives.
    Lead,
    /// The way was free when somebody tried it.
    Trial,
    /// Nothing: it is our own doing, or another version of what is known.
    None,
}

fn sign(format: i64, became: i64, suppression: i64, is_canary: bool) -> Sign {
    const TEST_LEAD: i64 = 1;
    const OWN_REFERRAL: i64 = 5;
    const REFERRAL: i64 = 3;
    let is_new = matches!(became, understood::NEW | understood::MERGED);
    match suppression {
        _ if is_canary => Sign::None,
        _ if matches!(became, understood::QUARANTINED | understood::FORGOTTEN) => Sign::None,
        TEST_LEAD => Sign::Trial,
        OWN_REFERRAL => Sign::None,
        _ if format == REFERRAL && !is_new => Sign::None,
        _ => Sign::Lead,
    }
}

fn note(connection: &Connection, source: i64, portion: &Portion) -> Result<(), Trouble> {
    let mut count = connection.prepare_cached(
        "INSERT INTO source_hours (source, hour, leads) VALUES (?1, ?2, ?3)
         ON CONFLICT (source, hour) DO UPDATE SET leads = leads + excluded.leads",
    )?;
    for (hour, leads) in &portion.hours {
        count.execute(params![source, hour, leads])?;
    }
    connection
        .prepare_cached(
            "INSERT INTO sources (id, first_at, heard_at, tried_at, alerted) VALUES (?1, ?2, ?3, ?4, 0)
             ON CONFLICT (id) DO UPDATE SET first_at = coalesce(first_at, excluded.first_at),
               heard_at = max(coalesce(heard_at, excluded.heard_at), coalesce(excluded.heard_at, heard_at)),
               tried_at = max(coalesce(tried_at, excluded.tried_at), coalesce(excluded.tried_at, tried_at))",
        )?
        .execute(params![
            source,
            portion.first_at,
            portion.heard_at,
            portion.tried_at
        ])?;
    Ok(())
}

/// How often each source was heard.
pub(super) fn all(shelf: &mut Shelf) -> Result<Vec<Rhythm>, Trouble> {
    let mut statement = shelf.connection.prepare_cached(
        "SELECT n.name, s.first_at, s.heard_at, s.tried_at, s.silent_since, s.raised_at, s.alerted, s.id
         FROM sources s JOIN names n ON n.id = s.id ORDER BY n.name",
    )?;
    let mut rows = statement.query([])?;
    let mut rhythms = Vec::new();
    while let Some(row) = rows.next()? {
        let moment = |at: usize| -> rusqlite::Result<Option<DateTime<Utc>>> {
            Ok(row.get::<_, Option<i64>>(at)?.map(codes::moment))
        };
        let alerted = row.get(6)?;
        let silence = moment(4)?.zip(moment(5)?).map(|(since, raised_at)| Silence {
            since,
            raised_at,
            alerted,
        });
        rhythms.push(Rhythm {
            source: SourceName::new(row.get::<_, String>(0)?),
            first_at: moment(1)?,
            heard_at: moment(2)?,
            tried_at: moment(3)?,
            hours: hours(&shelf.connection, row.get(7)?)?,
            silence,
        });
    }
    Ok(rhythms)
}

fn hours(connection: &Connection, source: i64) -> Result<Vec<(i64, u32)>, Trouble> {
    let hours = connection
        .prepare_cached("SELECT hour, leads FROM source_hours WHERE source = ?1 ORDER BY hour")?
        .query_map([source], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(hours)
}

/// Notes that a source is silent, or is not any more.
pub(super) fn note_silence(
    desk: &mut Desk,
    source: &SourceName,
    silence: Option<Silence>,
) -> Result<(), Trouble> {
    let source = desk
        .names
        .number(&desk.connection, NameKind::Source, source.as_str())?;
    desk.connection
        .prepare_cached(
            "INSERT INTO sources (id, silent_since, raised_at, alerted) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET silent_since = excluded.silent_since,
               raised_at = excluded.raised_at, alerted = excluded.alerted",
        )?
        .execute(params![
            source,
            silence.map(|silence| codes::millis(silence.since)),
            silence.map(|silence| codes::millis(silence.raised_at)),
            silence.is_some_and(|silence| silence.alerted),
        ])?;
    Ok(())
}
