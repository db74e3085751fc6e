//! Reports under bad circumstances: nothing is done twice, nothing is given up silently.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Mutex;

use bytes::Bytes;
use connector_kit::clock::ManualClock;
use connector_kit::http::LONGEST_CALL;
use connector_kit::ids::AccountName;
use connector_kit::referral::Deal;
use connector_kit::{
    CallBook, FetchedReferral, Lead, LeadId, Outcome, RawFormat, RawLead, Referral, ReferralChange,
    ReferralDesk, ReferralId, ReferralMove, SourceName, Stage,
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::deliver::pace::Pace;
use crate::runtime::{Bell, Pulse, Ticks, run};
use crate::store::sqlite::{Options, SqliteStore};
use crate::store::{
    LeadChange, Link, Order, ReferralNote, ReferralStore, ReferralStory, Settlement, Sighting, Store,
};
use crate::syncback::plan::tests::{lead, referral, says};
use crate::syncback::{Policy, Unreported};

const SINK: &str = "partner";

/// What happens to the next write.
#[derive(Clone, Copy, Debug)]
enum Play {
    /// Somebody was faster.
    Conflict,
    /// It is done, and the answer is lost.
    LoseTheAnswer,
    /// It is refused with this kind.
    Refuse(ErrorKind),
    /// The connector fails inside.
    Panic,
    /// It is never answered.
    Hang,
}

/// Keeps one referral.
struct Desk {
    held: Mutex<Referral>,
    plays: Mutex<VecDeque<Play>>,
    writes: Mutex<Vec<ReferralChange>>,
    reads: Mutex<u32>,
    /// Takes closing dates, and does not hold them.
    forgets_days: bool,
}

fn fetched(referral: &Referral) -> FetchedReferral {
    FetchedReferral {
        raw: RawLead {
            format: RawFormat::Referral,
            reference: Some(format!("{} {}", referral.id, referral.etag)),
            occurred_at: Some(referral.updated_at),
            body: Bytes::from_static(b"{}"),
        },
        referral: referral.clone(),
    }
}

impl Desk {
    fn apply(&self, change: &ReferralChange) -> Referral {
        let mut held = self.held.lock().unwrap();
        if let Some(step) = change.step {
            assert!(step.is_legal_from(&held.state), "{step:?} from {}", held.state);
            held.state = step.target();
        }
        held.etag.push('+');
        held.updated_at += TimeDelta::seconds(1);
        let closes_at = change
            .closes_on
            .map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc());
        held.deal = Deal {
            value: change.value.clone().or(held.deal.value.take()),
            currency: change.currency.clone().or(held.deal.currency.take()),
            closes_at: closes_at.filter(|_| !self.forgets_days).or(held.deal.closes_at),
            notes: String::new(),
        };
        if let Some(reference) = &change.external_reference {
            held.external_reference.clone_from(reference);
        }
        held.clone()
    }
}

#[async_trait]
impl ReferralDesk for Desk {
    async fn read(&self, _: &ReferralId) -> Result<Option<FetchedReferral>, ConnectorError> {
        *self.reads.lock().unwrap() += 1;
        Ok(Some(fetched(&self.held.lock().unwrap())))
    }

    async fn write(
        &self,
        seen: &Referral,
        change: &ReferralChange,
    ) -> Result<FetchedReferral, ConnectorError> {
        self.writes.lock().unwrap().push(change.clone());
        let play = self.plays.lock().unwrap().pop_front();
        match play {
            Some(Play::Conflict) => return Err(ConnectorError::new(ErrorKind::Conflict, "write: 412")),
            Some(Play::Refuse(kind)) => {
                return Err(
                    ConnectorError::new(kind, "write: refused").answer("ada@canary.example is no member")
                );
            }
            Some(Play::Panic) => panic!("planned"),
            Some(Play::Hang) => std::future::pending().await,
            Some(Play::LoseTheAnswer) => {
                self.apply(change);
                return Err(ConnectorError::new(ErrorKind::Unreachable, "write: no answer"));
            }
            None => {}
        }
        assert_eq!(
            seen.etag,
            self.held.lock().unwrap().etag,
            "a write on what was read"
        );
        Ok(fetched(&self.apply(change)))
    }

