//! Old data goes in its time, and nothing goes that somebody needs.

use std::time::Duration;

use bytes::Bytes;
use connector_kit::ids::AccountName;
use connector_kit::{DestinationName, RawFormat, RawLead};
use tracing::Level;

use super::*;
use crate::config::Keep;
use crate::log::Log;
use crate::normalize;
use crate::settle::{SettleParts, SettleWorker, Unwatched};
use crate::store::sqlite::{Options, SqliteStore};
use crate::store::{
    Arrival, DeliveryResult, Ending, Failure, Finished, Lane, LeadFilter, LeaseAsk, Unreadable,
};

fn at(days: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::days(days)
}

fn crm() -> DestinationName {
    DestinationName::new("crm")
}

/// A store with a settle worker, in virtual time.
struct Room {
    _directory: tempfile::TempDir,
    store: Arc<SqliteStore>,
    settle: SettleWorker,
}

impl Room {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::at(directory.path().join("leadsync.db"));
        let store = Arc::new(SqliteStore::open_inline(&options).unwrap());
        let rules = normalize::Rules::default();
        let settle = SettleWorker::new(
            SettleParts {
                store: store.clone(),
                reader: Arc::new(move |arrival| normalize::understand(arrival, &rules)),
                router: Arc::new(|_| vec![crm()]),
                rules: crate::dedupe::Rules::default(),
                bells: crate::runtime::Bells::default(),
                watcher: Arc::new(Unwatched),
            },
            None,
        );
        Self {
            _directory: directory,
            store,
            settle,
        }
    }

    async fn take(&mut self, body: &str, day: i64) {
        let arrival = Arrival {
            account: AccountName::new("default"),
            source: "web".into(),
            received_at: at(day),
            raw: RawLead {
                format: RawFormat::MarketplaceJson,
                reference: None,
                occurred_at: None,
                body: Bytes::copy_from_slice(body.as_bytes()),
            },
        };
        self.store.accept(vec![arrival], None).await.unwrap();
        while self.settle.step(at(day)).await.unwrap() == Next::Again {}
    }

    async fn finish(&self, day: i64, result: impl Fn() -> DeliveryResult) {
        let ask = LeaseAsk {
            min: 1,
            max: 100,
            lowest: Lane::Backfill,
            bulk: false,
            until: at(day + 1),
        };
        let leases = self.store.lease(&crm(), ask, at(day)).await.unwrap().leases;
        assert!(!leases.is_empty());
        let finished = leases.into_iter().map(|lease| Finished {
            lease,
            result: result(),
        });
        let ending = Ending::of(finished.collect());
        self.store.finish(&crm(), ending, at(day)).await.unwrap();
    }

    async fn delivered(&self, day: i64) {
        self.finish(day, || DeliveryResult::Delivered(None)).await;
    }

    /// One round of clearing away, as of this day.
    async fn clear(&self, retention: &Retention, day: i64) -> BTreeMap<FieldGroup, u64> {
        let mut worker = RetentionWorker::new(self.store.clone(), retention.clone());
        let mut all = BTreeMap::new();
        let mut steps = 0;
        loop {
            worker.step(at(day)).await.unwrap();
            for (group, count) in &worker.pruned {
                all.insert(*group, *count);
            }
            steps += 1;
            assert!(steps < 1000, "a round ends");
            if worker.groups.is_empty() {
                return all;
            }
        }
    }

    async fn lead(&self) -> connector_kit::Lead {
        let filter = LeadFilter { limit: 1, fate: None };
        self.store.leads(filter).await.unwrap().remove(0).lead
    }

    async fn has_bytes(&self) -> bool {
        let id = self.lead().await.id;
        let (_, arrivals) = self.store.origin(id).await.unwrap().unwrap();
        arrivals.iter().any(|(_, arrival)| !arrival.raw.body.is_empty())
    }
}

const ADA: &str = r#"{"userDetails":{"FirstName":"Ada","Email":"ada@example.com"},"LeadSource":"AzureMarketplace-INS|a.b","Description":"call me"}"#;

fn keep(group: FieldGroup, days: u64) -> Retention {
    let always = Retention {
        raw: Keep::Always,
        quarantine: Keep::Always,
        answers: Keep::Always,
        outcomes: Keep::Always,
        persons: Keep::Always,
    };
    let time = Keep::For(Duration::from_hours(24 * days));
    match group {
        FieldGroup::Raw => Retention { raw: time, ..always },
        FieldGroup::Quarantined | FieldGroup::Refused => Retention {
            quarantine: time,
            ..always
        },
        FieldGroup::Answers => Retention {
            answers: time,
            ..always
        },
        FieldGroup::Outcomes => Retention {
            outcomes: time,
            ..always
        },
        FieldGroup::Persons => Retention {
            persons: time,
            ..always
        },
    }
}

