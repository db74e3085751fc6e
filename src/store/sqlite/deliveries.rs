//! Deliveries: written back with what became of them.

use chrono::{DateTime, Utc};
use connector_kit::{DestinationName, ErrorKind, RecordRef};
use rusqlite::{Connection, OptionalExtension, params};

use super::calls;
use super::codes::{self, state};
use super::desk::Desk;
use super::destinations;
use super::names::NameKind;
use super::reader::Shelf;
use super::tally::Counter;
use super::trouble::Trouble;
use crate::store::{
    Barred, DeliveryResult, Ending, Failure, FinishOutcome, Finished, Lane, LeadKey, Lease, ReferralKey,
};

/// Which of these leads must not be contacted, or not be written at all.
pub(super) fn barred(shelf: &Shelf, leads: &[LeadKey]) -> Result<Vec<(LeadKey, Barred)>, Trouble> {
    let mut barred = Vec::new();
    for lead in leads {
        if is_forgotten(&shelf.connection, *lead)? {
            barred.push((*lead, Barred::Forgotten));
        } else if is_forbidden(&shelf.connection, *lead)? {
            barred.push((*lead, Barred::DoNotContact));
        }
    }
    Ok(barred)
}

fn is_forgotten(connection: &Connection, lead: LeadKey) -> Result<bool, Trouble> {
    let suppression = connection
        .prepare_cached("SELECT suppression FROM leads WHERE id = ?1")?
        .query_row([lead.0], |row| row.get(0))
        .optional()?;
    Ok(suppression == Some(codes::FORGOTTEN))
}

fn is_forbidden(connection: &Connection, lead: LeadKey) -> Result<bool, Trouble> {
    let dnc = connection
        .prepare_cached("SELECT dnc FROM leads WHERE id = ?1")?
        .query_row([lead.0], |row| row.get(0))
        .optional()?;
    Ok(dnc == Some(true))
}

/// Writes back what became of leases, whether the destination may be called, and what it cost.
pub(super) fn finish(
    desk: &mut Desk,
    destination: &DestinationName,
    ending: &Ending,
    now: DateTime<Utc>,
) -> Result<Vec<FinishOutcome>, Trouble> {
    let number = desk
        .names
        .number(&desk.connection, NameKind::Destination, destination.as_str())?;
    let mut outcomes = Vec::with_capacity(ending.results.len());
    for finished in &ending.results {
        outcomes.push(finish_one(desk, number, finished, codes::millis(now))?);
    }
    if let Some(gate) = &ending.gate {
        destinations::set_gate(&desk.connection, number, gate, now)?;
    }
    if let Some(spent) = &ending.spent {
        calls::spend(desk, destination, spent)?;
    }
    Ok(outcomes)
}

fn finish_one(
    desk: &mut Desk,
    destination: i64,
    finished: &Finished,
    now: i64,
) -> Result<FinishOutcome, Trouble> {
    let lease = &finished.lease;
    let wanted: Option<u32> = desk
        .connection
        .prepare_cached(
            "SELECT wanted FROM deliveries WHERE lead = ?1 AND destination = ?2 AND state = 1 AND token = ?3",
        )?
        .query_row(params![lease.lead.0, destination, lease.token], |row| row.get(0))
        .optional()?;
    let Some(wanted) = wanted else {
        return Ok(if is_forgotten(&desk.connection, lease.lead)? {
            FinishOutcome::Forgotten
        } else {
            FinishOutcome::LeaseLost
        });
    };
    // A newer revision came while this one was under way: whatever happened, it is due.
    let newer = wanted > lease.revision;
    let mut row = After::of(lease, now);
    match &finished.result {
        DeliveryResult::Delivered(record) => {
            row.confirm(lease, record.as_ref());
            row.state = if newer { state::DUE } else { state::DELIVERED };
            desk.tally.add(Counter::Receipts, 1);
        }
        DeliveryResult::Closed(record) => {
            row.confirm(lease, record.as_ref());
            // Nothing follows, except the word that this person must not be contacted.
            let unheard = newer && !lease.dnc && is_forbidden(&desk.connection, lease.lead)?;
            row.state = if unheard { state::DUE } else { state::CLOSED };
            desk.tally.add(Counter::Receipts, 1);
        }
        DeliveryResult::Suppressed => row.state = if newer { state::DUE } else { state::WITHHELD },
        DeliveryResult::Returned { uncertain } => row.uncertain |= *uncertain,
        DeliveryResult::Retry(at, failure) => {
            note_failure(desk, destination, lease, failure, now)?;
            row.attempt = if newer { 0 } else { lease.attempt + 1 };
            row.uncertain = true;
            row.state = state::WAITING;
            row.at = codes::millis(*at);
        }
        DeliveryResult::Dead(failure) => {
            note_failure(desk, destination, lease, failure, now)?;
            row.attempt = if newer { 0 } else { lease.attempt + 1 };
            // A refusal is an answer; whatever else failed may have been applied.
            row.uncertain |= failure.kind != ErrorKind::Rejected;
            row.state = if newer { state::DUE } else { state::DEAD };
        }
    }
    row.write(desk, lease.lead.0, destination)?;
    Ok(FinishOutcome::Done)
}

