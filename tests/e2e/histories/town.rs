//! One history's world: a pretended Partner Center, an office, the real pipeline between them, and a
//! process that may die.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use axum::Router;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::{Clock, ManualClock};
use connector_kit::dice::Dice;
use connector_kit::ids::AccountName;
use connector_kit::secret::SecretReader;
use connector_kit::{
    CallBook, Connector, ConnectorContext, ConnectorSettings, DestinationName, Notice, Outcome, Role,
    SourceName,
};
use leadsync::admin::Metrics;
use leadsync::deliver::pace::Pace;
use leadsync::deliver::{DeliveryWorker, Patience, Purse, Room, Unobserved};
use leadsync::intake::poll::PollWorker;
use leadsync::intake::{FollowWorker, Trail};
use leadsync::runtime::{Bell, Bells, Next, Ticks, Worker};
use leadsync::settle::{SettleParts, SettleWorker, Unwatched};
use leadsync::store::sqlite::{Options, SpaceFloor, SqliteStore};
use leadsync::store::{ReferralStore, Store, Told};
use leadsync::syncback::{
    Onlooker, Policy, ReportParts, ReportWorker, Reporter, Unreported, WatchParts, WatchWorker,
};
use leadsync::{dedupe, normalize};
use leadsync_sim::entra::Entra;
use leadsync_sim::partner_center::PartnerCenter;
use tempfile::TempDir;

use super::office::Office;
use crate::world::{Death, InProcess, Mortal, home, unix};

pub(super) const SINK: &str = "partner-center";
const OFFICE: &str = "office";
const APP: &str = "leadsync-test";
const SELLER: &str = "seller@contoso.example";
const SETTINGS: &str = "tenant = 'contoso.example'\nclient_id = 'leadsync-test'\nvault_key = { env = 'KEY' }";

/// An event on its way to us; nobody says when it comes, or how often.
#[derive(Clone, Debug)]
pub(super) struct Event {
    referral: String,
    at: DateTime<Utc>,
    etag: String,
}

pub(super) struct Town {
    pub(super) clock: ManualClock,
    pub(super) center: PartnerCenter,
    pub(super) office: Arc<Office>,
    pub(super) death: Death,
    pub(super) dice: Dice,
    pub(super) policy: Policy,
    pub(super) events: Vec<Event>,
    seen: BTreeMap<String, String>,
    /// Requests Partner Center had when it was last looked at.
    looked: u64,
    hosts: BTreeMap<&'static str, Router>,
    home: TempDir,
    life: Option<Life>,
}

/// Everything that is gone when the process ends.
struct Life {
    store: Arc<SqliteStore>,
    mortal: Arc<Mortal>,
    workers: Vec<(Box<dyn Worker>, DateTime<Utc>)>,
}

struct Nobody;

impl Onlooker for Nobody {
    fn observed(&self, _: &SourceName, _: &[Outcome], _: DateTime<Utc>) {}
}

/// As patient as ever, in less time.
fn patience() -> Patience {
    Patience {
        schedule: vec![
            Duration::from_secs(5),
            Duration::from_secs(30),
            Duration::from_mins(2),
            Duration::from_mins(5),
        ],
        ..Patience::default()
    }
}

impl Town {
    pub(super) async fn found(seed: u64, policy: Policy) -> Self {
        let clock = ManualClock::new("2026-11-20T12:00:00Z".parse().unwrap());
        let death = Death::default();
        let entra = Entra::new("t-1", "contoso.example", unix(&clock));
        entra.add_public_client(APP, &["http://127.0.0.1"]);
        entra.add_user(SELLER, &["Referrals admin"]);
        let moments = clock.clone();
        let center = PartnerCenter::new(&entra, Arc::new(move || moments.now()));
        // No document says which of the two a changed referral is answered with.
        center.set(|settings| settings.stale_status = if seed.is_multiple_of(2) { 409 } else { 412 });
        for resource in [
            "https://api.partner.microsoft.com",
            "https://api.partnercenter.microsoft.com",
        ] {
            entra.consent(APP, resource);
        }
        let hosts = BTreeMap::from([
            ("api.partner.microsoft.com", center.referrals_router()),
            ("api.partnercenter.microsoft.com", center.webhooks_router()),
            ("login.microsoftonline.com", entra.router()),
        ]);
        let mut town = Self {
            office: Arc::new(Office::new(&clock, &death)),
            dice: Dice::seeded(seed),
            events: Vec::new(),
            seen: BTreeMap::new(),
            looked: 0,
            home: home(),
            life: None,
            clock,
            center,
            death,
            policy,
            hosts,
        };
        town.sign_in(&entra).await;
        town.begin();
        town
    }

