//! Leads: what the arrivals mean, and where each of them goes.

use std::collections::BTreeMap;

use connector_kit::{DestinationName, Lead, LeadId};
use rusqlite::{Connection, OptionalExtension, params};

use super::canaries;
use super::codes::{self, state, understood};
use super::desk::Desk;
use super::forget;
use super::names::NameKind;
use super::operator::key_of;
use super::reader::Shelf;
use super::referrals;
use super::tally::Counter;
use super::trouble::Trouble;
use crate::store::{
    Identity, InboxId, KnownLead, Lane, LeadChange, LeadKey, Settlement, StoreError, Suppression, TouchKey,
    TouchSpan, Understood,
};

/// The leads behind the identities, in the same order.
pub(super) fn known(shelf: &Shelf, identities: &[Identity]) -> Result<Vec<Option<KnownLead>>, Trouble> {
    let mut statement = shelf.connection.prepare_cached(
        "SELECT l.id, l.revision, l.suppression, l.body FROM identities i JOIN leads l ON l.id = i.lead
         WHERE i.identity = ?1",
    )?;
    let mut found = Vec::with_capacity(identities.len());
    for Identity(identity) in identities {
        let row: Option<(i64, u32, i64, Vec<u8>)> = statement
            .query_row([&identity[..]], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let lead = match row {
            None => None,
            Some((key, revision, suppression, body)) => Some(KnownLead {
                key: LeadKey(key),
                lead: read_lead(&body)?,
                revision,
                spans: spans(&shelf.connection, key)?,
                suppression: codes::suppression_from(suppression),
            }),
        };
        found.push(lead);
    }
    Ok(found)
}

/// A lead as its bytes say.
pub(super) fn read_lead(body: &[u8]) -> Result<Lead, Trouble> {
    codes::read_back(body, "lead")
}

/// Every run of touches of a lead.
pub(super) fn spans(connection: &Connection, lead: i64) -> Result<Vec<TouchSpan>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT touch, first_at, last_at, count FROM touchpoints WHERE lead = ?1 ORDER BY first_at",
    )?;
    let spans = statement
        .query_map([lead], |row| {
            Ok(TouchSpan {
                key: TouchKey(row.get(0)?),
                first_at: codes::moment(row.get(1)?),
                last_at: codes::moment(row.get(2)?),
                count: row.get(3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(spans)
}

/// The leads of a batch as they are stored. Done before the writer's turn: its time is everybody's.
pub(super) fn bodies(settlement: &Settlement) -> Result<Vec<Vec<u8>>, StoreError> {
    let write = |change: &LeadChange| {
        serde_json::to_vec(&*change.lead).map_err(|error| StoreError::Failed(error.to_string()))
    };
    settlement.leads.iter().map(write).collect()
}

/// Writes a batch of understanding; [`Trouble::Stale`] when its ground has moved.
pub(super) fn settle(
    desk: &mut Desk,
    settlement: &Settlement,
    bodies: &[Vec<u8>],
    now: i64,
) -> Result<(), Trouble> {
    let mut keys = BTreeMap::new();
    for (change, body) in settlement.leads.iter().zip(bodies) {
        let key = match change.before {
            None => insert(desk, change, body, now)?,
            Some((key, revision)) => update(desk, change, body, (key.0, revision), now)?,
        };
        keys.insert(change.lead.id, key);
        if !change.referrals.is_empty() || !change.clocks.is_empty() {
            referrals::write(desk, key, change, now)?;
        }
    }
    for (id, understood) in &settlement.arrivals {
        note(desk, *id, understood, &keys)?;
    }
    Ok(())
}

fn insert(desk: &mut Desk, change: &LeadChange, body: &[u8], now: i64) -> Result<i64, Trouble> {
    let key = match key_of(&desk.connection, change.lead.id)? {
        None => insert_row(desk, change, body, now)?,
        Some(key) => revive(desk, key, change, body, now)?,
    };
    for Identity(identity) in &change.identities {
        let claimed = desk
            .connection
            .prepare_cached("INSERT OR IGNORE INTO identities (identity, lead) VALUES (?1, ?2)")?
            .execute(params![&identity[..], key])?;
        if claimed == 0 {
            return Err(Trouble::Stale);
        }
    }
    canaries::recognise(&desk.connection, key, change)?;
    count_suppression(desk, change.suppression, 1);
    write_spans(desk, key, change)?;
    for (destination, lane) in &change.routes {
        wish(desk, key, destination, *lane, change.revision, now)?;
    }
    Ok(key)
}

/// The same arrival began this lead before, and nobody knows the lead by its identities any more: it was
/// forgotten, and the list of who was forgotten is lost. It is that lead again.
fn revive(desk: &mut Desk, key: i64, change: &LeadChange, body: &[u8], now: i64) -> Result<i64, Trouble> {
    let before: i64 = desk
        .connection
        .prepare_cached("SELECT suppression FROM leads WHERE id = ?1")?
        .query_row([key], |row| row.get(0))?;
    desk.connection
        .prepare_cached(
            "UPDATE leads SET dnc = ?2, suppression = ?3, revision = revision + 1, revised_at = ?4, body = ?5
             WHERE id = ?1",
        )?
        .execute(params![
            key,
            change.lead.dnc,
            codes::suppression(change.suppression),
            now,
            body
        ])?;
    count_suppression(desk, codes::suppression_from(before), -1);
    desk.tally.add(Counter::Merged, 1);
    Ok(key)
}

fn insert_row(desk: &mut Desk, change: &LeadChange, body: &[u8], now: i64) -> Result<i64, Trouble> {
    desk.connection
        .prepare_cached(
            "INSERT INTO leads (dnc, suppression, revision, revised_at, public_id, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            change.lead.dnc,
            codes::suppression(change.suppression),
            change.revision,
            now,
            &change.lead.id.as_bytes()[..],
            body,
        ])?;
    desk.tally.add(Counter::Leads, 1);
    Ok(desk.connection.last_insert_rowid())
}

fn update(
    desk: &mut Desk,
    change: &LeadChange,
    body: &[u8],
    (key, expected): (i64, u32),
    now: i64,
) -> Result<i64, Trouble> {
    let before: Option<(i64, bool)> = desk
        .connection
        .prepare_cached("SELECT suppression, dnc FROM leads WHERE id = ?1 AND revision = ?2")?
        .query_row(params![key, expected], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((before, was_forbidden)) = before else {
        return Err(Trouble::Stale);
    };
    let revised = change.revision != expected;
    desk.connection
        .prepare_cached(
            "UPDATE leads SET dnc = ?2, suppression = ?3, revision = ?4,
               revised_at = CASE WHEN ?5 THEN ?6 ELSE revised_at END, body = ?7 WHERE id = ?1",
        )?
        .execute(params![
            key,
            change.lead.dnc,
            codes::suppression(change.suppression),
            change.revision,
            revised,
            now,
            body
        ])?;
    count_suppression(desk, codes::suppression_from(before), -1);
    count_suppression(desk, change.suppression, 1);
    take_identities(desk, key, change)?;
    write_spans(desk, key, change)?;
    if revised {
        renew(desk, key, change, was_forbidden, now)?;
    }
    for (destination, lane) in &change.routes {
        wish(desk, key, destination, *lane, change.revision, now)?;
    }
    Ok(key)
}

/// A known lead takes what nobody claimed. There is rarely anything to take.
fn take_identities(desk: &Desk, key: i64, change: &LeadChange) -> Result<(), Trouble> {
    for Identity(identity) in &change.identities {
        desk.connection
            .prepare_cached("INSERT OR IGNORE INTO identities (identity, lead) VALUES (?1, ?2)")?
            .execute(params![&identity[..], key])?;
    }
    Ok(())
}

pub(super) fn count_suppression(desk: &mut Desk, suppression: Option<Suppression>, by: i64) {
    let counter = match suppression {
        None => return,
        Some(Suppression::TestLead) => Counter::SuppressedTest,
        Some(Suppression::DoNotContact) => Counter::SuppressedDnc,
        Some(Suppression::NoRoute) => Counter::SuppressedNoRoute,
        Some(Suppression::ClosedReferral) => Counter::SuppressedClosed,
        Some(Suppression::OwnReferral) => Counter::SuppressedOwn,
        Some(Suppression::Forgotten) => Counter::SuppressedForgotten,
    };
    desk.tally.add(counter, by);
}

fn write_spans(desk: &Desk, key: i64, change: &LeadChange) -> Result<(), Trouble> {
    for (TouchKey(touch), first_at) in &change.spans_gone {
        desk.connection
            .prepare_cached("DELETE FROM touchpoints WHERE lead = ?1 AND touch = ?2 AND first_at = ?3")?
            .execute(params![key, &touch[..], codes::millis(*first_at)])?;
    }
    let mut statement = desk.connection.prepare_cached(
        "INSERT OR REPLACE INTO touchpoints (lead, touch, first_at, last_at, count) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for TouchSpan {
        key: TouchKey(touch),
        first_at,
        last_at,
        count,
    } in &change.spans
    {
        statement.execute(params![
            key,
            &touch[..],
            codes::millis(*first_at),
            codes::millis(*last_at),
            count
        ])?;
    }
    Ok(())
}

/// Every destination that has the lead, or once wanted it, wants the new revision. One whose record
/// is closed wants only to know, once, that the person must not be contacted.
fn renew(
    desk: &mut Desk,
    key: i64,
    change: &LeadChange,
    was_forbidden: bool,
    now: i64,
) -> Result<(), Trouble> {
    let rows: Vec<(i64, i64)> = desk
        .connection
        .prepare_cached("SELECT destination, state FROM deliveries WHERE lead = ?1")?
        .query_map([key], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let urgent = change.routes.iter().any(|(_, lane)| *lane == Lane::Hot);
    let lane = if change.lead.dnc || urgent {
        Lane::Hot
    } else {
        Lane::Update
    };
    for (destination, from) in rows {
        let to = match from {
            state::CLOSED if was_forbidden || !change.lead.dnc => continue,
            state::DELIVERED | state::DEAD | state::CLOSED => state::DUE,
            other => other,
        };
        desk.connection
            .prepare_cached(
                "UPDATE deliveries SET wanted = ?3, state = ?4, attempt = 0,
                   lane = CASE WHEN ?4 = 0 AND state = 0 THEN min(lane, ?5) ELSE ?5 END,
                   since = CASE WHEN state IN (0, 1, 2) THEN since ELSE ?6 END
                 WHERE lead = ?1 AND destination = ?2",
            )?
            .execute(params![
                key,
                destination,
                change.revision,
                to,
                codes::lane(lane),
                now
            ])?;
        desk.tally.moved(destination, Some(from), Some(to));
    }
    Ok(())
}

/// The destination shall have the lead; nothing happens when it already wants it. Tokens begin with the
/// moment: should the number of a lead that was removed be given again, no late answer hits the new one.
pub(super) fn wish(
    desk: &mut Desk,
    key: i64,
    destination: &DestinationName,
    lane: Lane,
    revision: u32,
    now: i64,
) -> Result<(), Trouble> {
    let destination = desk
        .names
        .number(&desk.connection, NameKind::Destination, destination.as_str())?;
    let inserted = desk
        .connection
        .prepare_cached(
            "INSERT OR IGNORE INTO deliveries
               (lead, destination, state, lane, wanted, held, uncertain, attempt, token, since, at, record)
             VALUES (?1, ?2, 0, ?3, ?4, 0, 0, 0, ?5, ?5, ?5, NULL)",
        )?
        .execute(params![key, destination, codes::lane(lane), revision, now])?;
    if inserted == 1 {
        desk.tally.moved(destination, None, Some(state::DUE));
    }
    Ok(())
}

/// Takes the arrival off the waiting list and writes down what it became.
fn note(
    desk: &mut Desk,
    id: InboxId,
    what: &Understood,
    keys: &BTreeMap<LeadId, i64>,
) -> Result<(), Trouble> {
    let gone = desk
        .connection
        .prepare_cached("DELETE FROM unsettled WHERE id = ?1")?
        .execute([id.0])?;
    if gone == 0 {
        return Err(Trouble::Stale);
    }
    let (code, lead, reason) = match what {
        Understood::New(lead) => (understood::NEW, Some(lead), None),
        Understood::Merged(lead) => (understood::MERGED, Some(lead), None),
        Understood::Repeat(lead) => (understood::REPEAT, Some(lead), None),
        Understood::Quarantined(reason) => (understood::QUARANTINED, None, Some(reason)),
        Understood::Forgotten => (understood::FORGOTTEN, None, None),
    };
    // A lead that is named but not written here was there before, and the plan said so.
    let lead = lead
        .map(|lead| keys.get(lead).copied().ok_or(Trouble::Stale))
        .transpose()?;
    desk.connection
        .prepare_cached("INSERT INTO arrivals (id, understood, lead, reason) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id.0, code, lead, reason])?;
    desk.tally.add(Counter::Unsettled, -1);
    match what {
        Understood::New(_) => {}
        Understood::Merged(_) => desk.tally.add(Counter::Merged, 1),
        Understood::Repeat(_) => desk.tally.add(Counter::Repeats, 1),
        Understood::Quarantined(_) => desk.tally.add(Counter::Quarantined, 1),
        Understood::Forgotten => {
            desk.tally.add(Counter::Forgotten, 1);
            forget::empty_arrival(desk, id.0)?;
        }
    }
    Ok(())
}
