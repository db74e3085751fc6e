//! Clocks: started once, ended by what they wait for (contract partner-center 6.3).

use chrono::{DateTime, Utc};
use connector_kit::ids::AccountName;
use connector_kit::referral::Phase;
use connector_kit::{LeadId, Outcome, Referral, ReferralId, ReferralState, Stage};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codes::{self, ended};
use super::desk::Desk;
use super::names::NameKind;
use super::operator::key_of;
use super::reader::Shelf;
use super::referrals::Place;
use super::trouble::Trouble;
use crate::store::{ClockEnd, ClockFilter, ClockId, ClockRow, ClockStart, LeadChange};

/// Starts the clocks of a change that never ran.
pub(super) fn start(desk: &mut Desk, lead: i64, change: &LeadChange) -> Result<(), Trouble> {
    if change.clocks.is_empty() {
        return Ok(());
    }
    let account = desk
        .names
        .number(&desk.connection, NameKind::Account, change.lead.account.as_str())?;
    let mut started = 0;
    for clock in &change.clocks {
        started += start_one(&desk.connection, (lead, account), clock)?;
    }
    // Somebody may have begun to work before the referral was known.
    if started > 0 && change.before.is_some() {
        heed_standings(&desk.connection, lead)?;
    }
    Ok(())
}

/// Starts one, unless it ran or is about a referral that is another lead's. Tells how many.
fn start_one(
    connection: &Connection,
    (lead, account): (i64, i64),
    clock: &ClockStart,
) -> Result<usize, Trouble> {
    let referral = match &clock.referral {
        None => None,
        Some(id) => match referral_of(connection, lead, id)? {
            None => return Ok(0),
            found => found,
        },
    };
    let started = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO clocks (kind, account, lead, referral, starts_at, due_at, ended, told, alerted)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 0)",
        )?
        .execute(params![
            codes::clock(clock.kind),
            account,
            lead,
            referral,
            codes::millis(clock.starts_at),
            codes::millis(clock.due_at),
        ])?;
    Ok(started)
}

