//! A ledger and a pretended system, and every way in which they may differ.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use connector_kit::clock::{Clock, ManualClock};
use connector_kit::conformance::leads;
use connector_kit::{
    Batch, CallBook, Census, Checkpoint, DestinationName, ErrorKind, Held, HeldState, RawLead, RecordRef,
    Sought, Source, SourceName,
};

use super::*;
use crate::deliver::pace::Pace;
use crate::deliver::{Budget, Purse};
use crate::store::sqlite::{Options, SqliteStore};
use crate::store::{
    Arrival, Custody, DeliveryResult, Ending, Finished, ForgetOrder, Identity, Lane, LeadChange, LeaseAsk,
    Settlement, Store, Understood,
};

fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn crm() -> DestinationName {
    DestinationName::new("crm")
}

/// A system with records, two at a time when it lists them.
#[derive(Default)]
struct System {
    records: Mutex<Vec<Held>>,
    calls: CallBook,
    /// What the next calls end with.
    failures: Mutex<Vec<ConnectorError>>,
    listless: bool,
}

impl System {
    fn put(&self, key: &impl ToString, state: HeldState) {
        let mut records = self.records.lock().unwrap();
        let number = records.len();
        records.push(Held {
            key: key.to_string(),
            record: RecordRef(format!("record {number}")),
            state,
            revision: None,
            person: None,
        });
    }

    fn change(&self, lead: LeadId, change: impl Fn(&mut Held)) {
        let key = lead.to_string();
        let mut records = self.records.lock().unwrap();
        records.iter_mut().filter(|held| held.key == key).for_each(change);
    }

    fn answer(&self) -> Result<Vec<Held>, ConnectorError> {
        self.calls.note();
        match self.failures.lock().unwrap().pop() {
            Some(error) => Err(error),
            None => Ok(self.records.lock().unwrap().clone()),
        }
    }
}

#[async_trait]
impl Census for System {
    fn at_once(&self) -> usize {
        2
    }

    async fn find(&self, sought: &[Sought]) -> Result<Vec<Held>, ConnectorError> {
        assert!(sought.len() <= 2, "no more than it takes");
        let mut records = self.answer()?;
        records.retain(|held| sought.iter().any(|one| Some(one.lead) == held.lead()));
        Ok(records)
    }

    fn unlisted(&self) -> Option<&'static str> {
        self.listless.then_some("it lists nothing")
    }

    async fn list(
        &self,
        _: DateTime<Utc>,
        after: Option<&Checkpoint>,
    ) -> Result<Batch<Held>, ConnectorError> {
        let records = self.answer()?;
        let from: usize = after.map_or(0, |Checkpoint(text)| text.parse().unwrap());
        let until = records.len().min(from + 2);
        Ok(Batch {
            items: records[from..until].to_vec(),
            more: until < records.len(),
            next: Some(Checkpoint(until.to_string())),
        })
    }
}

