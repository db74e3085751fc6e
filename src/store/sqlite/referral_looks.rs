//! What the operator sees of referrals and their reports.

use connector_kit::ids::AccountName;
use connector_kit::{LeadId, ReferralId, ReferralState, SourceName};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::clocks;
use super::codes::{self, report, standing};
use super::notices;
use super::operator::key_of;
use super::outcomes;
use super::reader::Shelf;
use super::referrals::{self, Place};
use super::tally::{self, NOTICES, REFERRALS, REPORTS};
use super::trouble::Trouble;
use crate::store::{
    OutcomeFilter, ReferralFilter, ReferralKey, ReferralRow, ReferralStory, ReferralTotals, ReportRow,
    ReportStep,
};

/// What [`read`] reads.
const SELECT: &str = "
SELECT r.id, s.name, a.name, l.public_id, r.link, r.seen_at, r.body, r.source FROM referrals r
JOIN names s ON s.id = r.source JOIN names a ON a.id = r.account JOIN leads l ON l.id = r.lead";

fn read(row: &Row<'_>) -> Result<ReferralRow, Trouble> {
    let body: Vec<u8> = row.get(6)?;
    Ok(ReferralRow {
        key: ReferralKey(row.get(0)?),
        source: SourceName::new(row.get::<_, String>(1)?),
        account: AccountName::new(row.get::<_, String>(2)?),
        referral: codes::read_back(&body, "referral")?,
        lead: LeadId::from_bytes(row.get(3)?),
        link: codes::link_from(row.get(4)?),
        seen_at: codes::moment(row.get(5)?),
    })
}

/// Referrals, those seen first last.
pub(super) fn list(shelf: &mut Shelf, filter: &ReferralFilter) -> Result<Vec<ReferralRow>, Trouble> {
    let connection = &shelf.connection;
    let limit = match filter.limit {
        0 => i64::MAX,
        limit => i64::try_from(limit).unwrap_or(i64::MAX),
    };
    let lead = match filter.lead {
        None => None,
        Some(id) => match key_of(connection, id)? {
            None => return Ok(Vec::new()),
            found => found,
        },
    };
    // Written out, so that each finds its index.
    let mut which = match (lead.is_some(), filter.open) {
        (true, true) => "r.lead = ?1 AND r.state IN (0, 1, 7)",
        (true, false) => "r.lead = ?1",
        (false, true) => "r.state IN (0, 1, 7)",
        (false, false) => "1",
    }
    .to_owned();
    if filter.refused {
        let refused = report::REFUSED;
        which = format!("{which} AND r.id IN (SELECT referral FROM reports WHERE state = {refused})");
    }
    let mut statement =
        connection.prepare_cached(&format!("{SELECT} WHERE {which} ORDER BY r.id DESC LIMIT ?2"))?;
    let mut rows = statement.query(params![lead, limit])?;
    let mut referrals = Vec::new();
    while let Some(row) = rows.next()? {
        referrals.push(read(row)?);
    }
    Ok(referrals)
}

/// Everything known of one referral.
pub(super) fn story(shelf: &mut Shelf, id: &ReferralId) -> Result<Option<ReferralStory>, Trouble> {
    let Some(place) = referrals::number_of(&shelf.connection, id)? else {
        return Ok(None);
    };
    let (row, source) = {
        let mut statement = shelf
            .connection
            .prepare_cached(&format!("{SELECT} WHERE r.id = ?1"))?;
        let mut rows = statement.query([place.number])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        (read(row)?, row.get(7)?)
    };
    let of_lead = OutcomeFilter {
        lead: Some(row.lead),
        ..OutcomeFilter::default()
    };
    let outcomes = outcomes::list(shelf, &of_lead)?;
    let connection = &shelf.connection;
    Ok(Some(ReferralStory {
        row,
        versions: versions(connection, place)?,
        report: report_of(connection, place)?,
        steps: steps(connection, place)?,
        outcomes,
        clocks: clocks::of_referral(connection, place)?,
        notices_waiting: notices::count_about(connection, source, id.as_str())?,
    }))
}

type VersionLine = (
    chrono::DateTime<chrono::Utc>,
    String,
    chrono::DateTime<chrono::Utc>,
);

fn versions(connection: &Connection, place: Place) -> Result<Vec<VersionLine>, Trouble> {
    let versions = connection
        .prepare_cached(
            "SELECT updated_at, state, seen_at FROM referral_versions WHERE referral = ?1
             ORDER BY updated_at, etag",
        )?
        .query_map([place.number], |row| {
            Ok((
                codes::moment_of_nanos(row.get(0)?),
                row.get(1)?,
                codes::moment(row.get(2)?),
            ))
        })?
        .collect::<Result<_, _>>()?;
    Ok(versions)
}

fn report_of(connection: &Connection, place: Place) -> Result<Option<ReportRow>, Trouble> {
    let found: Option<(ReportRow, String, Option<String>)> = connection
        .prepare_cached(
            "SELECT state, at, attempt, reason, hint, lag, plan, ordered FROM reports WHERE referral = ?1",
        )?
        .query_row([place.number], |row| {
            let report = ReportRow {
                state: report::word(row.get(0)?),
                at: codes::moment(row.get(1)?),
                attempt: row.get(2)?,
                plan: Vec::new(),
                reason: row.get(3)?,
                hint: row.get(4)?,
                order: None,
                lag_ms: row.get(5)?,
            };
            Ok((report, row.get(6)?, row.get(7)?))
        })
        .optional()?;
    let Some((report, plan, ordered)) = found else {
        return Ok(None);
    };
    let order = ordered.map(|text| codes::read_back(text.as_bytes(), "order"));
    Ok(Some(ReportRow {
        plan: codes::read_back(plan.as_bytes(), "plan")?,
        order: order.transpose()?,
        ..report
    }))
}

fn steps(connection: &Connection, place: Place) -> Result<Vec<ReportStep>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT at, step, fields, result, detail, state FROM report_steps WHERE referral = ?1 ORDER BY id",
    )?;
    let mut rows = statement.query([place.number])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        let fields: String = row.get(2)?;
        steps.push(ReportStep {
            at: codes::moment(row.get(0)?),
            step: row.get(1)?,
            fields: codes::read_back(fields.as_bytes(), "step")?,
            result: row.get(3)?,
            detail: row.get(4)?,
            state: row.get::<_, Option<String>>(5)?.map(ReferralState::from),
        });
    }
    Ok(steps)
}

/// Referrals and reports at a glance.
pub(super) fn totals(shelf: &mut Shelf) -> Result<ReferralTotals, Trouble> {
    let connection = &shelf.connection;
    let referrals = |code: i64| tally::over_all(connection, REFERRALS + code);
    let reports = |state: i64| tally::over_all(connection, REPORTS + state);
    Ok(ReferralTotals {
        new: referrals(standing::NEW)?,
        active: referrals(standing::ACTIVE)?,
        won: referrals(standing::WON)?,
        lost: referrals(standing::LOST)?,
        declined: referrals(standing::DECLINED)?,
        expired: referrals(standing::EXPIRED)?,
        other: referrals(standing::CLOSED)? + referrals(standing::UNKNOWN)?,
        reporting: reports(report::DUE)? + reports(report::LEASED)? + reports(report::WAITING)?,
        refused: reports(report::REFUSED)?,
        notices: tally::over_all(connection, NOTICES)?,
    })
}
