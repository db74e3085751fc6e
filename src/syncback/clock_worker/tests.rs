//! Clocks are told in time, once, whatever fails on the way.

use std::sync::Mutex;

use connector_kit::clock::ManualClock;
use connector_kit::conformance::leads;
use connector_kit::{AlertSink, CallBook, DestinationName, ErrorKind, LeadId};

use super::*;
use crate::admin::Metrics;
use crate::deliver::Purse;
use crate::deliver::pace::Pace;
use crate::runtime::Ticks;
use crate::store::faulty::{Failing, FaultyStore};
use crate::store::sqlite::{Options, SqliteStore};
use crate::store::{ClockStart, LeadChange, ReferralStore, Settlement};

fn hour(hours: i64) -> DateTime<Utc> {
    let noon: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();
    noon + TimeDelta::hours(hours)
}

/// Somebody who wants to know, and sometimes does not answer.
#[derive(Default)]
struct Listener {
    heard: Mutex<Vec<(LeadId, &'static str)>>,
    failures: Mutex<VecDeque<Option<ErrorKind>>>,
}

impl Listener {
    fn fail(&self, kinds: impl IntoIterator<Item = Option<ErrorKind>>) {
        self.failures.lock().unwrap().extend(kinds);
    }

    fn heard(&self) -> Vec<&'static str> {
        let heard = std::mem::take(&mut *self.heard.lock().unwrap());
        heard.into_iter().map(|(_, state)| state).collect()
    }
}

#[async_trait]
impl AlertSink for Listener {
    async fn alert(&self, alert: &Alert) -> Result<(), ConnectorError> {
        let failure = self.failures.lock().unwrap().pop_front().flatten();
        if let Some(kind) = failure {
            return Err(ConnectorError::new(kind, "post to hooks.example"));
        }
        let Alert::Clock(clock) = alert else {
            panic!("a clock is told of")
        };
        self.heard.lock().unwrap().push((clock.lead, clock.state));
        Ok(())
    }
}

struct World {
    _directory: tempfile::TempDir,
    store: Arc<SqliteStore>,
    listener: Arc<Listener>,
    metrics: Metrics,
    clock: ManualClock,
}

impl World {
    /// Leads that came at noon, each with a clock of so many hours.
    async fn with_clocks(hours: &[i64]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::at(directory.path().join("leadsync.db"));
        let world = Self {
            _directory: directory,
            store: Arc::new(SqliteStore::open_inline(&options).unwrap()),
            listener: Arc::default(),
            metrics: Metrics::new(Ticks::by_hand().0),
            clock: ManualClock::new(hour(0)),
        };
        for (number, hours) in (1..).zip(hours) {
            world.start(number, *hours).await;
        }
        world
    }

    async fn start(&self, number: u32, hours: i64) {
        let clock = ClockStart {
            kind: ClockKind::FollowUp,
            referral: None,
            starts_at: hour(0),
            due_at: hour(hours),
        };
        let change = LeadChange {
            lead: leads::delivery(number).lead,
            identities: Vec::new(),
            referrals: Vec::new(),
            clocks: vec![clock],
            before: None,
            revision: 1,
            canary: None,
            spans_gone: Vec::new(),
            spans: Vec::new(),
            suppression: None,
            routes: Vec::new(),
        };
        let settlement = Settlement {
            leads: vec![change],
            arrivals: Vec::new(),
        };
        self.store.settle(settlement, hour(0)).await.unwrap();
    }

    fn worker_on(&self, store: Arc<dyn Store>, wants_alerts: bool) -> ClockWorker {
        let name = DestinationName::new("hooks");
        let pace = Pace::new(100, 1000, Arc::new(self.clock.clone()));
        let herald = Herald {
            name: name.clone(),
            sink: self.listener.clone(),
            purse: Arc::new(Purse::new(name, pace, None, CallBook::default())),
        };
        ClockWorker::new(ClockParts {
            store,
            moments: Moments::new(&[0.5, 0.9, 1.0]),
            herald: wants_alerts.then_some(herald),
            meter: self.metrics.clocks(),
        })
    }

    fn worker(&self) -> ClockWorker {
        self.worker_on(self.store.clone(), true)
    }

    /// Told and alerted, of each clock in the order of their ends.
    async fn told(&self) -> Vec<(u8, u8)> {
        let clocks = self.store.clocks(ClockFilter::default()).await.unwrap();
        clocks.iter().map(|row| (row.told, row.alerted)).collect()
    }
}

/// One look at all clocks; gives when the next one is wanted.
async fn look(worker: &mut ClockWorker, now: DateTime<Utc>) -> Next {
    for _ in 0..10_000 {
        match worker.step(now).await.unwrap() {
            Next::Again => {}
            next => return next,
        }
    }
    panic!("it never rests");
}

#[tokio::test]
async fn each_moment_is_told_once_and_the_worker_wakes_for_the_next() {
    let world = World::with_clocks(&[24]).await;
    let mut worker = world.worker();
    for (at, told, heard, next) in [
        (0, (0, 0), vec![], Some(12 * 60)),
        (11, (0, 0), vec![], Some(12 * 60)),
        (12, (1, 1), vec![], Some(24 * 60 - 144)),
        (13, (1, 1), vec![], Some(24 * 60 - 144)),
        (22, (2, 2), vec!["due"], Some(24 * 60)),
        (23, (2, 2), vec![], Some(24 * 60)),
        (24, (3, 3), vec!["overdue"], None),
        (48, (3, 3), vec![], None),
    ] {
        let wanted = next.map_or(Next::Idle, |minutes| {
            Next::At(hour(0) + TimeDelta::minutes(minutes))
        });
        assert_eq!(look(&mut worker, hour(at)).await, wanted, "after {at} hours");
        assert_eq!(world.told().await, [told], "after {at} hours");
        assert_eq!(world.listener.heard(), heard, "after {at} hours");
    }
}

