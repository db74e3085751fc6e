//! When a source counts as silent. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::habit::Habit;
use crate::store::Rhythm;

/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;

/// How it is decided that a source is silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SilenceRule {
    /// It is quieter than its own history.
    #[default]
    History,
    /// Nobody wants to know.
    Off,
    /// Nothing was heard for so long.
    After(Duration),
}

/// The hour a moment lies in, since 1970.
pub(super) fn hour_of(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis().div_euclid(HOUR)
}

/// When the source counts as silent unless it is heard before. None while too little is known of it, and
/// where nobody wants to know. Time in which nobody listened is no silence.
pub fn silent_at(
    rhythm: &Rhythm,
    rule: SilenceRule,
    listening_since: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let since = rhythm
        .heard_at
        .map_or(listening_since, |at| at.max(listening_since));
    match rule {
        SilenceRule::Off => None,
        SilenceRule::After(longest) => since.checked_add_signed(TimeDelta::from_std(longest).ok()?),
        SilenceRule::History => {
            let habit = Habit::of(&rhythm.hours, hour_of(rhythm.first_at?))?;
            DateTime::from_timestamp_millis(habit.ends(hour_of(since)).checked_mul(HOUR)?)
        }
    }
}