    async fn create(&self, _: Bytes) -> Result<FetchedReferral, ConnectorError> {
        Err(ConnectorError::new(ErrorKind::Rejected, "make a referral"))
    }
}

struct World {
    clock: ManualClock,
    desk: Arc<Desk>,
    store: Arc<SqliteStore>,
    worker: ReportWorker,
    _home: tempfile::TempDir,
}

impl World {
    /// A lead with a new referral, and a CRM that says so of it.
    async fn with(link: Link, outcome: Outcome) -> Self {
        Self::at_a_desk_that(link, outcome, false).await
    }

    async fn at_a_desk_that(link: Link, outcome: Outcome, forgets_days: bool) -> Self {
        let clock = ManualClock::new("2026-11-20T12:00:00Z".parse().unwrap());
        let home = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open_inline(&Options::at(home.path().join("leads.db"))).unwrap());
        let new = referral("New/Pending");
        refer(&*store, &new, link, clock_now(&clock)).await;
        say(&*store, outcome, clock_now(&clock)).await;
        let desk = Arc::new(Desk {
            held: Mutex::new(new),
            plays: Mutex::default(),
            writes: Mutex::default(),
            reads: Mutex::default(),
            forgets_days,
        });
        let worker = worker(&store, &desk, &clock);
        Self {
            clock,
            desk,
            store,
            worker,
            _home: home,
        }
    }

    fn plays(&self, plays: impl IntoIterator<Item = Play>) {
        self.desk.plays.lock().unwrap().extend(plays);
    }

    async fn work(&mut self) -> Next {
        loop {
            let now = clock_now(&self.clock);
            let next = self.worker.step(now).await.unwrap();
            if next != Next::Again {
                return next;
            }
        }
    }

    fn steps_written(&self) -> Vec<Option<ReferralMove>> {
        self.desk
            .writes
            .lock()
            .unwrap()
            .iter()
            .map(|change| change.step)
            .collect()
    }

    async fn story(&self) -> ReferralStory {
        self.store
            .referral(&"r-1".parse().unwrap())
            .await
            .unwrap()
            .unwrap()
    }

    async fn report(&self) -> (&'static str, String) {
        let report = self.story().await.report.unwrap();
        (report.state, report.reason)
    }
}

fn clock_now(clock: &ManualClock) -> DateTime<Utc> {
    connector_kit::clock::Clock::now(clock)
}

fn worker(store: &Arc<SqliteStore>, desk: &Arc<Desk>, clock: &ManualClock) -> ReportWorker {
    let pace = Pace::new(100, 100, Arc::new(clock.clone()));
    ReportWorker::new(ReportParts {
        reporter: Reporter {
            sink: SourceName::new(SINK),
            account: AccountName::new("default"),
            desk: desk.clone(),
            policy: Policy::default(),
            store: store.clone(),
            clock: Arc::new(clock.clone()),
            listener: Arc::new(Unreported),
        },
        purse: Arc::new(Purse::new(
            DestinationName::new(SINK),
            pace,
            None,
            CallBook::default(),
        )),
        patience: Patience::default(),
        lease: Duration::from_mins(2),
        dice: Dice::seeded(1),
        bells: Bells::default(),
    })
}

async fn refer(store: &dyn Store, new: &Referral, link: Link, now: DateTime<Utc>) {
    let change = LeadChange {
        lead: Arc::new(lead()),
        identities: Vec::new(),
        before: None,
        revision: 1,
        canary: None,
        spans_gone: Vec::new(),
        spans: Vec::new(),
        suppression: None,
        routes: Vec::new(),
        referrals: vec![ReferralNote {
            source: SourceName::new(SINK),
            referral: Arc::new(new.clone()),
            link,
        }],
        clocks: Vec::new(),
    };
    let settlement = Settlement {
        leads: vec![change],
        arrivals: Vec::new(),
    };
    store.settle(settlement, now).await.unwrap();
}

