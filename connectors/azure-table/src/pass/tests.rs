//! Where a pass begins, and how far its end may move the watermark.

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000 + seconds, 0).expect("a moment")
}

fn begin(from: &Position, now: i64) -> Pass {
    Pass::begin(
        from,
        at(now),
        TimeDelta::minutes(10),
        TimeDelta::hours(24),
        &Dice::seeded(1),
    )
}

fn known(watermark: i64, scanned: i64) -> Position {
    Position {
        watermark: Some(at(watermark)),
        last_full_scan: Some(at(scanned)),
        pass: None,
    }
}

#[test]
fn a_pass_begins_at_the_watermark_less_the_overlap() {
    let filter = begin(&known(0, 0), 60).filter();
    assert_eq!(
        filter.as_deref(),
        Some("Timestamp ge datetime'2026-11-20T11:50:00.0000000Z'")
    );
}

#[test]
fn everything_is_read_at_first_once_a_day_and_when_the_clock_went_back() {
    assert_eq!(begin(&Position::default(), 0).filter(), None);
    assert!(begin(&known(0, 0), 86_399).filter().is_some());
    assert_eq!(begin(&known(0, 0), 86_400).filter(), None);
    assert_eq!(begin(&known(0, 100), 0).filter(), None);
}

#[test]
fn the_watermark_is_the_newest_row_but_not_after_the_beginning_and_never_goes_back() {
    for (newest, server, expected) in [
        (Some(10), Some(60), 10),
        (Some(100), Some(60), 60),
        (Some(100), None, 50),
        (Some(-10), Some(60), 0),
        (None, Some(60), 0),
    ] {
        let mut pass = begin(&known(0, 0), 50);
        pass.turn(newest.map(at), server.map(at), None);
        pass.turn(None, Some(at(1_000)), None);
        assert_eq!(
            pass.finish().watermark,
            Some(at(expected)),
            "{newest:?} {server:?}"
        );
    }
}

#[test]
fn only_a_scan_of_everything_counts_as_one() {
    assert_eq!(begin(&known(0, 0), 60).finish().last_full_scan, Some(at(0)));
    assert_eq!(
        begin(&known(0, 0), 90_000).finish().last_full_scan,
        Some(at(90_000))
    );
}

#[test]
fn a_checkpoint_reads_back_as_written_to_100_ns() {
    let exact = at(0) + TimeDelta::nanoseconds(123_456_700);
    let mut position = known(0, 0);
    position.watermark = Some(exact);
    position.pass = Some(begin(&position, 60));
    assert_eq!(Position::read(Some(&position.write())), position);
}
