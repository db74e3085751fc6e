//! A store, a desk of referrals that does as it is told, and the clock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use bytes::Bytes;
use connector_kit::clock::ManualClock;
use connector_kit::referral::read;
use connector_kit::{CallBook, DestinationName, Notice, RawFormat, RawLead, Referral, ReferralChange};
use tokio::sync::watch;

use super::*;
use crate::admin::Metrics;
use crate::deliver::pace::Pace;
use crate::runtime::Ticks;
use crate::store::sqlite::{Options, SqliteStore};
use crate::store::{ReferralStore, Told};

pub(super) fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// What the desk says when it is asked for a referral.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// The version it is at.
    Version,
    /// The same, when the test says so.
    Slow,
    NotYet,
    Fails(ConnectorError),
    Panics,
}

/// Referrals by id; each is at version 1 until a test says otherwise.
pub(super) struct Desk {
    answers: Mutex<BTreeMap<String, VecDeque<Answer>>>,
    versions: Mutex<BTreeMap<String, u32>>,
    reads: Mutex<Vec<String>>,
    hurried: watch::Sender<bool>,
}

impl Desk {
    /// The answers to the next questions about this one; then it is there.
    pub(super) fn answers(&self, id: &str, answers: impl IntoIterator<Item = Answer>) {
        let answers = answers.into_iter().collect();
        self.answers.lock().unwrap().insert(id.to_owned(), answers);
    }

    pub(super) fn now_at(&self, id: &str, version: u32) {
        self.versions.lock().unwrap().insert(id.to_owned(), version);
    }

    /// Slow answers come now.
    pub(super) fn hurry(&self) {
        self.hurried.send_replace(true);
    }

    pub(super) fn reads(&self, id: &str) -> usize {
        self.reads
            .lock()
            .unwrap()
            .iter()
            .filter(|read| *read == id)
            .count()
    }

    pub(super) fn all_reads(&self) -> usize {
        self.reads.lock().unwrap().len()
    }
}

#[async_trait]
impl ReferralDesk for Desk {
    async fn read(&self, id: &ReferralId) -> Result<Option<FetchedReferral>, ConnectorError> {
        let id = id.as_str();
        self.reads.lock().unwrap().push(id.to_owned());
        let version = self.versions.lock().unwrap().get(id).copied().unwrap_or(1);
        let planned = self
            .answers
            .lock()
            .unwrap()
            .get_mut(id)
            .and_then(VecDeque::pop_front);
        match planned.unwrap_or(Answer::Version) {
            Answer::Version => {}
            Answer::Slow => drop(self.hurried.subscribe().wait_for(|now| *now).await.unwrap()),
            Answer::NotYet => return Ok(None),
            Answer::Fails(error) => return Err(error),
            Answer::Panics => panic!("planned"),
        }
        Ok(Some(fetched(id, version)))
    }

    async fn write(&self, _: &Referral, _: &ReferralChange) -> Result<FetchedReferral, ConnectorError> {
        panic!("who follows events writes nothing")
    }

    async fn create(&self, _: Bytes) -> Result<FetchedReferral, ConnectorError> {
        panic!("who follows events makes nothing")
    }
}

fn fetched(id: &str, version: u32) -> FetchedReferral {
    let body = serde_json::json!({
        "id": id, "status": "New", "substatus": "Pending", "eTag": format!("\"v{version}\""),
        "createdDateTime": "2026-11-20T11:00:00Z",
        "updatedDateTime": format!("2026-11-20T11:{version:02}:00Z"),
    });
    let body = Bytes::from(body.to_string());
    let referral = read::referral(&body).unwrap().referral;
    FetchedReferral {
        raw: RawLead {
            format: RawFormat::Referral,
            reference: Some(format!("{id} v{version}")),
            occurred_at: Some(referral.updated_at),
            body,
        },
        referral,
    }
}

pub(super) struct World {
    _directory: tempfile::TempDir,
    pub(super) store: Arc<SqliteStore>,
    pub(super) clock: ManualClock,
    pub(super) desk: Arc<Desk>,
    pub(super) metrics: Metrics,
    purse: Arc<Purse>,
    settle: Bell,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(None, CallBook::default())
    }

    pub(super) fn with(budget: Option<Budget>, calls: CallBook) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::at(directory.path().join("leadsync.db"));
        let clock = ManualClock::new(noon());
        let pace = Pace::new(2, 5, Arc::new(clock.clone()));
        Self {
            store: Arc::new(SqliteStore::open_inline(&options).unwrap()),
            _directory: directory,
            desk: Arc::new(Desk {
                answers: Mutex::default(),
                versions: Mutex::default(),
                reads: Mutex::default(),
                hurried: watch::Sender::new(false),
            }),
            metrics: Metrics::new(Ticks::by_hand().0),
            purse: Arc::new(Purse::new(DestinationName::new("partner"), pace, budget, calls)),
            settle: Bell::default(),
            clock,
        }
    }

    pub(super) fn crew(&self, crowd: usize) -> Vec<FollowWorker> {
        self.crew_on(self.store.clone(), crowd)
    }

    pub(super) fn worker(&self) -> FollowWorker {
        self.crew(1).remove(0)
    }

    pub(super) fn worker_on(&self, store: Arc<dyn Store>) -> FollowWorker {
        self.crew_on(store, 1).remove(0)
    }

    fn crew_on(&self, store: Arc<dyn Store>, crowd: usize) -> Vec<FollowWorker> {
        let name = SourceName::new("partner");
        let trail = Trail {
            account: AccountName::new("contoso"),
            desk: self.desk.clone(),
            purse: Arc::clone(&self.purse),
            store,
            clock: Arc::new(self.clock.clone()),
            settle: self.settle.clone(),
            meter: self.metrics.follow(&name),
            name,
        };
        FollowWorker::crew(trail, crowd)
    }

    pub(super) fn turn_to(&self, at: DateTime<Utc>) {
        self.clock.advance(at - self.clock.now());
    }

    /// An event says that the referral came to this version.
    pub(super) async fn tell(&self, id: &str, version: u32) {
        let told = Told {
            account: AccountName::new("contoso"),
            source: SourceName::new("partner"),
            received_at: self.clock.now(),
            notice: Notice {
                event: "referral-updated".into(),
                referral: Some(id.parse().unwrap()),
                occurred_at: self.clock.now(),
                reference: format!("{id} v{version}"),
            },
            copy: None,
        };
        self.store.hear(vec![told]).await.unwrap();
    }

    pub(super) async fn step(&self, worker: &mut FollowWorker) -> Next {
        worker.step(self.clock.now()).await.unwrap()
    }

    /// Lets a worker go on until it wants to rest.
    pub(super) async fn work_off(&self, worker: &mut FollowWorker) -> Next {
        for _ in 0..100 {
            match self.step(worker).await {
                Next::Again => {}
                rest => return rest,
            }
        }
        panic!("the worker finds no rest");
    }

    pub(super) async fn custody(&self) -> Vec<Arrival> {
        let unsettled = self.store.unsettled(100).await.unwrap();
        unsettled.into_iter().map(|one| one.arrival).collect()
    }

    /// Which versions are in custody, oldest first.
    pub(super) async fn versions(&self) -> Vec<String> {
        let version = |arrival: Arrival| {
            let referral = read::referral(&arrival.raw.body).unwrap().referral;
            format!("{} {}", referral.id, referral.etag.trim_matches('"'))
        };
        self.custody().await.into_iter().map(version).collect()
    }

    pub(super) fn settle_was_rung(&self) -> bool {
        self.settle.heard().now_or_never().is_some()
    }
}
