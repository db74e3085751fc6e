//! Events are passed on as they came, for as long as it makes sense.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use connector_kit::Notice;
use connector_kit::clock::ManualClock;
use connector_kit::ids::AccountName;

use super::*;
use crate::admin::Metrics;
use crate::runtime::Ticks;
use crate::store::Told;
use crate::store::faulty::{Failing, FaultyStore};
use crate::store::sqlite::{Options, SqliteStore};

fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// To whom events went before; takes them unless a failure is planned.
#[derive(Default)]
struct Former {
    failures: Mutex<VecDeque<Option<ConnectorError>>>,
    took: Mutex<Vec<(HeaderMap, Bytes)>>,
}

impl Former {
    fn fails(&self, failures: impl IntoIterator<Item = Option<ConnectorError>>) {
        self.failures.lock().unwrap().extend(failures);
    }

    fn bodies(&self) -> Vec<Bytes> {
        self.took
            .lock()
            .unwrap()
            .iter()
            .map(|(_, body)| body.clone())
            .collect()
    }
}

#[async_trait]
impl Tee for Former {
    fn carries(&self, _: &HeaderName) -> bool {
        true
    }

    async fn pass_on(&self, headers: &HeaderMap, body: &Bytes) -> Result<(), ConnectorError> {
        let planned = self.failures.lock().unwrap().pop_front();
        match planned {
            Some(Some(error)) => return Err(error),
            Some(None) => panic!("planned"),
            None => {}
        }
        self.took.lock().unwrap().push((headers.clone(), body.clone()));
        Ok(())
    }
}

fn unreachable() -> ConnectorError {
    ConnectorError::new(ErrorKind::Unreachable, "pass an event on: no answer")
}

struct World {
    _directory: tempfile::TempDir,
    store: Arc<SqliteStore>,
    clock: ManualClock,
    former: Arc<Former>,
    metrics: Metrics,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::at(directory.path().join("leadsync.db"));
        Self {
            store: Arc::new(SqliteStore::open_inline(&options).unwrap()),
            _directory: directory,
            clock: ManualClock::new(noon()),
            former: Arc::default(),
            metrics: Metrics::new(Ticks::by_hand().0),
        }
    }

    fn worker(&self, events: Arc<dyn ReferralStore>) -> ForwardWorker {
        let name = SourceName::new("partner");
        ForwardWorker::new(ForwardParts {
            tee: self.former.clone(),
            events,
            clock: Arc::new(self.clock.clone()),
            meter: self.metrics.forward(&name),
            name,
        })
    }

    /// An event comes in whose copy has this body.
    async fn tell(&self, body: &str) {
        let copy = Copy {
            headers: vec![
                ("x-proof".into(), "Signature QUJD".into()),
                ("x-proof".into(), "twice".into()),
                ("bad name".into(), "cannot be sent".into()),
            ],
            body: body.as_bytes().to_vec(),
        };
        let told = Told {
            account: AccountName::new("default"),
            source: SourceName::new("partner"),
            received_at: self.clock.now(),
            notice: Notice {
                event: "referral-updated".into(),
                referral: None,
                occurred_at: self.clock.now(),
                reference: body.to_owned(),
            },
            copy: Some(copy),
        };
        self.store.hear(vec![told]).await.unwrap();
    }

    /// Lets the worker go on until it wants to rest.
    async fn work_off(&self, worker: &mut ForwardWorker) -> Next {
        for _ in 0..100 {
            match worker.step(self.clock.now()).await.unwrap() {
                Next::Again => {}
                rest => return rest,
            }
        }
        panic!("the worker finds no rest");
    }
}

