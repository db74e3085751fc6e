//! A silence is told once, survives a restart, and ends when the source is heard.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connector_kit::clock::ManualClock;
use connector_kit::conformance::leads;
use connector_kit::ids::AccountName;
use connector_kit::{
    Alert, AlertSink, CallBook, ConnectorError, DestinationName, ErrorKind, RawFormat, RawLead,
};

use super::*;
use crate::admin::{Health, Metrics};
use crate::deliver::pace::Pace;
use crate::deliver::{Herald, Purse};
use crate::runtime::{Next, Ticks, Worker};
use crate::store::sqlite::{Options, SqliteStore};
use crate::store::{
    AlarmStore, Arrival, Custody, LeadChange, Settlement, Silence, Store, Suppression, Understood,
};

/// Somebody who wants alerts, and sometimes does not take them.
#[derive(Default)]
struct Listener {
    heard: Mutex<Vec<String>>,
    fails: Mutex<bool>,
}

#[async_trait]
impl AlertSink for Listener {
    async fn alert(&self, alert: &Alert) -> Result<(), ConnectorError> {
        if std::mem::take(&mut *self.fails.lock().unwrap()) {
            return Err(ConnectorError::new(
                ErrorKind::Unreachable,
                "post to hooks.example",
            ));
        }
        self.heard
            .lock()
            .unwrap()
            .push(format!("{} {}", alert.event(), alert.subject()));
        Ok(())
    }
}

struct World {
    _directory: tempfile::TempDir,
    store: Arc<SqliteStore>,
    listener: Arc<Listener>,
    health: Arc<Health>,
    metrics: Metrics,
    worker: SilenceWorker,
    leads: u32,
}

impl World {
    fn with(rule: SilenceRule) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::at(directory.path().join("leadsync.db"));
        let store = Arc::new(SqliteStore::open_inline(&options).unwrap());
        let (listener, metrics) = (Arc::new(Listener::default()), Metrics::new(Ticks::by_hand().0));
        let health = Arc::new(Health::new(Ticks::by_hand().0));
        let worker = worker(&store, &listener, &metrics, &health, rule);
        Self {
            _directory: directory,
            store,
            listener,
            health,
            metrics,
            worker,
            leads: 0,
        }
    }

    /// The process ends and begins anew, or another config holds; without a rule it has no source.
    fn restart(&mut self, rule: impl Into<Option<SilenceRule>>) {
        self.worker = worker(&self.store, &self.listener, &self.metrics, &self.health, rule);
    }

    async fn lead(&mut self, hours: i64) {
        self.arrive(hours, None).await;
    }

    async fn arrive(&mut self, hours: i64, suppression: Option<Suppression>) {
        self.leads += 1;
        let arrival = Arrival {
            account: AccountName::new("default"),
            source: SourceName::new("web"),
            received_at: at(hours),
            raw: RawLead {
                format: RawFormat::MarketplaceJson,
                reference: None,
                occurred_at: None,
                body: bytes::Bytes::from_static(b"{}"),
            },
        };
        let kept = self.store.accept(vec![arrival], None).await.unwrap();
        let Custody::Kept(id) = kept[0] else {
            panic!("kept")
        };
        let lead = leads::delivery(self.leads).lead;
        let change = LeadChange {
            identities: Vec::new(),
            referrals: Vec::new(),
            clocks: Vec::new(),
            before: None,
            revision: 1,
            canary: None,
            spans_gone: Vec::new(),
            spans: Vec::new(),
            suppression,
            routes: Vec::new(),
            lead: Arc::clone(&lead),
        };
        let settlement = Settlement {
            leads: vec![change],
            arrivals: vec![(id, Understood::New(lead.id))],
        };
        self.store.settle(settlement, at(hours)).await.unwrap();
    }

    /// Looks once an hour, so that nobody seems to be away, until then.
    async fn listen(&mut self, from: i64, to: i64) {
        for half in from * 4..=to * 4 {
            let now = monday() + TimeDelta::minutes(half * 15);
            while self.worker.step(now).await.unwrap() == Next::Again {}
        }
    }

    async fn silence(&self) -> Option<Silence> {
        self.store
            .rhythms()
            .await
            .unwrap()
            .first()
            .and_then(|rhythm| rhythm.silence)
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.listener.heard.lock().unwrap())
    }
}

fn worker(
    store: &Arc<SqliteStore>,
    listener: &Arc<Listener>,
    metrics: &Metrics,
    health: &Arc<Health>,
    rule: impl Into<Option<SilenceRule>>,
) -> SilenceWorker {
    let name = DestinationName::new("hooks");
    let pace = Pace::new(100, 1000, Arc::new(ManualClock::new(monday())));
    let sources = rule.into().into_iter().map(|rule| Listened {
        name: SourceName::new("web"),
        account: AccountName::new("default"),
        rule,
    });
    SilenceWorker::new(SilenceParts {
        store: store.clone(),
        sources: sources.collect(),
        herald: Some(Herald {
            name: name.clone(),
            sink: listener.clone(),
            purse: Arc::new(Purse::new(name, pace, None, CallBook::default())),
        }),
        meter: metrics.silence(),
        health: Arc::clone(health),
    })
}

