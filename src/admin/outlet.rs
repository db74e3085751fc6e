//! Carries the numbers to readers on an address of their own, who may be anybody: few at a time, none for long.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Connections at a time; the next waits in the kernel.
const SEATS: usize = 16;
/// A request's head must be complete by then.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// No connection lives longer.
const LONGEST: Duration = Duration::from_mins(1);
/// The rest after the system refused to accept, as when no descriptor is left.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Answers until told to stop.
pub async fn serve_readers(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let seats = Arc::new(Semaphore::new(SEATS));
    loop {
        let next = async {
            let seat = Arc::clone(&seats).acquire_owned().await;
            (seat, listener.accept().await)
        };
        let (seat, accepted) = tokio::select! {
            () = shutdown.cancelled() => return,
            next = next => next,
        };
        let Ok((stream, _)) = accepted else {
            sleep(AFTER_FAILURE).await;
            continue;
        };
        let (router, shutdown) = (router.clone(), shutdown.clone());
        tokio::spawn(async move {
            let _seat = seat;
            tokio::select! {
                () = shutdown.cancelled() => {}
                _ = timeout(LONGEST, carry(stream, router)) => {}
            }
        });
    }
}

async fn carry(stream: TcpStream, router: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // A reader that goes away early is nobody's business.
    let _ = connection.await;
}
