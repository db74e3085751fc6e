//! Somebody who can do something hears that a clock runs out, or that a source has fallen silent.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::error::ConnectorError;
use crate::ids::{AccountName, LeadId, SourceName};
use crate::referral::ReferralId;

/// What is told. Holds ids and names of the config, never personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alert {
    /// A clock is running out, or has.
    Clock(ClockAlert),
    /// A source is quieter than it ever is.
    Silence(SilenceAlert),
}

/// A clock that is running out, or has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockAlert {
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
    pub referral: Option<ReferralId>,
    /// What a person should do.
    pub hint: &'static str,
}

/// A source that has fallen silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SilenceAlert {
    /// The same for every attempt to tell it, different for any other.
    pub id: String,
    /// The publisher concerned.
    pub account: AccountName,
    /// The source.
    pub source: SourceName,
    /// When it was last heard, or when listening began.
    pub since: DateTime<Utc>,
    /// When the silence was found out.
    pub raised_at: DateTime<Utc>,
    /// What a person should do.
    pub hint: &'static str,
}

impl Alert {
    /// The same for every attempt to tell it, different for any other.
    pub fn id(&self) -> &str {
        match self {
            Self::Clock(clock) => &clock.id,
            Self::Silence(silence) => &silence.id,
        }
    }

    /// The publisher concerned.
    pub fn account(&self) -> &AccountName {
        match self {
            Self::Clock(clock) => &clock.account,
            Self::Silence(silence) => &silence.account,
        }
    }

    /// Its type, like that of any other event: `clock.due`, `clock.overdue`, `source.silent`.
    pub fn event(&self) -> String {
        match self {
            Self::Clock(clock) => format!("clock.{}", clock.state),
            Self::Silence(_) => "source.silent".to_owned(),
        }
    }

    /// When it came to be so.
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Clock(clock) => clock.since,
            Self::Silence(silence) => silence.raised_at,
        }
    }

    /// What it is about: `lead/<id>` or `source/<name>`.
    pub fn subject(&self) -> String {
        match self {
            Self::Clock(clock) => format!("lead/{}", clock.lead),
            Self::Silence(silence) => format!("source/{}", silence.source),
        }
    }
}

/// Somebody who wants to know.
#[async_trait]
pub trait AlertSink: Send + Sync {
    /// Tells it once more; telling it twice is harmless.
    async fn alert(&self, alert: &Alert) -> Result<(), ConnectorError>;
}