fn after(hours: u64) -> SilenceRule {
    SilenceRule::After(Duration::from_hours(hours))
}

#[tokio::test]
async fn a_silence_is_told_once_and_ends_when_the_source_is_heard() {
    let mut world = World::with(after(10));
    world.lead(0).await;
    world.listen(0, 9).await;
    assert_eq!((world.silence().await, world.told()), (None, vec![]));
    assert!(
        world
            .metrics
            .text()
            .unwrap()
            .contains("leadsync_source_silent{source=\"web\"} 0")
    );

    world.listen(9, 12).await;
    let silence = world.silence().await.unwrap();
    assert_eq!(
        (silence.since, silence.raised_at, silence.alerted),
        (at(0), at(10), true)
    );
    assert_eq!(world.told(), ["source.silent source/web"]);
    let page = world.metrics.text().unwrap();
    assert!(
        page.contains("leadsync_source_silent{source=\"web\"} 1"),
        "{page}"
    );
    let heard_at = format!(
        "leadsync_source_last_lead_timestamp_seconds{{source=\"web\"}} {}",
        at(0).timestamp()
    );
    assert!(page.contains(&heard_at), "{page}");
    let remarks = world.health.remarks();
    assert_eq!(
        remarks["silent source web"],
        "nothing heard since 2026-01-05T00:00:00Z"
    );
    assert!(world.health.troubles().is_empty(), "nobody is unready for that");

    world.restart(after(10));
    world.listen(12, 13).await;
    assert!(world.told().is_empty(), "a restart tells nothing anew");

    world.lead(13).await;
    world.listen(13, 14).await;
    assert_eq!((world.silence().await, world.told()), (None, vec![]));
    assert!(world.health.remarks().is_empty());
    world.listen(14, 24).await;
    assert_eq!(
        world.told(),
        ["source.silent source/web"],
        "the next silence is told, too"
    );
}

#[tokio::test]
async fn an_alert_that_was_not_taken_is_told_again() {
    let mut world = World::with(after(10));
    world.lead(0).await;
    *world.listener.fails.lock().unwrap() = true;
    world.listen(0, 10).await;
    assert!(!world.silence().await.unwrap().alerted);
    world.listen(10, 11).await;
    assert_eq!(world.told(), ["source.silent source/web"]);
    assert!(world.silence().await.unwrap().alerted);
}

#[tokio::test]
async fn a_test_lead_shows_that_the_way_is_free_and_ends_no_silence() {
    let mut world = World::with(after(10));
    world.lead(0).await;
    world.listen(0, 8).await;
    world.arrive(8, Some(Suppression::TestLead)).await;
    world.listen(8, 11).await;
    assert!(world.silence().await.is_some());
    let rhythm = world.store.rhythms().await.unwrap().remove(0);
    assert_eq!((rhythm.heard_at, rhythm.tried_at), (Some(at(0)), Some(at(8))));
    assert_eq!(rhythm.hours, [(hour_of(at(0)), 1)]);
}

#[tokio::test]
async fn a_daemon_that_was_away_begins_to_listen_anew() {
    let mut world = World::with(after(10));
    world.lead(0).await;
    world.listen(0, 2).await;
    world.restart(after(10));
    world.listen(50, 59).await;
    assert_eq!(world.silence().await, None, "it was the daemon that was away");
    world.listen(59, 61).await;
    assert_eq!(world.silence().await.unwrap().raised_at, at(60));
}

#[tokio::test]
async fn a_source_learns_its_own_rhythm_from_what_is_in_the_store() {
    let mut world = World::with(SilenceRule::History);
    for day in 0..21 {
        for hour in [9, 12, 15] {
            world.lead(day * 24 + hour).await;
        }
    }
    // As after an upgrade: all of it is counted when the worker begins.
    let last = 20 * 24 + 15;
    world.listen(last, last + 24).await;
    assert_eq!(world.silence().await, None);
    world.listen(last + 24, last + 24 * 7).await;
    let silence = world.silence().await.unwrap();
    assert!(silence.raised_at > at(last + 48), "{silence:?}");
    assert_eq!(world.told(), ["source.silent source/web"]);
    world.restart(SilenceRule::Off);
    world.listen(last + 24 * 7, last + 24 * 7 + 1).await;
    assert_eq!(world.silence().await, None, "nobody wants to know any more");
}

#[tokio::test]
async fn of_a_source_that_is_gone_no_silence_is_told() {
    let mut world = World::with(after(10));
    world.lead(0).await;
    world.listen(0, 11).await;
    assert_eq!(world.health.remarks().len(), 1);
    let others = "disk".to_owned();
    world.health.remark(&others, Some("it is slow".to_owned()));

    world.restart(None::<SilenceRule>);
    world.listen(12, 12).await;
    assert_eq!(world.health.remarks().into_keys().collect::<Vec<_>>(), [others]);
    let page = world.metrics.text().unwrap();
    assert!(!page.contains("source=\"web\""), "{page}");
}
