//! Reports: which referrals have something to be told to the other side, and who ordered what.

use connector_kit::ReferralId;
use rusqlite::{Connection, OptionalExtension, params};

use super::clocks;
use super::codes::{self, report};
use super::desk::Desk;
use super::names::NameKind;
use super::referrals::{self, Place};
use super::trouble::Trouble;
use crate::store::{Link, Order, ReportStep};

/// What makes a report due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// There is something to tell: it is measured how long that takes.
    News,
    /// What was told has to be compared again.
    Moved,
}

/// There is a report of this referral.
pub(super) fn exists(connection: &Connection, referral: i64) -> Result<bool, Trouble> {
    let exists = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM reports WHERE referral = ?1)")?
        .query_row([referral], |row| row.get(0))?;
    Ok(exists)
}

/// The report of this referral is due, from now on or as soon as whoever makes it is done.
pub(super) fn want(desk: &mut Desk, referral: i64, source: i64, why: Why, now: i64) -> Result<(), Trouble> {
    let is_news = why == Why::News;
    let known: Option<(i64, i64)> = desk
        .connection
        .prepare_cached("SELECT sink, state FROM reports WHERE referral = ?1")?
        .query_row([referral], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((sink, from)) = known else {
        return begin(desk, referral, source, is_news, now);
    };
    let to = if from == report::LEASED {
        report::LEASED
    } else {
        report::DUE
    };
    desk.connection
        .prepare_cached(
            "UPDATE reports SET wanted = wanted + 1, attempt = 0, state = ?2,
               since = CASE WHEN state IN (3, 4) THEN ?3 ELSE since END,
               at = CASE state WHEN 1 THEN at ELSE ?3 END,
               news_at = CASE WHEN ?4 THEN coalesce(news_at, ?3) ELSE news_at END
             WHERE referral = ?1",
        )?
        .execute(params![referral, to, now, is_news])?;
    desk.tally.reported(sink, Some(from), to);
    Ok(())
}

/// A connector reports to itself: its sink is the destination of its name.
fn begin(desk: &mut Desk, referral: i64, source: i64, is_news: bool, now: i64) -> Result<(), Trouble> {
    let name = desk.names.text(&desk.connection, source)?;
    let sink = desk
        .names
        .number(&desk.connection, NameKind::Destination, &name)?;
    desk.connection
        .prepare_cached(
            "INSERT INTO reports (referral, sink, state, wanted, attempt, token, since, at, news_at, lag, ordered,
               agreed, plan, reason, hint)
             VALUES (?1, ?2, 0, 1, 0, 0, ?3, ?3, ?4, NULL, NULL, NULL, '[]', '', '')",
        )?
        .execute(params![referral, sink, now, is_news.then_some(now)])?;
    desk.tally.reported(sink, None, report::DUE);
    Ok(())
}

/// What holds for the lead has changed: all its referrals are compared again. Those that are not linked
/// too, so that whoever looks at them is told why nothing is reported.
pub(super) fn want_all(desk: &mut Desk, lead: i64, now: i64) -> Result<(), Trouble> {
    let of_lead: Vec<(i64, i64)> = desk
        .connection
        .prepare_cached("SELECT id, source FROM referrals WHERE lead = ?1")?
        .query_map([lead], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (referral, source) in of_lead {
        want(desk, referral, source, Why::News, now)?;
    }
    Ok(())
}

/// Notes what an operator wants done; a later order takes the place of an earlier one.
pub(super) fn order(desk: &mut Desk, id: &ReferralId, order: &Order) -> Result<bool, Trouble> {
    let Some(Place { number, .. }) = referrals::number_of(&desk.connection, id)? else {
        return Ok(false);
    };
    want_now(desk, number, codes::millis(order.at))?;
    desk.connection
        .prepare_cached("UPDATE reports SET ordered = ?2 WHERE referral = ?1")?
        .execute(params![number, codes::text(order)?])?;
    let change = &order.change;
    let step = ReportStep {
        at: order.at,
        step: change.step.map_or("edit", |step| step.as_str()).to_owned(),
        fields: change.fields().into_iter().map(str::to_owned).collect(),
        result: "ordered".to_owned(),
        detail: String::new(),
        state: None,
    };
    note(&desk.connection, number, &step)?;
    Ok(true)
}

/// Links or unlinks by hand.
pub(super) fn link(desk: &mut Desk, id: &ReferralId, linked: bool, now: i64) -> Result<bool, Trouble> {
    let Some(place) = referrals::number_of(&desk.connection, id)? else {
        return Ok(false);
    };
    let link = if linked {
        Link::ByHand
    } else {
        Link::UnlinkedByHand
    };
    desk.connection
        .prepare_cached("UPDATE referrals SET link = ?2 WHERE id = ?1")?
        .execute(params![place.number, codes::link(link)])?;
    want_now(desk, place.number, now)?;
    if linked {
        clocks::heed_standings(&desk.connection, place.lead)?;
    }
    let step = ReportStep {
        at: codes::moment(now),
        step: if linked { "link" } else { "unlink" }.to_owned(),
        fields: Vec::new(),
        result: "ordered".to_owned(),
        detail: String::new(),
        state: None,
    };
    note(&desk.connection, place.number, &step)?;
    Ok(true)
}

fn want_now(desk: &mut Desk, number: i64, now: i64) -> Result<(), Trouble> {
    let source = desk
        .connection
        .prepare_cached("SELECT source FROM referrals WHERE id = ?1")?
        .query_row([number], |row| row.get(0))?;
    want(desk, number, source, Why::News, now)
}

/// Appends a step; one that is noted twice is kept once. A referral that is gone has no history: its number may
/// be given again.
pub(super) fn note(connection: &Connection, referral: i64, step: &ReportStep) -> Result<(), Trouble> {
    connection
        .prepare_cached(
            "INSERT INTO report_steps (referral, at, step, fields, result, detail, state)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE EXISTS (SELECT 1 FROM referrals WHERE id = ?1) AND NOT EXISTS (
               SELECT 1 FROM report_steps WHERE referral = ?1 AND at = ?2 AND step = ?3 AND fields = ?4
                 AND result = ?5 AND detail = ?6 AND state IS ?7)",
        )?
        .execute(params![
            referral,
            codes::millis(step.at),
            step.step,
            codes::text(&step.fields)?,
            step.result,
            step.detail,
            step.state.as_ref().map(ToString::to_string),
        ])?;
    Ok(())
}
