//! The far end on a socket: a door that is open or shut, and the system behind it.

mod azurite;
mod counts;
mod far_end;
mod simulated;
mod upstream;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::book::Book;
use counts::Counters;

pub(crate) use azurite::{Azurite, DEFAULT_AZURITE, azurite_path};
pub(crate) use counts::Counts;
pub(crate) use far_end::{Anybody, FarEnd};
pub(crate) use simulated::{Limits, Manners, simulated};
pub(crate) use upstream::Upstream;

struct Shared {
    book: Arc<Book>,
    counters: Counters,
    shut: AtomicBool,
    /// When the first call came since it was opened last.
    first_call: Mutex<Option<Instant>>,
    retry_after_s: AtomicU32,
    /// How long every answer takes on top of what it takes.
    answer_after: Duration,
    behind: Box<dyn FarEnd>,
}

impl Shared {
    fn first_call(&self) -> MutexGuard<'_, Option<Instant>> {
        self.first_call.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sink on a thread of its own; it ends with this value.
pub(crate) struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
    _stop: oneshot::Sender<Infallible>,
}

impl Sink {
    /// Opens a door on loopback; what stands behind is told its address.
    pub(crate) fn start(
        book: &Arc<Book>,
        answer_after: Duration,
        behind: impl FnOnce(SocketAddr) -> anyhow::Result<Box<dyn FarEnd>>,
    ) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("no free port on loopback")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            book: Arc::clone(book),
            counters: Counters::default(),
            shut: AtomicBool::new(false),
            first_call: Mutex::default(),
            retry_after_s: AtomicU32::new(0),
            answer_after,
            behind: behind(address)?,
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

    /// A sink that takes whatever is posted.
    pub(crate) fn for_anybody(book: &Arc<Book>) -> anyhow::Result<Self> {
        Self::start(book, Duration::ZERO, |_| Ok(Box::new(Anybody)))
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
        *self.shared.first_call() = None;
        self.shared.shut.store(false, Ordering::Relaxed);
    }

    /// When the first call came since it was opened last.
    pub(crate) fn first_call(&self) -> Option<Instant> {
        *self.shared.first_call()
    }

    /// What was counted so far.
    pub(crate) fn counts(&self) -> Counts {
        self.shared.counters.now()
    }

    /// The number of the lead in every record the system behind holds; `None` when it keeps none.
    pub(crate) fn records(&self) -> Option<Vec<u64>> {
        self.shared.behind.records()
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
        let service = service_fn(move |request| answer(Arc::clone(&one), request));
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, incoming) = request.into_parts();
    let body = incoming.collect().await?.to_bytes();
    if shared.shut.load(Ordering::Relaxed) {
        shared.counters.turned_away();
        let mut refusal = Response::new(Full::default());
        *refusal.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        refusal
            .headers_mut()
            .insert(RETRY_AFTER, shared.retry_after_s.load(Ordering::Relaxed).into());
        return Ok(refusal);
    }
    let begun = Instant::now();
    shared.first_call().get_or_insert(begun);
    let answered = shared.behind.answer(Request::from_parts(head, body)).await;
    if !shared.answer_after.is_zero() {
        tokio::time::sleep(shared.answer_after).await;
    }
    shared.counters.answered(answered.call, begun.elapsed());
    for number in answered.written {
        shared.book.see(number);
    }
    Ok(answered.response.map(Full::new))
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

    fn short(sink: &Sink) -> (u64, u64, u64, u64) {
        let counts = sink.counts();
        (counts.done, counts.throttled, counts.failed, counts.held)
    }

    #[tokio::test]
    async fn a_shut_sink_books_nothing_until_it_opens() {
        let book = Arc::new(Book::open());
        let sink = Sink::for_anybody(&book).unwrap();
        sink.shut(7);
        assert_eq!(post(&sink, 1).await, 503);
        assert_eq!((short(&sink), book.delivered()), ((0, 0, 0, 1), 0));
        sink.open();
        assert_eq!(post(&sink, 1).await, 200);
        assert_eq!(post(&sink, 1).await, 200);
        assert_eq!((short(&sink), book.delivered()), ((2, 0, 0, 1), 1));
        assert_eq!(book.balance(None).doubled, 1);
    }

    #[tokio::test]
    async fn a_proxy_books_what_the_system_behind_it_took() {
        let far = Arc::new(Book::open());
        let near = Arc::new(Book::open());
        let behind = Sink::for_anybody(&far).unwrap();
        let address = behind.address();
        let proxy = Sink::start(&near, Duration::ZERO, |_| Ok(Box::new(Upstream::new(address)))).unwrap();
        assert_eq!(post(&proxy, 5).await, 200);
        assert_eq!((near.delivered(), far.delivered()), (1, 1));
        behind.shut(1);
        assert_eq!(post(&proxy, 6).await, 503);
        assert_eq!((near.delivered(), far.delivered()), (1, 1));
        assert_eq!(short(&proxy), (1, 1, 0, 0));
    }

    #[tokio::test]
    async fn an_answer_takes_as_long_as_it_is_told_to() {
        let book = Arc::new(Book::open());
        let slow = Duration::from_millis(30);
        let sink = Sink::start(&book, slow, |_| Ok(Box::new(Anybody))).unwrap();
        assert_eq!(post(&sink, 1).await, 200);
        assert!(sink.counts().busy_us >= 30_000);
    }
}
