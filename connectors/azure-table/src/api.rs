//! The requests, in the words of the Table service; the only file that knows a URL.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use connector_kit::clock::Clock;
use connector_kit::dice::Dice;
use connector_kit::http::{Fault, Request, Response, Transport, TransportError, whole};
use connector_kit::secret::Secret;
use connector_kit::{CallBook, ConnectorError, ErrorKind};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_MATCH};
use http::{HeaderMap, Method, StatusCode};
use percent_encoding::utf8_percent_encode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::access::Access;
use crate::batch::{self, Verdict};
use crate::connection::{Endpoint, Service};
use crate::entity::{Entity, LITERAL};
use crate::error::Refusal;
use crate::sign::{self, DATE};

const NO_METADATA: &str = "application/json;odata=nometadata";
const MINIMAL_METADATA: &str = "application/json;odata=minimalmetadata";
const JSON: &str = "application/json";

/// One table of one account.
pub(crate) struct Table {
    /// Where the account is.
    pub endpoint: Endpoint,
    /// The table's name, checked.
    pub name: String,
    /// What opens it.
    pub access: Access,
    /// The way there.
    pub transport: Arc<dyn Transport>,
    /// Tells the time that is signed.
    pub clock: Arc<dyn Clock>,
    /// Where each request is noted.
    pub calls: CallBook,
    /// Makes ids of requests and boundaries.
    pub dice: Dice,
    /// Which of the account's keys opened last.
    pub key_in_use: AtomicUsize,
}

/// Why a call did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is no answer of the service.
    Silent(Fault, ConnectorError),
    /// The service said no.
    Refused(Refusal),
    /// Already told as the kit tells it.
    Told(ConnectorError),
}

impl Failure {
    /// Whether the service used this word.
    pub(crate) fn is(&self, code: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is(code))
    }

    /// Tells who has to change; `doing` completes "could not ...".
    pub(crate) fn into_error(self, doing: &str) -> ConnectorError {
        match self {
            Self::Silent(_, error) | Self::Told(error) => error,
            Self::Refused(refusal) => refusal.into_error(doing),
        }
    }
}

/// Where the next page begins; opaque, and meant only for the query that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Continuation {
    partition: String,
    row: Option<String>,
}

/// One page of a query.
pub(crate) struct Page {
    /// The rows, byte for byte.
    pub rows: Vec<Box<RawValue>>,
    /// Present until the last page, even where a page is empty.
    pub next: Option<Continuation>,
    /// The service's clock.
    pub at: Option<chrono::DateTime<chrono::Utc>>,
}

#[derive(Deserialize)]
struct Rows {
    value: Vec<Box<RawValue>>,
}

/// A request before it is signed.
struct Draft {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Draft {
    fn new(method: Method, path: impl Into<String>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(NO_METADATA));
        headers.insert("dataserviceversion", HeaderValue::from_static("3.0"));
        Self {
            method,
            path: path.into(),
            query: String::new(),
            headers,
            body: Bytes::new(),
        }
    }

    fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    fn json(mut self, body: String) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        self.body = Bytes::from(body);
        self
    }
}

impl Table {
    /// Which service it is.
    pub(crate) fn service(&self) -> Service {
        self.endpoint.service()
    }

    /// Makes the table; that it is there already is as good.
    pub(crate) async fn create(&self) -> Result<(), Failure> {
        let draft = Draft::new(Method::POST, "Tables")
            .header("prefer", "return-no-content")
            .json(serde_json::json!({ "TableName": self.name }).to_string());
        let answer = self.send(draft, "create").await?;
        match answer.status() {
            StatusCode::CREATED | StatusCode::NO_CONTENT => Ok(()),
            _ => match self.refused(&answer) {
                Failure::Refused(refusal) if refusal.is("TableAlreadyExists") => Ok(()),
                failure => Err(failure),
            },
        }
    }

    /// Inserts the row, or merges into the one that is there. Repeating it is harmless.
    pub(crate) async fn merge(&self, entity: &Entity) -> Result<(), Failure> {
        let address = entity.address(&self.name);
        let draft = match self.service() {
            Service::Storage => Draft::new(Method::PATCH, address),
            Service::Cosmos => Draft::new(Method::POST, address).header("x-http-method", "MERGE"),
        };
        let answer = self.send(draft.json(entity.body()), "write to").await?;
        match answer.status() {
            StatusCode::NO_CONTENT => Ok(()),
            _ => Err(self.refused(&answer)),
        }
    }