#[tokio::test]
async fn a_clock_that_ran_while_nobody_looked_tells_only_the_newest_moment() {
    let world = World::with_clocks(&[24]).await;
    look(&mut world.worker(), hour(100)).await;
    assert_eq!(
        (world.listener.heard(), world.told().await),
        (vec!["overdue"], vec![(3, 3)])
    );
}

#[tokio::test]
async fn a_new_process_tells_nothing_twice() {
    let world = World::with_clocks(&[24]).await;
    look(&mut world.worker(), hour(23)).await;
    look(&mut world.worker(), hour(23)).await;
    assert_eq!(world.listener.heard(), ["due"]);
}

#[tokio::test]
async fn without_somebody_who_wants_alerts_the_log_goes_on_and_nothing_is_saved_up() {
    let world = World::with_clocks(&[24]).await;
    let mut alone = world.worker_on(world.store.clone(), false);
    look(&mut alone, hour(23)).await;
    assert_eq!(world.told().await, [(2, 2)]);
    look(&mut world.worker(), hour(23)).await;
    assert_eq!(world.listener.heard(), Vec::<&str>::new());
    look(&mut world.worker(), hour(24)).await;
    assert_eq!(world.listener.heard(), ["overdue"]);
}

#[tokio::test]
async fn a_listener_that_does_not_answer_holds_only_alerts_for_longer_and_longer() {
    let world = World::with_clocks(&[24, 24, 100]).await;
    let mut worker = world.worker();
    world
        .listener
        .fail([Some(ErrorKind::Unreachable), Some(ErrorKind::Unreachable)]);
    let rest = |seconds| Next::At(hour(23) + TimeDelta::seconds(seconds));
    // The first failure ends it: the second is not even tried.
    assert_eq!(look(&mut worker, hour(23)).await, rest(30));
    assert_eq!(world.told().await, [(2, 0), (2, 0), (0, 0)]);
    assert_eq!(
        look(&mut worker, hour(23) + TimeDelta::seconds(29)).await,
        rest(30)
    );
    let again = hour(23) + TimeDelta::seconds(30);
    assert_eq!(
        look(&mut worker, again).await,
        Next::At(again + TimeDelta::seconds(60))
    );
    assert_eq!(world.listener.heard(), Vec::<&str>::new());
    look(&mut worker, again + TimeDelta::seconds(60)).await;
    assert_eq!(world.listener.heard(), ["due", "due"]);
    assert_eq!(world.told().await, [(2, 2), (2, 2), (0, 0)]);
}

#[tokio::test]
async fn an_alert_that_is_refused_is_tried_again_later_and_holds_up_no_other() {
    let world = World::with_clocks(&[24, 24]).await;
    let mut worker = world.worker();
    world.listener.fail([Some(ErrorKind::Rejected), None]);
    let next = look(&mut worker, hour(23)).await;
    assert_eq!(world.listener.heard(), ["due"]);
    assert_eq!(next, Next::At(hour(23) + TimeDelta::seconds(30)));
    look(&mut worker, hour(23) + TimeDelta::seconds(30)).await;
    assert_eq!(world.listener.heard(), ["due"]);
    assert_eq!(world.told().await, [(2, 2), (2, 2)]);
}

#[tokio::test]
async fn many_clocks_are_looked_at_page_by_page_and_counted() {
    let many: Vec<i64> = (0..PAGE + 7)
        .map(|number| if number < 3 { 10 } else { 1000 })
        .collect();
    let world = World::with_clocks(&many).await;
    let mut worker = world.worker();
    let next = look(&mut worker, hour(9)).await;
    assert_eq!(world.listener.heard(), ["due", "due", "due"]);
    assert_eq!(next, Next::At(hour(10)));
    let page = world.metrics.text().unwrap();
    for line in [
        r#"leadsync_clocks{clock="follow-up",state="ok"} 504"#,
        r#"leadsync_clocks{clock="follow-up",state="due"} 3"#,
        r#"leadsync_clocks{clock="answer",state="overdue"} 0"#,
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
}

/// Fails the n-th call of the store, runs on, and looks that everybody was told, at most once more.
#[tokio::test]
async fn a_failing_store_costs_nobody_an_alert() {
    for failing in [Failing::Before, Failing::After] {
        for nth in 1.. {
            let world = World::with_clocks(&[24, 24]).await;
            let store = Arc::new(FaultyStore::failing(world.store.clone(), nth, failing));
            let mut worker = world.worker_on(store.clone(), true);
            for _ in 0..50 {
                // What fails is tried again, as by the loop that runs workers.
                let _ = worker.step(hour(23)).await;
            }
            let heard = world.listener.heard().len();
            assert!((2..=3).contains(&heard), "call {nth}: told {heard} times");
            assert_eq!(world.told().await, [(2, 2), (2, 2)], "call {nth}");
            if store.calls() < nth {
                break;
            }
        }
    }
}
