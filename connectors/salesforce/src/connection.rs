//! One request and its answer: the token, one new token when it is refused, and the day's count.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use connector_kit::clock::Clock;
use connector_kit::http::{Clean, Request, Response, Transport, TransportError, whole};
use connector_kit::readiness::{Check, Way};
use connector_kit::{CallBook, ConnectorError, ErrorKind, Quota};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use url::Url;

use crate::config::ApiVersion;
use crate::error::{Fault, refusal};
use crate::login::{Login, Pass};

const CALL_OPTIONS: HeaderName = HeaderName::from_static("sforce-call-options");
const LIMIT_INFO: HeaderName = HeaderName::from_static("sforce-limit-info");

/// The way to an organisation.
pub(crate) struct Connection {
    /// Tokens.
    pub login: Login,
    /// What we count.
    pub calls: CallBook,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    version: ApiVersion,
}

/// An answer that is no refusal.
pub(crate) struct Answer {
    /// All of the body.
    pub body: Bytes,
    /// The moment it was made, by their clock.
    pub at: Option<DateTime<Utc>>,
}

/// A request that was not answered as wished.
#[derive(Debug)]
pub(crate) struct Failure {
    /// For the daemon.
    pub error: Box<ConnectorError>,
    /// Salesforce's own words, where there are any.
    pub faults: Vec<Fault>,
}

impl Failure {
    /// Whether this is the code Salesforce gave.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.faults.first().is_some_and(|fault| fault.code == code)
    }

    /// There is no such record, or no longer.
    pub(crate) fn is_not_found(&self) -> bool {
        self.is("NOT_FOUND") || self.is("ENTITY_IS_DELETED")
    }

    /// The record is at fault, or what is to become of it, and not the request.
    pub(crate) fn is_about_the_record(&self) -> bool {
        !self.faults.is_empty()
            && (matches!(self.error.kind(), ErrorKind::Rejected | ErrorKind::Conflict)
                || self.faults[0].is_about_schema())
    }
}

impl From<ConnectorError> for Failure {
    fn from(error: ConnectorError) -> Self {
        Self {
            error: Box::new(error),
            faults: Vec::new(),
        }
    }
}

impl From<Failure> for ConnectorError {
    fn from(failure: Failure) -> Self {
        *failure.error
    }
}

impl Connection {
    pub(crate) fn new(
        login: Login,
        transport: Arc<dyn Transport>,
        context: &connector_kit::ConnectorContext,
        version: ApiVersion,
    ) -> Self {
        Self {
            login,
            calls: context.calls.clone(),
            transport,
            clock: Arc::clone(&context.clock),
            version,
        }
    }

    pub(crate) fn version(&self) -> &str {
        self.version.number()
    }

    /// Looks at the way there, by a request that needs no token.
    pub(crate) async fn look(&self) -> Vec<Check> {
        let mut url = self.login.instance.clone();
        url.set_path(crate::api::VERSIONS);
        let way = Way::new(self.transport.as_ref(), self.clock.as_ref());
        let way = if self.login.signs {
            way.for_assertions()
        } else {
            way
        };
        way.look(&url).await
    }

    /// Asks without a token; such requests are not counted.
    pub(crate) async fn knock(&self, path: &str) -> Result<Answer, Failure> {
        let mut request = Request::default();
        *request.uri_mut() = uri(&self.login.instance, path)?;
        let doing = "reach the organisation";
        let response = self.exchange(request, doing).await?;
        self.judged(response, doing)
    }

