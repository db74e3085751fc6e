//! What is left of a clock, in words.

use chrono::TimeDelta;
use connector_kit::ids::AccountName;

use super::*;
use crate::store::{ClockId, ClockKind};

fn hour(hours: i64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-11-20T00:00:00Z".parse().unwrap();
    start + TimeDelta::hours(hours)
}

fn clock(end: Option<ClockEnd>) -> ClockRow {
    ClockRow {
        id: ClockId(7),
        kind: ClockKind::FollowUp,
        account: AccountName::new("default"),
        lead: LeadId::from_bytes([7; 16]),
        referral: None,
        starts_at: hour(0),
        due_at: hour(24),
        end,
        told: 0,
        alerted: 0,
    }
}

#[test]
fn a_clock_says_what_is_left_or_how_it_ended() {
    for (end, now, expected) in [
        (None, 20, "4 h left"),
        (None, 24, "overdue by less than a minute"),
        (None, 72, "overdue by 2 d"),
        (Some(ClockEnd::Met(hour(3))), 90, "after 3 h"),
        (Some(ClockEnd::Met(hour(26))), 90, "2 h late"),
        (Some(ClockEnd::Missed(hour(24))), 90, "never happened"),
    ] {
        assert_eq!(left(&clock(end), hour(now)), expected);
    }
}

#[test]
fn a_program_is_told_the_same() {
    let running = as_json(&clock(None), hour(25));
    assert_eq!(
        (&running["clock"], &running["state"], &running["seconds_left"]),
        (&"follow-up".into(), &"overdue".into(), &(-3_600).into())
    );
    assert!(running["to_do"].is_string() && running["ended_at"].is_null());
    let met = as_json(&clock(Some(ClockEnd::Met(hour(3)))), hour(25));
    assert_eq!(met["ended_at"], "2026-11-20T03:00:00+00:00");
    assert!(met["seconds_left"].is_null() && met["to_do"].is_null());
}
