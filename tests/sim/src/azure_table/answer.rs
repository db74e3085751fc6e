//! How the service writes what it has to say.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame};

use super::Shape;

/// Every answer names a request.
const REQUEST_ID: &str = "8754f1c4-6002-0041-5a8b-3b1f0e000000";

/// A no.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) index: Option<usize>,
    pub(super) retry_after: Option<&'static str>,
    pub(super) shape: Shape,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str) -> Self {
        Self {
            status,
            code,
            index: None,
            retry_after: None,
            shape: Shape::Json,
        }
    }

    /// The same, said of one operation of a batch.
    pub(super) fn at(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(super) fn json(&self) -> String {
        let index = self.index.map(|index| format!("{index}:")).unwrap_or_default();
        let message = format!(
            "{index}The service says {}.\nRequestId:{REQUEST_ID}\nTime:2026-11-20T12:00:00.0Z",
            self.code
        );
        serde_json::json!({"odata.error": {"code": self.code, "message": {"lang": "en-US", "value": message}}}).to_string()
    }

    pub(super) fn response(&self, now: DateTime<Utc>) -> Response {
        let code = self.code;
        let (kind, body) = match self.shape {
            Shape::Json => (
                "application/json;odata=nometadata;streaming=true;charset=utf-8",
                self.json(),
            ),
            Shape::Xml => (
                "application/xml",
                format!(
                    "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>No.\nRequestId:{REQUEST_ID}</Message></Error>"
                ),
            ),
            Shape::Html => (
                "text/html",
                "<!DOCTYPE HTML><html><body><h2>Service Unavailable</h2></body></html>".to_owned(),
            ),
            Shape::Empty => ("text/plain", String::new()),
        };
        let mut reply = Reply {
            status: self.status(),
            headers: vec![("content-type", kind.to_owned())],
            body: Some(body),
        };
        if let Some(wait) = self.retry_after {
            reply.headers.push(("retry-after", wait.to_owned()));
        }
        if matches!(self.shape, Shape::Json) {
            reply.headers.push(("x-ms-error-code", code.to_owned()));
        }
        reply.response(now)
    }
}

/// A yes.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(&'static str, String)>,
    /// None breaks the connection.
    pub(super) body: Option<String>,
}

impl Reply {
    pub(super) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Some(String::new()),
        }
    }

    pub(super) fn broken() -> Self {
        Self {
            status: StatusCode::OK,
            headers: Vec::new(),
            body: None,
        }
    }

    pub(super) fn login_page() -> Self {
        let body = "<html><body><form>Please sign in</form></body></html>".to_owned();
        Self {
            status: StatusCode::OK,
            headers: vec![("content-type", "text/html".to_owned())],
            body: Some(body),
        }
    }

    /// A batch's answer without its first part.
    pub(super) fn shortened(mut self) -> Self {
        if let Some(body) = &mut self.body
            && let Some(first) = body.find("--changesetresponse_sim\r\n")
            && let Some(second) = body[first + 1..].find("--changesetresponse_sim\r\n")
        {
            body.replace_range(first..=first + second, "");
        }
        self
    }

    pub(super) fn response(self, now: DateTime<Utc>) -> Response {
        let body = self
            .body
            .map_or_else(|| Body::new(Broken.boxed_unsync()), Body::from);
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let own = [
            ("date", date),
            ("x-ms-request-id", REQUEST_ID.to_owned()),
            ("x-ms-version", "2019-02-02".to_owned()),
        ];
        for (name, value) in own.into_iter().chain(self.headers) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response
                    .headers_mut()
                    .insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// A body that breaks as soon as it is read.
struct Broken;

impl HttpBody for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::ConnectionReset))))
    }
}