    /// Sends JSON, or an empty body, below the version's path.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        headers: &[(HeaderName, HeaderValue)],
        doing: &str,
    ) -> Result<Answer, Failure> {
        let has_body = !body.is_empty();
        let mut request = Request::new(body);
        *request.method_mut() = method;
        if has_body {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
        }
        request.headers_mut().extend(headers.iter().cloned());
        self.call(path, &request, doing).await
    }

    /// Sends something else than JSON.
    pub(crate) async fn put(
        &self,
        path: &str,
        body: Bytes,
        content_type: &'static str,
        doing: &str,
    ) -> Result<Answer, Failure> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::PUT;
        request
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.call(path, &request, doing).await
    }

    /// Sends the request, and once more with a new token when the first one is refused: then nothing
    /// was done, so that even a create may be repeated.
    async fn call(&self, path: &str, request: &Request, doing: &str) -> Result<Answer, Failure> {
        let pass = self.login.pass().await?;
        let response = self.attempt(path, request, &pass, doing).await?;
        if !is_stale(&response) {
            return self.judged(response, doing);
        }
        self.login.tokens.invalidate(&pass.bearer).await;
        let pass = self.login.pass().await?;
        let response = self.attempt(path, request, &pass, doing).await?;
        self.judged(response, doing)
    }

    async fn attempt(
        &self,
        path: &str,
        request: &Request,
        pass: &Pass,
        doing: &str,
    ) -> Result<Response, Failure> {
        let mut request = request.clone();
        let path = format!("/services/data/v{}{path}", self.version.number());
        *request.uri_mut() = uri(&pass.base, &path)?;
        let bearer = HeaderValue::try_from(format!("Bearer {}", pass.bearer.expose()));
        let mut bearer = bearer.map_err(|_| {
            ConnectorError::new(ErrorKind::Broken, format!("{doing}: the token is no header"))
        })?;
        bearer.set_sensitive(true);
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(CALL_OPTIONS, HeaderValue::from_static("client=leadsync"));
        self.calls.note();
        let response = self.exchange(request, doing).await?;
        if let Some((used, granted)) = usage(response.headers()) {
            self.calls.tell(Quota {
                granted,
                left: granted.saturating_sub(used),
                told_at: self.clock.now(),
            });
        }
        Ok(response)
    }

    async fn exchange(&self, mut request: Request, doing: &str) -> Result<Response, Failure> {
        request.headers_mut().insert(
            ACCEPT,
            HeaderValue::from_static("application/json, text/csv;q=0.9"),
        );
        self.transport
            .send(request)
            .await
            .map_err(|error| silent(error, doing))
    }

    /// What was done is done; but only an answer that came to its end tells what.
    fn judged(&self, response: Response, doing: &str) -> Result<Answer, Failure> {
        if response.status().is_success() {
            let response = whole(response).map_err(|error| silent(error, doing))?;
            return Ok(Answer {
                at: date(response.headers()),
                body: response.into_body(),
            });
        }
        let faults = match response.status().as_u16() {
            300 => vec![several(response.body())],
            _ => Fault::all(response.body()),
        };
        Err(Failure {
            error: Box::new(refusal(&response, &faults, doing, self.clock.now())),
            faults,
        })
    }
}

/// Whether a new token would help.
fn is_stale(response: &Response) -> bool {
    if response.status() != http::StatusCode::UNAUTHORIZED {
        return false;
    }
    let faults = Fault::all(response.body());
    let useless = |fault: &Fault| {
        fault.code == "INVALID_OPERATION_WITH_EXPIRED_PASSWORD"
            || fault.message.contains("not valid for use with the REST API")
            || fault.message.contains("not attached to Agent")
    };
    !faults.iter().any(useless)
}

/// Several records have the key: the body names them (contract salesforce 0.7).
fn several(body: &[u8]) -> Fault {
    let records: Vec<String> = serde_json::from_slice(body).unwrap_or_default();
    let ids: Vec<&str> = records.iter().filter_map(|url| url.rsplit('/').next()).collect();
    Fault {
        code: "MULTIPLE_CHOICES".to_owned(),
        message: format!("the key matches {}", Clean(ids.join(", "))),
        ..Fault::default()
    }
}

fn silent(error: TransportError, doing: &str) -> Failure {
    Failure {
        error: Box::new(error.into_connector_error(doing)),
        faults: Vec::new(),
    }
}

fn uri(base: &Url, path: &str) -> Result<Uri, ConnectorError> {
    let text = format!("{}{path}", base.as_str().trim_end_matches('/'));
    Uri::try_from(text)
        .map_err(|_| ConnectorError::new(ErrorKind::Broken, "build a request: this URL cannot be requested"))
}

fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let text = headers.get(DATE)?.to_str().ok()?;
    let moment: SystemTime = httpdate::parse_http_date(text).ok()?;
    Some(moment.into())
}

/// `api-usage=10018/100000; api-bursts=1/750`: used and granted; parts we do not know are passed over.
fn usage(headers: &HeaderMap) -> Option<(u64, u64)> {
    let text = headers.get(LIMIT_INFO)?.to_str().ok()?;
    let usage = text
        .split(';')
        .find_map(|part| part.trim().strip_prefix("api-usage="))?;
    let (used, granted) = usage.split_once('/')?;
    Some((used.trim().parse().ok()?, granted.trim().parse().ok()?))
}

#[cfg(test)]
mod tests;
