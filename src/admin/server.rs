//! Carries the admin router over a unix socket, or over TCP on loopback alone.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;

/// How long requests in hand may take once the daemon stops.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Where the operator's questions are heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminListen {
    /// A socket file, for its owner and group.
    Unix(PathBuf),
    /// An address of this machine's loopback.
    Tcp(SocketAddr),
}

/// A bound admin listener.
#[derive(Debug)]
pub enum AdminListener {
    /// A socket file.
    Unix(UnixListener),
    /// A loopback address.
    Tcp(TcpListener),
}

impl AdminListener {
    /// Binds; refuses an address others can reach.
    pub async fn bind(listen: &AdminListen) -> io::Result<Self> {
        match listen {
            AdminListen::Unix(path) => bind_unix(path).map(Self::Unix),
            AdminListen::Tcp(address) if address.ip().to_canonical().is_loopback() => {
                TcpListener::bind(address).await.map(Self::Tcp)
            }
            AdminListen::Tcp(address) => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("{address} is not on loopback; this listener is open to this machine alone"),
            )),
        }
    }

    /// The TCP address, where there is one.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Unix(_) => None,
            Self::Tcp(listener) => listener.local_addr().ok(),
        }
    }
}

fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    remove_stale(path)?;
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Removes a socket nobody listens on any more; leaves everything else alone.
fn remove_stale(path: &Path) -> io::Result<()> {
    let Ok(meta) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !meta.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("{} exists and is not a socket", path.display()),
        ));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            format!("another process listens on {}", path.display()),
        )),
        Err(_) => std::fs::remove_file(path),
    }
}

/// Answers until told to stop, then gives requests in hand a moment.
pub async fn serve(listener: AdminListener, router: Router, shutdown: CancellationToken) -> io::Result<()> {
    let stop = shutdown.clone().cancelled_owned();
    let serving = async move {
        match listener {
            AdminListener::Unix(socket) => axum::serve(socket, router).with_graceful_shutdown(stop).await,
            AdminListener::Tcp(socket) => axum::serve(socket, router).with_graceful_shutdown(stop).await,
        }
    };
    tokio::select! {
        ended = serving => ended,
        () = last_words(&shutdown) => Ok(()),
    }
}

async fn last_words(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(LAST_WORDS).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn hello() -> Router {
        Router::new().route("/healthz", axum::routing::get(|| async { "alive" }))
    }

    #[tokio::test]
    async fn an_address_others_can_reach_is_refused() {
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:192.0.2.1]:0"] {
            let listen = AdminListen::Tcp(address.parse().unwrap());
            let error = AdminListener::bind(&listen).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{address}");
        }
        let loopback = AdminListen::Tcp("127.0.0.1:0".parse().unwrap());
        assert!(AdminListener::bind(&loopback).await.is_ok());
    }

    #[tokio::test]
    async fn the_socket_file_is_for_owner_and_group_and_answers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        let listener = AdminListener::bind(&AdminListen::Unix(path.clone()))
            .await
            .unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);

        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, hello(), shutdown.clone()));
        let mut client = tokio::net::UnixStream::connect(&path).await.unwrap();
        client
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("alive"),
            "{answer}"
        );

        shutdown.cancel();
        serving.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_living_one_respected() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        let listen = AdminListen::Unix(path.clone());
        let first = AdminListener::bind(&listen).await.unwrap();
        let error = AdminListener::bind(&listen).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert!(AdminListener::bind(&listen).await.is_ok());

        let file = dir.path().join("notes.txt");
        std::fs::write(&file, "keep me").unwrap();
        let error = AdminListener::bind(&AdminListen::Unix(file.clone()))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "keep me");
    }
}
