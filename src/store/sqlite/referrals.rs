//! Referrals: how each stands, version by version, and what a new one sets going.

use connector_kit::{Referral, ReferralId};
use rusqlite::{Connection, OptionalExtension, params};

use super::clocks;
use super::codes;
use super::desk::Desk;
use super::names::NameKind;
use super::reports::{self, Why};
use super::trouble::Trouble;
use crate::store::{LeadChange, ReferralNote};

/// Writes the referrals of a change and the clocks that begin with it, and has reported what is new.
pub(super) fn write(desk: &mut Desk, lead: i64, change: &LeadChange, now: i64) -> Result<(), Trouble> {
    let mut renewed = Vec::new();
    for note in &change.referrals {
        if let Some(row) = take(desk, lead, change, note, now)? {
            renewed.push((row, &note.referral));
        }
    }
    clocks::start(desk, lead, change)?;
    for (row, referral) in renewed {
        clocks::heed_referral(&desk.connection, row, referral)?;
    }
    Ok(())
}

/// Where a referral stands in the store: its number, and the number of its lead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) number: i64,
    pub(super) lead: i64,
}

/// Keeps what is new or newer. A referral stays with the lead it was first seen with.
fn take(
    desk: &mut Desk,
    lead: i64,
    change: &LeadChange,
    note: &ReferralNote,
    now: i64,
) -> Result<Option<Place>, Trouble> {
    let source = desk
        .names
        .number(&desk.connection, NameKind::Source, note.source.as_str())?;
    let known: Option<(i64, i64, i64, Vec<u8>)> = desk
        .connection
        .prepare_cached("SELECT id, lead, state, body FROM referrals WHERE public_id = ?1 AND source = ?2")?
        .query_row(params![note.referral.id.as_str(), source], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((number, lead, standing, body)) = known else {
        let number = insert(desk, (lead, source), change, note, now)?;
        note_version(&desk.connection, number, &note.referral, now, false)?;
        let place = Place { number, lead };
        if stands_anywhere(&desk.connection, lead)? {
            reports::want(desk, number, source, Why::News, now)?;
        }
        return Ok(Some(place));
    };
    let is_ours = note_version(&desk.connection, number, &note.referral, now, false)?;
    let before: Referral = codes::read_back(&body, "referral")?;
    if before.clone().newer((*note.referral).clone()) == before {
        return Ok(None);
    }
    replace(desk, (number, source, standing), &note.referral)?;
    if (before.updated_at, &before.etag) == (note.referral.updated_at, &note.referral.etag) {
        // The same version, understood better.
        return Ok(None);
    }
    if reports::exists(&desk.connection, number)? {
        // What we wrote ourselves tells whoever reports nothing new.
        if !is_ours {
            reports::want(desk, number, source, Why::Moved, now)?;
        }
    } else if stands_anywhere(&desk.connection, lead)? {
        reports::want(desk, number, source, Why::News, now)?;
    }
    Ok(Some(Place { number, lead }))
}

fn insert(
    desk: &mut Desk,
    (lead, source): (i64, i64),
    change: &LeadChange,
    note: &ReferralNote,
    now: i64,
) -> Result<i64, Trouble> {
    let account = desk
        .names
        .number(&desk.connection, NameKind::Account, change.lead.account.as_str())?;
    let standing = codes::standing(&note.referral.state);
    desk.connection
        .prepare_cached(
            "INSERT INTO referrals (source, public_id, account, lead, link, state, seen_at, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            source,
            note.referral.id.as_str(),
            account,
            lead,
            codes::link(note.link),
            standing,
            now,
            codes::text(&*note.referral)?.into_bytes(),
        ])?;
    desk.tally.referred(source, None, standing);
    Ok(desk.connection.last_insert_rowid())
}

fn replace(
    desk: &mut Desk,
    (number, source, from): (i64, i64, i64),
    referral: &Referral,
) -> Result<(), Trouble> {
    let to = codes::standing(&referral.state);
    desk.connection
        .prepare_cached("UPDATE referrals SET state = ?2, body = ?3 WHERE id = ?1")?
        .execute(params![number, to, codes::text(referral)?.into_bytes()])?;
    desk.tally.referred(source, Some(from), to);
    Ok(())
}

/// Notes a version, also one that is overtaken; tells whether we wrote it ourselves.
pub(super) fn note_version(
    connection: &Connection,
    number: i64,
    referral: &Referral,
    seen_at: i64,
    ours: bool,
) -> Result<bool, Trouble> {
    let ours = connection
        .prepare_cached(
            "INSERT INTO referral_versions (referral, updated_at, etag, state, seen_at, ours)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET ours = max(ours, excluded.ours) RETURNING ours",
        )?
        .query_row(
            params![
                number,
                codes::nanos(referral.updated_at),
                referral.etag,
                referral.state.to_string(),
                seen_at,
                ours,
            ],
            |row| row.get(0),
        )?;
    Ok(ours)
}

/// Some CRM says something of the lead.
fn stands_anywhere(connection: &Connection, lead: i64) -> Result<bool, Trouble> {
    let stands = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM standings WHERE lead = ?1)")?
        .query_row([lead], |row| row.get(0))?;
    Ok(stands)
}

/// The number of a referral. When two connectors brought it (a connector was given another name), the
/// one that brought it last is meant.
pub(super) fn number_of(connection: &Connection, id: &ReferralId) -> Result<Option<Place>, Trouble> {
    let found = connection
        .prepare_cached("SELECT id, lead FROM referrals WHERE public_id = ?1 ORDER BY id DESC LIMIT 1")?
        .query_row([id.as_str()], |row| {
            Ok(Place {
                number: row.get(0)?,
                lead: row.get(1)?,
            })
        })
        .optional()?;
    Ok(found)
}
