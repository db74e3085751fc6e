//! A strict Table service in memory: it checks signatures and every limit, and fails as told.
//!
//! It shares no types with the connector it tests; what it knows comes from contract azure-table.

mod answer;
mod batch;
mod limits;
mod query;
mod signature;
mod store;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::{Map, Value};

use answer::{Refusal, Reply};
use store::Store;

/// How an error is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `{"odata.error":{..}}`
    Json,
    /// `<Error><Code>..`
    Xml,
    /// A page for people, without a code.
    Html,
    /// Nothing at all.
    Empty,
}

/// Something that goes wrong with the next call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Refused before anything was done.
    Refuse {
        /// The status.
        status: u16,
        /// The service's word.
        code: &'static str,
        /// `Retry-After`, if any.
        retry_after: Option<&'static str>,
        /// How the error is written.
        shape: Shape,
    },
    /// Applied; then the connection breaks.
    ApplyThenDrop,
    /// Nothing applied; the connection breaks.
    Drop,
    /// A batch is applied, but one of its answers is missing.
    ApplyThenShorten,
    /// 200 with a page that wants a password.
    LoginPage,
    /// A query gets no rows, and a continuation to where it stood.
    EmptyPage,
    /// The token a query came with is offered again.
    RepeatToken,
    /// The token a query came with is not known any more.
    ExpireToken,
}

impl Fault {
    /// `503 ServerBusy`
    pub fn busy(retry_after: Option<&'static str>) -> Self {
        Self::Refuse {
            status: 503,
            code: "ServerBusy",
            retry_after,
            shape: Shape::Json,
        }
    }
}

/// The service, shared with the test that scripts it.
#[derive(Clone)]
pub struct AzureTable(Arc<Mutex<State>>);

struct State {
    account: String,
    keys: Vec<Vec<u8>>,
    now: DateTime<Utc>,
    store: Store,
    faults: VecDeque<Fault>,
    calls: Vec<String>,
    page_rows: usize,
    cut_at_partitions: bool,
}

/// The page limit the service has by itself.
const PAGE_ROWS: usize = 1000;

impl AzureTable {
    /// An account with one key (base64), and no tables.
    ///
    /// # Panics
    /// When the key is not base64.
    pub fn new(account: &str, key: &str, now: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(State {
            account: account.to_owned(),
            keys: vec![signature::key(key)],
            now,
            store: Store::default(),
            faults: VecDeque::new(),
            calls: Vec::new(),
            page_rows: PAGE_ROWS,
            cut_at_partitions: false,
        })))
    }

    /// The service as something that can be called or served.
    pub fn router(&self) -> Router {
        let service = self.clone();
        Router::new().fallback(move |request: Request| {
            let service = service.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
                service.answer(&parts, &body)
            }
        })
    }

    /// Turns the service's clock.
    pub fn advance(&self, step: TimeDelta) {
        self.lock().now += step;
    }

    /// The service's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.lock().now
    }

    /// Replaces the account's keys.
    ///
    /// # Panics
    /// When a key is not base64.
    pub fn set_keys(&self, keys: &[&str]) {
        self.lock().keys = keys.iter().map(|key| signature::key(key)).collect();
    }

    /// The next calls go wrong like this, in this order.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().faults.extend(faults);
    }

    /// Refuses this row whenever it is written, as the service refuses a bad record.
    pub fn refuse_row(&self, row_key: &str, status: u16, code: &'static str) {
        self.lock()
            .store
            .refused
            .insert(row_key.to_owned(), (status, code));
    }

    /// Pages have at most so many rows; with `cut_at_partitions` they end with a partition as well.
    pub fn page(&self, rows: usize, cut_at_partitions: bool) {
        let mut state = self.lock();
        state.page_rows = rows;
        state.cut_at_partitions = cut_at_partitions;
    }

    /// Makes a table.
    pub fn create_table(&self, table: &str) {
        self.lock().store.create(table);
    }

    /// Deletes a table; its name is taken for `busy` longer.
    pub fn delete_table(&self, table: &str, busy: TimeDelta) {
        let mut state = self.lock();
        let until = state.now + busy;
        state.store.delete(table, until);
    }

    /// Puts a row there as Microsoft would, with a timestamp of the test's choosing.
    pub fn put(
        &self,
        table: &str,
        partition: &str,
        row: &str,
        columns: Map<String, Value>,
        at: DateTime<Utc>,
    ) {
        self.lock().store.put(table, partition, row, columns, at);
    }

    /// Takes a row away.
    pub fn remove(&self, table: &str, partition: &str, row: &str) {
        self.lock().store.remove(table, partition, row);
    }

    /// The rows of a table as partition, row and columns, in order of their keys.
    pub fn rows(&self, table: &str) -> Vec<(String, String, Map<String, Value>)> {
        self.lock().store.rows(table)
    }

    /// What was called so far, as `POST $batch`.
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    /// Forgets what was called.
    pub fn forget_calls(&self) {
        self.lock().calls.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, parts: &Parts, body: &Bytes) -> Response {
        let mut state = self.lock();
        let name = parts
            .uri
            .path()
            .trim_start_matches('/')
            .split('(')
            .next()
            .unwrap_or_default()
            .to_owned();
        state.calls.push(format!("{} {name}", parts.method));
        let fault = state.faults.pop_front();
        let now = state.now;
        state
            .reply(parts, body, fault.as_ref())
            .map_or_else(|refusal| refusal.response(now), |reply| reply.response(now))
    }
}

