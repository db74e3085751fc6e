//! The requests, in the words of the Web API; the only file that knows a URL.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::Clock;
use connector_kit::dice::Dice;
use connector_kit::http::{Request, Response, Transport, whole};
use connector_kit::secret::Secret;
use connector_kit::token::TokenSource;
use connector_kit::{CallBook, ConnectorError, ErrorKind};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, IF_NONE_MATCH};
use http::{HeaderMap, Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::config::Bypass;
use crate::error::{Failure, Refusal, success};
use crate::multipart;
use crate::operation::{Key, Operation, Row};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const FOUR: HeaderValue = HeaderValue::from_static("4.0");
/// Advised on every call, against caches; not a condition.
const NO_CACHE: HeaderValue = HeaderValue::from_static("null");

/// One environment.
pub(crate) struct Dataverse {
    /// `https://contoso.crm4.dynamics.com`
    pub origin: String,
    /// `/api/data/v9.2`
    pub base: String,
    /// How our records are named.
    pub key: Key,
    /// What our writes say beyond their columns.
    pub manner: Manner,
    /// The way there.
    pub transport: Arc<dyn Transport>,
    /// Who we are.
    pub tokens: TokenSource,
    /// Tells how long we were asked to wait.
    pub clock: Arc<dyn Clock>,
    /// Makes ids of requests and boundaries.
    pub dice: Dice,
    /// Where requests are noted.
    pub calls: CallBook,
    /// Until then Dataverse wants to hear nothing of this application user, whoever asks.
    pub quiet_until: Mutex<Option<DateTime<Utc>>>,
}

/// What our writes say beyond their columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manner {
    headers: Vec<(HeaderName, HeaderValue)>,
    tag: Option<String>,
}

impl Manner {
    /// Nothing is left out unless the operator asked for it.
    pub(crate) fn new(bypass: &Bypass, tag: Option<&str>) -> Self {
        let mut headers = Vec::new();
        let mut say = |name: &'static str, value: Option<HeaderValue>| {
            headers.extend(value.map(|value| (HeaderName::from_static(name), value)));
        };
        let yes = |wanted: bool| wanted.then(|| HeaderValue::from_static("true"));
        say("mscrm.bypasscustompluginexecution", yes(bypass.plugins));
        say("mscrm.suppresscallbackregistrationexpanderjob", yes(bypass.flows));
        let logic = Some(bypass.business_logic.join(",")).filter(|logic| !logic.is_empty());
        say(
            "mscrm.bypassbusinesslogicexecution",
            logic.and_then(|logic| HeaderValue::try_from(logic).ok()),
        );
        let tag = tag.map(|tag| utf8_percent_encode(tag, NON_ALPHANUMERIC).to_string());
        Self { headers, tag }
    }

    fn dressed(&self, mut operation: Operation) -> Operation {
        operation.headers.extend(self.headers.iter().cloned());
        if let Some(tag) = &self.tag {
            let mark = if operation.path.contains('?') { '&' } else { '?' };
            operation.path.push(mark);
            operation.path.push_str("tag=");
            operation.path.push_str(tag);
        }
        operation
    }
}

/// What became of each part of a batch.
pub(crate) type Parts = Vec<Result<Response, Failure>>;

impl Dataverse {
    /// The host, for what is said to the operator.
    pub(crate) fn host(&self) -> &str {
        self.origin
            .split_once("://")
            .map_or(self.origin.as_str(), |(_, host)| host)
    }

    /// Makes or changes many leads, all or none, and says nothing about any of them.
    pub(crate) async fn upsert_multiple(&self, rows: &[Row], doing: &str) -> Result<(), Failure> {
        let targets: Vec<_> = rows.iter().map(|row| row.target(&self.key)).collect();
        let action = "leads/Microsoft.Dynamics.CRM.UpsertMultiple";
        let operation = Operation::post(action, &json!({ "Targets": targets }));
        self.send(&self.manner.dressed(operation), doing)
            .await
            .map(|_| ())
    }

    /// Makes or changes leads, each for itself.
    pub(crate) async fn patch(&self, rows: &[Row], doing: &str) -> Result<Parts, Failure> {
        let operations: Vec<_> = rows
            .iter()
            .map(|row| self.manner.dressed(row.patch(&self.key)))
            .collect();
        self.send_all(&operations, doing).await
    }

    /// Looks whether records are there and take changes.
    pub(crate) async fn look(&self, rows: &[Row], doing: &str) -> Result<Parts, Failure> {
        let operations: Vec<_> = rows.iter().map(|row| row.look(&self.key)).collect();
        self.send_all(&operations, doing).await
    }

    /// One alone as it is, several as a batch that goes on after an error. An outer error is of the
    /// call as a whole.
    pub(crate) async fn send_all(&self, operations: &[Operation], doing: &str) -> Result<Parts, Failure> {
        match operations {
            [] => Ok(Vec::new()),
            [one] => match self.send(one, doing).await {
                // What is wrong with more than this one request is wrong with the call.
                Err(failure) if is_of_the_call(&failure) => Err(failure),
                outcome => Ok(vec![outcome]),
            },
            many => self.batch(many, doing).await,
        }
    }