    /// Merges many rows of one partition, all or none.
    pub(crate) async fn merge_all(&self, parts: &[String]) -> Result<(), Failure> {
        let id = self.id();
        let mut draft = Draft::new(Method::POST, "$batch");
        draft.body = Bytes::from(batch::body(parts, &id));
        if let Ok(kind) = HeaderValue::from_str(&batch::content_type(&id)) {
            draft.headers.insert(CONTENT_TYPE, kind);
        }
        let answer = self.send(draft, "write to").await?;
        if answer.status() != StatusCode::ACCEPTED {
            return Err(self.refused(&answer));
        }
        let kind = answer
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        match batch::verdict(kind, answer.body(), parts.len(), self.clock.now()) {
            Verdict::Done => Ok(()),
            Verdict::Refused(refusal) => Err(Failure::Refused(refusal)),
            Verdict::Unclear(what) => Err(Failure::Told(ConnectorError::new(
                ErrorKind::Broken,
                format!("{}: {what}", self.doing("write to")),
            ))),
        }
    }

    /// One row, with the tag of its state.
    pub(crate) async fn read_row(&self, entity: &Entity) -> Result<Value, Failure> {
        let mut draft = Draft::new(Method::GET, entity.address(&self.name));
        draft
            .headers
            .insert(ACCEPT, HeaderValue::from_static(MINIMAL_METADATA));
        let answer = self.send(draft, "read").await?;
        if answer.status() != StatusCode::OK {
            return Err(self.refused(&answer));
        }
        let answer = whole(answer).map_err(|error| self.silent(error, "read"))?;
        serde_json::from_slice(answer.body()).map_err(|_| self.not_the_service("read"))
    }

    /// Deletes a row that still is as it was seen.
    pub(crate) async fn delete(&self, entity: &Entity, tag: &str) -> Result<(), Failure> {
        let mut draft = Draft::new(Method::DELETE, entity.address(&self.name));
        if let Ok(tag) = HeaderValue::from_str(tag) {
            draft.headers.insert(IF_MATCH, tag);
        }
        let answer = self.send(draft, "delete from").await?;
        match answer.status() {
            StatusCode::NO_CONTENT => Ok(()),
            _ => Err(self.refused(&answer)),
        }
    }

    /// One page of the rows that match, or of all.
    pub(crate) async fn query(
        &self,
        filter: Option<&str>,
        top: usize,
        from: Option<&Continuation>,
    ) -> Result<Page, Failure> {
        let mut draft = Draft::new(Method::GET, format!("{}()", self.name));
        draft
            .headers
            .insert(ACCEPT, HeaderValue::from_static(MINIMAL_METADATA));
        draft.query = format!("$top={top}");
        let row = from.and_then(|from| from.row.as_deref());
        for (name, value) in [
            ("$filter", filter),
            ("NextPartitionKey", from.map(|from| from.partition.as_str())),
            ("NextRowKey", row),
        ] {
            if let Some(value) = value {
                for text in ["&", name, "="] {
                    draft.query.push_str(text);
                }
                draft.query.extend(utf8_percent_encode(value, LITERAL));
            }
        }
        let answer = self.send(draft, "query").await?;
        if answer.status() != StatusCode::OK {
            return Err(self.refused(&answer));
        }
        let answer = whole(answer).map_err(|error| self.silent(error, "query"))?;
        let Ok(rows) = serde_json::from_slice::<Rows>(answer.body()) else {
            return Err(self.not_the_service("query"));
        };
        Ok(Page {
            rows: rows.value,
            next: continuation(answer.headers()),
            at: server_time(answer.headers()),
        })
    }

    /// Signs and sends; another key of the account is tried when the signature is refused, a fresh
    /// token when the token is.
    async fn send(&self, draft: Draft, verb: &str) -> Result<Response, Failure> {
        let first = self.key_in_use.load(Ordering::Relaxed);
        let (mut answer, used) = self.send_with(&draft, verb, first).await?;
        if !matches!(answer.status().as_u16(), 401 | 403) || !self.read(&answer).doubts_the_key() {
            return Ok(answer);
        }
        for other in self.access.others(first, used.as_ref()).await {
            let (second, _) = self.send_with(&draft, verb, other).await?;
            if !self.read(&second).doubts_the_key() {
                self.key_in_use.store(other, Ordering::Relaxed);
                return Ok(second);
            }
            answer = second;
        }
        Ok(answer)
    }

