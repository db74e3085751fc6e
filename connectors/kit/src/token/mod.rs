//! Access tokens: fetched once for all who wait, kept in memory, forgotten before they expire.
//!
//! A [`TokenSource`] keeps the token of one [`Grant`]: [`ClientCredentials`] with a secret,
//! [`CertificateCredentials`] with a certificate, [`JwtBearer`] for an app that speaks for a user,
//! or a [`SignIn`] of a person the app acts for.

// 1. The ways to get one.
mod certificate_credentials;
mod client_credentials;
mod delegated;
mod jwt_bearer;

// 2. What they sign with.
mod certificate;
mod rsa_key;

// 3. What they ask and hear alike.
mod answer;
mod exchange;
mod refusal;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use async_trait::async_trait;

pub use certificate::{ClientCertificate, Signing};
pub use certificate_credentials::CertificateCredentials;
pub use client_credentials::{ClientAuth, ClientCredentials};
pub use delegated::{Authorized, Brought, CodeRequest, Delegated, DeviceRequest, SignIn, Standing, Style};
pub use exchange::Exchange;
pub use jwt_bearer::JwtBearer;
pub use rsa_key::RsaKey;

use crate::clock::Clock;
use crate::error::{ConfigError, ConnectorError};
use crate::http::Transport;
use crate::secret::Secret;

/// One way to get a token: a request to somebody's token endpoint.
#[async_trait]
pub trait Grant: Send + Sync {
    /// Fetches one token; `now` is for claims that end and for reading `Retry-After`.
    async fn fetch(&self, transport: &dyn Transport, now: DateTime<Utc>) -> Result<Granted, ConnectorError>;
}

/// What a token endpoint granted.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The access token.
    pub secret: Secret,
    /// How long it lives.
    pub life: TimeDelta,
    /// What else the answer said (`instance_url`, `id`, `scope`); never a token.
    pub members: BTreeMap<String, String>,
}

/// Gives the bearer token of one credential. Clones share it.
#[derive(Clone)]
pub struct TokenSource(Arc<Inner>);

struct Inner {
    grant: Box<dyn Grant>,
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
    granted: Granted,
    until: DateTime<Utc>,
}

impl TokenSource {
    /// Asks nobody yet.
    pub fn new(
        credentials: ClientCredentials,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        Ok(Self::with_grant(credentials.into_grant()?, transport, clock))
    }

    /// The same for any other grant.
    pub fn with_grant(grant: Box<dyn Grant>, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            grant,
            transport,
            clock,
            ended: AtomicU64::new(0),
            state: Mutex::default(),
        }))
    }

    /// A token that still lives, fetched when there is none.
    ///
    /// One fetch at a time: whoever asks while one is under way gets its result, good or bad.
    pub async fn bearer(&self) -> Result<Secret, ConnectorError> {
        Ok(self.granted().await?.secret)
    }

    /// The same, with what else the token endpoint said.
    pub async fn granted(&self) -> Result<Granted, ConnectorError> {
        let inner = &self.0;
        let ended_before = inner.ended.load(Ordering::Acquire);
        let mut state = inner.state.lock().await;
        let now = inner.clock.now();
        if let Some(token) = state.token.as_ref().filter(|token| now < token.until) {
            return Ok(token.granted.clone());
        }
        if inner.ended.load(Ordering::Acquire) != ended_before
            && let Some(failure) = &state.failure
        {
            return Err(failure.clone());
        }
        let fetched = inner.grant.fetch(inner.transport.as_ref(), now).await;
        inner.ended.fetch_add(1, Ordering::AcqRel);
        match fetched {
            Ok(granted) => {
                state.failure = None;
                state.token = Some(Token {
                    granted: granted.clone(),
                    until: now + useful_life(granted.life),
                });
                Ok(granted)
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
            .is_some_and(|token| token.granted.secret.expose() == refused.expose())
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
