//! The whole daemon in one process: everybody is hired, and whoever has work is woken.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use connector_kit::clock::SystemClock;
use connector_kit::dice::Dice;
use connector_kit::http::ReqwestFactory;
use connector_kit::referral::read;
use connector_kit::secret::SecretReader;
use connector_kit::{
    Check, Connector, ConnectorError, Destination, DestinationName, FetchedReferral, LeadDelivery, Outcome,
    RawFormat, RawLead, Receipt, Referral, ReferralChange, ReferralDesk, ReferralId, Rendered, Role,
    SourceName, Upkeep,
};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::*;
use crate::admin::{AdminListener, NotReloaded, Reloaded};
use crate::config::{Config, Listen, Loaded};
use crate::deliver::Attempted;
use crate::intake::tests::oracle::{Oracle, PROOF};
use crate::intake::tests::wire::Wire;
use crate::store::Settlement;

/// Far less than a worker rests when nobody wakes it.
const SOON: Duration = Duration::from_secs(20);
/// There while a daemon works, and after one that died.
const MARK: &str = "state/leadsync.running";

/// Referrals are there, each the same.
struct Desk;

#[async_trait]
impl ReferralDesk for Desk {
    async fn read(&self, id: &ReferralId) -> Result<Option<FetchedReferral>, ConnectorError> {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/referrals/referral_new_pending_direct_lead.json");
        let body = Bytes::from(std::fs::read(sample).unwrap());
        let referral = read::referral(&body).unwrap().referral;
        let raw = RawLead {
            format: RawFormat::Referral,
            reference: Some(id.to_string()),
            occurred_at: Some(referral.updated_at),
            body,
        };
        Ok(Some(FetchedReferral { raw, referral }))
    }

    async fn write(&self, _: &Referral, _: &ReferralChange) -> Result<FetchedReferral, ConnectorError> {
        panic!("nothing is reported here")
    }

    async fn create(&self, _: Bytes) -> Result<FetchedReferral, ConnectorError> {
        panic!("nothing is made here")
    }
}

#[async_trait]
impl Upkeep for Desk {
    async fn tend(&self) -> Vec<Check> {
        vec![Check::ill("sign-in", "nobody has signed in", "sign in")]
    }
}

/// Counts what was delivered.
struct Listener(watch::Sender<usize>);

impl Ears for Listener {
    fn settled(&self, _: &Settlement) {}

    fn called(&self, _: &DestinationName, _: TimeDelta, attempted: &[Attempted]) {
        self.0.send_modify(|count| *count += attempted.len());
    }

    fn observed(&self, _: &SourceName, _: &[Outcome]) {}
}

/// A house with a file leads go to, and a connector `partner` that tells of referrals.
fn blueprint(home: &Path) -> Blueprint {
    furnish(home);
    draw(home, &Purses::default())
}

fn furnish(home: &Path) {
    let write = |name: &str, text: String| std::fs::write(home.join(name), text).unwrap();
    std::fs::create_dir(home.join("connectors.d")).unwrap();
    let home_text = home.display();
    write(
        "leadsync.toml",
        format!(
            "state_dir = \"{home_text}/state\"\n[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n"
        ),
    );
    let file =
        |path: &str| format!("kind = \"file\"\nroles = [\"destination\"]\n[settings]\npath = \"{path}\"\n");
    write("connectors.d/crm.toml", file(&format!("{home_text}/leads.jsonl")));
    write(
        "connectors.d/partner.toml",
        file(&format!("{home_text}/unused.jsonl")),
    );
}

fn draw(home: &Path, purses: &Purses) -> Blueprint {
    let loaded = Config::load(home, &std::collections::BTreeMap::new()).unwrap();
    let outside = Outside {
        clock: Arc::new(SystemClock),
        dice: Dice::seeded(1),
        secrets: SecretReader::default(),
        transports: Arc::new(ReqwestFactory::new("tests")),
    };
    let mut blueprint = Blueprint::redraw(loaded, outside, purses).unwrap();
    let (file, connector) = blueprint
        .connectors
        .iter_mut()
        .find(|(file, _)| file.name == "partner")
        .unwrap();
    file.roles = vec![Role::Source];
    *connector = Connector {
        referrals: Some(Arc::new(Desk)),
        events: Some(Oracle::new()),
        upkeep: Some(Arc::new(Desk)),
        ..Connector::default()
    };
    blueprint
}

async fn listeners(listen: &Listen) -> Listeners {
    let admin = "127.0.0.1:0".parse().unwrap();
    Listeners {
        public: crate::intake::bind(listen.public).unwrap(),
        admin: AdminListener::bind(&crate::admin::AdminListen::Tcp(admin))
            .await
            .unwrap(),
        metrics: None,
    }
}

/// Never answers; says that it was called.
struct Hanging(watch::Sender<bool>);

#[async_trait]
impl Destination for Hanging {
    fn batch_limit(&self) -> usize {
        1
    }

    async fn upsert(&self, _: &[LeadDelivery]) -> Vec<Result<Receipt, ConnectorError>> {
        self.0.send_replace(true);
        std::future::pending().await
    }

    fn preview(&self, _: &[LeadDelivery]) -> Vec<Result<Rendered, ConnectorError>> {
        Vec::new()
    }
}

