//! Where pretended systems live whose time may differ from ours.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::{Clock, SystemClock};
use leadsync_sim::serve::{Server, serve, serve_tls};
use rustls::ServerConfig;
use tokio::runtime::{Builder, Runtime};

/// Serves systems on ports of their own until it is dropped.
pub(crate) struct Town {
    time: TownClock,
    servers: Vec<Server>,
    runtime: Runtime,
}

/// The time of the town: ours, and so many seconds more.
#[derive(Clone, Default)]
pub(crate) struct TownClock(Arc<AtomicI64>);

impl TownClock {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::seconds(self.0.load(Ordering::Relaxed))
    }

    /// From now on the town is so many minutes ahead of us.
    pub(crate) fn run_ahead(&self, minutes: i64) {
        self.0.store(minutes * 60, Ordering::Relaxed);
    }
}

impl Town {
    pub(crate) fn new() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        Self {
            time: TownClock::default(),
            servers: Vec::new(),
            runtime,
        }
    }

    pub(crate) fn clock(&self) -> TownClock {
        self.time.clone()
    }

    /// The time in whole seconds, as simulators take it.
    pub(crate) fn seconds(&self) -> Arc<dyn Fn() -> i64 + Send + Sync> {
        let time = self.clock();
        Arc::new(move || time.now().timestamp())
    }

    /// The time in milliseconds.
    pub(crate) fn millis(&self) -> Arc<dyn Fn() -> i64 + Send + Sync> {
        let time = self.clock();
        Arc::new(move || time.now().timestamp_millis())
    }

    /// Gives a system a port; its answers say what time it is there.
    pub(crate) fn open(&mut self, system: Router) -> SocketAddr {
        let server = self.runtime.block_on(serve(self.dated(system))).unwrap();
        self.keep(server)
    }

    /// The same behind TLS.
    pub(crate) fn open_tls(&mut self, system: Router, tls: Arc<ServerConfig>) -> SocketAddr {
        let server = self.runtime.block_on(serve_tls(self.dated(system), tls)).unwrap();
        self.keep(server)
    }

    fn keep(&mut self, server: Server) -> SocketAddr {
        let address = server.addr;
        self.servers.push(server);
        address
    }

    fn dated(&self, system: Router) -> Router {
        let time = self.clock();
        system.layer(map_response(move |mut answer: Response| {
            let now = time.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            async move {
                answer.headers_mut().insert("date", now.parse().unwrap());
                answer
            }
        }))
    }
}
