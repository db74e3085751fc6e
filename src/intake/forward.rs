//! Passes events on to whom they went before, unchanged. Nobody waits for it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::Clock;
use connector_kit::event::Tee;
use connector_kit::{ConnectorError, ErrorKind, SourceName};
use futures_util::FutureExt;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderName, HeaderValue};
use tracing::{debug, warn};

use crate::admin::metrics::ForwardMeter;
use crate::runtime::{LONGEST_TALK, Next, Worker};
use crate::store::{Copy, Forward, Passed, ReferralStore, StoreError};

/// Passed on at the same time.
const TOGETHER: usize = 8;

/// The waits between ten attempts, as the other side itself makes them (contract partner-center 8.5).
const TRY_AGAIN: [TimeDelta; 9] = [
    TimeDelta::seconds(10),
    TimeDelta::seconds(30),
    TimeDelta::minutes(1),
    TimeDelta::minutes(2),
    TimeDelta::minutes(4),
    TimeDelta::minutes(8),
    TimeDelta::minutes(16),
    TimeDelta::minutes(30),
    TimeDelta::hours(1),
];

/// What passing on the events of one connector takes.
pub struct ForwardParts {
    /// The connector's name.
    pub name: SourceName,
    /// Who gets them.
    pub tee: Arc<dyn Tee>,
    /// The floor, where they wait.
    pub events: Arc<dyn ReferralStore>,
    /// Tells when an attempt ended.
    pub clock: Arc<dyn Clock>,
    /// Counts.
    pub meter: ForwardMeter,
}

/// Passes on the events of one connector.
pub struct ForwardWorker {
    parts: ForwardParts,
    label: String,
}

impl ForwardWorker {
    /// A worker that has passed nothing on yet.
    pub fn new(parts: ForwardParts) -> Self {
        Self {
            label: format!("forward {}", parts.name),
            parts,
        }
    }

    async fn pass_on(&self, forward: Forward) -> Passed {
        let headers = headers(&forward.copy);
        let body = forward.copy.body.into();
        let call = AssertUnwindSafe(self.parts.tee.pass_on(&headers, &body)).catch_unwind();
        let passed = call.await.unwrap_or_else(|_| {
            Err(ConnectorError::new(
                ErrorKind::Broken,
                "pass an event on: the connector failed inside",
            ))
        });
        let ForwardParts {
            name, clock, meter, ..
        } = &self.parts;
        let Err(error) = passed else {
            meter.done.inc();
            return Passed::Done(forward.id);
        };
        let tries = usize::try_from(forward.tries).unwrap_or(usize::MAX);
        let Some(wait) = TRY_AGAIN.get(tries) else {
            meter.given_up.inc();
            let hint = error.hint_text().unwrap_or_default();
            warn!(event = "forward_given_up", source = %name, kind = error.kind().as_str(), error = %error, hint, "an event of {name} could not be passed on and is given up");
            return Passed::Done(forward.id);
        };
        meter.later.inc();
        debug!(source = %name, kind = error.kind().as_str(), error = %error, "an event could not be passed on yet");
        let asked = error.wait().and_then(|wait| TimeDelta::from_std(wait).ok());
        let wait = asked.map_or(*wait, |asked| asked.max(*wait));
        Passed::Later(forward.id, clock.now() + wait)
    }
}

/// The headers as they came; one that was kept can be read again.
fn headers(copy: &Copy) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &copy.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    headers
}

#[async_trait]
impl Worker for ForwardWorker {
    fn name(&self) -> &str {
        &self.label
    }

    fn longest_step(&self) -> Duration {
        LONGEST_TALK
    }

    async fn step(&mut self, now: DateTime<Utc>) -> Result<Next, StoreError> {
        let ForwardParts { name, events, .. } = &self.parts;
        let (due, next_at) = events.forwards(name, TOGETHER, now).await?;
        if due.is_empty() {
            return Ok(next_at.map_or(Next::Idle, Next::At));
        }
        let passed = join_all(due.into_iter().map(|forward| self.pass_on(forward))).await;
        events.passed(passed).await?;
        Ok(Next::Again)
    }
}

#[cfg(test)]
mod tests;
