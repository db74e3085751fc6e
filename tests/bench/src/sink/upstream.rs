//! The way from the proxy to the system behind it: one connection for each that comes in.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{CONNECTION, TRANSFER_ENCODING};
use http::{Request, Response, StatusCode, request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

/// A connection that is opened when needed and again after a fault.
pub(super) struct Upstream {
    address: SocketAddr,
    sender: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

impl Upstream {
    /// Nothing is opened yet.
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            sender: Mutex::new(None),
        }
    }

    /// Passes the request on as it came; 502 when nobody answers.
    pub(super) async fn forward(&self, head: request::Parts, body: Bytes) -> Response<Bytes> {
        self.try_forward(head, body).await.unwrap_or_else(|_| {
            let mut nobody = Response::new(Bytes::new());
            *nobody.status_mut() = StatusCode::BAD_GATEWAY;
            nobody
        })
    }

    async fn try_forward(&self, head: request::Parts, body: Bytes) -> anyhow::Result<Response<Bytes>> {
        let mut slot = self.sender.lock().await;
        let mut sender = match slot.take().filter(|open| !open.is_closed()) {
            Some(open) => open,
            None => self.connect().await?,
        };
        sender.ready().await?;
        let answer = sender
            .send_request(Request::from_parts(head, Full::new(body)))
            .await?;
        let (mut parts, incoming) = answer.into_parts();
        let collected = incoming.collect().await?.to_bytes();
        *slot = Some(sender);
        // The body goes back in one piece, on a connection with a life of its own.
        parts.headers.remove(TRANSFER_ENCODING);
        parts.headers.remove(CONNECTION);
        Ok(Response::from_parts(parts, collected))
    }

    async fn connect(&self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// What really happened: an Azure Table transaction answers 202 also when it failed, with the
/// status of the failure inside (contract azure-table 8).
pub(super) fn verdict(answer: &Response<Bytes>) -> StatusCode {
    let status = answer.status();
    if !status.is_success() {
        return status;
    }
    let needle = b"HTTP/1.1 ";
    answer
        .body()
        .windows(needle.len() + 3)
        .filter(|window| window.starts_with(needle))
        .filter_map(|window| StatusCode::from_bytes(&window[needle.len()..]).ok())
        .find(|part| !part.is_success())
        .unwrap_or(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> Response<Bytes> {
        Response::builder()
            .status(status)
            .body(Bytes::from_static(body.as_bytes()))
            .unwrap()
    }

    #[test]
    fn a_transaction_that_failed_inside_is_no_success() {
        let good = "--a\r\n\r\nHTTP/1.1 204 No Content\r\n--a\r\n\r\nHTTP/1.1 204 No Content\r\n--a--";
        assert_eq!(verdict(&answer(202, good)), StatusCode::ACCEPTED);
        let bad = "--a\r\n\r\nHTTP/1.1 409 Conflict\r\n--a--";
        assert_eq!(verdict(&answer(202, bad)), StatusCode::CONFLICT);
        assert_eq!(verdict(&answer(503, "")), StatusCode::SERVICE_UNAVAILABLE);
    }
}
