//! How long the other side asks us to wait (contract https-endpoint 6).

use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use http::header::{DATE, HeaderMap, RETRY_AFTER};

/// The longest wait obeyed in one go; after it one probing call decides.
pub const CAP: Duration = Duration::from_hours(1);

/// Reads `Retry-After` from the headers of an answer, clamped to [`CAP`].
pub fn of(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let date = headers.get(DATE).and_then(|value| value.to_str().ok());
    parse(text, date, now, CAP)
}

/// Seconds or an HTTP date; anything else is `None`, so that our own schedule applies.
///
/// A date counts from the answer's own `Date` when that is within a day of ours: the other side's
/// clock may be wrong, but it is wrong in both.
pub fn parse(header: &str, date_header: Option<&str>, now: DateTime<Utc>, cap: Duration) -> Option<Duration> {
    let text = header.trim();
    if text.is_empty() {
        return None;
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are more seconds than we wait.
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(cap));
    }
    let until = http_date(text)?;
    let base = date_header
        .and_then(http_date)
        .filter(|theirs| (*theirs - now).abs() <= TimeDelta::hours(24))
        .unwrap_or(now);
    Some((until - base).to_std().unwrap_or(Duration::ZERO).min(cap))
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    let moment: SystemTime = httpdate::parse_http_date(text.trim()).ok()?;
    Some(moment.into())
}
