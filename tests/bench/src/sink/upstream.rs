//! A proxy: passes requests on to a system on loopback, and tells what it made of them.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONNECTION, TRANSFER_ENCODING};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::far_end::{Answered, Call, FarEnd};
use crate::lead::markers;

/// A system on loopback, and the connections to it that have nothing to do.
pub(crate) struct Upstream {
    address: SocketAddr,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Upstream {
    /// Nothing is opened yet.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            idle: Mutex::default(),
        }
    }

    async fn pass_on(&self, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
        let waiting = self.idle().pop();
        let mut sender = match waiting {
            Some(open) if !open.is_closed() => open,
            _ => self.connect().await?,
        };
        sender.ready().await?;
        let answer = sender.send_request(request.map(Full::new)).await?;
        let (mut parts, incoming) = answer.into_parts();
        let collected = incoming.collect().await?.to_bytes();
        self.idle().push(sender);
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

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SendRequest<Full<Bytes>>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl FarEnd for Upstream {
    async fn answer(&self, request: Request<Bytes>) -> Answered {
        let (is_free, body) = (
            is_free(request.method(), request.uri().path()),
            request.body().clone(),
        );
        let response = self.pass_on(request).await.unwrap_or_else(|_| {
            let mut nobody = Response::new(Bytes::new());
            *nobody.status_mut() = StatusCode::BAD_GATEWAY;
            nobody
        });
        if is_free {
            return Answered::plain(response, Call::Free);
        }
        match part_status(response.status(), response.body()) {
            status if status.is_success() => Answered {
                response,
                call: Call::Done,
                written: markers(&body),
            },
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Answered::plain(response, Call::Throttled)
            }
            _ => Answered::plain(response, Call::Failed),
        }
    }

    fn records(&self) -> Option<Vec<u64>> {
        None
    }
}

/// Questions, and a table that is made once, are not among the calls that write leads.
pub(super) fn is_free(method: &Method, path: &str) -> bool {
    method == Method::GET || path.ends_with("/Tables")
}

/// What really happened: an Azure Table transaction answers 202 also when it failed, with the
/// status of the failure inside (contract azure-table 8).
pub(super) fn part_status(status: StatusCode, answer: &[u8]) -> StatusCode {
    if !status.is_success() {
        return status;
    }
    let needle = b"HTTP/1.1 ";
    answer
        .windows(needle.len() + 3)
        .filter(|window| window.starts_with(needle))
        .filter_map(|window| StatusCode::from_bytes(&window[needle.len()..]).ok())
        .find(|part| !part.is_success())
        .unwrap_or(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_that_failed_inside_is_no_success() {
        let status = |outside, answer: &str| part_status(outside, answer.as_bytes());
        let good = "--a\r\n\r\nHTTP/1.1 204 No Content\r\n--a\r\n\r\nHTTP/1.1 204 No Content\r\n--a--";
        assert_eq!(status(StatusCode::ACCEPTED, good), StatusCode::ACCEPTED);
        let bad = "--a\r\n\r\nHTTP/1.1 409 Conflict\r\n--a--";
        assert_eq!(status(StatusCode::ACCEPTED, bad), StatusCode::CONFLICT);
        let busy = StatusCode::SERVICE_UNAVAILABLE;
        assert_eq!(status(busy, ""), busy);
    }
}
