//! The sockets: handed over by the service manager, or bound here.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tracing::warn;

use crate::admin::{AdminListen, AdminListener};
use crate::config::{Admin, Listen};
use crate::intake;

/// Bound and ready to accept.
pub struct Listeners {
    /// Where leads are posted to.
    pub public: TcpListener,
    /// Where the operator asks.
    pub admin: AdminListener,
    /// Where the numbers may be read as well.
    pub metrics: Option<TcpListener>,
}

/// A listener cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenError {
    /// Where.
    pub address: String,
    /// Why not.
    #[source]
    pub source: std::io::Error,
}

impl Listeners {
    /// Takes the public socket the service manager hands over, if any, and binds the rest.
    pub async fn open(listen: &Listen) -> Result<Self, ListenError> {
        let failed = |address: String| |source| ListenError { address, source };
        let public = match inherited().map_err(failed("the inherited socket".into()))? {
            Some(listener) => {
                compare(&listener, listen.public);
                listener
            }
            None => intake::bind(listen.public).map_err(failed(listen.public.to_string()))?,
        };
        let admin = match &listen.admin {
            Admin::Unix(path) => AdminListen::Unix(path.clone()),
            Admin::Tcp(address) => AdminListen::Tcp(*address),
        };
        let admin = AdminListener::bind(&admin)
            .await
            .map_err(failed(listen.admin.to_string()))?;
        // Who may read there is the config's rule: on loopback, or with a token.
        let metrics = match listen.metrics {
            Some(address) => {
                let bound = TcpListener::bind(address).await;
                Some(bound.map_err(failed(address.to_string()))?)
            }
            None => None,
        };
        Ok(Self {
            public,
            admin,
            metrics,
        })
    }
}

/// The socket of the service manager wins. Somebody who changed one of the two addresses should know.
fn compare(handed: &TcpListener, configured: SocketAddr) {
    let Ok(address) = handed.local_addr() else {
        return;
    };
    if address != configured {
        warn!(
            event = "listen_elsewhere",
            address = %address,
            configured = %configured,
            "leads are taken where the service manager's socket says; `public` in [listen] names another address"
        );
    }
}

/// One socket at most: what comes in on a second would wait for ever.
fn inherited() -> std::io::Result<Option<TcpListener>> {
    let mut handed = listenfd::ListenFd::from_env();
    let count = handed.len();
    if count > 1 {
        return Err(std::io::Error::other(format!(
            "the service manager hands over {count} sockets and leadsync serves one: write an empty `ListenStream=` before your own in leadsync.socket"
        )));
    }
    let Some(listener) = handed.take_tcp_listener(0)? else {
        return Ok(None);
    };
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener).map(Some)
}
