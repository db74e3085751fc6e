//! Times as the service writes them: seven digits of a second at most, without the zeros at the end.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, TimeDelta, Timelike, Utc};

/// The smallest step between two times of the service, 100 ns.
pub(super) const TICK: TimeDelta = TimeDelta::nanoseconds(100);

/// A reply to a new referral is due on the day so many days later, when that day begins (contract partner-center 6.3).
const DAYS_TO_REPLY: u64 = 14;

/// As in `2024-05-01T08:15:30.1234567Z`.
pub(super) fn write(at: DateTime<Utc>) -> String {
    format!("{}Z", plain(at))
}

/// As events write it: `2018-02-17T00:05:39.5485487+00:00`.
pub(super) fn write_with_offset(at: DateTime<Utc>) -> String {
    format!("{}+00:00", plain(at))
}

/// Without any word on the zone, as the results of validations write it.
pub(super) fn plain(at: DateTime<Utc>) -> String {
    let whole = at.format("%Y-%m-%dT%H:%M:%S");
    match at.nanosecond() / 100 {
        0 => whole.to_string(),
        ticks => format!("{whole}.{ticks:07}").trim_end_matches('0').to_owned(),
    }
}

/// Whatever a client may write; without a zone it is UTC.
pub(super) fn read(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.with_timezone(&Utc));
    }
    let bare = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f");
    let bare =
        bare.or_else(|_| NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|day| day.and_time(NaiveTime::MIN)));
    bare.ok().map(|at| at.and_utc())
}

/// The same time, as exact as the service knows it.
pub(super) fn whole_ticks(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(7)
}

/// When a referral created at this time expires.
pub(super) fn deadline(created: DateTime<Utc>) -> DateTime<Utc> {
    let day = created.date_naive() + chrono::Days::new(DAYS_TO_REPLY);
    day.and_time(NaiveTime::MIN).and_utc()
}
