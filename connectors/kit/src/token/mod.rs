//! Access tokens: fetched once for all who wait, kept in memory, forgotten before they expire.

mod answer;
mod grant;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

pub use grant::{ClientAuth, ClientCredentials};

use crate::clock::Clock;
use crate::error::{ConfigError, ConnectorError};
use crate::http::Transport;
use crate::secret::Secret;

/// Gives the bearer token of one credential. Clones share it.
#[derive(Clone)]
pub struct TokenSource(Arc<Inner>);

struct Inner {
    grant: grant::Grant,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    /// How many fetches ended, well or badly.
    ended: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    failure: Option<ConnectorError>,
}

struct Token {
    secret: Secret,
    until: DateTime<Utc>,
}

impl TokenSource {
    /// Asks nobody yet.
    pub fn new(
        credentials: ClientCredentials,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        Ok(Self(Arc::new(Inner {
            grant: grant::Grant::new(credentials)?,
            transport,
            clock,
            ended: AtomicU64::new(0),
            state: Mutex::default(),
        })))
    }

    /// A token that still lives, fetched when there is none.
    ///
    /// One fetch at a time: whoever asks while one is under way gets its result, good or bad.
    pub async fn bearer(&self) -> Result<Secret, ConnectorError> {
        let inner = &self.0;
        let ended_before = inner.ended.load(Ordering::Acquire);
        let mut state = inner.state.lock().await;
        let now = inner.clock.now();
        if let Some(token) = state.token.as_ref().filter(|token| now < token.until) {
            return Ok(token.secret.clone());
        }
        if inner.ended.load(Ordering::Acquire) != ended_before
            && let Some(failure) = &state.failure
        {
            return Err(failure.clone());
        }
        let fetched = inner.grant.fetch(inner.transport.as_ref(), now).await;
        inner.ended.fetch_add(1, Ordering::AcqRel);
        match fetched {
            Ok((secret, life)) => {
                state.failure = None;
                state.token = Some(Token {
                    secret: secret.clone(),
                    until: now + useful_life(life),
                });
                Ok(secret)
            }
            Err(failure) => {
                state.token = None;
                state.failure = Some(failure.clone());
                Err(failure)
            }
        }
    }

    /// Forgets `refused`, unless somebody fetched a newer one by now.
    pub async fn invalidate(&self, refused: &Secret) {
        let mut state = self.0.state.lock().await;
        if state
            .token
            .as_ref()
            .is_some_and(|token| token.secret.expose() == refused.expose())
        {
            state.token = None;
        }
    }
}

/// A minute less than it lives, or half of it when it lives shorter than two minutes.
fn useful_life(life: TimeDelta) -> TimeDelta {
    if life < TimeDelta::minutes(2) {
        life / 2
    } else {
        life - TimeDelta::minutes(1)
    }
}
