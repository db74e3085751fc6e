//! What went wrong, told by who has to change.

use std::time::Duration;

use thiserror::Error;

/// Who has to change before the call can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Nobody; it asked us to slow down. 429, 503
    Throttled,
    /// Nobody; we never got an answer. Connect, time-out, 502, 504
    Unreachable,
    /// Unclear; it answered, and the answer was that it broke. 500
    Broken,
    /// The record; somebody changed it under us. 409, 412
    Conflict,
    /// The lead or its mapping; this system will not take it as it is. 400, 413, 422
    Rejected,
    /// The operator; our credentials are refused. 401 after one token refresh, 403
    Unauthorized,
    /// The operator; the system lacks what the config promises. Unknown field, table, organisation
    Misconfigured,
}

impl ErrorKind {
    /// The word used in logs, metrics and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Unreachable => "unreachable",
            Self::Broken => "broken",
            Self::Conflict => "conflict",
            Self::Rejected => "rejected",
            Self::Unauthorized => "unauthorized",
            Self::Misconfigured => "misconfigured",
        }
    }
}

/// A call that did not do what it should.
///
/// `Display` says what we were doing and what the other side said; it never holds personal data,
/// a token, or the query of a URL.
#[derive(Debug, Clone, Error)]
#[error("{doing}")]
pub struct ConnectorError {
    kind: ErrorKind,
    doing: String,
    hint: Option<String>,
    retry_after: Option<Duration>,
    strikes: u8,
    answer: Option<String>,
    #[source]
    source: Option<std::sync::Arc<dyn std::error::Error + Send + Sync>>,
}

impl ConnectorError {
    /// `doing` completes "could not ...": `"write to table MarketplaceLeads: 403 AuthenticationFailed"`.
    pub fn new(kind: ErrorKind, doing: impl Into<String>) -> Self {
        Self {
            kind,
            doing: doing.into(),
            hint: None,
            retry_after: None,
            strikes: 1,
            answer: None,
            source: None,
        }
    }

    /// Adds what a person should do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds how long the other side asked us to wait, already clamped.
    #[must_use]
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// Parks the destination only when this happens so many times in a row (404 on a webhook).
    #[must_use]
    pub fn strikes(mut self, strikes: u8) -> Self {
        self.strikes = strikes;
        self
    }

    /// Keeps the first part of what the other side answered, secrets masked, for `show`.
    #[must_use]
    pub fn answer(mut self, answer: impl Into<String>) -> Self {
        self.answer = Some(answer.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(std::sync::Arc::new(source));
        self
    }

    /// Who has to change.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What a person should do, where the connector knows better than the general rule.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// How long the other side asked us to wait.
    pub fn wait(&self) -> Option<Duration> {
        self.retry_after
    }

    /// How many in a row park the destination.
    pub fn strikes_needed(&self) -> u8 {
        self.strikes
    }

    /// The first part of the answer.
    pub fn answer_text(&self) -> Option<&str> {
        self.answer.as_deref()
    }
}

/// A connector cannot be built from what the operator wrote.
#[derive(Debug, Clone, Error)]
#[error("{message}")]
pub struct ConfigError {
    /// Dotted path below the file's root (`settings.url`); empty when it concerns the whole file.
    pub key: String,
    /// What is wrong and what would be right; never a secret.
    pub message: String,
}

impl ConfigError {
    /// Names the key and the remedy.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
        }
    }
}
