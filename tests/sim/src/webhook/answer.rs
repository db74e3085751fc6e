//! What the receiver answers, well or badly.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper::body::Frame;
use serde_json::Value;
use tokio::time::Interval;

use crate::serve::HangUp;

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) applies: bool,
    status: StatusCode,
    headers: HeaderMap,
    head: Bytes,
    then: Then,
}

/// What follows the first bytes of the body.
#[derive(Clone, Copy, Debug)]
enum Then {
    End,
    /// Instead of any answer.
    HangUp,
    /// Instead of any answer, for ever.
    Silence,
    Cut,
    Stall,
    /// So many bytes more.
    Flood(u64),
    /// A byte at a time, for ever.
    Drip(Duration),
}

impl Answer {
    /// An empty answer. A 2xx keeps the leads, anything else does not.
    pub fn status(code: u16) -> Self {
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::IM_A_TEAPOT);
        Self {
            applies: status.is_success(),
            status,
            headers: HeaderMap::new(),
            head: Bytes::new(),
            then: Then::End,
        }
    }

    /// 200 with this body.
    pub fn taken(body: &Value) -> Self {
        Self::status(200).body(body.to_string())
    }

    /// The connection closes before any answer.
    pub fn hang_up() -> Self {
        Self::status(500).then(Then::HangUp)
    }

    /// The request is read and never answered.
    pub fn silence() -> Self {
        Self::status(500).then(Then::Silence)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(HeaderName::from_static(name), value);
        }
        self
    }

    /// Sets the body, or its beginning.
    #[must_use]
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.head = Bytes::from(body.into());
        self
    }

    /// The leads are kept, whatever the answer says.
    #[must_use]
    pub fn but_applied(mut self) -> Self {
        self.applies = true;
        self
    }

    /// The connection breaks after the beginning of the body.
    #[must_use]
    pub fn cut(self) -> Self {
        self.then(Then::Cut)
    }

    /// Nothing follows the beginning of the body, and no end either.
    #[must_use]
    pub fn stall(self) -> Self {
        self.then(Then::Stall)
    }

    /// So many bytes follow.
    #[must_use]
    pub fn flood(self, bytes: u64) -> Self {
        self.then(Then::Flood(bytes))
    }

    /// A byte follows at every interval, without end.
    #[must_use]
    pub fn drip(self, every: Duration) -> Self {
        self.then(Then::Drip(every))
    }

    fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }

    pub(super) fn into_response(self) -> Response {
        let body = match self.then {
            Then::End => Body::from(self.head),
            _ => Body::new(Bad {
                head: Some(self.head).filter(|head| !head.is_empty()),
                then: self.then,
                ticks: None,
                flushed: false,
            }),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        match self.then {
            Then::HangUp => {
                response.extensions_mut().insert(HangUp);
            }
            Then::Silence => {
                response.extensions_mut().insert(Silent);
            }
            _ => {}
        }
        response
    }
}

/// Marks a response that must never be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silent;

pub(super) fn plain(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

/// A body that does not end as it should.
struct Bad {
    head: Option<Bytes>,
    then: Then,
    ticks: Option<Interval>,
    flushed: bool,
}

impl hyper::body::Body for Bad {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        const CHUNK: Bytes = Bytes::from_static(&[b'x'; 16 * 1024]);
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        if !self.flushed {
            // One turn without data, so that the server sends what it has before the fault.
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.then {
            Then::End | Then::HangUp | Then::Flood(0) => Poll::Ready(None),
            Then::Cut => Poll::Ready(Some(Err(io::Error::other("cut")))),
            Then::Stall | Then::Silence => Poll::Pending,
            Then::Flood(left) => {
                let size = left.min(CHUNK.len() as u64);
                self.then = Then::Flood(left - size);
                let size = usize::try_from(size).unwrap_or(CHUNK.len());
                Poll::Ready(Some(Ok(Frame::data(CHUNK.slice(..size)))))
            }
            Then::Drip(every) => {
                let ticks = self.ticks.get_or_insert_with(|| tokio::time::interval(every));
                ticks
                    .poll_tick(context)
                    .map(|_| Some(Ok(Frame::data(Bytes::from_static(b"x")))))
            }
        }
    }
}

/// What to answer next.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) next: VecDeque<Answer>,
    pub(super) always: Option<Answer>,
    pub(super) poison: Vec<String>,
}

impl Script {
    pub(super) fn take(&mut self, body: &[u8]) -> Option<Answer> {
        let scripted = self.next.pop_front().or_else(|| self.always.clone());
        let body = String::from_utf8_lossy(body);
        let poisoned = || self.poison.iter().any(|text| body.contains(text.as_str()));
        scripted.or_else(|| poisoned().then(|| Answer::status(400).body("{\"error\":\"bad record\"}")))
    }
}

/// Waits for ever when the answer is silence.
pub(super) async fn send(response: Response) -> Response {
    if response.extensions().get::<Silent>().is_some() {
        std::future::pending::<()>().await;
    }
    response
}
