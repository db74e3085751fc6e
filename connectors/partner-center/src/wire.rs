//! One call: a token, the pace we were asked for, and the look inside the answer.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::Clock;
use connector_kit::dice::Dice;
use connector_kit::http::{Request, Response, Transport, whole};
use connector_kit::secret::Secret;
use connector_kit::token::TokenSource;
use connector_kit::{CallBook, ConnectorError, ErrorKind};
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::error::{Failure, success};

/// The way to one of the two hosts, with the token of its audience.
pub(crate) struct Wire {
    /// The way there.
    pub transport: Arc<dyn Transport>,
    /// Who we are.
    pub tokens: TokenSource,
    /// Tells how long we were asked to wait.
    pub clock: Arc<dyn Clock>,
    /// Makes ids of requests.
    pub dice: Dice,
    /// Where requests are noted.
    pub calls: CallBook,
    /// Limits are the partner's, whoever asks: until then this host wants to hear nothing.
    pub quiet_until: Mutex<Option<DateTime<Utc>>>,
}

/// What is asked.
pub(crate) struct Call<'a> {
    /// How.
    pub method: Method,
    /// Where.
    pub url: Url,
    /// What is said besides who we are.
    pub headers: HeaderMap,
    /// With what.
    pub body: Bytes,
    /// Completes "could not ...".
    pub doing: &'a str,
}

impl Wire {
    /// Sends once; a success is whole. A refused token is replaced, once: what is not let in is not done.
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<Response, Failure> {
        self.wait_is_over(call.doing)?;
        let token = self.tokens.bearer().await.map_err(Failure::Told)?;
        let mut answer = self.once(call, &token).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.tokens.invalidate(&token).await;
            let token = self.tokens.bearer().await.map_err(Failure::Told)?;
            answer = self.once(call, &token).await?;
        }
        success(answer, self.clock.now()).inspect_err(|no| self.heed(no))
    }

    async fn once(&self, call: &Call<'_>, token: &Secret) -> Result<Response, Failure> {
        let invalid = || {
            let text = format!("{}: the request cannot be built", call.doing);
            Failure::Told(ConnectorError::new(ErrorKind::Misconfigured, text))
        };
        let mut request = Request::new(call.body.clone());
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = call.url.as_str().parse().map_err(|_| invalid())?;
        *request.headers_mut() = call.headers.clone();
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| invalid())?;
        bearer.set_sensitive(true);
        for (name, value) in [
            (ACCEPT, HeaderValue::from_static("application/json")),
            // Nothing is unpacked here: an answer has the size it says.
            (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
            (AUTHORIZATION, bearer),
        ] {
            request.headers_mut().insert(name, value);
        }
        self.calls.note();
        let answer = self.transport.send(request).await;
        answer
            .and_then(|answer| {
                if answer.status().is_success() {
                    whole(answer)
                } else {
                    Ok(answer)
                }
            })
            .map_err(|error| Failure::Silent {
                may_be_done: error.outcome_unknown(),
                error: error.into_connector_error(call.doing),
            })
    }

    /// While one request is told to wait, the others wait, too.
    fn wait_is_over(&self, doing: &str) -> Result<(), Failure> {
        let until = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until.and_then(|until| (until - self.clock.now()).to_std().ok());
        match left.filter(|left| !left.is_zero()) {
            None => Ok(()),
            Some(left) => Err(Failure::Told(
                ConnectorError::new(
                    ErrorKind::Throttled,
                    format!("{doing}: Partner Center asked for a pause"),
                )
                .retry_after(Some(left)),
            )),
        }
    }

    /// Remembers how long we were asked to wait.
    fn heed(&self, no: &Failure) {
        let Failure::Refused(refusal) = no else { return };
        if let Some(wait) = refusal.wait().filter(|_| no.kind() == ErrorKind::Throttled) {
            let until = self.clock.now() + TimeDelta::from_std(wait).unwrap_or(TimeDelta::hours(1));
            let mut quiet = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
            *quiet = (*quiet).max(Some(until));
        }
    }

    /// A new id.
    pub(crate) fn id(&self) -> String {
        let mut bytes = [0; 16];
        self.dice.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }
}
