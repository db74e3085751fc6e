//! A person signs in on another device, by a code they type there (RFC 8628).

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::Style;
use crate::secret::Secret;
use crate::token::answer;

/// Between two polls, when the answer names no time (RFC 8628 3.2), and what is added when it asks to slow down (3.5).
const STEP: Duration = Duration::from_secs(5);
/// However long the other side would have us wait.
const LONGEST_INTERVAL: Duration = Duration::from_mins(1);

/// A sign-in that was begun: what the person types, and where.
#[derive(Clone)]
pub struct DeviceRequest {
    /// To be typed there.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same as a sentence by the authority, in its words.
    pub message: String,
    /// How long to wait before each poll.
    pub interval: Duration,
    /// Afterwards the code is worth nothing.
    pub expires_at: DateTime<Utc>,
    pub(super) device_code: Secret,
}

/// The answer, by the standard or as the older endpoint writes it.
#[derive(Deserialize)]
struct Told {
    user_code: String,
    device_code: String,
    #[serde(alias = "verification_url")]
    verification_uri: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    interval: Value,
    expires_in: Value,
}

impl DeviceRequest {
    /// Reads a 200; none when it is no such answer.
    pub(super) fn read(body: &[u8], now: DateTime<Utc>) -> Option<Self> {
        let told: Told = serde_json::from_slice(body).ok()?;
        let life = i64::try_from(answer::seconds(&told.expires_in)?).ok()?;
        let interval = answer::seconds(&told.interval).map_or(STEP, Duration::from_secs);
        Some(Self {
            user_code: told.user_code,
            verification_uri: told.verification_uri,
            message: told.message,
            interval: interval.clamp(Duration::from_secs(1), LONGEST_INTERVAL),
            expires_at: now + TimeDelta::try_seconds(life.min(86_400))?,
            device_code: Secret::new(told.device_code),
        })
    }

    /// It asked us to come less often.
    pub(super) fn slow_down(&mut self) {
        self.interval = (self.interval + STEP).min(LONGEST_INTERVAL);
    }

    /// The grant, in the words of the endpoint.
    pub(super) fn fields(&self, style: Style) -> [(&'static str, &str); 2] {
        match style {
            Style::V1 => [("grant_type", "device_code"), ("code", self.device_code.expose())],
            Style::V2 => [
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                ("device_code", self.device_code.expose()),
            ],
        }
    }
}

impl fmt::Debug for DeviceRequest {
    /// The code is a key as long as it lives.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceRequest")
            .field("interval", &self.interval)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
