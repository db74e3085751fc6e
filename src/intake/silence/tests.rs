//! When a source counts as silent: on made-up series first, then on whole years of thrown traffic.

mod traffic;
mod worker;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::SourceName;

use super::rule::hour_of;
use super::*;
use crate::store::Rhythm;

/// A Monday, 00:00.
fn monday() -> DateTime<Utc> {
    "2026-01-05T00:00:00Z".parse().unwrap()
}

/// Hours after that Monday.
fn at(hours: i64) -> DateTime<Utc> {
    monday() + TimeDelta::hours(hours)
}

/// A source that was heard in these hours after that Monday: the hour, and how many leads came.
fn heard(hours: &[(i64, u32)]) -> Rhythm {
    let first = hour_of(monday());
    let mut rhythm = Rhythm::unheard(&SourceName::new("web"));
    rhythm.hours = hours.iter().map(|(hour, leads)| (first + hour, *leads)).collect();
    rhythm.first_at = hours.first().map(|(hour, _)| at(*hour));
    rhythm.heard_at = hours.last().map(|(hour, _)| at(*hour) + TimeDelta::minutes(30));
    rhythm
}

/// Leads at these hours of every working day, for so many weeks.
fn working_days(weeks: i64, hours: &[i64], leads: u32) -> Vec<(i64, u32)> {
    let days = (0..weeks * 7).filter(|day| day % 7 < 5);
    days.flat_map(|day| hours.iter().map(move |hour| (day * 24 + hour, leads)))
        .collect()
}

/// Hours from the last lead to the alarm.
fn patience(hours: &[(i64, u32)]) -> Option<i64> {
    let rhythm = heard(hours);
    let alarm = silent_at(&rhythm, SilenceRule::History, monday())?;
    Some((alarm - rhythm.heard_at?).num_hours())
}

#[test]
fn nothing_is_usual_before_enough_was_heard() {
    let two_a_day = |weeks| working_days(weeks, &[9, 15], 1);
    for (weeks, is_enough) in [
        (0, false),
        (1, false),
        (2, false),
        (3, true),
        (8, true),
        (30, true),
    ] {
        assert_eq!(patience(&two_a_day(weeks)).is_some(), is_enough, "{weeks} weeks");
    }
    // Many leads in a few days, or few in many weeks, say little.
    assert_eq!(patience(&[(9, 50), (33, 50), (57, 50)]), None);
    let one_a_week: Vec<(i64, u32)> = (0..8).map(|week| (week * 168 + 9, 1)).collect();
    assert_eq!(patience(&one_a_week), None);
}

#[test]
fn nights_and_weekends_are_no_silence() {
    let busy = working_days(8, &[8, 9, 10, 11, 12, 13, 14, 15, 16, 17], 2);
    let end_of_friday = busy.last().unwrap().0;
    let alarm = silent_at(&heard(&busy), SilenceRule::History, monday()).unwrap();
    // The weekend passes, and some hours of Monday.
    assert!(alarm > at(end_of_friday + 15 + 48), "{alarm}");
    assert!(alarm < at(end_of_friday + 15 + 48 + 10), "{alarm}");
}

#[test]
fn a_burst_does_not_make_a_quiet_source_a_busy_one() {
    let mut hours = working_days(8, &[10], 1);
    let usual = patience(&hours).unwrap();
    // A fair: five hundred leads in one afternoon.
    hours.extend((12..17).map(|hour| (7 * 7 * 24 + hour, 100)));
    hours.sort_unstable();
    let after = patience(&hours).unwrap();
    assert!(after >= usual * 3 / 4, "{after} h instead of {usual} h");
}

#[test]
fn one_long_pause_of_its_own_makes_it_more_patient_but_not_deaf() {
    let steady = working_days(8, &[9, 11, 13, 15], 1);
    let usual = patience(&steady).unwrap();
    let holiday: Vec<(i64, u32)> = steady
        .iter()
        .copied()
        .filter(|(hour, _)| !(2 * 168..3 * 168).contains(hour))
        .collect();
    let after = patience(&holiday).unwrap();
    assert!(usual < after && after < usual * 3, "{usual} h, then {after} h");
}

#[test]
fn a_fixed_time_needs_no_history_and_off_is_off() {
    let two_days = SilenceRule::After(Duration::from_hours(48));
    let unheard = heard(&[]);
    assert_eq!(silent_at(&unheard, two_days, at(5)), Some(at(53)));
    let once = heard(&[(7, 1)]);
    assert_eq!(
        silent_at(&once, two_days, at(5)),
        Some(at(55) + TimeDelta::minutes(30))
    );
    assert_eq!(silent_at(&once, SilenceRule::Off, at(5)), None);
    assert_eq!(silent_at(&once, SilenceRule::History, at(5)), None);
}

#[test]
fn time_in_which_nobody_listened_is_no_silence() {
    let steady = heard(&working_days(8, &[9, 11, 13, 15], 1));
    let alarm = |since| silent_at(&steady, SilenceRule::History, since).unwrap();
    let always = alarm(monday());
    let back = at(8 * 168 + 400);
    assert!(always < back, "the daemon was away for longer than the silence");
    assert!(alarm(back) > back + TimeDelta::hours(24));
}
