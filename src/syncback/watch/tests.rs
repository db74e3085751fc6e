//! A CRM is looked at page by page, whatever fails on the way.

use std::collections::VecDeque;
use std::sync::Mutex;

use chrono::TimeDelta;
use connector_kit::clock::ManualClock;
use connector_kit::{CallBook, DestinationName, LeadId, Quota, RecordRef, Subject};

use super::*;
use crate::deliver::pace::Pace;
use crate::store::faulty::{Failing, FaultyStore};
use crate::store::sqlite::{Options, SqliteStore};
use crate::store::{Custody, LeadChange, OutcomeFilter, Settlement, Understood};

fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// A CRM with a list of changes, read two at a time; its checkpoint is how many were read.
#[derive(Default)]
struct Feed {
    changes: Mutex<Vec<Outcome>>,
    failures: Mutex<VecDeque<Option<ConnectorError>>>,
}

#[async_trait]
impl OutcomeSource for Feed {
    async fn outcomes(
        &self,
        after: Option<&Checkpoint>,
        _limit: usize,
    ) -> Result<Batch<Outcome>, ConnectorError> {
        let failure = self.failures.lock().unwrap().pop_front();
        match failure {
            Some(Some(error)) => return Err(error),
            Some(None) => panic!("planned"),
            None => {}
        }
        let from: usize = after.map_or(0, |checkpoint| checkpoint.0.parse().unwrap());
        let changes = self.changes.lock().unwrap();
        let until = changes.len().min(from + 2);
        Ok(Batch {
            items: changes[from..until].to_vec(),
            next: Some(Checkpoint(until.to_string())),
            more: until < changes.len(),
        })
    }
}

/// Counts what it is told.
#[derive(Default)]
struct Counter(Mutex<Vec<Stage>>);

impl Onlooker for Counter {
    fn observed(&self, _: &SourceName, news: &[Outcome], _: DateTime<Utc>) {
        self.0
            .lock()
            .unwrap()
            .extend(news.iter().map(|outcome| outcome.stage));
    }
}

/// Two looks a second, and a hundred at once.
fn purse(calls: CallBook) -> Purse {
    let pace = Pace::new(2, 100, Arc::new(ManualClock::new(noon())));
    Purse::new(DestinationName::new("crm"), pace, None, calls)
}

struct World {
    _directory: tempfile::TempDir,
    store: Arc<SqliteStore>,
    feed: Arc<Feed>,
    counter: Arc<Counter>,
    purse: Arc<Purse>,
    leads: Vec<LeadId>,
}

impl World {
    async fn with_leads(count: u8) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::at(directory.path().join("leadsync.db"));
        let store = Arc::new(SqliteStore::open_inline(&options).unwrap());
        let mut leads = Vec::new();
        for number in 1..=count {
            leads.push(take_in(&store, number).await);
        }
        Self {
            _directory: directory,
            store,
            feed: Arc::default(),
            counter: Arc::default(),
            purse: Arc::new(purse(CallBook::default())),
            leads,
        }
    }

    fn worker(&self, store: Arc<dyn Store>) -> WatchWorker {
        WatchWorker::new(WatchParts {
            name: SourceName::new("crm"),
            account: AccountName::new("default"),
            source: self.feed.clone(),
            purse: Arc::clone(&self.purse),
            store,
            onlooker: self.counter.clone(),
            bells: crate::runtime::Bells::default(),
            every: Duration::from_secs(30),
        })
    }

    fn changes(&self, stages: &[Stage]) {
        let outcomes = self.leads.iter().zip(stages).map(|(lead, stage)| Outcome {
            lead: Some(*lead),
            record: RecordRef(format!("record of {lead}")),
            subject: Subject::Lead,
            stage: *stage,
            state: stage.as_str().into(),
            value: None,
            closes_on: None,
            reason: None,
            owned: false,
            changed_at: noon(),
        });
        self.feed.changes.lock().unwrap().extend(outcomes);
    }

    async fn stages(&self) -> Vec<Stage> {
        let rows = self.store.outcomes(OutcomeFilter::default()).await.unwrap();
        let mut stages: Vec<Stage> = rows.into_iter().map(|row| row.outcome.stage).collect();
        stages.sort_unstable();
        stages
    }
}

