//! How a clock stands, which of its moments are over, and when the next comes. Pure.
//!
//! A clock runs from its start until what it waits for happens (contract partner-center 6.3). On its
//! way it passes moments worth telling: set fractions of its time.

use std::cmp::Reverse;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::ClockAlert;

use crate::store::{ClockEnd, ClockKind, ClockRow};

/// How a clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClockState {
    /// There is time.
    Ok,
    /// Three quarters of the time are over.
    Due,
    /// The time is over, and it still runs.
    Overdue,
    /// What it waited for happened.
    Met,
    /// It never happened and no longer can.
    Missed,
}

impl ClockState {
    /// The word in commands, metrics and alerts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Due => "due",
            Self::Overdue => "overdue",
            Self::Met => "met",
            Self::Missed => "missed",
        }
    }
}

/// From this part of the time on a clock is due.
const DUE_AFTER: f64 = 0.75;

/// How it stands at `now`.
pub fn state(row: &ClockRow, now: DateTime<Utc>) -> ClockState {
    match row.end {
        Some(ClockEnd::Met(_)) => ClockState::Met,
        Some(ClockEnd::Missed(_)) => ClockState::Missed,
        None if now >= row.due_at => ClockState::Overdue,
        None if now >= moment(row, DUE_AFTER) => ClockState::Due,
        None => ClockState::Ok,
    }
}

/// What a person should do about it.
pub fn advice(kind: ClockKind) -> &'static str {
    match kind {
        ClockKind::FollowUp => {
            "begin: contact the customer, and let the CRM say that somebody works on the lead"
        }
        ClockKind::DirectContact => "the customer asked to be contacted: do it, and let the CRM say so",
        ClockKind::Answer => {
            "accept or decline it before it expires: in the CRM, or with leadsync referral accept or decline"
        }
    }
}

/// When this part of the time is over.
fn moment(row: &ClockRow, part: f64) -> DateTime<Utc> {
    if part >= 1.0 {
        return row.due_at;
    }
    let span = (row.due_at - row.starts_at).to_std().unwrap_or(Duration::ZERO);
    let passed = TimeDelta::from_std(span.mul_f64(part)).unwrap_or(TimeDelta::MAX);
    row.starts_at + passed
}

/// The moments worth telling, as parts of the time; ascending, above 0 and at most 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments(Vec<f64>);

impl Moments {
    /// What is no part of the time is left out, so that nothing here can go wrong.
    pub fn new(parts: &[f64]) -> Self {
        let mut parts: Vec<f64> = parts.to_vec();
        parts.retain(|part| *part > 0.0 && *part <= 1.0);
        parts.sort_by(f64::total_cmp);
        parts.truncate(usize::from(u8::MAX));
        Self(parts)
    }

    /// How many of them are over.
    pub fn passed(&self, row: &ClockRow, now: DateTime<Utc>) -> u8 {
        let over = self.0.iter().filter(|part| moment(row, **part) <= now).count();
        u8::try_from(over).unwrap_or(u8::MAX)
    }

    /// The next one after `now`.
    pub fn next(&self, row: &ClockRow, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let moments = self.0.iter().map(|part| moment(row, *part));
        moments.into_iter().find(|at| *at > now)
    }

    /// The part of the time that is over when so many of them are.
    pub fn part(&self, passed: u8) -> Option<f64> {
        self.0.get(usize::from(passed).checked_sub(1)?).copied()
    }

    /// What is to be told to whoever wants alerts when `passed` moments are over: the newest state
    /// that was not told yet. A clock is told as due once, and once as overdue.
    pub fn alert(&self, row: &ClockRow, passed: u8) -> Option<ClockAlert> {
        let due = self.0.iter().position(|part| (DUE_AFTER..1.0).contains(part));
        let overdue = self.0.iter().position(|part| *part >= 1.0);
        let untold = usize::from(row.alerted)..usize::from(passed);
        let candidates = [(ClockState::Due, due), (ClockState::Overdue, overdue)];
        let (state, place) = candidates
            .into_iter()
            .filter_map(|(state, place)| Some((state, place.filter(|place| untold.contains(place))?)))
            .min_by_key(|(_, place)| Reverse(*place))?;
        let (clock, state) = (row.kind.as_str(), state.as_str());
        let about = row
            .referral
            .as_ref()
            .map_or_else(|| row.lead.to_string(), ToString::to_string);
        Some(ClockAlert {
            id: format!("clock-{about}-{clock}-{state}"),
            account: row.account.clone(),
            clock,
            state,
            since: moment(row, self.0[place]),
            due_at: row.due_at,
            lead: row.lead,
            referral: row.referral.clone(),
            hint: advice(row.kind),
        })
    }
}

#[cfg(test)]
mod tests;
