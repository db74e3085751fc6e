//! Service protection: three limits per user over a sliding window (contract dynamics365 15).

use std::collections::VecDeque;

use super::answer::{Answer, Refusal};

/// How much a user may ask for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests in the window.
    pub requests: u64,
    /// Milliseconds of execution in the window.
    pub execution_ms: u64,
    /// Requests at the same time.
    pub concurrent: usize,
    /// The window, in seconds.
    pub window: i64,
    /// What a request is charged with, in milliseconds of execution.
    pub request_ms: u64,
    /// What every row it changes costs on top.
    pub row_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: 6000,
            execution_ms: 1_200_000,
            concurrent: 52,
            window: 300,
            request_ms: 20,
            row_ms: 2,
        }
    }
}

impl Limits {
    /// No limits that would ever be met.
    pub fn none() -> Self {
        Self {
            requests: u64::MAX,
            execution_ms: u64::MAX,
            concurrent: usize::MAX,
            ..Self::default()
        }
    }
}

/// What one user asked for.
#[derive(Default)]
pub(super) struct Meter {
    seconds: VecDeque<Second>,
    pub(super) running: usize,
    /// The most that ever ran at a time.
    pub(super) most_running: usize,
    /// How many requests were refused.
    pub(super) refused: u64,
}

struct Second {
    at: i64,
    requests: u64,
    execution_ms: u64,
}

impl Meter {
    /// Counts a request, refused or not: going on sending lengthens the wait.
    pub(super) fn admit(&mut self, limits: &Limits, now: i64) -> Result<(), Refusal> {
        self.forget(now - limits.window);
        let (requests, execution) = self.used();
        self.charge(now, 1, 0);
        let refusal = if self.running >= limits.concurrent {
            let text = format!(
                "Number of concurrent requests exceeded the limit of {}.",
                limits.concurrent
            );
            Some(("0x80072326", text, 1))
        } else if requests >= limits.requests {
            let text = format!(
                "Number of requests exceeded the limit of {} over time window of {} seconds.",
                limits.requests, limits.window
            );
            Some(("0x80072322", text, self.wait(limits.window, now)))
        } else if execution >= limits.execution_ms {
            let text = format!(
                "Combined execution time of incoming requests exceeded limit of {} milliseconds over time window of \
                 {} seconds. Decrease number of concurrent requests or reduce the duration of requests and try \
                 again later.",
                grouped(limits.execution_ms),
                limits.window
            );
            Some(("0x80072321", text, self.wait(limits.window, now)))
        } else {
            None
        };
        let Some((code, text, wait)) = refusal else {
            self.running += 1;
            self.most_running = self.most_running.max(self.running);
            return Ok(());
        };
        self.refused += 1;
        Err(Refusal {
            retry_after: Some(wait),
            ..Refusal::new(429, code, text)
        })
    }

    /// Books the execution of a request.
    pub(super) fn charge(&mut self, now: i64, requests: u64, execution_ms: u64) {
        match self.seconds.back_mut() {
            Some(second) if second.at >= now => {
                second.requests += requests;
                second.execution_ms += execution_ms;
            }
            _ => self.seconds.push_back(Second {
                at: now,
                requests,
                execution_ms,
            }),
        }
    }

    /// The headers that tell what is left.
    pub(super) fn tell(&self, limits: &Limits, answer: Answer) -> Answer {
        let (requests, execution) = self.used();
        let left = limits.requests.saturating_sub(requests);
        let left_ms = limits.execution_ms.saturating_sub(execution);
        let time = format!("{}.{:02}", grouped(left_ms / 1000), left_ms % 1000 / 10);
        answer
            .with("x-ms-ratelimit-burst-remaining-xrm-requests", left.to_string())
            .with("x-ms-ratelimit-time-remaining-xrm-requests", time)
    }

    fn used(&self) -> (u64, u64) {
        let add = |(requests, execution), second: &Second| {
            (requests + second.requests, execution + second.execution_ms)
        };
        self.seconds.iter().fold((0, 0), add)
    }

    fn forget(&mut self, until: i64) {
        while self.seconds.front().is_some_and(|second| second.at <= until) {
            self.seconds.pop_front();
        }
    }

    /// Seconds until the oldest of the window falls out of it.
    fn wait(&self, window: i64, now: i64) -> i64 {
        let oldest = self.seconds.front().map_or(now, |second| second.at);
        (oldest + window - now).max(1)
    }
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
