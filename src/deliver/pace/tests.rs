//! No window holds more calls than rate and burst allow, whatever happens.

use connector_kit::clock::ManualClock;

use super::*;

#[test]
fn no_window_holds_more_calls_than_burst_and_rate_allow() {
    let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let pace = Pace::new(5, 10, Arc::new(clock.clone()));
    let mut calls = 0;
    for _ in 0..2_000 {
        if let Ok(token) = pace.draw() {
            token.spend();
            calls += 1;
        }
        clock.advance(TimeDelta::milliseconds(10));
    }
    assert!(calls <= 10 + 5 * 20, "{calls} calls in 20 s");
    assert!(calls >= 100, "{calls} calls in 20 s");
}

/// Minutes of calls as fast as they may go, to a system that grants `most` in 20 seconds and whose
/// refusals are waited out; calls made, and those refused.
fn called(minutes: i64, most: usize) -> (u32, u32) {
    let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let pace = Pace::new(2, 5, Arc::new(clock.clone()));
    let end = clock.now() + TimeDelta::minutes(minutes);
    let (mut granted, mut made, mut refused) = (std::collections::VecDeque::new(), 0, 0);
    while clock.now() < end {
        match pace.draw() {
            Ok(token) => token.spend(),
            Err(at) => {
                clock.advance(at - clock.now());
                continue;
            }
        }
        made += 1;
        let now = clock.now();
        granted.retain(|at| now - *at < TimeDelta::seconds(20));
        if granted.len() < most {
            granted.push_back(now);
        } else {
            refused += 1;
            pace.refused();
            clock.advance(TimeDelta::seconds(20));
        }
    }
    (made, refused)
}

#[test]
fn a_system_that_grants_less_than_configured_refuses_less_than_one_call_in_a_hundred() {
    for most in [1, 4, 10, 20, 30, 39] {
        let (made, refused) = called(600, most);
        let granted = 30 * 60 * u32::try_from(most).unwrap();
        assert!(
            refused * 100 <= made,
            "{refused} of {made} refused, {most} granted"
        );
        assert!(made * 2 >= granted, "{made} made of {granted} granted");
    }
    assert_eq!(called(600, 45).1, 0);
}

#[test]
fn a_token_that_is_not_used_is_there_for_the_next_call() {
    let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let pace = Pace::new(1, 1, Arc::new(clock));
    drop(pace.draw().ok().unwrap());
    pace.draw().ok().unwrap().spend();
    assert!(pace.draw().is_err());
}

/// Requests per moment: some calls take more than one.
struct Log(Vec<DateTime<Utc>>);

impl Log {
    fn most_within(&self, window: TimeDelta) -> usize {
        let from = |first: usize| {
            let ends = self.0[first] + window;
            self.0[first..].iter().take_while(|at| **at < ends).count()
        };
        (0..self.0.len()).map(from).max().unwrap_or(0)
    }
}

#[test]
fn what_a_call_takes_beyond_its_token_is_paid_before_the_next() {
    for extras in [0, 1, 7, 30] {
        let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let pace = Pace::new(5, 10, Arc::new(clock.clone()));
        let mut log = Log(Vec::new());
        for _ in 0..6_000 {
            if let Ok(token) = pace.draw() {
                token.spend();
                let taken = 1 + extras;
                log.0.extend(std::iter::repeat_n(clock.now(), taken));
                pace.made(taken as u64);
            }
            clock.advance(TimeDelta::milliseconds(10));
        }
        for seconds in [1, 5, 20] {
            let most = log.most_within(TimeDelta::seconds(seconds));
            let allowed = 10 + 5 * usize::try_from(seconds).unwrap() + extras;
            assert!(
                most <= allowed,
                "{most} of {allowed} in {seconds} s, {extras} extras"
            );
        }
        assert!(log.0.len() >= 290, "{} requests in a minute", log.0.len());
    }
}

#[test]
fn a_moment_that_is_named_is_one_at_which_a_call_may_go() {
    let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let pace = Pace::new(5, 10, Arc::new(clock.clone()));
    pace.draw().ok().unwrap().spend();
    pace.made(40);
    let at = pace.draw().err().unwrap();
    clock.advance(at - clock.now());
    assert!(pace.draw().is_ok());
}

#[test]
fn a_call_without_requests_saves_nothing_up() {
    let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let pace = Pace::new(5, 10, Arc::new(clock.clone()));
    for _ in 0..5 {
        pace.draw().ok().unwrap().spend();
        pace.made(0);
    }
    pace.draw().ok().unwrap().spend();
    pace.made(20);
    assert!(pace.draw().is_err());
}

