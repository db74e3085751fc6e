//! Whether somebody is signed in, and until when.

use chrono::{DateTime, TimeDelta, Utc};

use super::record::Record;

/// A sign-in nobody uses for so long ends. Inferred (contract partner-center 2.2): no answer tells it.
const LASTS_UNUSED: TimeDelta = TimeDelta::days(90);

/// How many days before the end somebody should hear of it; each once more urgent.
const WARN_AT_DAYS: [i64; 4] = [1, 7, 14, 30];

/// How a sign-in stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Somebody signed in, was not refused since, and it was used lately enough.
    pub signed_in: bool,
    /// When a person signed in.
    pub obtained_at: Option<DateTime<Utc>>,
    /// When it was used last.
    pub renewed_at: Option<DateTime<Utc>>,
    /// When it ends if nobody uses it before.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when the authority refuses it.
    pub refused_at: Option<DateTime<Utc>>,
}

impl Standing {
    pub(super) fn of(kept: &Record, now: DateTime<Utc>) -> Self {
        let expires_at = kept.renewed_at + LASTS_UNUSED;
        Self {
            signed_in: kept.refused_at.is_none() && now < expires_at,
            obtained_at: Some(kept.obtained_at),
            renewed_at: Some(kept.renewed_at),
            expires_at: Some(expires_at),
            refused_at: kept.refused_at,
        }
    }

    /// Time until the end; none when nobody is signed in.
    pub fn left(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        self.expires_at.filter(|_| self.signed_in).map(|end| end - now)
    }

    /// The warning that is due: 30, 14, 7 or 1 days before the end, 0 when nobody is signed in any
    /// more; none while there is time. It gets smaller as the end comes nearer.
    pub fn warning(&self, now: DateTime<Utc>) -> Option<i64> {
        let Some(left) = self.left(now) else {
            return Some(0);
        };
        WARN_AT_DAYS
            .into_iter()
            .find(|days| left <= TimeDelta::days(*days))
    }
}
