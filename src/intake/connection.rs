//! Carries the requests of one connection to the door, until it ends or is told to.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Version, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::intake::door::Door;
use crate::intake::framing::{Seen, Watched};
use crate::intake::limits::ConnectionLimits;
use crate::intake::refusal::Refusal;

const MAX_HEADERS: usize = 64;
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// How long somebody who was let in just before the stop may take to begin: some round trips.
const FIRST_WORD: Duration = Duration::from_secs(2);

/// How HTTP is spoken here.
pub(crate) fn protocol(limits: &ConnectionLimits) -> http1::Builder {
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_HEAD_BYTES)
        // A sender may close its side once the lead is sent; the lead is still kept.
        .half_close(true);
    protocol
}

/// Serves one connection to its end.
pub(crate) async fn carry<S>(
    stream: S,
    peer: IpAddr,
    door: Arc<Door>,
    protocol: &http1::Builder,
    limits: &ConnectionLimits,
    shutdown: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let seen = Seen::new();
    let io = TokioIo::new(Watched::new(stream, seen.clone()));
    let heard = seen.clone();
    let service = service_fn(move |request| visit(Arc::clone(&door), peer, seen.clone(), request));
    let mut connection = pin!(protocol.serve_connection(io, service));
    // Of its own, so that thousands of connections do not queue for one lock.
    let shutdown = shutdown.child_token();
    tokio::select! {
        // First, so that an answer given after the stop says that the connection ends.
        biased;
        () = shutdown.cancelled() => {}
        () = sleep(limits.connection_time) => {}
        ended = connection.as_mut() => return log(ended),
    }
    // The HTTP library hangs up on whoever has not spoken yet; but they were let in, and are about to.
    tokio::select! {
        // First, for the same reason: whoever has spoken is told of the end with the very next answer.
        biased;
        () = first_word(&heard) => {}
        ended = connection.as_mut() => return log(ended),
    }
    connection.as_mut().graceful_shutdown();
    if let Ok(ended) = timeout(limits.drain, connection).await {
        return log(ended);
    }
    tracing::debug!("a connection was cut: its last request took too long");
}

/// Ends when a first byte has come, or none comes. It is asked whenever the connection beside it moves, so nobody
/// has to wake it.
async fn first_word(heard: &Seen) {
    let spoken = poll_fn(|_| {
        if heard.spoken() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    });
    // Who does not speak by then has nothing to say.
    let _ = timeout(FIRST_WORD, spoken).await;
}

async fn visit(
    door: Arc<Door>,
    peer: IpAddr,
    seen: Seen,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let response = match flaw(&request, &seen) {
        Some(flaw) => Refusal::Malformed(flaw).answer(),
        None => door.answer(peer, request).await,
    };
    seen.next_head();
    Ok(response)
}

/// What is wrong with a head the HTTP library let pass.
fn flaw(request: &Request<Incoming>, seen: &Seen) -> Option<&'static str> {
    let headers = request.headers();
    if request.version() == Version::HTTP_11 && headers.get_all(header::HOST).iter().count() != 1 {
        return Some("the request does not name exactly one host");
    }
    if !headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    if seen.unread() {
        return Some("a request in chunks came before the answer to the one ahead of it");
    }
    seen.both().then_some("the request tells its length in two ways")
}

fn log(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(?error, "a connection broke off");
    }
}
