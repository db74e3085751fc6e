//! The far end: counts leads it finds anywhere in a request, or holds the sender off with 503.

mod azurite;
mod upstream;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::book::Book;
use crate::lead::markers;
use upstream::Upstream;

pub(crate) use azurite::{Azurite, azurite_path};

/// What the sink counts while it answers.
#[derive(Default)]
pub(crate) struct Counts {
    /// Calls that wrote leads and were answered 2xx.
    calls: AtomicU64,
    /// Calls turned away while the sink was shut.
    held: AtomicU64,
    /// Calls the system behind the proxy answered with 429 or 503.
    throttled: AtomicU64,
    /// Calls answered with any other fault.
    failed: AtomicU64,
}

struct Shared {
    book: Arc<Book>,
    counts: Counts,
    shut: AtomicBool,
    retry_after_s: AtomicU32,
    upstream: Option<SocketAddr>,
}

/// A sink on a thread of its own; it ends with this value.
pub(crate) struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
    _stop: oneshot::Sender<Infallible>,
}

impl Sink {
    /// Opens a sink that books leads, or a proxy before `upstream` that books those it wrote.
    pub(crate) fn start(book: &Arc<Book>, upstream: Option<SocketAddr>) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("no free port on loopback")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            book: Arc::clone(book),
            counts: Counts::default(),
            shut: AtomicBool::new(false),
            retry_after_s: AtomicU32::new(0),
            upstream,
        });
        let (stop, stopped) = oneshot::channel::<Infallible>();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let serving = Arc::clone(&shared);
        std::thread::Builder::new().name("sink".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = serve(listener, serving) => {}
                }
            });
        })?;
        Ok(Self {
            address,
            shared,
            _stop: stop,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on every call is answered 503 with this `Retry-After`.
    pub(crate) fn shut(&self, retry_after_s: u32) {
        self.shared.retry_after_s.store(retry_after_s, Ordering::Relaxed);
        self.shared.shut.store(true, Ordering::Relaxed);
    }

    /// From now on calls are let through.
    pub(crate) fn open(&self) {
        self.shared.shut.store(false, Ordering::Relaxed);
    }

    /// Calls that wrote leads and were answered 2xx.
    pub(crate) fn calls(&self) -> u64 {
        self.shared.counts.calls.load(Ordering::Relaxed)
    }

    /// Calls turned away while the sink was shut.
    pub(crate) fn held(&self) -> u64 {
        self.shared.counts.held.load(Ordering::Relaxed)
    }

    /// Calls the system behind the proxy answered with 429 or 503.
    pub(crate) fn throttled(&self) -> u64 {
        self.shared.counts.throttled.load(Ordering::Relaxed)
    }

    /// Calls answered with any other fault.
    pub(crate) fn failed(&self) -> u64 {
        self.shared.counts.failed.load(Ordering::Relaxed)
    }
}

async fn serve(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let Ok(open) = TcpListener::from_std(listener) else {
        return;
    };
    loop {
        let Ok((stream, _)) = open.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        // Without it small answers wait for the peer's acknowledgement; with it they only may.
        stream.set_nodelay(true).ok();
        let one = Arc::clone(&shared);
        let upstream = shared.upstream.map(|address| Arc::new(Upstream::new(address)));
        let service = service_fn(move |request| answer(Arc::clone(&one), upstream.clone(), request));
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn answer(
    shared: Arc<Shared>,
    upstream: Option<Arc<Upstream>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, incoming) = request.into_parts();
    let body = incoming.collect().await?.to_bytes();
    if shared.shut.load(Ordering::Relaxed) {
        shared.counts.held.fetch_add(1, Ordering::Relaxed);
        let mut refusal = Response::new(Full::default());
        *refusal.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        refusal
            .headers_mut()
            .insert(RETRY_AFTER, shared.retry_after_s.load(Ordering::Relaxed).into());
        return Ok(refusal);
    }
    let writes = head.method != Method::GET && !head.uri.path().ends_with("/Tables");
    let Some(behind) = upstream else {
        book(&shared, StatusCode::OK, &body);
        return Ok(Response::new(Full::default()));
    };
    let outcome = behind.forward(head, body.clone()).await;
    if writes {
        book(&shared, upstream::verdict(&outcome), &body);
    }
    Ok(outcome.map(Full::new))
}

/// Counts one call that carried leads.
fn book(shared: &Shared, status: StatusCode, body: &[u8]) {
    let counter = match status {
        _ if status.is_success() => &shared.counts.calls,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => &shared.counts.throttled,
        _ => &shared.counts.failed,
    };
    counter.fetch_add(1, Ordering::Relaxed);
    if status.is_success() {
        for number in markers(body) {
            shared.book.see(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::Shapes;
    use crate::loader::Client;
    use crate::subject::Target;

    async fn post(sink: &Sink, number: u64) -> u16 {
        let mut client = Client::new(&Target {
            address: sink.address(),
            path: "/leads".to_owned(),
        });
        let mut body = Vec::new();
        Shapes::new().write(number, &mut body);
        client.post(&body).await.unwrap()
    }

    #[tokio::test]
    async fn a_shut_sink_books_nothing_until_it_opens() {
        let book = Arc::new(Book::open());
        let sink = Sink::start(&book, None).unwrap();
        sink.shut(7);
        assert_eq!(post(&sink, 1).await, 503);
        assert_eq!((sink.calls(), sink.held(), book.delivered()), (0, 1, 0));
        sink.open();
        assert_eq!(post(&sink, 1).await, 200);
        assert_eq!(post(&sink, 1).await, 200);
        assert_eq!((sink.calls(), sink.held(), book.delivered()), (2, 1, 1));
        assert_eq!(book.balance().doubled, 1);
    }

    #[tokio::test]
    async fn a_proxy_books_what_the_system_behind_it_took() {
        let far = Arc::new(Book::open());
        let near = Arc::new(Book::open());
        let behind = Sink::start(&far, None).unwrap();
        let proxy = Sink::start(&near, Some(behind.address())).unwrap();
        assert_eq!(post(&proxy, 5).await, 200);
        assert_eq!((near.delivered(), far.delivered()), (1, 1));
        behind.shut(1);
        assert_eq!(post(&proxy, 6).await, 503);
        assert_eq!((near.delivered(), far.delivered()), (1, 1));
        assert_eq!((proxy.calls(), proxy.throttled(), proxy.failed()), (1, 1, 0));
        drop(behind);
    }
}