async fn take_in(store: &SqliteStore, number: u8) -> LeadId {
    let lead = connector_kit::conformance::leads::delivery(number.into()).lead;
    let id = lead.id;
    let arrival = crate::store::Arrival {
        account: lead.account.clone(),
        source: SourceName::new("web"),
        received_at: noon(),
        raw: connector_kit::RawLead {
            format: connector_kit::RawFormat::MarketplaceJson,
            reference: None,
            occurred_at: None,
            body: bytes::Bytes::from_static(b"{}"),
        },
    };
    let kept = store.accept(vec![arrival], None).await.unwrap();
    let Custody::Kept(arrival) = kept[0] else {
        panic!("not kept")
    };
    let settlement = Settlement {
        leads: vec![LeadChange {
            lead,
            identities: Vec::new(),
            referrals: Vec::new(),
            clocks: Vec::new(),
            before: None,
            revision: 1,
            canary: None,
            spans_gone: Vec::new(),
            spans: Vec::new(),
            suppression: None,
            routes: Vec::new(),
        }],
        arrivals: vec![(arrival, Understood::New(id))],
    };
    store.settle(settlement, noon()).await.unwrap();
    id
}

#[tokio::test]
async fn every_change_is_seen_once_page_by_page() {
    let world = World::with_leads(5).await;
    world.changes(&[
        Stage::Won,
        Stage::Lost,
        Stage::Declined,
        Stage::Accepted,
        Stage::Won,
    ]);
    let mut worker = world.worker(world.store.clone());
    let mut steps = Vec::new();
    for _ in 0..4 {
        steps.push(worker.step(noon()).await.unwrap());
    }
    let pause = Next::At(noon() + TimeDelta::seconds(30));
    assert_eq!(steps, [Next::Again, Next::Again, pause, pause]);
    let expected = [
        Stage::Accepted,
        Stage::Declined,
        Stage::Won,
        Stage::Won,
        Stage::Lost,
    ];
    assert_eq!(world.stages().await, expected);
    assert_eq!(world.counter.0.lock().unwrap().len(), 5);
}

#[tokio::test]
async fn a_store_that_fails_at_any_call_loses_no_outcome_and_tells_none_twice() {
    for failing in [Failing::Before, Failing::After] {
        for nth in 1.. {
            let world = World::with_leads(3).await;
            world.changes(&[Stage::Won, Stage::Lost, Stage::Declined]);
            let faulty = Arc::new(FaultyStore::failing(world.store.clone(), nth, failing));
            let mut worker = world.worker(faulty.clone());
            for _ in 0..4 {
                // What fails is the plan's doing.
                let _ = worker.step(noon()).await;
            }
            assert_eq!(
                world.stages().await,
                [Stage::Declined, Stage::Won, Stage::Lost],
                "{failing:?} {nth}"
            );
            assert!(world.counter.0.lock().unwrap().len() <= 3, "{failing:?} {nth}");
            if faulty.calls() < nth {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_crm_that_fails_is_asked_more_rarely_and_its_place_is_kept() {
    let world = World::with_leads(1).await;
    world.changes(&[Stage::Won]);
    let throttled =
        ConnectorError::new(ErrorKind::Throttled, "ask").retry_after(Some(Duration::from_mins(10)));
    let broken = ConnectorError::new(ErrorKind::Broken, "ask");
    let failures = [Some(broken), None, Some(throttled)];
    world.feed.failures.lock().unwrap().extend(failures);
    let mut worker = world.worker(world.store.clone());
    for seconds in [60, 120, 600] {
        let next = worker.step(noon()).await.unwrap();
        assert_eq!(next, Next::At(noon() + TimeDelta::seconds(seconds)));
    }
    assert_eq!(
        worker.step(noon()).await.unwrap(),
        Next::At(noon() + TimeDelta::seconds(30))
    );
    assert_eq!(world.stages().await, [Stage::Won]);
}

#[tokio::test]
async fn every_look_is_counted() {
    let world = World::with_leads(1).await;
    let mut worker = world.worker(world.store.clone());
    world.changes(&[Stage::Won]);
    for _ in 0..3 {
        worker.step(noon()).await.unwrap();
    }
    let ledger = world.store.ledger(&DestinationName::new("crm")).await.unwrap();
    assert_eq!((ledger.spent, ledger.total), (3, 3));
}

#[tokio::test]
async fn what_is_kept_for_new_leads_is_not_looked_away() {
    let mut world = World::with_leads(1).await;
    let calls = CallBook::default();
    calls.tell(Quota {
        granted: 1000,
        left: 199,
        told_at: noon(),
    });
    world.purse = Arc::new(purse(calls));
    let mut worker = world.worker(world.store.clone());
    world.changes(&[Stage::Won]);
    let again = noon() + TimeDelta::minutes(5);
    assert_eq!(worker.step(noon()).await.unwrap(), Next::At(again));
    assert!(world.counter.0.lock().unwrap().is_empty());
    worker.step(again).await.unwrap();
    assert_eq!(world.counter.0.lock().unwrap().len(), 1);
}
