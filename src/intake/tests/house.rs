//! A whole intake for tests: the door, its shelf, and the server on a port of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::DateTime;
use connector_kit::clock::ManualClock;
use connector_kit::secret::Secret;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::oracle::Oracle;
use super::shelf::Shelf;
use super::wire::Wire;
use crate::admin::{Health, Metrics, Poke};
use crate::intake::{
    ConnectionLimits, Door, DoorParts, DoorRules, EventSource, IntakeLimits, IntakeSource, Rate, Tls, bind,
    serve,
};
use crate::runtime::Ticks;
use crate::runtime::ticks::Crank;

pub(crate) const SECRET: &str = "fixture-secret-0123456789abcdef";
pub(crate) const PATH: &str = "/v1/leads/web/fixture-secret-0123456789abcdef";

/// How a house differs from the usual one.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) limits: IntakeLimits,
    pub(crate) connections: ConnectionLimits,
    pub(crate) source_rate: Option<Rate>,
    pub(crate) tls: Option<Arc<Tls>>,
    /// Looks at the events of `partner`.
    pub(crate) oracle: Option<Arc<Oracle>>,
}

pub(crate) struct House {
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) door: Arc<Door>,
    pub(crate) health: Arc<Health>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) pokes: Arc<AtomicUsize>,
    /// How often those were woken who follow events, and those who pass them on.
    pub(crate) event_pokes: [Arc<AtomicUsize>; 2],
    pub(crate) crank: Crank,
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) serving: JoinHandle<()>,
}

pub(crate) fn sources(rate: Option<Rate>) -> Vec<IntakeSource> {
    let source = |name: &str, secrets: &[&str]| IntakeSource {
        account: connector_kit::ids::AccountName::new("default"),
        name: name.into(),
        secrets: secrets.iter().map(|text| Secret::new(*text)).collect(),
        rate,
    };
    vec![
        source("web", &[SECRET, "next-secret-of-the-same-source"]),
        source("other", &["secret-of-the-other-source"]),
    ]
}

fn counting(pokes: &Arc<AtomicUsize>) -> Poke {
    let count = Arc::clone(pokes);
    Arc::new(move || _ = count.fetch_add(1, Ordering::Relaxed))
}

impl House {
    pub(crate) fn open(plan: Plan) -> Self {
        let (ticks, crank) = Ticks::by_hand();
        let shelf = Arc::new(Shelf::new());
        let health = Arc::new(Health::new(ticks.clone()));
        let metrics = Arc::new(Metrics::new(ticks.clone()));
        let pokes = Arc::new(AtomicUsize::new(0));
        let event_pokes = [Arc::default(), Arc::default()];
        let parts = DoorParts {
            store: shelf.clone(),
            clock: Arc::new(ManualClock::new(DateTime::UNIX_EPOCH)),
            ticks,
            metrics: Arc::clone(&metrics),
            health: Arc::clone(&health),
            on_kept: counting(&pokes),
        };
        let events = plan.oracle.map(|oracle| EventSource {
            account: connector_kit::ids::AccountName::new("default"),
            name: "partner".into(),
            verifier: oracle,
            store: shelf.clone(),
            on_kept: counting(&event_pokes[0]),
            on_copied: counting(&event_pokes[1]),
        });
        let rules = DoorRules::new(plan.limits, sources(plan.source_rate));
        let door = Arc::new(Door::new(parts, rules.hearing(events.into_iter().collect())));
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(serve(
            listener,
            plan.tls,
            Arc::clone(&door),
            plan.connections,
            shutdown.clone(),
        ));
        Self {
            shelf,
            door,
            health,
            metrics,
            pokes,
            event_pokes,
            crank,
            address,
            shutdown,
            serving,
        }
    }

    pub(crate) fn usual() -> Self {
        Self::open(Plan::default())
    }

    pub(crate) async fn connect(&self) -> Wire<TcpStream> {
        Wire::new(TcpStream::connect(self.address).await.unwrap())
    }

    /// Sends bytes on a connection of their own; the status, or none when it was closed without.
    pub(crate) async fn ask(&self, bytes: &[u8]) -> Option<u16> {
        let mut wire = self.connect().await;
        wire.send(bytes).await;
        wire.answer().await.map(|answer| answer.status)
    }
}

/// A well-formed post of `body`.
pub(crate) fn post(body: impl AsRef<[u8]>) -> Vec<u8> {
    post_to(PATH, body)
}

pub(crate) fn post_to(path: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: leads.example\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Limits short enough for a test that waits for them.
pub(crate) fn impatient() -> Plan {
    let moment = Duration::from_millis(150);
    Plan {
        limits: IntakeLimits {
            body_timeout: moment,
            answer_deadline: moment,
            ..IntakeLimits::default()
        },
        connections: ConnectionLimits {
            header_timeout: moment,
            ..ConnectionLimits::default()
        },
        ..Plan::default()
    }
}