async fn say(store: &dyn Store, outcome: Outcome, now: DateTime<Utc>) {
    let Lead { id, account, .. } = lead();
    let sighting = Sighting {
        source: SourceName::new("crm"),
        account,
        outcomes: vec![Outcome {
            lead: Some::<LeadId>(id),
            ..outcome
        }],
        checkpoint: None,
    };
    store.observe(sighting, now).await.unwrap();
}

#[tokio::test]
async fn a_deal_that_is_won_is_accepted_first_and_both_steps_are_noted() {
    let mut world = World::with(Link::Own, says(Stage::Won)).await;
    world.work().await;
    assert_eq!(
        world.steps_written(),
        [Some(ReferralMove::Accept), Some(ReferralMove::Win)]
    );
    let story = world.story().await;
    let noted: Vec<_> = story
        .steps
        .iter()
        .map(|step| (step.step.as_str(), step.result.as_str()))
        .collect();
    assert_eq!(noted, [("accept", "done"), ("win", "done")]);
    assert_eq!(
        story.report.unwrap().plan,
        ["accept (value, currency, closes-on, crm-id)", "win"]
    );
    assert_eq!(world.report().await, ("settled", String::new()));
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_looked_at_and_not_repeated() {
    let mut world = World::with(Link::Own, says(Stage::Won)).await;
    world.plays([Play::LoseTheAnswer]);
    assert!(
        matches!(world.work().await, Next::At(_)),
        "the sink rests for a moment"
    );
    world.clock.advance(TimeDelta::minutes(1));
    world.work().await;
    assert_eq!(
        world.steps_written(),
        [Some(ReferralMove::Accept), Some(ReferralMove::Win)]
    );
    assert_eq!(world.report().await.0, "settled");
}

#[tokio::test]
async fn who_is_always_too_slow_lets_the_others_finish_and_comes_again() {
    let mut world = World::with(Link::Own, says(Stage::Accepted)).await;
    world.plays([Play::Conflict; 6]);
    let Next::At(again) = world.work().await else {
        panic!("it comes again");
    };
    assert_eq!(
        (world.steps_written().len(), *world.desk.reads.lock().unwrap()),
        (6, 6)
    );
    assert_eq!(world.report().await.0, "waiting");
    world.clock.advance(again - clock_now(&world.clock));
    world.work().await;
    assert_eq!(world.report().await.0, "settled");
}

#[tokio::test]
async fn what_the_sink_refuses_is_told_and_tried_again_only_when_something_changes() {
    let mut world = World::with(Link::Own, says(Stage::Accepted)).await;
    world.plays([Play::Refuse(ErrorKind::Rejected)]);
    world.work().await;
    let (state, reason) = world.report().await;
    // The reason goes into the log, so it does not quote the answer; the step does.
    assert_eq!((state, reason.as_str()), ("refused", "could not write: refused"));
    let steps = world.story().await.steps;
    assert_eq!(steps[0].detail, "write: refused ada@canary.example is no member");
    world.clock.advance(TimeDelta::days(2));
    world.work().await;
    assert_eq!(world.steps_written().len(), 1);
    let mut news = says(Stage::Won);
    news.changed_at = clock_now(&world.clock);
    say(&*world.store, news, clock_now(&world.clock)).await;
    world.work().await;
    assert_eq!(world.report().await.0, "settled");
}

#[tokio::test]
async fn an_order_the_sink_refuses_is_not_tried_again() {
    let mut world = World::with(Link::Own, says(Stage::Open)).await;
    let change = ReferralChange {
        step: Some(ReferralMove::Decline),
        reason: Some("Budget".to_owned()),
        ..ReferralChange::default()
    };
    let at = clock_now(&world.clock);
    world
        .store
        .order(&"r-1".parse().unwrap(), Order { change, at })
        .await
        .unwrap();
    world.plays([Play::Refuse(ErrorKind::Rejected)]);
    world.work().await;
    let report = world.story().await.report.unwrap();
    assert_eq!((report.state, report.order), ("refused", None));
    let mut news = says(Stage::Accepted);
    news.changed_at = clock_now(&world.clock);
    say(&*world.store, news, clock_now(&world.clock)).await;
    world.work().await;
    assert_eq!(
        world.steps_written(),
        [Some(ReferralMove::Decline), Some(ReferralMove::Accept)]
    );
}

#[tokio::test]
async fn a_sink_that_does_not_let_us_in_waits_for_a_person_and_counts_no_attempt() {
    let mut world = World::with(Link::Own, says(Stage::Accepted)).await;
    world.plays([Play::Refuse(ErrorKind::Unauthorized)]);
    world.work().await;
    world.clock.advance(TimeDelta::days(3));
    world.work().await;
    assert_eq!(world.steps_written().len(), 1);
    let report = world.story().await.report.unwrap();
    assert_eq!((report.state, report.attempt), ("due", 0));
    let now = clock_now(&world.clock);
    assert!(
        world
            .store
            .release(&DestinationName::new(SINK), now)
            .await
            .unwrap()
    );
    world.work().await;
    assert_eq!(world.report().await.0, "settled");
}

#[tokio::test]
async fn a_connector_that_fails_inside_costs_an_attempt_and_no_daemon() {
    let mut world = World::with(Link::Own, says(Stage::Accepted)).await;
    world.plays([Play::Panic]);
    assert!(matches!(world.work().await, Next::At(_)));
    assert_eq!(world.story().await.report.unwrap().attempt, 1);
    world.clock.advance(TimeDelta::minutes(1));
    world.work().await;
    assert_eq!(world.report().await.0, "settled");
}

#[tokio::test]
async fn what_needs_no_look_costs_no_call() {
    let mut world = World::with(Link::KnownBefore, says(Stage::Won)).await;
    world.work().await;
    assert_eq!(
        (*world.desk.reads.lock().unwrap(), world.steps_written().len()),
        (0, 0)
    );
    let (state, reason) = world.report().await;
    assert_eq!(state, "refused");
    assert_eq!(
        reason,
        "the lead is won, but unlinked: the person was known before"
    );
}

#[tokio::test]
async fn a_sink_that_takes_a_value_and_does_not_hold_it_is_not_written_to_for_ever() {
    let mut world = World::at_a_desk_that(Link::Own, says(Stage::Accepted), true).await;
    world.work().await;
    world.clock.advance(TimeDelta::days(2));
    world.work().await;
    assert_eq!(world.steps_written(), [Some(ReferralMove::Accept), None]);
    let (state, reason) = world.report().await;
    assert_eq!(state, "refused");
    assert_eq!(
        reason,
        "edit (closes-on) was written, and is not there afterwards"
    );
}

#[tokio::test]
async fn who_waits_for_a_sink_as_long_as_a_call_may_take_does_not_count_as_stuck() {
    let world = World::with(Link::Own, says(Stage::Won)).await;
    world.plays([Play::Hang]);
    let (ticks, crank) = Ticks::by_hand();
    let pulse = Pulse::of(&world.worker, ticks);
    let (clock, stop) = (Arc::new(world.clock), CancellationToken::new());
    let mut working = pin!(run(
        Box::new(world.worker),
        Bell::default(),
        clock,
        pulse.clone(),
        stop
    ));
    assert!(futures_util::poll!(working.as_mut()).is_pending());
    assert_eq!(world.desk.writes.lock().unwrap().len(), 1);

    crank.advance(LONGEST_CALL + Duration::from_mins(1));
    assert!(!pulse.is_late());
}