#[tokio::test]
async fn an_event_is_passed_on_once_as_it_came() {
    let world = World::new();
    let body = "{ \"EventName\" :\t\"\u{fc}\" }\r\n";
    world.tell(body).await;
    let mut worker = world.worker(world.store.clone());
    assert_eq!(world.work_off(&mut worker).await, Next::Idle);
    let took = world.former.took.lock().unwrap().clone();
    assert_eq!(took.len(), 1);
    let (headers, passed) = &took[0];
    assert_eq!(passed, body);
    let proofs: Vec<_> = headers.get_all("x-proof").iter().collect();
    assert_eq!(proofs, ["Signature QUJD", "twice"]);
    assert_eq!(headers.len(), 2);
    let page = world.metrics.text().unwrap();
    assert!(page.contains("leadsync_events_forwarded_total{source=\"partner\",result=\"done\"} 1"));
}

#[tokio::test]
async fn what_nobody_takes_is_tried_ten_times_ever_more_rarely_and_then_given_up() {
    let world = World::new();
    world.tell("one").await;
    world.former.fails(std::iter::repeat_n(Some(unreachable()), 10));
    let mut worker = world.worker(world.store.clone());
    let mut waits = Vec::new();
    while let Next::At(at) = world.work_off(&mut worker).await {
        let wait = at - world.clock.now();
        waits.push(wait.num_seconds());
        world.clock.advance(wait);
    }
    assert_eq!(waits, [10, 30, 60, 120, 240, 480, 960, 1800, 3600]);
    assert!(world.former.bodies().is_empty());
    let page = world.metrics.text().unwrap();
    for line in [
        "leadsync_events_forwarded_total{source=\"partner\",result=\"later\"} 9",
        "leadsync_events_forwarded_total{source=\"partner\",result=\"given up\"} 1",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }

    world.tell("two").await;
    world.work_off(&mut worker).await;
    assert_eq!(
        world.former.bodies(),
        ["two"],
        "the next one has all its attempts"
    );
}

#[tokio::test]
async fn one_that_is_refused_waits_as_long_as_asked_and_holds_up_no_other() {
    let world = World::new();
    for body in ["one", "two", "three"] {
        world.tell(body).await;
    }
    let slower = unreachable().retry_after(Some(Duration::from_mins(5)));
    world.former.fails([Some(slower), None]);
    let mut worker = world.worker(world.store.clone());
    let next = world.work_off(&mut worker).await;
    assert_eq!(
        next,
        Next::At(noon() + TimeDelta::seconds(10)),
        "the one that broke inside"
    );
    assert_eq!(world.former.bodies(), ["three"]);
    world.clock.advance(TimeDelta::seconds(10));
    let next = world.work_off(&mut worker).await;
    assert_eq!(next, Next::At(noon() + TimeDelta::minutes(5)));
    world.clock.advance(TimeDelta::minutes(5));
    assert_eq!(world.work_off(&mut worker).await, Next::Idle);
    assert_eq!(world.former.bodies(), ["three", "two", "one"]);
}

#[tokio::test]
async fn a_crowd_is_passed_on_whole() {
    let world = World::new();
    for number in 0..50 {
        world.tell(&format!("event {number}")).await;
    }
    let mut worker = world.worker(world.store.clone());
    world.work_off(&mut worker).await;
    assert_eq!(world.former.bodies().len(), 50);
}

#[tokio::test]
async fn a_store_that_fails_at_any_call_passes_everything_on_at_least_once() {
    for failing in [Failing::Before, Failing::After] {
        for nth in 1.. {
            let world = World::new();
            world.tell("one").await;
            world.former.fails([Some(unreachable())]);
            let faulty = Arc::new(FaultyStore::failing(world.store.clone(), nth, failing));
            let mut worker = world.worker(faulty.clone());
            for _ in 0..6 {
                // What fails is the plan's doing.
                let _ = worker.step(world.clock.now()).await;
                world.clock.advance(TimeDelta::seconds(10));
            }
            let took = world.former.bodies().len();
            assert!((1..=2).contains(&took), "{took} times: {failing:?} {nth}");
            if faulty.calls() < nth {
                break;
            }
        }
    }
}