impl State {
    fn reply(&mut self, parts: &Parts, body: &Bytes, fault: Option<&Fault>) -> Result<Reply, Refusal> {
        match fault {
            Some(Fault::Refuse {
                status,
                code,
                retry_after,
                shape,
            }) => {
                return Err(Refusal {
                    retry_after: *retry_after,
                    shape: *shape,
                    ..Refusal::new(*status, code)
                });
            }
            Some(Fault::Drop) => return Ok(Reply::broken()),
            Some(Fault::LoginPage) => return Ok(Reply::login_page()),
            _ => {}
        }
        signature::check(parts, &self.account, &self.keys, self.now)?;
        limits::headers(parts, !body.is_empty())?;
        let path = parts.uri.path();
        let reply = match (&parts.method, path.trim_start_matches('/')) {
            (&Method::POST, "$batch") => batch::run(&mut self.store, parts, body, self.now)?,
            (&Method::POST, "Tables") => self.create(body)?,
            (&Method::GET, query) if query.ends_with("()") => self.query(parts, fault)?,
            (&Method::GET, address) if address.contains('(') => query::one(&self.store, address)?,
            (method, address) if store::is_merge(method, &parts.headers) => {
                self.store.merge(address, &parts.headers, body, self.now)?;
                Reply::empty(StatusCode::NO_CONTENT)
            }
            (&Method::DELETE, address) => {
                self.store.delete_row(address, &parts.headers)?;
                Reply::empty(StatusCode::NO_CONTENT)
            }
            _ => return Err(Refusal::new(405, "MethodNotAllowed")),
        };
        Ok(match fault {
            Some(Fault::ApplyThenDrop) => Reply::broken(),
            Some(Fault::ApplyThenShorten) => reply.shortened(),
            _ => reply,
        })
    }

    fn create(&mut self, body: &Bytes) -> Result<Reply, Refusal> {
        let object: Value = serde_json::from_slice(body).map_err(|_| Refusal::new(400, "InvalidInput"))?;
        let table = object["TableName"]
            .as_str()
            .ok_or(Refusal::new(400, "PropertiesNeedValue"))?;
        limits::table(table)?;
        if self.store.is_busy(table, self.now) {
            return Err(Refusal::new(409, "TableBeingDeleted"));
        }
        if !self.store.create(table) {
            return Err(Refusal::new(409, "TableAlreadyExists"));
        }
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }

    fn query(&mut self, parts: &Parts, fault: Option<&Fault>) -> Result<Reply, Refusal> {
        let table = parts.uri.path().trim_start_matches('/').trim_end_matches("()");
        let rows = self.store.table(table)?;
        let asked = query::Asked::read(parts.uri.query().unwrap_or_default())?;
        let page = match fault {
            Some(Fault::ExpireToken) if asked.from.is_some() => {
                return Err(Refusal::new(400, "InvalidInput"));
            }
            Some(Fault::RepeatToken) if asked.from.is_some() => asked.repeated(),
            Some(Fault::EmptyPage) => asked.nothing_yet(rows),
            _ => asked.page(rows, self.page_rows, self.cut_at_partitions),
        };
        Ok(page)
    }
}
