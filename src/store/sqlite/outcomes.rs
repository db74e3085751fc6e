//! Outcomes: what each record of a CRM says of a lead, and what of it holds.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use connector_kit::ids::AccountName;
use connector_kit::{Checkpoint, DealValue, LeadId, Outcome, RecordRef, SourceName, Stage, Subject, outcome};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::canaries;
use super::clocks;
use super::codes;
use super::desk::Desk;
use super::leads::read_lead;
use super::names::NameKind;
use super::operator::key_of;
use super::reader::Shelf;
use super::reports;
use super::tally::{self, OUTCOMES};
use super::trouble::Trouble;
use crate::store::{Noted, OutcomeFilter, OutcomeRow, OutcomeTotals, Sighting};

/// Where the last look at this CRM left off.
pub(super) fn watched_until(shelf: &mut Shelf, source: &SourceName) -> Result<Option<Checkpoint>, Trouble> {
    let checkpoint = shelf
        .connection
        .prepare_cached(
            "SELECT c.checkpoint FROM checkpoints c JOIN names n ON n.id = c.source WHERE n.kind = ?1 AND n.name = ?2",
        )?
        .query_row(params![NameKind::Watch as i64, source.as_str()], |row| row.get(0))
        .optional()?;
    Ok(checkpoint.map(Checkpoint))
}

/// Keeps what is new of a page, and where the look left off.
pub(super) fn observe(desk: &mut Desk, sighting: &Sighting, now: i64) -> Result<Vec<Noted>, Trouble> {
    let source = desk
        .names
        .number(&desk.connection, NameKind::Watch, sighting.source.as_str())?;
    let mut noted = Vec::with_capacity(sighting.outcomes.len());
    let mut touched = BTreeSet::new();
    for outcome in &sighting.outcomes {
        let Some(lead) = lead_of(&desk.connection, source, &sighting.account, outcome)? else {
            noted.push(Noted::Stranger);
            continue;
        };
        let what = note(&desk.connection, (lead, source), outcome, now)?;
        if what == Noted::News {
            touched.insert(lead);
            clocks::heed_outcome(&desk.connection, lead, outcome)?;
        }
        noted.push(what);
    }
    for lead in touched {
        if stand(desk, lead, source)? {
            reports::want_all(desk, lead, now)?;
        }
    }
    if let Some(Checkpoint(text)) = &sighting.checkpoint {
        desk.connection
            .prepare_cached("INSERT OR REPLACE INTO checkpoints (source, checkpoint) VALUES (?1, ?2)")?
            .execute(params![source, text])?;
    }
    Ok(noted)
}

/// The number of the lead it speaks of, when that is one of this publisher's.
fn lead_of(
    connection: &Connection,
    source: i64,
    account: &AccountName,
    outcome: &Outcome,
) -> Result<Option<i64>, Trouble> {
    let Some(id) = outcome.lead else {
        return by_record(connection, source, &outcome.record);
    };
    let found: Option<(i64, Vec<u8>)> = connection
        .prepare_cached("SELECT id, body FROM leads WHERE public_id = ?1 AND suppression <> 6")?
        .query_row([&id.as_bytes()[..]], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((lead, body)) = found else {
        return Ok(None);
    };
    if canaries::is_canary(connection, lead)? {
        return Ok(None);
    }
    Ok((read_lead(&body)?.account == *account).then_some(lead))
}

fn by_record(
    connection: &Connection,
    source: i64,
    RecordRef(record): &RecordRef,
) -> Result<Option<i64>, Trouble> {
    let lead = connection
        .prepare_cached("SELECT lead FROM outcomes WHERE source = ?1 AND record = ?2 AND newest = 1")?
        .query_row(params![source, record], |row| row.get(0))
        .optional()?;
    Ok(lead)
}

fn note(
    connection: &Connection,
    (lead, source): (i64, i64),
    outcome: &Outcome,
    now: i64,
) -> Result<Noted, Trouble> {
    let before = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, o.id FROM outcomes o JOIN leads l ON l.id = o.lead
             WHERE o.source = ?1 AND o.record = ?2 AND o.newest = 1 AND o.lead = ?3"
        ))?
        .query_row(params![source, outcome.record.0, lead], |row| {
            Ok((read(row)?, row.get::<_, i64>(COLUMN_COUNT)?))
        })
        .optional()?;
    if let Some((before, id)) = before {
        if outcome.changed_at < before.changed_at || says_the_same(&before, outcome) {
            connection
                .prepare_cached("UPDATE outcomes SET changed_at = max(changed_at, ?2) WHERE id = ?1")?
                .execute(params![id, codes::millis(outcome.changed_at)])?;
            return Ok(Noted::Known);
        }
        connection
            .prepare_cached("UPDATE outcomes SET newest = 0 WHERE id = ?1")?
            .execute([id])?;
    } else if (outcome.subject, outcome.stage) == (Subject::Lead, Stage::Open)
        && !outcome.owned
        && outcome.value.is_none()
    {
        // Nobody has touched the record we made: that is how every lead begins.
        return Ok(Noted::Known);
    }
    insert(connection, (lead, source), outcome, now)?;
    Ok(Noted::News)
}