async fn start(blueprint: Blueprint, listeners: Listeners, ears: Arc<dyn Ears>) -> Daemon {
    let staff = Staff {
        front: Handle::current(),
        back: Handle::current(),
    };
    Daemon::start(blueprint, listeners, &staff, ears, None)
        .await
        .unwrap()
}

/// Tells the daemon of a referral.
async fn tell(daemon: &Daemon) {
    let mut wire = Wire::new(TcpStream::connect(daemon.public).await.unwrap());
    let event = format!(
        "POST /v1/partner/events HTTP/1.1\r\nHost: x\r\n{PROOF}: good\r\nContent-Length: 6\r\n\r\nr-1 v1"
    );
    wire.send(event.as_bytes()).await;
    assert_eq!(wire.answer().await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_the_grace_is_over_a_drain_ends_though_a_destination_hangs() {
    let home = tempfile::tempdir().unwrap();
    let mut blueprint = blueprint(home.path());
    let (called, mut calls) = watch::channel(false);
    let crm = blueprint
        .connectors
        .iter_mut()
        .find(|(file, _)| file.name == "crm");
    crm.unwrap().1.destination = Some(Arc::new(Hanging(called)));
    let listeners = listeners(&blueprint.loaded.config.listen).await;
    let daemon = start(blueprint, listeners, Arc::new(Silence)).await;
    tell(&daemon).await;
    let waited = calls.wait_for(|called| *called);
    tokio::time::timeout(SOON, waited).await.unwrap().unwrap();
    let stopped = daemon.stop(Duration::from_millis(50));
    tokio::time::timeout(SOON, stopped).await.unwrap();
    assert!(!home.path().join(MARK).exists(), "no arrival is to blame");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_arrival_that_hangs_while_it_is_understood_is_opened_with_care_at_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    let mut blueprint = blueprint(home.path());
    let (begun, mut begins) = watch::channel(false);
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let (read, held) = (Arc::clone(&blueprint.reader), Mutex::new(held));
    blueprint.reader = Arc::new(move |arrival| {
        begun.send_replace(true);
        let _ = held.lock().unwrap().recv();
        read(arrival)
    });
    let listeners = listeners(&blueprint.loaded.config.listen).await;
    let daemon = start(blueprint, listeners, Arc::new(Silence)).await;
    tell(&daemon).await;
    let waited = begins.wait_for(|begun| *begun);
    tokio::time::timeout(SOON, waited).await.unwrap().unwrap();
    let stopped = daemon.stop(Duration::from_millis(50));
    tokio::time::timeout(SOON, stopped).await.unwrap();
    assert!(home.path().join(MARK).exists());
    drop(let_go);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_event_tells_of_reaches_the_crm_because_everybody_on_its_way_is_woken() {
    let home = tempfile::tempdir().unwrap();
    let blueprint = blueprint(home.path());
    let listeners = listeners(&blueprint.loaded.config.listen).await;
    let admin = listeners.admin.address().unwrap();
    let (count, mut delivered) = watch::channel(0);
    let daemon = start(blueprint, listeners, Arc::new(Listener(count))).await;
    let workers = daemon.workers();
    for hired in ["follow partner 0", "follow partner 1", "upkeep partner"] {
        assert!(workers.iter().any(|name| name == hired), "{workers:?}");
    }

    tell(&daemon).await;
    let arrived = delivered.wait_for(|count| *count > 0);
    tokio::time::timeout(SOON, arrived).await.unwrap().unwrap();
    let leads = std::fs::read_to_string(home.path().join("leads.jsonl")).unwrap();
    assert_eq!(leads.lines().count(), 1);
    assert!(leads.contains("sue.smith@fabrikam.example"), "{leads}");

    let ill = async {
        let mut wire = Wire::new(TcpStream::connect(admin).await.unwrap());
        loop {
            wire.send(b"GET /v1/upkeep HTTP/1.1\r\nHost: x\r\n\r\n").await;
            if wire.answer().await.unwrap().status == 503 {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, ill).await.unwrap();
    daemon.stop(SOON).await;
}

/// Takes no part in reloads.
struct Nobody;

impl Attendant for Nobody {
    fn begun(&self) {}

    fn applied(&self, _: &Loaded) {}

    fn ended(&self, _: &Result<Reloaded, NotReloaded>) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_after_which_nobody_looks_after_a_connector_ends_what_was_told_of_it() {
    let home = tempfile::tempdir().unwrap();
    let blueprint = blueprint(home.path());
    let listeners = listeners(&blueprint.loaded.config.listen).await;
    let path = home.path().to_owned();
    let renewal = Renewal {
        redraw: Arc::new(move |purses| {
            let mut next = draw(&path, purses);
            next.connectors
                .iter_mut()
                .for_each(|(_, connector)| connector.upkeep = None);
            Ok(next)
        }),
        attendant: Arc::new(Nobody),
    };
    let staff = Staff {
        front: Handle::current(),
        back: Handle::current(),
    };
    let daemon = Daemon::start(blueprint, listeners, &staff, Arc::new(Silence), Some(renewal));
    let daemon = daemon.await.unwrap();
    let told = async |is_told: bool| {
        let line = "leadsync_upkeep_health{connector=\"partner\"";
        while daemon.metrics.text().unwrap().contains(line) != is_told {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, told(true)).await.unwrap();
    daemon.reload().await.unwrap().unwrap();
    tokio::time::timeout(SOON, told(false)).await.unwrap();
    daemon.stop(SOON).await;
}