struct World {
    store: SqliteStore,
    system: System,
    clock: ManualClock,
    budget: Option<Budget>,
    _home: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let options = Options::at(home.path().join("leads.db"));
        Self {
            store: SqliteStore::open_inline(&options).unwrap(),
            system: System::default(),
            clock: ManualClock::new(noon()),
            budget: None,
            _home: home,
        }
    }

    /// A lead of the ledger, in the queue of the CRM.
    async fn take_in(&self, number: u32) -> LeadId {
        let delivery = leads::delivery(number);
        let mut identity = [0; 16];
        identity[..4].copy_from_slice(&number.to_be_bytes());
        let arrival = Arrival {
            account: delivery.lead.account.clone(),
            source: SourceName::new("web"),
            received_at: noon(),
            raw: RawLead {
                format: connector_kit::RawFormat::MarketplaceJson,
                reference: None,
                occurred_at: None,
                body: bytes::Bytes::from_static(b"{}"),
            },
        };
        let kept = self.store.accept(vec![arrival], None).await.unwrap();
        let Custody::Kept(id) = kept[0] else {
            panic!("not kept")
        };
        let settlement = Settlement {
            arrivals: vec![(id, Understood::New(delivery.lead.id))],
            leads: vec![LeadChange {
                lead: Arc::clone(&delivery.lead),
                identities: vec![Identity(identity)],
                referrals: Vec::new(),
                clocks: Vec::new(),
                before: None,
                revision: 3,
                canary: None,
                spans_gone: Vec::new(),
                spans: Vec::new(),
                suppression: None,
                routes: vec![(crm(), Lane::Live)],
            }],
        };
        self.store.settle(settlement, noon()).await.unwrap();
        delivery.lead.id
    }

    async fn deliver(&self, result: DeliveryResult) {
        let ask = LeaseAsk {
            min: 1,
            max: 100,
            lowest: Lane::Backfill,
            bulk: false,
            until: noon() + TimeDelta::hours(1),
        };
        let leased = self.store.lease(&crm(), ask, noon()).await.unwrap();
        let results = leased.leases.into_iter().map(|lease| Finished {
            lease,
            result: result.clone(),
        });
        let ending = Ending::of(results.collect());
        self.store.finish(&crm(), ending, noon()).await.unwrap();
    }

    /// Delivered, and there.
    async fn delivered(&self, numbers: std::ops::Range<u32>) -> Vec<LeadId> {
        let mut ids = Vec::new();
        for number in numbers {
            let id = self.take_in(number).await;
            self.deliver(DeliveryResult::Delivered(Some(RecordRef(format!("r{number}")))))
                .await;
            self.system.put(&id, HeldState::Open);
            ids.push(id);
        }
        ids
    }

    async fn audit(&self) -> Audited {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let pace = Pace::new(1000, 1000, Arc::clone(&clock));
        let caller = Caller {
            store: &self.store,
            purse: Arc::new(Purse::new(crm(), pace, self.budget, self.system.calls.clone())),
            clock,
        };
        destination(&caller, &self.system, &crm(), noon() - TimeDelta::days(7), true)
            .await
            .unwrap()
    }
}

fn whats(audited: &Audited) -> BTreeMap<&str, Vec<Option<LeadId>>> {
    let mut whats: BTreeMap<&str, Vec<Option<LeadId>>> = BTreeMap::new();
    for one in &audited.differences {
        whats.entry(one.what).or_default().push(one.lead);
    }
    whats
}

#[tokio::test]
async fn two_equal_sides_are_equal_and_every_call_is_written_down() {
    let world = World::new();
    world.delivered(0..5).await;
    let audited = world.audit().await;
    assert_eq!(
        audited.tally,
        Tally {
            ledger: 5,
            there: 5,
            ..Tally::default()
        }
    );
    assert_eq!(audited.tally.differences(), 0);
    let ledger = world.store.ledger(&crm()).await.unwrap();
    assert_eq!(
        ledger.total, 6,
        "three to look for five leads, three to list them"
    );
}

#[tokio::test]
async fn every_difference_is_named_once_with_what_to_do() {
    let world = World::new();
    let ids = world.delivered(0..6).await;
    world.system.records.lock().unwrap().remove(0);
    world
        .system
        .change(ids[1], |held| held.state = HeldState::Deleted);
    let survivor = HeldState::Merged(Some(RecordRef("the survivor".into())));
    world.system.change(ids[2], |held| held.state = survivor.clone());
    world.system.change(ids[3], |held| held.revision = Some(2));
    world.system.change(ids[4], |held| held.revision = Some(3));
    world.system.put(&ids[5], HeldState::Open);
    world.system.put(&"not ours", HeldState::Open);
    world.system.put(&leads::delivery(99).lead.id, HeldState::Open);
    let audited = world.audit().await;
    assert_eq!(
        whats(&audited),
        BTreeMap::from([
            ("deleted", vec![Some(ids[1])]),
            ("doubled", vec![Some(ids[5])]),
            ("merged", vec![Some(ids[2])]),
            ("missing", vec![Some(ids[0])]),
            ("older", vec![Some(ids[3])]),
            ("stranger", vec![None, Some(leads::delivery(99).lead.id)]),
        ])
    );
    assert_eq!(
        audited.tally,
        Tally {
            ledger: 6,
            there: 3,
            missing: 3,
            strangers: 2,
            older: 1,
            doubled: 1,
        }
    );
    let merged = audited
        .differences
        .iter()
        .find(|one| one.what == "merged")
        .unwrap();
    assert!(merged.words.contains("the survivor"), "{merged:?}");
    assert_eq!(merged.remedy, format!("leadsync resync crm --lead {}", ids[2]));
    assert!(audited.differences.iter().all(|one| !one.remedy.is_empty()));
    assert_eq!(audited.unnamed(), 0);
}