#[test]
fn two_calls_at_a_time_owe_what_they_took_together() {
    let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let pace = Pace::new(1, 4, Arc::new(clock));
    pace.draw().ok().unwrap().spend();
    pace.draw().ok().unwrap().spend();
    // The first to come back tells the requests of both.
    pace.made(2);
    pace.made(0);
    assert!(pace.draw().is_ok());
}

#[test]
fn a_look_leaves_a_token_for_a_lead() {
    let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let pace = Pace::new(1, 4, Arc::new(clock.clone()));
    let mut looks = 0;
    while let Ok(token) = pace.draw_behind() {
        token.spend();
        pace.made(1);
        looks += 1;
    }
    assert_eq!(looks, 2);
    pace.draw().ok().unwrap().spend();
}

#[test]
fn a_look_waits_half_a_minute_for_deliveries_and_no_longer() {
    let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let pace = Pace::new(1, 4, Arc::new(clock.clone()));
    let mut looked_at = None;
    for second in 0..120 {
        while let Ok(token) = pace.draw() {
            token.spend();
            pace.made(1);
        }
        clock.advance(TimeDelta::seconds(1));
        if looked_at.is_none()
            && pace.draw_behind().is_ok_and(|token| {
                token.spend();
                pace.made(1);
                true
            })
        {
            looked_at = Some(second);
        }
    }
    assert_eq!(looked_at, Some(30));
}

#[test]
fn a_clock_that_is_set_back_stops_nobody() {
    let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let pace = Pace::new(1, 3, Arc::new(clock.clone()));
    for _ in 0..2 {
        pace.draw().ok().unwrap().spend();
        pace.made(1);
    }
    clock.advance(TimeDelta::hours(-1));
    let at = pace.draw().err().unwrap();
    assert_eq!(at - clock.now(), TimeDelta::seconds(1));
}

#[test]
fn a_new_rate_grants_no_burst_on_top_of_one_that_was_used_and_takes_none_away() {
    let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    // Rate and burst before and after, calls made before, calls that may be made at once after.
    let table = [
        ((5, 10), (5, 10), 9, 0),
        ((5, 10), (50, 100), 9, 0),
        ((5, 10), (1, 3), 0, 2),
        ((5, 10), (1, 3), 8, 1),
        ((5, 10), (5, 20), 4, 5),
        ((50, 100), (1, 10), 99, 0),
        ((1, 1), (5, 10), 0, 1),
    ];
    for (before, after, used, left) in table {
        let clock = ManualClock::new(start);
        let pace = Pace::new(before.0, before.1, Arc::new(clock.clone()));
        let call = || pace.draw().map(Token::spend).is_ok();
        assert_eq!((0..used).filter(|_| call()).count(), used);
        pace.retune(after.0, after.1);
        let now = (0..1_000).take_while(|_| call()).count();
        assert_eq!(now, left, "{before:?} became {after:?} after {used} calls");

        clock.advance(TimeDelta::minutes(10));
        let rested = (0..1_000).take_while(|_| call()).count();
        let full = usize::try_from(size(after.1)).unwrap();
        assert_eq!(rested, full, "{after:?} after a rest");
    }
}

#[test]
fn rates_that_change_all_the_time_let_no_more_through_than_the_most_generous_of_them() {
    let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let pace = Pace::new(5, 10, Arc::new(clock.clone()));
    let mut log = Log(Vec::new());
    for tick in 0..6_000_u32 {
        if tick % 50 == 0 {
            let (per_second, burst) = [(5, 10), (2, 4), (5, 3)][tick as usize / 50 % 3];
            pace.retune(per_second, burst);
        }
        if let Ok(token) = pace.draw() {
            token.spend();
            pace.made(1);
            log.0.push(clock.now());
        }
        clock.advance(TimeDelta::milliseconds(10));
    }
    for seconds in [1, 5, 20] {
        let most = log.most_within(TimeDelta::seconds(seconds));
        let allowed = 10 + 5 * usize::try_from(seconds).unwrap();
        assert!(most <= allowed, "{most} of {allowed} in {seconds} s");
    }
    assert!(log.0.len() >= 180, "{} calls in a minute", log.0.len());
}

#[test]
fn what_a_call_owes_is_owed_at_the_new_rate_too() {
    let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let pace = Pace::new(10, 10, Arc::new(clock.clone()));
    pace.draw().ok().unwrap().spend();
    pace.made(29);
    pace.retune(1, 10);
    // Nine were there, one went to the call and twenty-eight are owed.
    let at = pace.draw().err().unwrap();
    assert_eq!(at - clock.now(), TimeDelta::seconds(21));
}
