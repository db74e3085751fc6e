//! One life of the process: everything that is gone when it ends.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use chrono::{DateTime, Utc};
use connector_kit::clock::{Clock, ManualClock};
use connector_kit::dice::Dice;
use connector_kit::ids::AccountName;
use connector_kit::secret::Secret;
use connector_kit::{CallBook, Destination, DestinationName, Outcome, Source, SourceName};
use http::Request;
use http_body_util::Full;
use leadsync::admin::{Health, Metrics};
use leadsync::dedupe;
use leadsync::deliver::pace::Pace;
use leadsync::deliver::{DeliveryWorker, Purse, Room, Unobserved};
use leadsync::intake::poll::PollWorker;
use leadsync::intake::{Door, DoorParts, DoorRules, IntakeLimits, IntakeSource};
use leadsync::normalize;
use leadsync::route::{RouteTarget, Routes};
use leadsync::runtime::{Bells, Ticks, Worker};
use leadsync::settle::{Reader, SettleParts, SettleWorker, Unwatched};
use leadsync::store::faulty::FaultyStore;
use leadsync::store::sqlite::{Options, SpaceFloor, SqliteStore};
use leadsync::store::{InboxId, Store};
use leadsync::syncback::{Onlooker, WatchParts, WatchWorker};
use tempfile::TempDir;

use super::crm::Crm;
use super::death::Death;
use super::mortal::Mortal;
use super::outside::Outside;
use super::plan::{ACCOUNT, POLLED, Plan};
use super::posted::Posted;

const SECRET: &str = "secret-of-this-world-0123456789";

pub(crate) struct Life {
    /// The store without any fault, for those who only look.
    pub(crate) store: Arc<SqliteStore>,
    /// The store that fails as planned, for its count of calls.
    pub(crate) faulty: Option<Arc<FaultyStore>>,
    pub(crate) door: Arc<Door>,
    pub(crate) workers: Vec<Box<dyn Worker>>,
    pub(super) mortal: Arc<Mortal>,
}

/// What outlives the process.
pub(crate) struct Stage {
    pub(crate) clock: ManualClock,
    pub(crate) dice: Dice,
    pub(crate) death: Death,
    pub(crate) crms: Vec<Arc<Crm>>,
    pub(crate) home: TempDir,
}

/// Nobody is told what was seen.
struct Nobody;

impl Onlooker for Nobody {
    fn observed(&self, _: &SourceName, _: &[Outcome], _: DateTime<Utc>) {}
}

/// What the workers of a life share.
struct Ground {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    dice: Dice,
    /// The newest arrival that waited when the last life ended badly.
    suspicious: Option<InboxId>,
}

impl Life {
    /// Begins on what the last life left; `died` when that did not end in order.
    pub(crate) async fn begin(plan: &Plan, stage: &Stage, died: bool) -> Self {
        let mut options = Options::at(stage.home.path().join("leads.db"));
        options.floor = SpaceFloor { bytes: 0, percent: 0 };
        let store = Arc::new(SqliteStore::open_inline(&options).unwrap());
        let suspicious = if died {
            store.newest_unsettled().await.unwrap()
        } else {
            None
        };
        let mortal = Arc::new(Mortal::new(store.clone(), &stage.death, &stage.clock));
        let faulty = plan
            .fault
            .map(|(nth, failing)| Arc::new(FaultyStore::failing(mortal.clone(), nth, failing)));
        let ground = Ground {
            store: faulty.clone().map_or(mortal.clone(), |faulty| faulty),
            clock: Arc::new(stage.clock.clone()),
            dice: stage.dice.clone(),
            suspicious,
        };
        let mut workers: Vec<Box<dyn Worker>> = vec![Box::new(ground.settle(plan))];
        workers.extend(plan.polled.iter().map(|source| ground.poll(source)));
        for crm in &stage.crms {
            workers.extend(ground.deliver(plan, &crm.name, crm.clone(), crm.begin_book()));
        }
        for outside in &plan.outside {
            workers.extend(ground.outside(plan, outside, &stage.clock));
        }
        Self {
            door: ground.door(plan),
            store,
            faulty,
            workers,
            mortal,
        }
    }

    pub(crate) async fn post(&self, lead: &Posted, death: &Death) -> Option<u16> {
        let request = Request::post(format!("/v1/leads/{}/{SECRET}", lead.source))
            .body(Full::new(lead.body()))
            .unwrap();
        let peer = "192.0.2.1".parse().unwrap();
        tokio::select! {
            biased;
            answer = self.door.answer(peer, request) => Some(answer.status().as_u16()),
            () = death.came() => None,
        }
    }

