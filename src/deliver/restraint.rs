//! What refusals teach: a system that grants less than the config says is called less often.

use chrono::{DateTime, TimeDelta, Utc};

/// Refusals so soon after one that was heeded are answers to calls made before it.
const SAME_LESSON: TimeDelta = TimeDelta::seconds(10);
/// So long and so many calls without a refusal, and it is called a little more often.
const CALM: TimeDelta = TimeDelta::minutes(5);
const CALM_CALLS: u32 = 100;
/// Never slower than a call in so long.
const SLOWEST: TimeDelta = TimeDelta::seconds(30);

/// The time between two calls: as configured, or longer since the system has refused some.
///
/// A refusal doubles it; every five minutes and hundred calls without one take a tenth off again. So
/// the limit is found with a few refusals, and then less than one call in a hundred meets it. It
/// lives with the process: a new one may have been given a new config.
#[derive(Debug)]
pub(super) struct Restraint {
    usual: TimeDelta,
    learned: Option<Lesson>,
}

#[derive(Clone, Copy, Debug)]
struct Lesson {
    period: TimeDelta,
    at: DateTime<Utc>,
    calls: u32,
}

impl Restraint {
    /// None yet.
    pub(super) fn new(usual: TimeDelta) -> Self {
        Self { usual, learned: None }
    }

    /// So many calls are made. When all has been calm for long enough, a little is forgotten.
    pub(super) fn called(&mut self, calls: u32, now: DateTime<Utc>) {
        let Some(lesson) = &mut self.learned else { return };
        lesson.calls = lesson.calls.saturating_add(calls);
        if now - lesson.at < CALM || lesson.calls < CALM_CALLS {
            return;
        }
        let eased = Lesson {
            period: lesson.period * 9 / 10,
            at: now,
            calls: 0,
        };
        self.learned = Some(eased).filter(|eased| eased.period > self.usual);
    }

    /// The system refused a call because there were too many. True when that is news.
    pub(super) fn refused(&mut self, now: DateTime<Utc>) -> bool {
        if self.learned.is_some_and(|lesson| now - lesson.at < SAME_LESSON) {
            return false;
        }
        let period = (self.period() * 2).min(SLOWEST).max(self.usual);
        self.learned = Some(Lesson {
            period,
            at: now,
            calls: 0,
        });
        true
    }

    /// The time between two calls.
    pub(super) fn period(&self) -> TimeDelta {
        self.learned.map_or(self.usual, |lesson| lesson.period)
    }

    /// Whether it is longer than configured; then there are no bursts either.
    pub(super) fn is_on(&self) -> bool {
        self.learned.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn restraint(refusals: impl IntoIterator<Item = i64>) -> Restraint {
        let mut restraint = Restraint::new(TimeDelta::milliseconds(500));
        for refusal in refusals {
            restraint.refused(at(refusal));
        }
        restraint
    }

    #[test]
    fn a_refusal_doubles_the_time_between_calls_unless_it_belongs_to_one_before() {
        let table: [(&[i64], i64); 5] = [
            (&[], 500),
            (&[0], 1000),
            (&[0, 1, 9], 1000),
            (&[0, 10], 2000),
            (&[0, 10, 20], 4000),
        ];
        for (refusals, expected) in table {
            let found = restraint(refusals.iter().copied());
            assert_eq!(found.period().num_milliseconds(), expected, "{refusals:?}");
            assert_eq!(found.is_on(), !refusals.is_empty());
        }
    }

    #[test]
    fn calm_takes_it_back_a_tenth_at_a_time() {
        let mut restraint = restraint([0]);
        restraint.called(1000, at(299));
        assert_eq!(restraint.period().num_milliseconds(), 1000, "not for long enough");
        let steps = [
            (300, 1, 900),
            (600, 99, 900),
            (601, 1, 810),
            (901, 100, 729),
            (1201, 500, 656),
        ];
        for (seconds, calls, expected) in steps {
            restraint.called(calls, at(seconds));
            assert_eq!(
                restraint.period().num_milliseconds(),
                expected,
                "after {seconds} s"
            );
        }
        for step in 5..9 {
            restraint.called(100, at(step * 300));
        }
        assert!(!restraint.is_on(), "it forgets in the end");
    }

    #[test]
    fn nobody_is_made_to_wait_for_ever() {
        let tired = restraint((0..100).map(|n| n * 10));
        assert_eq!(tired.period(), TimeDelta::seconds(30));
        let mut slow = Restraint::new(TimeDelta::minutes(1));
        slow.refused(at(0));
        assert_eq!(slow.period(), TimeDelta::minutes(1));
    }
}
