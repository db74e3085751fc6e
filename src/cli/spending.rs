//! What the calls of a destination came to, beside what they may come to.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use connector_kit::DestinationName;

use super::screen;
use crate::deliver::Allowance;
use crate::deliver::budget::{self, Budget};
use crate::store::DestinationStatus;

/// A destination and its calls.
pub(super) struct Spending {
    /// How it stands; it rests when nothing is left to spend.
    pub(super) status: DestinationStatus,
    budget: Option<Budget>,
    allowance: Allowance,
    today: u64,
}

impl Spending {
    /// Looks at a destination with its budget in mind.
    pub(super) fn new(
        mut status: DestinationStatus,
        budgets: &BTreeMap<DestinationName, Budget>,
        now: DateTime<Utc>,
    ) -> Self {
        let budget = budgets.get(&status.name).copied();
        let allowance = budget::allow(budget.as_ref(), &status.calls, now);
        status.gate = allowance.clone().over(status.gate);
        Self {
            today: status.calls.spent_on(budget::day_of(budget.as_ref(), now)),
            status,
            budget,
            allowance,
        }
    }

    /// Calls today, and how many there may be.
    pub(super) fn today(&self) -> String {
        match self.budget {
            Some(budget) => format!("{} of {}", self.today, budget.calls_per_day),
            None => self.today.to_string(),
        }
    }

    /// Calls left by the system's own word.
    pub(super) fn left(&self) -> Option<String> {
        let quota = self.status.calls.quota?;
        Some(format!("{} of {} left", quota.left, quota.granted))
    }

    /// Whom the calls that are left are kept for.
    pub(super) fn note(&self) -> Option<String> {
        let Allowance::LiveOnly { until, reason } = &self.allowance else {
            return None;
        };
        Some(format!(
            "{} gets only hot and new leads until {}: {}\n  nothing to do: the others go after that",
            self.status.name,
            until.format("%Y-%m-%d %H:%M:%S UTC"),
            screen::clean(reason),
        ))
    }

    /// The same for programs.
    pub(super) fn as_json(&self) -> serde_json::Value {
        let (may_go, until, reason) = match &self.allowance {
            Allowance::All => ("everything", None, None),
            Allowance::LiveOnly { until, reason } => ("hot and new leads", Some(until), Some(reason)),
            Allowance::Nothing { until, reason } => ("nothing", Some(until), Some(reason)),
        };
        let quota = self.status.calls.quota.map(|quota| {
            serde_json::json!({
                "granted": quota.granted, "left": quota.left, "told_at": quota.told_at.to_rfc3339(),
            })
        });
        serde_json::json!({
            "today": self.today, "budget": self.budget.map(|budget| budget.calls_per_day),
            "total": self.status.calls.total, "quota": quota,
            "may_go": may_go, "until": until.map(DateTime::to_rfc3339), "reason": reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use connector_kit::Quota;

    use super::*;
    use crate::store::{DestinationGate, Ledger};

    fn noon() -> DateTime<Utc> {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    fn seen(spent: u64, left: Option<u64>) -> Spending {
        let name = DestinationName::new("crm");
        let budget = Budget {
            calls_per_day: 100,
            reserve: 0.2,
            day_starts: TimeDelta::hours(6),
        };
        let status = DestinationStatus {
            calls: Ledger {
                day: Some(noon() - TimeDelta::hours(6)),
                spent,
                total: 1234,
                quota: left.map(|left| Quota {
                    granted: 1000,
                    left,
                    told_at: noon() - TimeDelta::seconds(90),
                }),
            },
            ..DestinationStatus::idle(name.clone())
        };
        Spending::new(status, &BTreeMap::from([(name, budget)]), noon())
    }

    #[test]
    fn the_screen_tells_what_is_spent_and_what_is_left() {
        let spending = seen(79, Some(959));
        assert_eq!(spending.today(), "79 of 100");
        assert_eq!(spending.left().as_deref(), Some("959 of 1000 left"));
        assert_eq!(
            (spending.note(), spending.status.gate),
            (None, DestinationGate::Open)
        );
    }

    #[test]
    fn the_screen_tells_for_whom_calls_are_kept_and_when_a_spent_day_ends() {
        let kept = seen(80, None).note().unwrap();
        assert!(kept.contains("until 2026-11-21 06:00:00 UTC"), "{kept}");
        assert!(kept.contains("80 of 100"), "{kept}");
        let little = seen(0, Some(199)).note().unwrap();
        assert!(little.contains("until 2026-11-20 12:03:30 UTC"), "{little}");
        let DestinationGate::Held { until, reason, .. } = seen(100, None).status.gate else {
            panic!("it should rest");
        };
        assert_eq!(until, noon() + TimeDelta::hours(18));
        assert_eq!(reason, "the calls of the day are spent (100 of 100)");
    }

    #[test]
    fn a_program_is_told_the_same() {
        let told = seen(80, Some(959)).as_json();
        assert_eq!(told["today"], 80);
        assert_eq!(told["budget"], 100);
        assert_eq!(told["total"], 1234);
        assert_eq!(told["quota"]["left"], 959);
        assert_eq!(told["may_go"], "hot and new leads");
        assert_eq!(told["until"], "2026-11-21T06:00:00+00:00");
    }
}
