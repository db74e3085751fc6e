//! A router on a real socket of this machine, with TLS where asked.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// Put into a response's extensions, it makes the server close the connection instead of answering.
#[derive(Clone, Copy, Debug)]
pub struct HangUp;

/// A running server; it stops, and its connections break, when this is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves plain HTTP on a free port of the loopback address.
pub async fn serve(router: Router) -> io::Result<Server> {
    listen(router, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None).await
}

/// Serves HTTPS on a free port of the loopback address.
pub async fn serve_tls(router: Router, tls: Arc<ServerConfig>) -> io::Result<Server> {
    listen(
        router,
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        Some(tls.into()),
    )
    .await
}

/// Serves on the given address.
pub async fn listen(router: Router, addr: SocketAddr, tls: Option<TlsAcceptor>) -> io::Result<Server> {
    let listener = TcpListener::bind(addr).await?;
    let addr = listener.local_addr()?;
    let task = tokio::spawn(async move {
        // Dropping the set with the task ends every connection with it.
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(connection(stream, router.clone(), tls.clone()));
            while connections.try_join_next().is_some() {}
        }
    });
    Ok(Server { addr, task })
}

async fn connection(stream: TcpStream, router: Router, tls: Option<TlsAcceptor>) {
    // Faults of a connection are the client's to notice.
    let _ = stream.set_nodelay(true);
    match tls {
        None => speak(stream, router).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                speak(stream, router).await;
            }
        }
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let router = router.clone();
        async move {
            let answer: Result<_, Infallible> = router.oneshot(request.map(Body::new)).await;
            match answer {
                Ok(response) if response.extensions().get::<HangUp>().is_some() => {
                    Err(io::Error::other("hang up"))
                }
                Ok(response) => Ok(response),
                Err(never) => match never {},
            }
        }
    });
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
