//! Reports are written back: what was done at once, what became of the lease at its end.

use chrono::{DateTime, Utc};
use connector_kit::referral::read;
use connector_kit::{DestinationName, RawFormat, Referral};
use rusqlite::{OptionalExtension, params};

use super::calls;
use super::codes::{self, report};
use super::deliveries;
use super::desk::Desk;
use super::destinations;
use super::inbox;
use super::names::NameKind;
use super::referrals;
use super::reports;
use super::trouble::Trouble;
use crate::store::{
    Arrival, FinishOutcome, ReferralKey, ReportEnding, ReportFinished, ReportLease, ReportResult, ReportStep,
};

/// A step and what the referral became by it, on their way to the desk.
pub(super) struct Done {
    key: ReferralKey,
    token: i64,
    step: ReportStep,
    became: Option<(Arrival, Option<Referral>)>,
}

impl Done {
    /// Reads what the referral became before the writer's turn: its time is everybody's.
    pub(super) fn of(lease: &ReportLease, step: ReportStep, became: Option<Arrival>) -> Self {
        let read = |arrival: Arrival| {
            let referral = (arrival.raw.format == RawFormat::Referral)
                .then(|| read::referral(&arrival.raw.body).ok())
                .flatten()
                .map(|document| document.referral)
                .filter(|referral| referral.id == lease.referral.id);
            (arrival, referral)
        };
        Self {
            key: lease.key,
            token: lease.token,
            step,
            became: became.map(read),
        }
    }
}

/// Notes a step. It was done and stays noted even if the lease is lost; but then it is not taken for
/// granted that the new holder knows what it made of the referral.
pub(super) fn note_step(desk: &mut Desk, done: &Done) -> Result<FinishOutcome, Trouble> {
    let ReferralKey(referral) = done.key;
    let is_held = desk
        .connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM reports WHERE referral = ?1 AND state = 1 AND token = ?2)",
        )?
        .query_row(params![referral, done.token], |row| row.get(0))?;
    reports::note(&desk.connection, referral, &done.step)?;
    if let Some((arrival, version)) = &done.became {
        inbox::keep(desk, arrival)?;
        if let (true, Some(version)) = (is_held, version) {
            let seen_at = codes::millis(arrival.received_at);
            referrals::note_version(&desk.connection, referral, version, seen_at, true)?;
        }
    }
    Ok(if is_held {
        FinishOutcome::Done
    } else {
        FinishOutcome::LeaseLost
    })
}

/// Writes back what became of leases, whether the sink may be called, and what it cost.
pub(super) fn finish(
    desk: &mut Desk,
    sink: &DestinationName,
    ending: &ReportEnding,
    now: DateTime<Utc>,
) -> Result<Vec<FinishOutcome>, Trouble> {
    let number = desk
        .names
        .number(&desk.connection, NameKind::Destination, sink.as_str())?;
    let mut outcomes = Vec::with_capacity(ending.results.len());
    for finished in &ending.results {
        outcomes.push(finish_one(desk, number, finished, codes::millis(now))?);
    }
    if let Some(gate) = &ending.gate {
        destinations::set_gate(&desk.connection, number, gate, now)?;
    }
    if let Some(spent) = &ending.spent {
        calls::spend(desk, sink, spent)?;
    }
    Ok(outcomes)
}

fn finish_one(
    desk: &mut Desk,
    sink: i64,
    finished: &ReportFinished,
    now: i64,
) -> Result<FinishOutcome, Trouble> {
    let lease = &finished.lease;
    let held: Option<(i64, Row)> = desk
        .connection
        .prepare_cached(
            "SELECT wanted, since, news_at, lag, plan, reason, hint FROM reports
             WHERE referral = ?1 AND sink = ?2 AND state = 1 AND token = ?3",
        )?
        .query_row(params![lease.key.0, sink, lease.token], |row| {
            let held = Row {
                state: report::DUE,
                at: now,
                since: row.get(1)?,
                attempt: lease.attempt,
                news_at: row.get(2)?,
                lag: row.get(3)?,
                plan: row.get(4)?,
                reason: row.get(5)?,
                hint: row.get(6)?,
            };
            Ok((row.get(0)?, held))
        })
        .optional()?;
    let Some((wanted, held)) = held else {
        return Ok(FinishOutcome::LeaseLost);
    };
    let mut row = held.after(finished, now)?;
    if wanted > lease.wanted {
        // Its ground changed under the lease: whatever was found, it is due.
        row.state = report::DUE;
        row.at = now;
        row.attempt = 0;
    } else if row.state == report::SETTLED {
        row.lag = row.news_at.map(|news| now - news).or(row.lag);
        row.news_at = None;
    }
    row.write(desk, finished)?;
    if finished.remind_crm {
        deliveries::remind(desk, lease.key, now)?;
    }
    desk.tally.reported(sink, Some(report::LEASED), row.state);
    Ok(FinishOutcome::Done)
}

/// How the report stands afterwards.
struct Row {
    state: i64,
    at: i64,
    since: i64,
    attempt: u32,
    news_at: Option<i64>,
    lag: Option<i64>,
    plan: String,
    reason: String,
    hint: String,
}

impl Row {
    fn after(mut self, finished: &ReportFinished, now: i64) -> Result<Self, Trouble> {
        let explain = |reason: &str, hint: &str| (reason.to_owned(), hint.to_owned());
        let (state, (reason, hint)) = match &finished.result {
            ReportResult::Settled => (report::SETTLED, explain("", "")),
            ReportResult::Refused { reason, hint } => (report::REFUSED, explain(reason, hint)),
            ReportResult::Waiting { until, reason } => {
                self.at = codes::millis(*until);
                (report::WAITING, explain(reason, ""))
            }
            ReportResult::Retry(at, failure) => {
                self.at = codes::millis(*at);
                self.attempt += 1;
                (report::WAITING, explain(&failure.what, &failure.hint))
            }
            ReportResult::Returned => (report::DUE, (self.reason, self.hint)),
        };
        let failed = matches!(finished.result, ReportResult::Retry(..) | ReportResult::Returned);
        if !failed {
            self.attempt = 0;
        }
        if matches!(state, report::SETTLED | report::REFUSED) {
            // What came under the lease is wanted from here on.
            self.since = now;
        }
        // Who failed before there was a plan says nothing against the last one.
        if !failed || !finished.plan.is_empty() {
            self.plan = codes::text(&finished.plan)?;
        }
        Ok(Self {
            state,
            reason,
            hint,
            ..self
        })
    }

    fn write(&self, desk: &Desk, finished: &ReportFinished) -> Result<(), Trouble> {
        let lease = &finished.lease;
        let agreed = finished.agreed.as_ref().map(codes::text).transpose()?;
        // An order that came under the lease is another one.
        let carried_out = match (&lease.order, finished.order_done) {
            (Some(order), true) => Some(codes::text(order)?),
            _ => None,
        };
        desk.connection
            .prepare_cached(
                "UPDATE reports SET state = ?2, at = ?3, since = ?4, attempt = ?5, news_at = ?6, lag = ?7, plan = ?8,
                   reason = ?9, hint = ?10, agreed = coalesce(?11, agreed),
                   ordered = CASE WHEN ordered = ?12 THEN NULL ELSE ordered END
                 WHERE referral = ?1",
            )?
            .execute(params![
                lease.key.0,
                self.state,
                self.at,
                self.since,
                self.attempt,
                self.news_at,
                self.lag,
                self.plan,
                self.reason,
                self.hint,
                agreed,
                carried_out,
            ])?;
        Ok(())
    }
}
