//! Somebody who can do something hears that a clock runs out.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::error::ConnectorError;
use crate::ids::{AccountName, LeadId};
use crate::referral::ReferralId;

/// A clock that is running out, or has. Holds ids, never personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// The same for every attempt to tell it, different for any other.
    pub id: String,
    /// The publisher concerned.
    pub account: AccountName,
    /// `follow-up`, `direct-contact`, `answer`.
    pub clock: &'static str,
    /// `due` or `overdue`.
    pub state: &'static str,
    /// Since when it stands so; the same for every attempt, like everything here.
    pub since: DateTime<Utc>,
    /// When the time is over.
    pub due_at: DateTime<Utc>,
    /// The lead.
    pub lead: LeadId,
    /// The referral, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referral: Option<ReferralId>,
    /// What a person should do.
    pub hint: &'static str,
}

/// Somebody who wants to know.
#[async_trait]
pub trait AlertSink: Send + Sync {
    /// Tells it once more; telling it twice is harmless.
    async fn alert(&self, alert: &Alert) -> Result<(), ConnectorError>;
}