    async fn sign_in(&self, entra: &Entra) {
        let authorizer = self.connector(&CallBook::default()).authorizer.unwrap();
        let mut request = authorizer.device_request().await.unwrap();
        assert!(entra.sign_in_on_device(&request.user_code, SELLER));
        assert!(authorizer.device_poll(&mut request).await.unwrap().is_some());
    }

    fn connector(&self, calls: &CallBook) -> Connector {
        let context = ConnectorContext {
            name: SINK.to_owned(),
            clock: Arc::new(self.clock.clone()),
            dice: self.dice.clone(),
            secrets: SecretReader {
                env: [("KEY".to_owned(), "0123456789abcdef0123456789abcdef".to_owned())].into(),
                ..SecretReader::default()
            },
            transports: Arc::new(InProcess(self.hosts.clone())),
            calls: calls.clone(),
            state_dir: Some(self.home.path().join("connectors").join(SINK)),
        };
        let settings = ConnectorSettings {
            roles: vec![Role::Source, Role::OutcomeSink],
            settings: SETTINGS.parse().unwrap(),
            ..ConnectorSettings::default()
        };
        leadsync::registry::build(SINK, &settings, &context).unwrap()
    }

    /// The store without any fault, for those who only look.
    pub(super) fn store(&self) -> &SqliteStore {
        &self.life.as_ref().unwrap().store
    }

    fn begin(&mut self) {
        let mut options = Options::at(self.home.path().join("leads.db"));
        options.floor = SpaceFloor { bytes: 0, percent: 0 };
        let store = Arc::new(SqliteStore::open_inline(&options).unwrap());
        let mortal = Arc::new(Mortal::new(store.clone(), &self.death, &self.clock));
        let workers = self.workers(&(mortal.clone() as Arc<dyn Store>));
        let now = self.clock.now();
        self.life = Some(Life {
            store,
            mortal,
            workers: workers.into_iter().map(|worker| (worker, now)).collect(),
        });
    }

    fn workers(&self, store: &Arc<dyn Store>) -> Vec<Box<dyn Worker>> {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let calls = CallBook::default();
        let center = self.connector(&calls);
        let account = AccountName::new("default");
        let purse = |name: &str, calls: CallBook| {
            let pace = Pace::new(1000, 1000, Arc::clone(&clock));
            Arc::new(Purse::new(DestinationName::new(name), pace, None, calls))
        };
        let to_center = purse(SINK, calls);
        let to_office = purse(OFFICE, CallBook::default());
        let rules = normalize::Rules::default();
        let settle = SettleWorker::new(
            SettleParts {
                store: Arc::clone(store),
                reader: Arc::new(move |arrival| normalize::understand(arrival, &rules)),
                router: Arc::new(|_| vec![DestinationName::new(OFFICE)]),
                rules: dedupe::Rules::default(),
                bells: Bells::default(),
                watcher: Arc::new(Unwatched),
            },
            None,
        );
        let poll = PollWorker::new(
            SourceName::new(SINK),
            account.clone(),
            center.source.unwrap(),
            Duration::from_mins(5),
            (Arc::clone(store), Arc::clone(&clock), Bells::default()),
            Metrics::new(Ticks::by_hand().0).polls(&SourceName::new(SINK)),
        );
        let desk = center.referrals.unwrap();
        let trail = Trail {
            name: SourceName::new(SINK),
            account: account.clone(),
            desk: Arc::clone(&desk),
            purse: Arc::clone(&to_center),
            store: Arc::clone(store),
            clock: Arc::clone(&clock),
            settle: Bell::default(),
            meter: Metrics::new(Ticks::by_hand().0).follow(&SourceName::new(SINK)),
        };
        let follow = FollowWorker::crew(trail, 1).remove(0);
        let deliver = DeliveryWorker::new(
            Arc::new(Room {
                name: DestinationName::new(OFFICE),
                destination: self.office.clone(),
                purse: Arc::clone(&to_office),
                bells: vec![Bell::default()],
                patience: patience(),
                lease: Duration::from_mins(2),
                broken_calls: AtomicU32::new(0),
                observer: Arc::new(Unobserved),
            }),
            0,
            Arc::clone(store),
            Arc::clone(&clock),
            self.dice.clone(),
        );
        let watch = WatchWorker::new(WatchParts {
            name: SourceName::new(OFFICE),
            account: account.clone(),
            source: self.office.clone(),
            purse: to_office,
            store: Arc::clone(store),
            onlooker: Arc::new(Nobody),
            bells: Bells::default(),
            every: Duration::from_mins(2),
        });
        let report = ReportWorker::new(ReportParts {
            reporter: Reporter {
                sink: SourceName::new(SINK),
                account,
                desk,
                policy: self.policy.clone(),
                store: Arc::clone(store),
                clock: Arc::clone(&clock),
                listener: Arc::new(Unreported),
            },
            purse: to_center,
            patience: patience(),
            lease: Duration::from_mins(2),
            dice: self.dice.clone(),
            bells: Bells::default(),
        });
        vec![
            Box::new(settle),
            Box::new(poll),
            Box::new(follow),
            Box::new(deliver),
            Box::new(watch),
            Box::new(report),
        ]
    }

