//! No limit of ours is passed, whatever the rush.

use connector_kit::clock::ManualClock;

use super::*;

fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn pace(per_day: u64) -> Pace {
    pace_on(per_day, &CallBook::default())
}

fn pace_on(per_day: u64, book: &CallBook) -> Pace {
    let allowance = Allowance {
        in_window: 40,
        at_once: 3,
        per_day,
        share: 0.8,
        quota: 50_000,
    };
    Pace::new(allowance, book.clone())
}

#[tokio::test]
async fn no_20_seconds_see_more_calls_than_allowed() {
    let (pace, clock) = (pace(5_000), ManualClock::new(noon()));
    let mut made = Vec::new();
    for n in 0..200 {
        let _seat = pace.enter(&clock).await.unwrap();
        made.push(clock.now());
        clock.advance(TimeDelta::milliseconds(n % 7 * 30));
    }
    for (n, at) in made.iter().enumerate().skip(40) {
        assert!(*at - made[n - 40] >= WINDOW, "call {n}");
    }
    assert!(
        *made.last().unwrap() - noon() < TimeDelta::seconds(90),
        "and none waits longer than it must"
    );
}

#[tokio::test]
async fn when_the_days_calls_are_spent_nothing_goes_until_midnight() {
    let (pace, clock) = (pace(2), ManualClock::new(noon()));
    for _ in 0..2 {
        pace.enter(&clock).await.unwrap();
    }
    let error = pace.enter(&clock).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert_eq!(error.wait(), Some(Duration::from_hours(18)));
    clock.advance(TimeDelta::hours(18));
    pace.enter(&clock).await.unwrap();
}

#[tokio::test]
async fn of_what_all_have_left_we_take_four_fifths_and_never_more_than_ours() {
    let (pace, clock) = (pace(5_000), ManualClock::new(noon()));
    assert_eq!(pace.learn(49_990, noon()), 10);
    for _ in 0..8 {
        pace.enter(&clock).await.unwrap();
    }
    assert!(pace.enter(&clock).await.is_err());
    pace.learn(0, noon());
    assert_eq!(pace.lock().most, 5_000);
}

#[tokio::test]
async fn a_call_that_was_free_is_given_back() {
    let (pace, clock) = (pace(1), ManualClock::new(noon()));
    pace.enter(&clock).await.unwrap();
    pace.give_back();
    pace.enter(&clock).await.unwrap();
    assert!(pace.enter(&clock).await.is_err());
}

#[tokio::test]
async fn it_is_time_to_look_ten_times_a_day() {
    let (pace, clock) = (pace(100), ManualClock::new(noon()));
    let mut looks = 0;
    for _ in 0..100 {
        pace.enter(&clock).await.unwrap();
        looks += u32::from(pace.should_look(clock.now()));
    }
    assert_eq!(looks, 10);
}

#[tokio::test]
async fn what_was_made_today_counts_for_whoever_is_built_on_the_same_book() {
    let (book, clock) = (CallBook::default(), ManualClock::new(noon()));
    let (before, after) = (pace_on(2, &book), pace_on(2, &book));
    for _ in 0..2 {
        before.enter(&clock).await.unwrap();
    }
    assert_eq!(
        after.enter(&clock).await.unwrap_err().kind(),
        ErrorKind::Throttled
    );
    clock.advance(TimeDelta::hours(18));
    after.enter(&clock).await.unwrap();
}

#[tokio::test]
async fn what_stays_with_the_others_is_what_was_said_first_that_day() {
    let book = CallBook::default();
    let (before, after) = (pace_on(5_000, &book), pace_on(5_000, &book));
    assert_eq!(before.learn(49_000, noon()), 1_000);
    assert_eq!(after.learn(49_790, noon()), 210);
    assert_eq!(after.lock().most, 10, "200 of 1,000 stay");
}
