//! What the org may still ask for today, really enforced (contract salesforce 13).

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::org::{Org, Right};

/// The window rolls, second by second.
const DAY: i64 = 24 * 60 * 60;

/// Requests of the last day, and how many there may be.
pub(super) struct Allowance {
    pub(super) daily: u64,
    /// Used by others: counts, and never leaves the window.
    pub(super) others: u64,
    pub(super) refused: u64,
    seconds: VecDeque<(i64, u64)>,
    sum: u64,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            daily: 15_000,
            others: 0,
            refused: 0,
            seconds: VecDeque::new(),
            sum: 0,
        }
    }
}

impl Allowance {
    pub(super) fn used(&mut self, now: i64) -> u64 {
        while let Some((second, count)) = self
            .seconds
            .front()
            .copied()
            .filter(|(second, _)| now - second >= DAY)
        {
            self.seconds.pop_front();
            self.sum -= count;
            debug_assert!(second < now);
        }
        self.sum + self.others
    }

    /// Counts requests, unless the day is used up.
    pub(super) fn take(&mut self, count: u64, now: i64) -> Result<(), Refusal> {
        if self.used(now) + count > self.daily {
            self.refused += 1;
            return Err(
                Refusal::new("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.").with_status(403),
            );
        }
        self.sum += count;
        match self.seconds.back_mut().filter(|(second, _)| *second == now) {
            Some((_, counted)) => *counted += count,
            None => self.seconds.push_back((now, count)),
        }
        Ok(())
    }
}

impl Org {
    /// The header of every answer about data.
    pub(super) fn limit_info(&mut self) -> String {
        let now = self.now();
        format!("api-usage={}/{}", self.allowance.used(now), self.allowance.daily)
    }

    /// `GET /limits`
    pub(super) fn limits(&mut self) -> Result<Answer, Refusal> {
        self.need(Right::ViewSetup)?;
        let now = self.now();
        let (daily, used) = (self.allowance.daily, self.allowance.used(now));
        let of = |max: u64, left: u64| json!({ "Max": max, "Remaining": left });
        let mut sets: Value = of(1500, 1498);
        sets["CreateCustom"] = of(1000, 998);
        Ok(Answer::json(
            200,
            json!({
                "DailyApiRequests": of(daily, daily.saturating_sub(used)),
                "DailyBulkApiBatches": of(15_000, 15_000 - self.jobs.batches().min(15_000)),
                "DailyBulkV2QueryJobs": of(10_000, 10_000),
                "DailyBulkV2QueryFileStorageMB": of(976_562, 976_562),
                "DataStorageMB": of(5, 5),
                "FileStorageMB": of(20, 20),
                "PermissionSets": sets,
            }),
        ))
    }
}
