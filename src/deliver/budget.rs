//! How many calls a day may cost, and whom the last of them are kept for: one decision, without
//! clock or store.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use connector_kit::Quota;

use crate::store::{DestinationGate, Ledger};

/// The share of its calls that is kept where only the system itself says how many it grants.
const USUAL_RESERVE: f64 = 0.2;
/// So long a system's word of what is left counts; then a call finds out anew.
const WORD_HOLDS: TimeDelta = TimeDelta::minutes(5);

/// What a day may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Calls in one day.
    pub calls_per_day: u32,
    /// The share of them that is kept for hot and new leads.
    pub reserve: f64,
    /// When the day begins, from midnight UTC.
    pub day_starts: TimeDelta,
}

/// What may be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// Everything.
    All,
    /// Hot and new leads only; what is left is kept for them.
    LiveOnly {
        /// When that may change.
        until: DateTime<Utc>,
        /// Why.
        reason: String,
    },
    /// Nothing.
    Nothing {
        /// When that changes.
        until: DateTime<Utc>,
        /// Why.
        reason: String,
    },
}

impl Allowance {
    /// The gate of a destination as it looks from outside: one with nothing left to spend rests.
    #[must_use]
    pub fn over(self, gate: DestinationGate) -> DestinationGate {
        match (gate, self) {
            (DestinationGate::Open, Self::Nothing { until, reason }) => DestinationGate::Held {
                until,
                holds: 0,
                reason,
            },
            (gate, _) => gate,
        }
    }
}

/// The beginning of the day that `now` belongs to.
pub fn day_of(budget: Option<&Budget>, now: DateTime<Utc>) -> DateTime<Utc> {
    let starts = budget.map_or(TimeDelta::zero(), |budget| budget.day_starts);
    let midnight = (now - starts).date_naive().and_time(NaiveTime::MIN).and_utc();
    midnight + starts
}

/// Decides by our own budget first, then by the system's word.
pub fn allow(budget: Option<&Budget>, ledger: &Ledger, now: DateTime<Utc>) -> Allowance {
    let ours = budget.map_or(Allowance::All, |budget| by_budget(budget, ledger, now));
    if ours != Allowance::All {
        return ours;
    }
    let reserve = budget.map_or(USUAL_RESERVE, |budget| budget.reserve);
    ledger
        .quota
        .map_or(Allowance::All, |quota| by_word(quota, reserve, now))
}

fn by_budget(budget: &Budget, ledger: &Ledger, now: DateTime<Utc>) -> Allowance {
    let day = day_of(Some(budget), now);
    let until = day + TimeDelta::days(1);
    let (spent, all) = (ledger.spent_on(day), budget.calls_per_day);
    if spent >= u64::from(all) {
        let reason = format!("the calls of the day are spent ({spent} of {all})");
        return Allowance::Nothing { until, reason };
    }
    if number(spent) >= f64::from(all) * (1.0 - budget.reserve) {
        let reason = format!("{spent} of {all} calls of the day are spent");
        return Allowance::LiveOnly { until, reason };
    }
    Allowance::All
}

fn by_word(quota: Quota, reserve: f64, now: DateTime<Utc>) -> Allowance {
    let Quota {
        granted,
        left,
        told_at,
    } = quota;
    let until = told_at + WORD_HOLDS;
    if until <= now || number(left) >= number(granted) * reserve {
        return Allowance::All;
    }
    let reason = format!("it says that {left} of {granted} calls are left");
    Allowance::LiveOnly { until, reason }
}

/// Call counts beyond four billion are all alike.
fn number(calls: u64) -> f64 {
    f64::from(u32::try_from(calls).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-{text}:00Z").parse().unwrap()
    }

    fn budget(calls_per_day: u32, reserve: f64) -> Budget {
        Budget {
            calls_per_day,
            reserve,
            day_starts: TimeDelta::hours(6),
        }
    }

    /// Which of the three, and until when.
    fn short(allowance: &Allowance) -> (&'static str, Option<DateTime<Utc>>) {
        match allowance {
            Allowance::All => ("all", None),
            Allowance::LiveOnly { until, .. } => ("live", Some(*until)),
            Allowance::Nothing { until, .. } => ("nothing", Some(*until)),
        }
    }

    #[test]
    fn a_day_begins_when_the_operator_says() {
        let six = budget(1, 0.0);
        for (now, day) in [
            ("20T05:59", "19T06:00"),
            ("20T06:00", "20T06:00"),
            ("20T23:59", "20T06:00"),
            ("21T00:00", "20T06:00"),
        ] {
            assert_eq!(day_of(Some(&six), at(now)), at(day), "{now}");
        }
        assert_eq!(day_of(None, at("20T05:59")), at("20T00:00"));
    }

    #[test]
    fn the_last_calls_of_a_day_are_kept_for_those_who_wait() {
        let today = at("20T06:00");
        let tomorrow = Some(at("21T06:00"));
        let table = [
            (100, 0.2, today, 0, ("all", None)),
            (100, 0.2, today, 79, ("all", None)),
            (100, 0.2, today, 80, ("live", tomorrow)),
            (100, 0.2, today, 99, ("live", tomorrow)),
            (100, 0.2, today, 100, ("nothing", tomorrow)),
            (100, 0.2, today, u64::MAX, ("nothing", tomorrow)),
            (100, 0.0, today, 99, ("all", None)),
            (100, 1.0, today, 0, ("live", tomorrow)),
            (1, 0.2, today, 0, ("all", None)),
            (1, 0.2, today, 1, ("nothing", tomorrow)),
            // What was spent yesterday is no matter.
            (100, 0.2, at("19T06:00"), 100, ("all", None)),
        ];
        for (calls, reserve, day, spent, expected) in table {
            let ledger = Ledger {
                day: Some(day),
                spent,
                ..Ledger::default()
            };
            let found = allow(Some(&budget(calls, reserve)), &ledger, at("20T12:00"));
            assert_eq!(
                short(&found),
                expected,
                "{spent} of {calls} spent, {reserve} kept: {found:?}"
            );
        }
    }

    #[test]
    fn a_system_that_says_little_is_left_is_believed_for_five_minutes() {
        let table = [
            (None, 1000, "20T12:00", ("all", None)),
            (None, 200, "20T12:00", ("all", None)),
            (None, 199, "20T12:00", ("live", Some(at("20T12:05")))),
            (None, 0, "20T11:56", ("live", Some(at("20T12:01")))),
            (None, 0, "20T11:55", ("all", None)),
            (Some(0.5), 499, "20T12:00", ("live", Some(at("20T12:05")))),
            (Some(0.0), 0, "20T12:00", ("all", None)),
        ];
        for (reserve, left, told, expected) in table {
            let ledger = Ledger {
                quota: Some(Quota {
                    granted: 1000,
                    left,
                    told_at: at(told),
                }),
                ..Ledger::default()
            };
            let own = reserve.map(|reserve| budget(1_000_000, reserve));
            let found = allow(own.as_ref(), &ledger, at("20T12:00"));
            assert_eq!(short(&found), expected, "{left} left, told at {told}");
        }
    }
}