    async fn batch(&self, operations: &[Operation], doing: &str) -> Result<Parts, Failure> {
        let id = self.id();
        let body = multipart::write(operations, &self.base, &id);
        let mut headers = HeaderMap::new();
        headers.insert("prefer", HeaderValue::from_static("odata.continue-on-error"));
        if let Ok(kind) = HeaderValue::try_from(multipart::content_type(&id)) {
            headers.insert(CONTENT_TYPE, kind);
        }
        let url = format!("{}{}/$batch", self.origin, self.base);
        let answer = self
            .exchange(&Method::POST, &url, &headers, body.into(), doing)
            .await?;
        let Some(mut parts) = multipart::read(&answer) else {
            success(answer, self.clock.now()).inspect_err(|no| self.heed(no))?;
            return Err(Failure::Told(ConnectorError::new(
                ErrorKind::Broken,
                format!("{doing}: the answer to the batch is not multipart"),
            )));
        };
        parts.truncate(operations.len());
        let now = self.clock.now();
        let answered = parts.len();
        let mut outcomes: Parts = parts.into_iter().map(|part| success(part, now)).collect();
        outcomes
            .iter()
            .filter_map(|part| part.as_ref().err())
            .for_each(|no| self.heed(no));
        outcomes.resize_with(operations.len(), || {
            let text = format!("{doing}: {answered} answers to {} requests", operations.len());
            Err(Failure::Told(ConnectorError::new(ErrorKind::Unreachable, text)))
        });
        Ok(outcomes)
    }

    /// One request; a success is one of Dataverse, with all of its body.
    pub(crate) async fn send(&self, operation: &Operation, doing: &str) -> Result<Response, Failure> {
        let mut headers: HeaderMap = operation.headers.iter().cloned().collect();
        if operation.body.is_some() {
            headers.insert(CONTENT_TYPE, JSON);
        }
        let url = format!("{}{}/{}", self.origin, self.base, operation.path);
        let body = operation.body.clone().unwrap_or_default().into();
        let answer = self
            .exchange(&operation.method, &url, &headers, body, doing)
            .await?;
        success(answer, self.clock.now()).inspect_err(|no| self.heed(no))
    }

    /// Follows a link Dataverse gave, byte for byte. Whoever read it saw to it that it leads to
    /// Dataverse itself ([`crate::position::is_of`]): a token goes along.
    pub(crate) async fn follow(&self, link: &str, prefer: &str, doing: &str) -> Result<Response, Failure> {
        let mut headers = HeaderMap::new();
        if let Ok(prefer) = HeaderValue::from_str(prefer) {
            headers.insert("prefer", prefer);
        }
        let answer = self
            .exchange(&Method::GET, link, &headers, Bytes::new(), doing)
            .await?;
        success(answer, self.clock.now()).inspect_err(|no| self.heed(no))
    }

    /// Sends with a token; a refused one is replaced, once.
    async fn exchange(
        &self,
        method: &Method,
        url: &str,
        headers: &HeaderMap,
        body: Bytes,
        doing: &str,
    ) -> Result<Response, Failure> {
        self.wait_is_over(doing)?;
        let token = self.tokens.bearer().await.map_err(Failure::Told)?;
        let first = self
            .once(method, url, headers, body.clone(), &token, doing)
            .await?;
        if first.status() != StatusCode::UNAUTHORIZED {
            return Ok(first);
        }
        self.tokens.invalidate(&token).await;
        let token = self.tokens.bearer().await.map_err(Failure::Told)?;
        self.once(method, url, headers, body, &token, doing).await
    }

    async fn once(
        &self,
        method: &Method,
        url: &str,
        headers: &HeaderMap,
        body: Bytes,
        token: &Secret,
        doing: &str,
    ) -> Result<Response, Failure> {
        let invalid = || {
            let text = format!("{doing}: the request cannot be built");
            Failure::Told(ConnectorError::new(ErrorKind::Misconfigured, text))
        };
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = url.parse().map_err(|_| invalid())?;
        *request.headers_mut() = headers.clone();
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| invalid())?;
        bearer.set_sensitive(true);
        let id = HeaderValue::try_from(self.id()).map_err(|_| invalid())?;
        for (name, value) in [
            (ACCEPT, HeaderValue::from_static("application/json")),
            (HeaderName::from_static("odata-maxversion"), FOUR),
            (HeaderName::from_static("odata-version"), FOUR),
            (IF_NONE_MATCH, NO_CACHE),
            (HeaderName::from_static("x-ms-client-request-id"), id),
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
            .map_err(|error| Failure::Silent(error.fault, error.into_connector_error(doing)))
    }

    /// Dataverse counts by user: while one request is told to wait, the others wait, too.
    fn wait_is_over(&self, doing: &str) -> Result<(), Failure> {
        let until = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until.and_then(|until| (until - self.clock.now()).to_std().ok());
        match left.filter(|left| !left.is_zero()) {
            None => Ok(()),
            Some(left) => Err(Failure::Told(
                ConnectorError::new(
                    ErrorKind::Throttled,
                    format!("{doing}: Dataverse asked for a pause"),
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

    fn id(&self) -> String {
        let mut bytes = [0; 16];
        self.dice.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }
}

/// Whether a single request failed for a reason its neighbours would have shared.
pub(crate) fn is_of_the_call(failure: &Failure) -> bool {
    match failure {
        Failure::Silent(..) | Failure::Told(_) => true,
        Failure::Refused(Refusal { status, .. }) => {
            matches!(status, 401 | 403 | 408 | 429 | 502..=504)
        }
    }
}