fn referral_of(connection: &Connection, lead: i64, id: &ReferralId) -> Result<Option<i64>, Trouble> {
    let found = connection
        .prepare_cached(
            "SELECT id FROM referrals WHERE public_id = ?1 AND lead = ?2 ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![id.as_str(), lead], |row| row.get(0))
        .optional()?;
    Ok(found)
}

/// A referral that was answered ends all its clocks; one that can no longer be answered, those that run.
pub(super) fn heed_referral(
    connection: &Connection,
    place: Place,
    referral: &Referral,
) -> Result<(), Trouble> {
    let how = match (referral.state.phase(), &referral.state) {
        (Phase::New | Phase::Unknown, _) => return Ok(()),
        (Phase::Active, _)
        | (Phase::Closed, ReferralState::Declined | ReferralState::Won | ReferralState::Lost) => ended::MET,
        (Phase::Closed, _) => ended::MISSED,
    };
    connection
        .prepare_cached(
            "UPDATE clocks SET ended = ?3, ended_at = ?4 WHERE lead = ?1 AND referral = ?2 AND ended = 0",
        )?
        .execute(params![
            place.lead,
            place.number,
            how,
            codes::millis(referral.updated_at)
        ])?;
    Ok(())
}

/// Somebody works on the lead: the clocks that wait for that have ended, those of its linked referrals
/// with them.
pub(super) fn heed_outcome(connection: &Connection, lead: i64, outcome: &Outcome) -> Result<(), Trouble> {
    if matches!(outcome.stage, Stage::Open | Stage::Gone) {
        return Ok(());
    }
    connection
        .prepare_cached(
            "UPDATE clocks SET ended = 1, ended_at = ?2 WHERE lead = ?1 AND ended = 0 AND kind IN (1, 2)
               AND (referral IS NULL OR referral IN (SELECT id FROM referrals WHERE lead = ?1 AND link IN (1, 2, 3)))",
        )?
        .execute(params![lead, codes::millis(outcome.changed_at)])?;
    Ok(())
}

/// The same for what was said before a referral was linked. A clock of the lead itself waits for news:
/// the person asked again.
pub(super) fn heed_standings(connection: &Connection, lead: i64) -> Result<(), Trouble> {
    connection
        .prepare_cached(
            "UPDATE clocks SET ended = 1, ended_at = worked.at
             FROM (SELECT min(o.changed_at) AS at FROM standings s JOIN outcomes o ON o.id = s.outcome
                   WHERE s.lead = ?1 AND s.stage NOT IN (0, 5)) AS worked
             WHERE worked.at IS NOT NULL AND clocks.lead = ?1 AND clocks.ended = 0 AND clocks.kind IN (1, 2)
               AND clocks.referral IN (SELECT id FROM referrals WHERE lead = ?1 AND link IN (1, 2, 3))",
        )?
        .execute([lead])?;
    Ok(())
}

/// Clocks, those that are over first first.
pub(super) fn list(shelf: &mut Shelf, filter: &ClockFilter) -> Result<Vec<ClockRow>, Trouble> {
    let connection = &shelf.connection;
    let lead = match filter.lead {
        None => None,
        Some(id) => match key_of(connection, id)? {
            None => return Ok(Vec::new()),
            found => found,
        },
    };
    // Written out, so that each finds its index.
    let which = match (lead.is_some(), filter.ended) {
        (true, true) => "c.lead = ?1",
        (true, false) => "c.lead = ?1 AND c.ended = 0",
        (false, true) => "1",
        (false, false) => "c.ended = 0",
    };
    let page = Page {
        after: filter
            .after
            .map_or(Page::ALL.after, |(due_at, id)| (codes::millis(due_at), id.0)),
        limit: match filter.limit {
            0 => i64::MAX,
            limit => i64::try_from(limit).unwrap_or(i64::MAX),
        },
    };
    read(connection, which, (lead, None), &page)
}

/// The clocks of one referral.
pub(super) fn of_referral(connection: &Connection, place: Place) -> Result<Vec<ClockRow>, Trouble> {
    let whose = (Some(place.lead), Some(place.number));
    read(connection, "c.lead = ?1 AND c.referral = ?2", whose, &Page::ALL)
}

/// Which of the clocks that are meant: behind this end and number, and how many.
struct Page {
    after: (i64, i64),
    limit: i64,
}

impl Page {
    const ALL: Self = Self {
        after: (i64::MIN, 0),
        limit: i64::MAX,
    };
}

fn read(
    connection: &Connection,
    which: &str,
    (lead, referral): (Option<i64>, Option<i64>),
    page: &Page,
) -> Result<Vec<ClockRow>, Trouble> {
    let clocks = connection
        .prepare_cached(&format!(
            "SELECT c.id, c.kind, n.name, l.public_id, r.public_id, c.starts_at, c.due_at, c.ended, c.ended_at,
               c.told, c.alerted
             FROM clocks c JOIN leads l ON l.id = c.lead JOIN names n ON n.id = c.account
             LEFT JOIN referrals r ON r.id = c.referral
             WHERE {which} AND (c.due_at, c.id) > (?3, ?4) ORDER BY c.due_at, c.id LIMIT ?5"
        ))?
        .query_map(
            params![lead, referral, page.after.0, page.after.1, page.limit],
            read_one,
        )?
        .collect::<Result<_, _>>()?;
    Ok(clocks)
}

fn read_one(row: &Row<'_>) -> rusqlite::Result<ClockRow> {
    let referral: Option<String> = row.get(4)?;
    let ended_at: Option<i64> = row.get(8)?;
    let ended_at: DateTime<Utc> = codes::moment(ended_at.unwrap_or_default());
    Ok(ClockRow {
        id: ClockId(row.get(0)?),
        kind: codes::clock_from(row.get(1)?),
        account: AccountName::new(row.get::<_, String>(2)?),
        lead: LeadId::from_bytes(row.get(3)?),
        // Written by us in this form.
        referral: referral.and_then(|id| id.parse().ok()),
        starts_at: codes::moment(row.get(5)?),
        due_at: codes::moment(row.get(6)?),
        end: match row.get(7)? {
            ended::RUNNING => None,
            ended::MET => Some(ClockEnd::Met(ended_at)),
            _ => Some(ClockEnd::Missed(ended_at)),
        },
        told: row.get(9)?,
        alerted: row.get(10)?,
    })
}

/// Notes what was told of clocks.
pub(super) fn told(desk: &mut Desk, told: &[(ClockId, u8, u8)]) -> Result<(), Trouble> {
    let mut statement = desk
        .connection
        .prepare_cached("UPDATE clocks SET told = ?2, alerted = ?3 WHERE id = ?1")?;
    for (id, told, alerted) in told {
        statement.execute(params![id.0, told, alerted])?;
    }
    Ok(())
}