/// How the row stands afterwards.
struct After<'a> {
    state: i64,
    held: u32,
    uncertain: bool,
    attempt: u32,
    at: i64,
    record: Option<&'a RecordRef>,
    /// Nobody waits for what was confirmed to be delivered again.
    answered: bool,
}

impl<'a> After<'a> {
    fn of(lease: &'a Lease, now: i64) -> Self {
        Self {
            state: state::DUE,
            held: lease.held,
            uncertain: lease.uncertain,
            attempt: lease.attempt,
            at: now,
            record: lease.record.as_ref(),
            answered: false,
        }
    }

    /// The destination holds the lease's revision.
    fn confirm(&mut self, lease: &'a Lease, record: Option<&'a RecordRef>) {
        self.held = lease.revision;
        self.uncertain = false;
        self.attempt = 0;
        self.record = record.or(lease.record.as_ref());
        self.answered = true;
    }

    fn write(self, desk: &mut Desk, lead: i64, destination: i64) -> Result<(), Trouble> {
        desk.connection
            .prepare_cached(
                "UPDATE deliveries SET state = ?3, held = ?4, uncertain = ?5, attempt = ?6, at = ?7, record = ?8,
                   wanted = CASE ?3 WHEN 7 THEN ?4 ELSE wanted END,
                   again = CASE ?9 WHEN 1 THEN NULL ELSE again END
                 WHERE lead = ?1 AND destination = ?2",
            )?
            .execute(params![
                lead,
                destination,
                self.state,
                self.held,
                self.uncertain,
                self.attempt,
                self.at,
                self.record.map(|record| &record.0),
                self.answered,
            ])?;
        desk.tally
            .moved(destination, Some(state::LEASED), Some(self.state));
        Ok(())
    }
}

/// What destinations hold of the referral's lead is to be written to them once more: they were told
/// something else since.
pub(super) fn remind(desk: &mut Desk, referral: ReferralKey, now: i64) -> Result<(), Trouble> {
    let held: Vec<(i64, i64)> = desk
        .connection
        .prepare_cached(
            "SELECT d.lead, d.destination FROM referrals r JOIN deliveries d ON d.lead = r.lead
             WHERE r.id = ?1 AND d.state = 3",
        )?
        .query_map([referral.0], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (lead, destination) in held {
        desk.connection
            .prepare_cached(
                "UPDATE deliveries SET state = 0, attempt = 0, lane = ?3, since = ?4, at = ?4
                 WHERE lead = ?1 AND destination = ?2",
            )?
            .execute(params![lead, destination, codes::lane(Lane::Update), now])?;
        desk.tally
            .moved(destination, Some(state::DELIVERED), Some(state::DUE));
    }
    Ok(())
}

fn note_failure(
    desk: &Desk,
    destination: i64,
    lease: &Lease,
    failure: &Failure,
    now: i64,
) -> Result<(), Trouble> {
    desk.connection
        .prepare_cached(
            "INSERT INTO attempts (lead, destination, revision, at, kind, what, hint, answer)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            lease.lead.0,
            destination,
            lease.revision,
            now,
            codes::kind(failure.kind),
            failure.what,
            failure.hint,
            failure.answer,
        ])?;
    Ok(())
}