    /// Lets go of the store, whoever still holds on to a piece of this life.
    pub(crate) fn end(self) {
        self.mortal.end();
    }
}

impl Ground {
    fn settle(&self, plan: &Plan) -> SettleWorker {
        let routes = routes(plan);
        let parts = SettleParts {
            store: Arc::clone(&self.store),
            reader: plan.reader.clone().unwrap_or_else(reader),
            router: Arc::new(move |lead| routes.choose(lead)),
            rules: dedupe::Rules::default(),
            bells: Bells::default(),
            watcher: Arc::new(Unwatched),
        };
        SettleWorker::new(parts, self.suspicious)
    }

    fn poll(&self, source: &Arc<dyn Source>) -> Box<dyn Worker> {
        let with = (Arc::clone(&self.store), Arc::clone(&self.clock), Bells::default());
        Box::new(PollWorker::new(
            SourceName::new(POLLED),
            AccountName::new(ACCOUNT),
            Arc::clone(source),
            Duration::from_mins(1),
            with,
            Metrics::new(Ticks::by_hand().0).polls(&SourceName::new(POLLED)),
        ))
    }

    /// The workers of a real connector: some that deliver, one that looks what became of leads.
    fn outside(&self, plan: &Plan, outside: &Outside, clock: &ManualClock) -> Vec<Box<dyn Worker>> {
        let calls = CallBook::default();
        let connector = outside.connector(clock, &calls);
        let watch = WatchWorker::new(WatchParts {
            name: SourceName::new(outside.kind),
            account: AccountName::new(ACCOUNT),
            source: connector.outcome_source.unwrap(),
            purse: self.purse(plan, outside.kind, calls.clone()),
            store: Arc::clone(&self.store),
            onlooker: Arc::new(Nobody),
            bells: Bells::default(),
            every: Duration::from_secs(30),
        });
        let mut workers = self.deliver(plan, outside.kind, connector.destination.unwrap(), calls);
        workers.push(Box::new(watch));
        workers
    }

    fn purse(&self, plan: &Plan, name: &str, calls: CallBook) -> Arc<Purse> {
        Arc::new(Purse::new(
            DestinationName::new(name),
            Pace::new(plan.pace.0, plan.pace.1, Arc::clone(&self.clock)),
            plan.budget,
            calls,
        ))
    }

    fn deliver(
        &self,
        plan: &Plan,
        name: &str,
        destination: Arc<dyn Destination>,
        calls: CallBook,
    ) -> Vec<Box<dyn Worker>> {
        let room = Arc::new(Room {
            name: DestinationName::new(name),
            destination,
            purse: self.purse(plan, name, calls),
            bells: vec![plan.bell.clone(); plan.workers],
            patience: plan.patience.clone(),
            lease: plan.lease,
            broken_calls: AtomicU32::new(0),
            observer: Arc::new(Unobserved),
        });
        let worker = |number| -> Box<dyn Worker> {
            let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
            Box::new(DeliveryWorker::new(
                Arc::clone(&room),
                number,
                store,
                clock,
                self.dice.clone(),
            ))
        };
        (0..plan.workers).map(worker).collect()
    }

    fn door(&self, plan: &Plan) -> Arc<Door> {
        let (ticks, _) = Ticks::by_hand();
        let parts = DoorParts {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            metrics: Arc::new(Metrics::new(ticks.clone())),
            health: Arc::new(Health::new(ticks.clone())),
            on_kept: Arc::new(|| {}),
            ticks,
        };
        let source = |(name, account): &(&str, &str)| IntakeSource {
            account: AccountName::new(account),
            name: SourceName::new(name),
            secrets: vec![Secret::new(SECRET)],
            rate: None,
        };
        let sources = plan.sources.iter().map(source).collect();
        Arc::new(Door::new(parts, DoorRules::new(IntakeLimits::default(), sources)))
    }
}

/// Reads arrivals the way the daemon does.
pub(crate) fn reader() -> Reader {
    let rules = normalize::Rules::default();
    Arc::new(move |arrival| normalize::understand(arrival, &rules))
}

fn routes(plan: &Plan) -> Routes {
    let target = |(name, account): &(&str, &str)| RouteTarget {
        name: DestinationName::new(name),
        account: AccountName::new(account),
    };
    let outside = plan.outside.iter().map(|outside| (outside.kind, ACCOUNT));
    let all: Vec<_> = plan.destinations.iter().copied().chain(outside).collect();
    let targets: Vec<_> = all.iter().map(target).collect();
    Routes::parse(&plan.routes, &targets).unwrap()
}
