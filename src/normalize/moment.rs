//! When it happened, as far as the other side can be believed.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

/// The first moment a marketplace lead can come from: 2010-01-01.
const EARLIEST: i64 = 1_262_304_000;

/// `CreatedTime` of a row: .NET's invariant or US form, in UTC (contract partner-center 11.2).
pub(super) fn created_time(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    [
        "%m/%d/%Y %H:%M:%S",
        "%m/%d/%Y %I:%M:%S %p",
        "%Y-%m-%dT%H:%M:%S%.fZ",
    ]
    .iter()
    .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
    .map(|naive| naive.and_utc())
}

/// The moment the other side names, unless it is absurd; else the moment of custody. Whole
/// milliseconds, because that is what the store keeps.
pub(super) fn believed(said: Option<DateTime<Utc>>, received_at: DateTime<Utc>) -> DateTime<Utc> {
    let at = said.filter(|at| is_plausible(*at, received_at));
    whole_millis(at.unwrap_or(received_at))
}

/// Neither before the marketplace existed nor more than a day ahead of us.
fn is_plausible(at: DateTime<Utc>, received_at: DateTime<Utc>) -> bool {
    let latest = received_at
        .checked_add_signed(TimeDelta::days(1))
        .unwrap_or(received_at);
    at.timestamp() >= EARLIEST && at <= latest
}

/// Without the part of a millisecond.
fn whole_millis(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_created_time_are_read_as_utc() {
        let table = [
            ("09/28/2018 17:42:09", Some("2018-09-28T17:42:09Z")),
            ("9/28/2018 5:42:09 PM", Some("2018-09-28T17:42:09Z")),
            (" 9/8/2018 12:00:00 AM ", Some("2018-09-08T00:00:00Z")),
            (
                "2018-09-28T17:42:09.1234567Z",
                Some("2018-09-28T17:42:09.1234567Z"),
            ),
            ("28/09/2018 17:42:09", None),
            ("9/28/2018", None),
            ("", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|text| text.parse::<DateTime<Utc>>().unwrap());
            assert_eq!(created_time(text), expected, "{text:?}");
        }
    }

    #[test]
    fn absurd_moments_are_not_believed() {
        let now: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();
        let table = [
            ("1970-01-01T00:00:00Z", false),
            ("2009-12-31T23:59:59Z", false),
            ("2018-09-28T17:42:10Z", true),
            ("2026-11-21T12:00:00Z", true),
            ("2026-11-21T12:00:01Z", false),
            ("9999-12-31T23:59:59Z", false),
        ];
        for (text, expected) in table {
            assert_eq!(is_plausible(text.parse().unwrap(), now), expected, "{text}");
        }
    }
}