    pub(super) fn crew(&self) -> usize {
        self.life.as_ref().unwrap().workers.len()
    }

    /// One step of one worker; whether it wants to go on now, and a new process if that was its last.
    pub(super) async fn step(&mut self, number: usize) -> bool {
        let now = self.clock.now();
        let death = self.death.clone();
        let (worker, due) = &mut self.life.as_mut().unwrap().workers[number];
        let next = tokio::select! {
            biased;
            done = worker.step(now) => done.ok(),
            () = death.came() => {
                self.crash();
                return true;
            }
        };
        *due = match next {
            Some(Next::Again) => now,
            Some(Next::At(at)) => at,
            Some(Next::Idle) => now + TimeDelta::minutes(10),
            None => now + TimeDelta::seconds(1),
        };
        let again = *due <= now;
        let requests = self.center.referral_faults.requests();
        if std::mem::replace(&mut self.looked, requests) != requests {
            self.notice_changes();
        }
        again
    }

    /// The process is killed and started again.
    pub(super) fn crash(&mut self) {
        self.life.take().unwrap().mortal.end();
        self.death.revive();
        self.begin();
    }

    /// Partner Center tells of every change, ours included.
    pub(super) fn notice_changes(&mut self) {
        for referral in self.center.referrals() {
            let text = |name: &str| referral[name].as_str().unwrap().to_owned();
            let (id, etag) = (text("id"), text("eTag"));
            if self.seen.insert(id.clone(), etag.clone()).as_ref() != Some(&etag) {
                self.events.push(Event {
                    referral: id,
                    at: self.clock.now(),
                    etag,
                });
            }
        }
    }

    /// The event arrives at our door; the door's answer is not awaited by anybody here.
    pub(super) async fn hear(&self, event: &Event) {
        let told = Told {
            account: AccountName::new("default"),
            source: SourceName::new(SINK),
            received_at: self.clock.now(),
            notice: Notice {
                event: "referral-updated".to_owned(),
                referral: event.referral.parse().ok(),
                occurred_at: event.at,
                reference: format!("{} {}", event.referral, event.etag),
            },
            copy: None,
        };
        self.store().hear(vec![told]).await.unwrap();
    }

    /// Lets time pass until `until`, everybody working whenever they have an appointment.
    pub(super) async fn live(&mut self, until: DateTime<Utc>) {
        loop {
            self.rest_of_the_day().await;
            let workers = &self.life.as_ref().unwrap().workers;
            let next = workers.iter().map(|(_, due)| *due).min().unwrap();
            if next > until {
                break;
            }
            self.clock
                .advance((next - self.clock.now()).max(TimeDelta::zero()));
        }
        self.clock.advance(until - self.clock.now());
        self.rest_of_the_day().await;
    }

    /// Everybody steps until nobody wants to go on at this moment.
    async fn rest_of_the_day(&mut self) {
        for _ in 0..2_000 {
            let now = self.clock.now();
            let mut busy = false;
            for number in 0..self.crew() {
                // Whoever looks only into our own store is woken by every poke.
                let asks = matches!(number, 1 | 4);
                if asks && self.life.as_ref().unwrap().workers[number].1 > now {
                    continue;
                }
                busy |= self.step(number).await;
            }
            if !busy {
                return;
            }
        }
        panic!("the workers find no rest");
    }
}
