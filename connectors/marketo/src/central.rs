//! Midnight in US Central, where the daily quota begins anew (contract marketo A2).

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};

/// Behind UTC in winter.
const STANDARD: TimeDelta = TimeDelta::hours(6);
/// Behind UTC in summer.
const DAYLIGHT: TimeDelta = TimeDelta::hours(5);

/// The calendar day there.
pub(crate) fn day(now: DateTime<Utc>) -> NaiveDate {
    (now.naive_utc() - offset(now)).date()
}

/// When the next day begins there.
pub(crate) fn next_midnight(now: DateTime<Utc>) -> DateTime<Utc> {
    let midnight = tomorrow(day(now)).and_time(NaiveTime::MIN);
    // The clocks change at 2:00 there, so midnight itself is never ambiguous.
    let guess = midnight + STANDARD;
    (midnight + offset(guess.and_utc())).and_utc()
}

/// From the second Sunday in March to the first Sunday in November, both at 2:00 local time.
fn offset(now: DateTime<Utc>) -> TimeDelta {
    let year = now.year();
    let begins = two_o_clock(year, 3, 2) + STANDARD;
    let ends = two_o_clock(year, 11, 1) + DAYLIGHT;
    if (begins..ends).contains(&now.naive_utc()) {
        DAYLIGHT
    } else {
        STANDARD
    }
}

fn two_o_clock(year: i32, month: u32, nth_sunday: u8) -> NaiveDateTime {
    let sunday = NaiveDate::from_weekday_of_month_opt(year, month, Weekday::Sun, nth_sunday);
    sunday.unwrap_or_default().and_time(NaiveTime::MIN) + TimeDelta::hours(2)
}

fn tomorrow(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_day_begins_at_midnight_by_the_clock_on_the_wall_there() {
        for (now, midnight) in [
            // Winter: six hours behind.
            ("2026-11-20T12:00:00Z", "2026-11-21T06:00:00Z"),
            ("2026-11-21T05:59:59Z", "2026-11-21T06:00:00Z"),
            ("2026-11-21T06:00:00Z", "2026-11-22T06:00:00Z"),
            // Summer: five.
            ("2026-07-04T12:00:00Z", "2026-07-05T05:00:00Z"),
            ("2026-07-04T04:59:59Z", "2026-07-04T05:00:00Z"),
            // 8 March 2026: a day of 23 hours.
            ("2026-03-08T05:59:59Z", "2026-03-08T06:00:00Z"),
            ("2026-03-08T06:00:00Z", "2026-03-09T05:00:00Z"),
            ("2026-03-08T12:00:00Z", "2026-03-09T05:00:00Z"),
            // 1 November 2026: a day of 25 hours.
            ("2026-11-01T04:59:59Z", "2026-11-01T05:00:00Z"),
            ("2026-11-01T05:00:00Z", "2026-11-02T06:00:00Z"),
            ("2026-11-01T06:30:00Z", "2026-11-02T06:00:00Z"),
            // The turn of a year, and another year's Sundays.
            ("2026-12-31T23:00:00Z", "2027-01-01T06:00:00Z"),
            ("2027-03-14T12:00:00Z", "2027-03-15T05:00:00Z"),
            ("2027-11-07T12:00:00Z", "2027-11-08T06:00:00Z"),
        ] {
            let now: DateTime<Utc> = now.parse().unwrap();
            assert_eq!(
                next_midnight(now),
                midnight.parse::<DateTime<Utc>>().unwrap(),
                "{now}"
            );
        }
    }

    #[test]
    fn the_day_changes_exactly_then() {
        let midnight: DateTime<Utc> = "2026-11-21T06:00:00Z".parse().unwrap();
        assert_eq!(day(midnight - TimeDelta::seconds(1)).to_string(), "2026-11-20");
        assert_eq!(day(midnight).to_string(), "2026-11-21");
    }
}
