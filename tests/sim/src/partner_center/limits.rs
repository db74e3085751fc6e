//! How many requests are taken: a window that begins with the first request in it.

use chrono::{DateTime, Utc};

use super::answer::Refusal;
use super::settings::Limit;

/// What was taken in the present window.
#[derive(Default)]
pub(super) struct Window {
    began: Option<DateTime<Utc>>,
    reads: u32,
    writes: u32,
}

impl Window {
    /// Takes the request, or tells when to come again. Refused ones count too.
    pub(super) fn admit(
        &mut self,
        limit: Option<Limit>,
        now: DateTime<Utc>,
        writes: bool,
    ) -> Result<(), Refusal> {
        let Some(limit) = limit else {
            return Ok(());
        };
        let passed = self.began.map(|began| (now - began).num_seconds());
        if passed.is_none_or(|passed| passed >= limit.seconds) {
            *self = Self {
                began: Some(now),
                ..Self::default()
            };
        }
        let (count, most) = if writes {
            (&mut self.writes, limit.writes)
        } else {
            (&mut self.reads, limit.reads)
        };
        *count += 1;
        if *count <= most {
            return Ok(());
        }
        let rest = limit.seconds
            - passed
                .filter(|passed| *passed < limit.seconds)
                .unwrap_or_default();
        Err(Refusal::throttled(limit.envelope, rest.max(1)))
    }
}