    /// The answer, and the header that was sent to get it.
    async fn send_with(
        &self,
        draft: &Draft,
        verb: &str,
        key: usize,
    ) -> Result<(Response, Option<Secret>), Failure> {
        let (request, used) = self.request(draft, key, &self.doing(verb)).await?;
        self.calls.note();
        let answer = self
            .transport
            .send(request)
            .await
            .map_err(|error| self.silent(error, verb))?;
        Ok((answer, used))
    }

    async fn request(
        &self,
        draft: &Draft,
        key: usize,
        doing: &str,
    ) -> Result<(Request, Option<Secret>), Failure> {
        let mut url = format!("{}/{}", self.endpoint.base(), draft.path);
        for (query, mark) in [
            (draft.query.as_str(), '?'),
            (
                self.access.sas_query(),
                if draft.query.is_empty() { '?' } else { '&' },
            ),
        ] {
            if !query.is_empty() {
                url.push(mark);
                url.push_str(query);
            }
        }
        let invalid = || {
            Failure::Told(ConnectorError::new(
                ErrorKind::Misconfigured,
                format!("{doing}: the request cannot be built"),
            ))
        };
        let mut request = Request::new(draft.body.clone());
        *request.method_mut() = draft.method.clone();
        *request.uri_mut() = url.parse().map_err(|_| invalid())?;
        *request.headers_mut() = draft.headers.clone();
        let date = sign::date(self.clock.now());
        for (name, value) in [
            (DATE, date.as_str()),
            ("x-ms-version", self.access.version()),
            ("x-ms-client-request-id", &self.id()),
        ] {
            request
                .headers_mut()
                .insert(name, HeaderValue::from_str(value).map_err(|_| invalid())?);
        }
        let (mut parts, body) = request.into_parts();
        let used = self
            .access
            .authorization(&parts, key)
            .await
            .map_err(Failure::Told)?;
        if let Some(value) = &used {
            let mut value = HeaderValue::from_str(value.expose()).map_err(|_| invalid())?;
            value.set_sensitive(true);
            parts.headers.insert(AUTHORIZATION, value);
        }
        Ok((Request::from_parts(parts, body), used))
    }

    /// Completes "could not ..." for any call on this table.
    pub(crate) fn doing(&self, verb: &str) -> String {
        format!("{verb} table {}", self.name)
    }

    fn silent(&self, error: TransportError, verb: &str) -> Failure {
        Failure::Silent(error.fault, error.into_connector_error(&self.doing(verb)))
    }

    fn read(&self, answer: &Response) -> Refusal {
        Refusal::read(answer.status(), answer.headers(), answer.body(), self.clock.now())
    }

    fn refused(&self, answer: &Response) -> Failure {
        if answer.status().is_success() {
            return self.not_the_service("reach");
        }
        Failure::Refused(self.read(answer))
    }

    /// A success the service does not have: a login page, a proxy's own words.
    fn not_the_service(&self, verb: &str) -> Failure {
        let text = format!(
            "{}: what answered at {} is not the Table service",
            self.doing(verb),
            self.endpoint.host()
        );
        Failure::Told(
            ConnectorError::new(ErrorKind::Unreachable, text)
                .hint("see what stands between this machine and the service: a proxy or a login page"),
        )
    }

    fn id(&self) -> String {
        let mut bytes = [0; 16];
        self.dice.fill(&mut bytes);
        format!("{:032x}", u128::from_be_bytes(bytes))
    }
}

/// An empty or missing row key is left out of the next request.
fn continuation(headers: &HeaderMap) -> Option<Continuation> {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .filter(|text| !text.is_empty())
    };
    let (partition, row) = (
        header("x-ms-continuation-nextpartitionkey"),
        header("x-ms-continuation-nextrowkey"),
    );
    if partition.is_none() && row.is_none() {
        return None;
    }
    Some(Continuation {
        partition: partition.unwrap_or_default().to_owned(),
        row: row.map(str::to_owned),
    })
}

fn server_time(headers: &HeaderMap) -> Option<chrono::DateTime<chrono::Utc>> {
    let date = headers.get("date")?.to_str().ok()?;
    chrono::DateTime::parse_from_rfc2822(date)
        .ok()
        .map(|at| at.to_utc())
}