#[tokio::test]
async fn a_record_of_somebody_who_was_forgotten_here_is_to_be_erased_there() {
    let world = World::new();
    let ids = world.delivered(0..2).await;
    let order = ForgetOrder {
        seeker: None,
        leads: vec![ids[0]],
        account: None,
        new_key: [7; 32],
        dry_run: false,
    };
    world.store.forget(order, noon()).await.unwrap();
    let audited = world.audit().await;
    assert_eq!(
        whats(&audited),
        BTreeMap::from([("stranger", vec![Some(ids[0])])])
    );
    let one = &audited.differences[0];
    assert!(one.words.contains("its person was forgotten"), "{one:?}");
    assert_eq!(one.remedy, "erase the record over there");
}

#[tokio::test]
async fn what_is_closed_on_its_way_or_just_written_is_no_difference() {
    let world = World::new();
    let closed = world.take_in(1).await;
    world.deliver(DeliveryResult::Closed(None)).await;
    world.delivered(2..3).await;
    let converted = world.take_in(3).await;
    world.deliver(DeliveryResult::Delivered(None)).await;
    world.system.put(&converted, HeldState::Closed);
    let uncertain = world.take_in(4).await;
    world.deliver(DeliveryResult::Returned { uncertain: true }).await;
    world.system.put(&uncertain, HeldState::Open);
    let audited = world.audit().await;
    assert_eq!(audited.tally.differences(), 0, "{audited:?}");
    assert_eq!((audited.tally.ledger, audited.tally.there), (3, 3));
    assert!(
        audited.notes.iter().any(|note| note.contains("1 closed there")),
        "{closed}"
    );
}

#[tokio::test]
async fn two_records_of_ours_with_one_address_are_one_too_many() {
    let world = World::new();
    let ids = world.delivered(0..3).await;
    for (id, address) in [
        (ids[0], "ada@example.com"),
        (ids[1], "bo@example.com"),
        (ids[2], "ada@example.com"),
    ] {
        world
            .system
            .change(id, |held| held.person = Some(address.to_owned()));
    }
    let audited = world.audit().await;
    assert_eq!(whats(&audited), BTreeMap::from([("doubled", vec![Some(ids[2])])]));
    assert!(!format!("{audited:?}").contains("example.com"), "{audited:?}");
}

#[tokio::test]
async fn a_system_that_lists_nothing_says_so_and_is_counted_as_far_as_it_goes() {
    let mut world = World::new();
    world.system.listless = true;
    world.delivered(0..2).await;
    world.system.put(&"not ours", HeldState::Open);
    let audited = world.audit().await;
    assert_eq!((audited.tally.there, audited.tally.strangers), (2, 0));
    assert_eq!(audited.notes, ["it lists nothing"]);
}

