//! A clock of a hundred hours, looked at every so often.

use connector_kit::LeadId;
use connector_kit::ids::AccountName;

use super::*;
use crate::store::ClockId;

fn hour(hours: i64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-11-20T00:00:00Z".parse().unwrap();
    start + TimeDelta::hours(hours)
}

fn clock() -> ClockRow {
    ClockRow {
        id: ClockId(7),
        kind: ClockKind::Answer,
        account: AccountName::new("contoso"),
        lead: LeadId::from_bytes([7; 16]),
        referral: "7c0e6f9a".parse().ok(),
        starts_at: hour(0),
        due_at: hour(100),
        end: None,
        told: 0,
        alerted: 0,
    }
}

fn usual() -> Moments {
    Moments::new(&[0.5, 0.9, 1.0])
}

#[test]
fn a_clock_is_due_from_three_quarters_of_its_time_on_and_overdue_from_its_end() {
    use ClockState::{Due, Ok, Overdue};
    for (at, expected) in [
        (-5, Ok),
        (0, Ok),
        (74, Ok),
        (75, Due),
        (99, Due),
        (100, Overdue),
        (9_000, Overdue),
    ] {
        assert_eq!(state(&clock(), hour(at)), expected, "after {at} hours");
    }
}

#[test]
fn an_ended_clock_stands_still_however_late_it_is() {
    for (end, expected) in [
        (ClockEnd::Met(hour(3)), ClockState::Met),
        (ClockEnd::Met(hour(300)), ClockState::Met),
        (ClockEnd::Missed(hour(100)), ClockState::Missed),
    ] {
        let ended = ClockRow {
            end: Some(end),
            ..clock()
        };
        assert_eq!(state(&ended, hour(500)), expected);
    }
}

#[test]
fn a_clock_that_ends_before_it_begins_is_overdue_at_once() {
    let odd = ClockRow {
        due_at: hour(-1),
        ..clock()
    };
    assert_eq!(state(&odd, hour(0)), ClockState::Overdue);
    assert_eq!(
        (usual().passed(&odd, hour(0)), usual().next(&odd, hour(0))),
        (3, None)
    );
}

#[test]
fn the_moments_pass_one_after_the_other_and_the_next_is_known() {
    for (at, passed, next) in [
        (0, 0, Some(50)),
        (49, 0, Some(50)),
        (50, 1, Some(90)),
        (89, 1, Some(90)),
        (90, 2, Some(100)),
        (100, 3, None),
        (1_000, 3, None),
    ] {
        let moments = usual();
        assert_eq!(moments.passed(&clock(), hour(at)), passed, "after {at} hours");
        assert_eq!(
            moments.next(&clock(), hour(at)),
            next.map(hour),
            "after {at} hours"
        );
    }
    assert_eq!(
        [0, 1, 3, 4].map(|passed| usual().part(passed)),
        [None, Some(0.5), Some(1.0), None]
    );
    let none = Moments::new(&[]);
    assert_eq!(
        (none.passed(&clock(), hour(500)), none.next(&clock(), hour(0))),
        (0, None)
    );
}

#[test]
fn what_is_no_part_of_the_time_is_no_moment() {
    let odd = Moments::new(&[1.0, f64::NAN, 0.0, -1.0, 0.25, 1.5, f64::INFINITY]);
    assert_eq!(odd, Moments(vec![0.25, 1.0]));
}

/// The moments, what was alerted, what is over, and what is to be told: state and hour.
type Case = (&'static [f64], u8, u8, Option<(&'static str, i64)>);

#[test]
fn an_alert_is_told_once_as_due_and_once_as_overdue_and_only_the_newest() {
    let table: [Case; 13] = [
        (&[0.5, 0.9, 1.0], 0, 0, None),
        (&[0.5, 0.9, 1.0], 0, 1, None),
        (&[0.5, 0.9, 1.0], 0, 2, Some(("due", 90))),
        (&[0.5, 0.9, 1.0], 2, 2, None),
        (&[0.5, 0.9, 1.0], 2, 3, Some(("overdue", 100))),
        (&[0.5, 0.9, 1.0], 0, 3, Some(("overdue", 100))),
        (&[0.5, 0.9, 1.0], 3, 3, None),
        (&[0.5, 0.75, 0.9], 0, 3, Some(("due", 75))),
        (&[0.5, 0.75, 0.9], 2, 3, None),
        (&[0.5, 1.0], 0, 1, None),
        (&[0.5, 1.0], 1, 2, Some(("overdue", 100))),
        (&[0.2], 0, 1, None),
        (&[1.0], 5, 1, None),
    ];
    for (parts, alerted, passed, expected) in table {
        let row = ClockRow { alerted, ..clock() };
        let told = Moments::new(parts).alert(&row, passed);
        let told = told.map(|alert| (alert.state, alert.since));
        let expected = expected.map(|(state, at)| (state, hour(at)));
        assert_eq!(told, expected, "{parts:?}, {alerted} of {passed} told");
    }
}

#[test]
fn an_alert_has_one_id_for_ever_and_names_the_referral_or_the_lead() {
    let of = |row: &ClockRow| usual().alert(row, 3).map(|alert| alert.id).unwrap();
    assert_eq!(of(&clock()), "clock-7c0e6f9a-answer-overdue");
    let lone = ClockRow {
        referral: None,
        kind: ClockKind::FollowUp,
        ..clock()
    };
    assert_eq!(of(&lone), format!("clock-{}-follow-up-overdue", lone.lead));
}
