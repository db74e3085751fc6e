//! What one subscription may do, and how much of it was done (contract marketo A2).

use std::collections::VecDeque;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};

use super::answer::{Trouble, UNCOUNTED};

/// The numbers of an instance; all of them are enforced.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Calls in any 20 seconds.
    pub in_window: usize,
    /// Calls at the same time.
    pub at_once: usize,
    /// Calls from midnight to midnight, US Central.
    pub per_day: u64,
    /// Records in one call.
    pub records: usize,
    /// Bytes of a body.
    pub body: usize,
    /// Bytes of path and query.
    pub uri: usize,
    /// Custom fields made through the API.
    pub custom_fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_window: 100,
            at_once: 10,
            per_day: 50_000,
            records: 300,
            body: 1 << 20,
            uri: 8 << 10,
            custom_fields: 100,
        }
    }
}

const WINDOW_MILLIS: i64 = 20_000;

/// How much of it was used.
#[derive(Default)]
pub(super) struct Usage {
    window: VecDeque<i64>,
    pub(super) running: usize,
    pub(super) most_running: usize,
    day: Option<NaiveDate>,
    pub(super) today: u64,
}

impl Usage {
    /// Lets a call in, or names the limit it would break.
    pub(super) fn admit(&mut self, limits: &Limits, now: i64) -> Result<(), Trouble> {
        self.turn_page(now);
        if self.today >= limits.per_day {
            return Err(Trouble::new("607"));
        }
        while self.window.front().is_some_and(|at| now - at >= WINDOW_MILLIS) {
            self.window.pop_front();
        }
        if self.window.len() >= limits.in_window {
            return Err(Trouble::saying(
                "606",
                format!("Max rate limit '{}' exceeded with in '20' secs", limits.in_window),
            ));
        }
        if self.running >= limits.at_once {
            return Err(Trouble::new("615"));
        }
        self.window.push_back(now);
        self.running += 1;
        self.most_running = self.most_running.max(self.running);
        Ok(())
    }

    /// Counts a call for the day, unless its answer is one that is free.
    pub(super) fn count(&mut self, outcome: Option<&Trouble>, now: i64) {
        self.turn_page(now);
        let free = matches!(outcome, Some(Trouble::Code(code, _)) if UNCOUNTED.contains(&code.as_str()));
        self.today += u64::from(!free);
    }

    pub(super) fn turn_page(&mut self, now: i64) {
        let day = central_day(now);
        if self.day != Some(day) {
            self.day = Some(day);
            self.today = 0;
        }
    }
}

/// The calendar day in US Central: six hours behind UTC, five from the second Sunday in March at
/// 2:00 to the first Sunday in November at 2:00.
pub(super) fn central_day(now: i64) -> NaiveDate {
    let at = DateTime::<Utc>::from_timestamp_millis(now).unwrap_or_default();
    let standard = at.naive_utc() - TimeDelta::hours(6);
    let year = standard.year();
    let sunday = |month: u32, nth: u8| {
        NaiveDate::from_weekday_of_month_opt(year, month, Weekday::Sun, nth).unwrap_or_default()
    };
    // Both in standard time: the clocks go back at 2:00 daylight time, which is 1:00.
    let begins = sunday(3, 2).and_time(NaiveTime::from_hms_opt(2, 0, 0).unwrap_or_default());
    let ends = sunday(11, 1).and_time(NaiveTime::from_hms_opt(1, 0, 0).unwrap_or_default());
    let summer = (begins..ends).contains(&standard);
    (standard + TimeDelta::hours(i64::from(summer))).date()
}