fn says_the_same(before: &Outcome, outcome: &Outcome) -> bool {
    let same_moment = Outcome {
        changed_at: before.changed_at,
        lead: before.lead,
        ..outcome.clone()
    };
    *before == same_moment
}

fn insert(
    connection: &Connection,
    (lead, source): (i64, i64),
    outcome: &Outcome,
    now: i64,
) -> Result<(), Trouble> {
    let value = outcome.value.as_ref();
    connection
        .prepare_cached(
            "INSERT INTO outcomes (lead, source, record, subject, stage, state, amount, currency, closes_on, reason,
               changed_at, seen_at, owned, newest)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 1)",
        )?
        .execute(params![
            lead,
            source,
            outcome.record.0,
            codes::subject(outcome.subject),
            codes::stage(outcome.stage),
            outcome.state,
            value.map(|value| value.amount.to_string()),
            value.and_then(|value| value.currency.as_ref()),
            outcome.closes_on.map(|day| day.to_string()),
            outcome.reason,
            codes::millis(outcome.changed_at),
            now,
            outcome.owned,
        ])?;
    Ok(())
}

/// Works out anew what holds for the lead in this CRM; tells whether that says something else than
/// before.
fn stand(desk: &mut Desk, lead: i64, source: i64) -> Result<bool, Trouble> {
    let said: Vec<(Outcome, i64)> = desk
        .connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, o.id FROM outcomes o JOIN leads l ON l.id = o.lead
             WHERE o.lead = ?1 AND o.source = ?2 AND o.newest = 1 ORDER BY o.id"
        ))?
        .query_map(params![lead, source], |row| {
            Ok((read(row)?, row.get(COLUMN_COUNT)?))
        })?
        .collect::<Result<_, _>>()?;
    let Some(holds) = outcome::overall(said.iter().map(|(outcome, _)| outcome)) else {
        return Ok(false);
    };
    let id = said
        .iter()
        .find(|(outcome, _)| std::ptr::eq(outcome, holds))
        .map(|(_, id)| *id);
    let before: Option<(i64, Outcome)> = desk
        .connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, s.stage FROM standings s JOIN outcomes o ON o.id = s.outcome
             JOIN leads l ON l.id = o.lead WHERE s.lead = ?1 AND s.source = ?2"
        ))?
        .query_row(params![lead, source], |row| {
            Ok((row.get(COLUMN_COUNT)?, read(row)?))
        })
        .optional()?;
    let stage = codes::stage(holds.stage);
    desk.connection
        .prepare_cached(
            "INSERT OR REPLACE INTO standings (lead, source, stage, outcome) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![lead, source, stage, id])?;
    let (before, said_before) = before.unzip();
    desk.tally.stood(source, before, stage);
    Ok(said_before.is_none_or(|before| !tells_the_same(&before, holds)))
}

/// Both say the same of the deal, in whatever words and whenever.
fn tells_the_same(before: &Outcome, holds: &Outcome) -> bool {
    let in_other_words = Outcome {
        state: before.state.clone(),
        ..holds.clone()
    };
    says_the_same(before, &in_other_words)
}