#[tokio::test]
async fn bytes_of_a_delivered_lead_go_in_their_time_and_a_repeat_is_still_known() {
    let mut room = Room::new();
    room.take(ADA, 0).await;
    room.delivered(0).await;
    let raw = keep(FieldGroup::Raw, 90);
    assert_eq!(room.clear(&raw, 89).await, BTreeMap::new());
    assert!(room.has_bytes().await);
    assert_eq!(room.clear(&raw, 91).await, BTreeMap::from([(FieldGroup::Raw, 1)]));
    assert!(!room.has_bytes().await);
    assert_eq!(room.clear(&raw, 92).await, BTreeMap::new(), "once is enough");
    assert_eq!(room.lead().await.person.first_name.unwrap().value, "Ada");
    room.take(ADA, 93).await;
    let totals = room.store.totals().await.unwrap();
    assert_eq!((totals.leads, totals.merged), (1, 1));
}

#[tokio::test]
async fn nothing_goes_while_a_delivery_waits_or_is_dead() {
    let mut room = Room::new();
    room.take(ADA, 0).await;
    let all = Retention {
        persons: Keep::For(Duration::from_hours(24)),
        ..Retention::default()
    };
    assert_eq!(room.clear(&all, 1000).await, BTreeMap::new(), "it is due");
    let failure = || Failure {
        kind: connector_kit::ErrorKind::Rejected,
        what: "write".into(),
        hint: "look".into(),
        answer: Some("no ada@example.com".into()),
    };
    room.finish(0, || DeliveryResult::Dead(failure())).await;
    assert_eq!(
        room.clear(&all, 1000).await,
        BTreeMap::new(),
        "it is a dead letter"
    );
    let discard = crate::store::DeadLetterAct::Discard;
    let filter = crate::store::DeadLetterFilter::default();
    room.store
        .settle_dead_letters(filter, discard, at(1))
        .await
        .unwrap();
    let gone = room.clear(&all, 1000).await;
    let groups = [FieldGroup::Raw, FieldGroup::Answers, FieldGroup::Persons];
    assert_eq!(gone.into_keys().collect::<Vec<_>>(), groups);
}

#[tokio::test]
async fn a_person_goes_and_who_comes_back_is_the_same_lead() {
    let mut room = Room::new();
    room.take(ADA, 0).await;
    room.delivered(0).await;
    let id = room.lead().await.id;
    let persons = keep(FieldGroup::Persons, 365);
    assert_eq!(room.clear(&persons, 364).await, BTreeMap::new());
    assert_eq!(
        room.clear(&persons, 366).await,
        BTreeMap::from([(FieldGroup::Persons, 1)])
    );
    let lead = room.lead().await;
    assert_eq!(lead.person, connector_kit::lead::Person::default());
    assert_eq!(
        (
            lead.touches[0].description.as_str(),
            lead.touches[0].offer.as_str()
        ),
        ("", "a.b")
    );
    assert!(!room.has_bytes().await);
    assert_eq!(room.clear(&persons, 367).await, BTreeMap::new());
    room.take(ADA, 400).await;
    let lead = room.lead().await;
    assert_eq!(
        (lead.id, lead.person.first_name.unwrap().value),
        (id, "Ada".to_owned())
    );
}

#[tokio::test]
async fn what_nobody_could_read_goes_in_its_time() {
    let mut room = Room::new();
    room.take("no json at all", 0).await;
    let refused = Unreadable {
        account: AccountName::new("default"),
        source: "web".into(),
        received_at: at(0),
        reason: "not JSON".into(),
        body: Bytes::from_static(b"ada@example.com"),
    };
    room.store.quarantine(vec![refused]).await.unwrap();
    let bytes = keep(FieldGroup::Refused, 30);
    assert_eq!(room.clear(&bytes, 29).await, BTreeMap::new());
    let gone = BTreeMap::from([(FieldGroup::Quarantined, 1), (FieldGroup::Refused, 1)]);
    assert_eq!(room.clear(&bytes, 31).await, gone);
    let totals = room.store.totals().await.unwrap();
    assert_eq!((totals.quarantined, totals.refused), (1, 1), "they stay counted");
}

#[tokio::test]
async fn many_rows_go_in_small_portions() {
    let mut room = Room::new();
    for number in 0..600 {
        let body = ADA.replace("ada@", &format!("ada{number}@"));
        room.take(&body, 0).await;
    }
    for _ in 0..6 {
        room.delivered(0).await;
    }
    let mut worker = RetentionWorker::new(room.store.clone(), keep(FieldGroup::Raw, 90));
    let mut counts = Vec::new();
    let mut before = 0;
    loop {
        let next = worker.step(at(100)).await.unwrap();
        let now = worker.pruned.values().sum::<u64>();
        if now > before {
            counts.push(now - before);
        }
        before = now;
        if worker.groups.is_empty() && next != Next::Again {
            break;
        }
    }
    assert_eq!(counts.iter().take(2).copied().collect::<Vec<_>>(), [256, 256]);
}

#[tokio::test]
async fn what_was_cleared_away_is_told_though_the_last_groups_are_kept_for_ever() {
    let mut room = Room::new();
    room.take(ADA, 0).await;
    room.delivered(0).await;
    let log = Log::listen(Level::INFO);
    room.clear(&Retention::default(), 91).await;
    assert_eq!(log.count("retention_pruned"), 1, "{}", log.text());
}
