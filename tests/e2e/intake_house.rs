//! The door on a port of its own, with the real store behind it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use connector_kit::clock::SystemClock;
use connector_kit::ids::AccountName;
use connector_kit::secret::Secret;
use leadsync::admin::{Health, Metrics};
use leadsync::intake::{
    ConnectionLimits, Door, DoorParts, DoorRules, IntakeLimits, IntakeSource, bind, serve,
};
use leadsync::runtime::Ticks;
use leadsync::store::Store;
use leadsync::store::sqlite::{Options, SqliteStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

pub(crate) const SECRET: &str = "canary-secret-0123456789abcdef";

pub(crate) struct House {
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) address: SocketAddr,
}

impl House {
    pub(crate) fn open(file: &Path) -> Self {
        let store = Arc::new(SqliteStore::open(&Options::at(file)).unwrap());
        let ticks = Ticks::machine();
        let metrics = Arc::new(Metrics::new(ticks.clone()));
        let parts = DoorParts {
            store: Arc::clone(&store) as Arc<dyn Store>,
            clock: Arc::new(SystemClock),
            health: Arc::new(Health::new(ticks.clone())),
            ticks,
            metrics: Arc::clone(&metrics),
            on_kept: Arc::new(|| ()),
        };
        let source = IntakeSource {
            account: AccountName::new("default"),
            name: "web".into(),
            secrets: vec![Secret::new(SECRET)],
            rate: None,
        };
        let door = Arc::new(Door::new(
            parts,
            DoorRules::new(IntakeLimits::default(), vec![source]),
        ));
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let limits = ConnectionLimits {
            max_connections_per_address: 512,
            ..ConnectionLimits::default()
        };
        tokio::spawn(serve(listener, None, door, limits, CancellationToken::new()));
        Self {
            store,
            metrics,
            address,
        }
    }
}

pub(crate) fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: leads.example\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn lead_path() -> String {
    format!("/v1/leads/web/{SECRET}")
}

/// One request on a connection of its own; the whole answer, empty when there was none.
pub(crate) async fn ask(address: SocketAddr, request: &str) -> String {
    let mut answer = Vec::new();
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return String::new();
    };
    if stream.write_all(request.as_bytes()).await.is_ok() {
        drop(stream.read_to_end(&mut answer).await);
    }
    String::from_utf8(answer).unwrap()
}