/// What holds for the lead, one per CRM.
pub(super) fn holding(connection: &Connection, lead: i64) -> Result<Vec<OutcomeRow>, Trouble> {
    let rows = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, n.name, o.seen_at, 1 FROM standings s JOIN outcomes o ON o.id = s.outcome
             JOIN leads l ON l.id = o.lead JOIN names n ON n.id = o.source WHERE s.lead = ?1 ORDER BY s.source"
        ))?
        .query_map([lead], read_row)?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

/// What the operator asked for.
pub(super) fn list(shelf: &mut Shelf, filter: &OutcomeFilter) -> Result<Vec<OutcomeRow>, Trouble> {
    let connection = &shelf.connection;
    let limit = match filter.limit {
        0 => i64::MAX,
        limit => i64::try_from(limit).unwrap_or(i64::MAX),
    };
    let (which, lead) = match filter.lead {
        // Ordered by the standings' own outcomes: there is one per lead that anybody touched.
        None => ("s.outcome IS NOT NULL AND ?1 IS NULL", None),
        Some(id) => match key_of(connection, id)? {
            None => return Ok(Vec::new()),
            found => ("o.lead = ?1", found),
        },
    };
    let order = if lead.is_some() { "o.id" } else { "o.id DESC" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, n.name, o.seen_at, s.outcome IS NOT NULL
         FROM outcomes o JOIN leads l ON l.id = o.lead JOIN names n ON n.id = o.source
         LEFT JOIN standings s ON s.lead = o.lead AND s.source = o.source AND s.outcome = o.id
         WHERE {which} AND (?2 IS NULL OR o.stage = ?2) ORDER BY {order} LIMIT ?3"
    ))?;
    let rows = statement
        .query_map(params![lead, filter.stage.map(codes::stage), limit], read_row)?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

/// Leads by what holds for them.
pub(super) fn totals(connection: &Connection) -> Result<OutcomeTotals, Trouble> {
    let total = |stage: Stage| tally::over_all(connection, OUTCOMES + codes::stage(stage));
    Ok(OutcomeTotals {
        open: total(Stage::Open)?,
        accepted: total(Stage::Accepted)?,
        declined: total(Stage::Declined)?,
        won: total(Stage::Won)?,
        lost: total(Stage::Lost)?,
        gone: total(Stage::Gone)?,
    })
}

/// What [`read`] reads.
const COLUMNS: &str = "l.public_id, o.record, o.subject, o.stage, o.state, o.amount, o.currency, o.closes_on, \
                       o.reason, o.changed_at, o.owned";
const COLUMN_COUNT: usize = 11;

/// After [`COLUMNS`] come the source's name, when it was seen, and whether it holds.
fn read_row(row: &Row<'_>) -> rusqlite::Result<OutcomeRow> {
    Ok(OutcomeRow {
        lead: LeadId::from_bytes(row.get(0)?),
        source: SourceName::new(row.get::<_, String>(COLUMN_COUNT)?),
        outcome: read(row)?,
        seen_at: codes::moment(row.get(COLUMN_COUNT + 1)?),
        holds: row.get(COLUMN_COUNT + 2)?,
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Outcome> {
    let amount: Option<String> = row.get(5)?;
    let closes_on: Option<String> = row.get(7)?;
    let currency: Option<String> = row.get(6)?;
    // Both were written by us in this form.
    let value = amount
        .and_then(|amount| amount.parse().ok())
        .map(|amount| DealValue { amount, currency });
    Ok(Outcome {
        lead: Some(LeadId::from_bytes(row.get(0)?)),
        record: RecordRef(row.get(1)?),
        subject: codes::subject_from(row.get(2)?),
        stage: codes::stage_from(row.get(3)?),
        state: row.get(4)?,
        value,
        closes_on: closes_on.and_then(|day| day.parse::<NaiveDate>().ok()),
        reason: row.get(8)?,
        owned: row.get(10)?,
        changed_at: codes::moment(row.get(9)?),
    })
}