#[tokio::test]
async fn who_asks_for_a_moment_gets_it_and_who_does_not_answer_ends_the_count() {
    let world = World::new();
    world.delivered(0..1).await;
    let busy = ConnectorError::new(ErrorKind::Throttled, "count").retry_after(Some(Duration::from_secs(3)));
    world.system.failures.lock().unwrap().push(busy);
    assert!(world.audit().await.unanswered.is_none());
    let down = ConnectorError::new(ErrorKind::Unreachable, "count");
    world.system.failures.lock().unwrap().push(down);
    let audited = world.audit().await;
    assert_eq!(audited.unanswered.unwrap().kind(), ErrorKind::Unreachable);
}

#[tokio::test]
async fn calls_kept_for_leads_are_not_counted_away() {
    let mut world = World::new();
    world.delivered(0..1).await;
    world.budget = Some(Budget {
        calls_per_day: 1,
        reserve: 1.0,
        day_starts: TimeDelta::zero(),
    });
    let audited = world.audit().await;
    let error = audited.unanswered.unwrap();
    assert!(error.to_string().contains("kept for leads until"), "{error}");
    assert_eq!(world.system.calls.made(), 0, "nobody was asked");
}

#[tokio::test]
async fn more_differences_than_can_be_named_are_counted() {
    let mut audited = Audited::default();
    audited.tally.missing = NAMED as u64 + 5;
    for _ in 0..NAMED + 5 {
        audited.differs(Difference {
            what: "missing",
            lead: None,
            record: None,
            at: None,
            words: String::new(),
            remedy: String::new(),
        });
    }
    assert_eq!((audited.differences.len(), audited.unnamed()), (NAMED, 5));
}

/// Rows with the moments they came at.
struct Rows(Vec<(&'static str, DateTime<Utc>)>);

#[async_trait]
impl Source for Rows {
    async fn poll(&self, after: Option<&Checkpoint>, _: usize) -> Result<Batch<RawLead>, ConnectorError> {
        let at: usize = after.map_or(0, |Checkpoint(text)| text.parse().unwrap());
        let row = |(reference, occurred_at): &(&str, DateTime<Utc>)| RawLead {
            format: connector_kit::RawFormat::MarketplaceRow,
            reference: Some((*reference).to_owned()),
            occurred_at: Some(*occurred_at),
            body: bytes::Bytes::from_static(b"{}"),
        };
        Ok(Batch {
            items: self.0.get(at).map(row).into_iter().collect(),
            next: Some(Checkpoint((at + 1).to_string())),
            more: at + 1 < self.0.len(),
        })
    }
}

#[tokio::test]
async fn a_row_the_inbox_does_not_have_is_unheard_unless_it_came_just_now() {
    let world = World::new();
    let ago = |hours| noon() - TimeDelta::hours(hours);
    let rows = Rows(vec![
        ("old", ago(24 * 30)),
        ("known", ago(2)),
        ("lost", ago(3)),
        ("fresh", ago(0)),
    ]);
    let arrival = Arrival {
        account: leads::delivery(1).lead.account.clone(),
        source: SourceName::new("table"),
        received_at: noon(),
        raw: rows
            .poll(Some(&Checkpoint("1".into())), 1)
            .await
            .unwrap()
            .items
            .remove(0),
    };
    world.store.accept(vec![arrival], None).await.unwrap();
    let clock: Arc<dyn Clock> = Arc::new(world.clock.clone());
    let caller = Caller {
        store: &world.store,
        purse: Arc::new(Purse::new(
            DestinationName::new("table"),
            Pace::new(1000, 1000, Arc::clone(&clock)),
            None,
            CallBook::default(),
        )),
        clock,
    };
    let name = SourceName::new("table");
    let audited = source(
        &caller,
        &rows,
        &name,
        noon() - TimeDelta::days(7),
        TimeDelta::minutes(10),
    )
    .await
    .unwrap();
    assert_eq!(
        (audited.tally.ledger, audited.tally.there, audited.tally.strangers),
        (1, 1, 1)
    );
    assert_eq!(audited.differences[0].record.as_deref(), Some("lost"));
    assert!(
        audited.notes[0].contains("1 came just now"),
        "{:?}",
        audited.notes
    );
}
