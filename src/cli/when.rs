//! A moment in the past, as people write it: `7d`, `2026-11-01`, or to the second.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

/// How a moment was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// So long ago.
    Ago(TimeDelta),
    /// Then.
    At(DateTime<Utc>),
}

impl When {
    /// The moment, seen from `now`.
    pub(super) fn seen_from(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Ago(span) => {
                let at = now.checked_sub_signed(span).unwrap_or(DateTime::UNIX_EPOCH);
                at.max(DateTime::UNIX_EPOCH)
            }
            Self::At(at) => at,
        }
    }
}

/// Reads it; the message says how it is written.
pub(super) fn parse(text: &str) -> Result<When, String> {
    let text = text.trim();
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(When::At(day.and_time(NaiveTime::MIN).and_utc()));
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(When::At(at.to_utc()));
    }
    let span: Option<Duration> = humantime::parse_duration(text).ok();
    let span = span.and_then(|span| TimeDelta::from_std(span).ok());
    span.map(When::Ago).ok_or_else(|| {
        "write how long ago (7d, 12h), a day (2026-11-01, from midnight UTC), or a moment \
         (2026-11-01T08:30:00Z)"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_people_write_it() {
        let now: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("7d", "2026-11-13T12:00:00Z"),
            ("12h", "2026-11-20T00:00:00Z"),
            ("1day 12h", "2026-11-19T00:00:00Z"),
            (" 2026-11-01 ", "2026-11-01T00:00:00Z"),
            ("2026-11-01T08:30:00+01:00", "2026-11-01T07:30:00Z"),
            ("9000years", "1970-01-01T00:00:00Z"),
        ] {
            let read = parse(text).map(|when| when.seen_from(now));
            assert_eq!(read, Ok(expected.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_told_how_to_write_one() {
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "-7d",
            "7",
            "2026-11-01 08:30",
            "01.11.2026",
        ] {
            let why = parse(text).unwrap_err();
            assert!(why.contains("2026-11-01"), "{text}: {why}");
        }
    }
}
