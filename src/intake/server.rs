//! The accept loop of the public listener.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::intake::connection::{carry, protocol};
use crate::intake::door::Door;
use crate::intake::limits::ConnectionLimits;
use crate::intake::seats::Seats;
use crate::intake::tls::Tls;

/// How long accepting rests when the machine has no room for another connection (F10).
const BREATH: Duration = Duration::from_millis(100);

/// Connections the kernel keeps waiting while all places are taken.
const QUEUE: u32 = 4096;

/// A listener of our own, when none was handed down by the service manager.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(QUEUE)
}

/// What every connection needs.
struct Hall {
    door: Arc<Door>,
    tls: Option<Arc<Tls>>,
    limits: ConnectionLimits,
    protocol: http1::Builder,
    shutdown: CancellationToken,
}

/// Serves until told to stop; then accepts no more and returns when the requests in hand are answered.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    door: Arc<Door>,
    limits: ConnectionLimits,
    shutdown: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(limits.max_connections));
    let seats = Seats::new(limits.max_connections_per_address);
    let connections = TaskTracker::new();
    let hall = Arc::new(Hall {
        protocol: protocol(&limits),
        door,
        tls,
        limits,
        shutdown: shutdown.clone(),
    });
    let accepting = accept_all(&listener, &room, &seats, &connections, &hall);
    tokio::select! {
        () = accepting => {}
        () = shutdown.cancelled() => {}
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn accept_all(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
    seats: &Seats,
    connections: &TaskTracker,
    hall: &Arc<Hall>,
) {
    let mut crowded = false;
    while let Ok(place) = Arc::clone(room).acquire_owned().await {
        let (stream, address) = match listener.accept().await {
            Ok(connection) => connection,
            Err(error) if of_one_connection(&error) => continue,
            Err(error) => {
                if !crowded {
                    tracing::warn!(event = "accept_failed", %error, "cannot accept connections; trying again");
                }
                crowded = true;
                sleep(BREATH).await;
                continue;
            }
        };
        crowded = false;
        let peer = address.ip().to_canonical();
        let seat = seats.take(peer);
        if seat.is_none() && !hall.door.is_proxy(peer) {
            continue;
        }
        let hall = Arc::clone(hall);
        connections.spawn(async move {
            hall.receive(stream, peer).await;
            drop((seat, place));
        });
    }
}

impl Hall {
    async fn receive(&self, stream: TcpStream, peer: IpAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            return tracing::debug!(%error, "a connection broke off");
        }
        let door = Arc::clone(&self.door);
        let Some(tls) = &self.tls else {
            return carry(stream, peer, door, &self.protocol, &self.limits, &self.shutdown).await;
        };
        match tls.greet(stream, self.limits.header_timeout).await {
            Ok(stream) => carry(stream, peer, door, &self.protocol, &self.limits, &self.shutdown).await,
            Err(error) => tracing::debug!(%error, "no TLS handshake"),
        }
    }
}

/// The connection was gone before it was accepted; the listener is well.
fn of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}
