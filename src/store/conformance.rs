//! What every store promises, tried on whatever store it is given.

mod again;
mod alarms;
mod calls;
mod closed;
mod gates;
mod lanes;
mod outcomes;
pub(super) mod referrals;

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::ids::AccountName;
use connector_kit::lead::{Intent, Person, Touch};
use connector_kit::{
    Checkpoint, DestinationName, ErrorKind, Lead, LeadId, RawFormat, RawLead, RecordRef, SourceName,
};

use super::*;

pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

pub(super) fn arrival(reference: Option<&str>) -> Arrival {
    Arrival {
        account: AccountName::new("default"),
        source: SourceName::new("web"),
        received_at: at(0),
        raw: RawLead {
            format: RawFormat::MarketplaceJson,
            reference: reference.map(str::to_owned),
            occurred_at: None,
            body: Bytes::from_static(b"{\"LeadSource\":\"AzureMarketplace\"}"),
        },
    }
}

fn lead(number: u8) -> Lead {
    let touch = Touch {
        at: at(0),
        source: SourceName::new("web"),
        storefront: "AzureMarketplace".into(),
        action: "INS".into(),
        lead_source: String::new(),
        action_code: String::new(),
        offer: "contoso.backup".into(),
        publisher: "contoso".into(),
        offer_title: String::new(),
        description: String::new(),
        intent: Intent::Acquired,
        dnc: false,
        extra: std::collections::BTreeMap::new(),
        referral: None,
    };
    Lead {
        id: LeadId::new(1_800_000_000_000, &[number; 10]),
        account: AccountName::new("default"),
        person: Person::default(),
        intent: Intent::Acquired,
        dnc: false,
        first_at: at(0),
        last_at: at(0),
        touches: vec![touch],
        referrals: Vec::new(),
    }
}

fn crm() -> DestinationName {
    DestinationName::new("crm")
}

fn new_lead(number: u8) -> LeadChange {
    LeadChange {
        lead: Arc::new(lead(number)),
        identities: vec![Identity([number; 16])],
        referrals: Vec::new(),
        clocks: Vec::new(),
        before: None,
        revision: 1,
        canary: None,
        spans_gone: Vec::new(),
        spans: vec![TouchSpan {
            key: TouchKey([1; 16]),
            first_at: at(0),
            last_at: at(0),
            count: 1,
        }],
        suppression: None,
        routes: vec![(crm(), Lane::Live)],
    }
}

pub(super) async fn take_in(store: &dyn Store, number: u8) {
    let kept = store.accept(vec![arrival(None)], None).await.unwrap();
    let Custody::Kept(id) = kept[0] else {
        panic!("not kept")
    };
    let arrivals = vec![(id, Understood::New(lead(number).id))];
    let settlement = Settlement {
        leads: vec![new_lead(number)],
        arrivals,
    };
    assert_eq!(store.settle(settlement, at(0)).await.unwrap(), Settled::Done);
}

fn ask_for(min: usize, max: usize, until: DateTime<Utc>) -> LeaseAsk {
    LeaseAsk {
        min,
        max,
        until,
        lowest: Lane::Backfill,
        bulk: false,
    }
}

pub(super) async fn lease_all(store: &dyn Store, now: i64) -> Vec<Lease> {
    let ask = ask_for(1, 100, at(now + 60));
    store.lease(&crm(), ask, at(now)).await.unwrap().leases
}

pub(super) fn failure() -> Failure {
    Failure {
        kind: ErrorKind::Broken,
        what: "write".into(),
        hint: "look".into(),
        answer: None,
    }
}

fn with_gate(results: Vec<Finished>, gate: DestinationGate) -> Ending {
    Ending {
        gate: Some(gate),
        ..Ending::of(results)
    }
}

fn delivered(lease: Lease) -> Finished {
    Finished {
        lease,
        result: DeliveryResult::Delivered(None),
    }
}

/// Tries every promise, each on a fresh store.
pub(super) async fn promises<S: Store>(fresh: impl Fn() -> S) {
    an_arrival_is_kept_once_per_reference(&fresh()).await;
    a_checkpoint_is_kept_with_its_arrivals(&fresh()).await;
    what_is_understood_no_longer_waits(&fresh()).await;
    one_person_becomes_one_lead_even_in_a_race(&fresh()).await;
    a_decision_on_old_ground_writes_nothing(&fresh()).await;
    a_delivery_has_one_holder(&fresh()).await;
    a_lease_that_ran_out_is_handed_out_again_and_the_late_holder_is_refused(&fresh()).await;
    a_revision_that_arrives_during_delivery_is_delivered_next(&fresh()).await;
    a_retry_waits_for_its_time(&fresh()).await;
    a_dead_letter_can_be_requeued_or_discarded(&fresh()).await;
    a_full_batch_is_only_handed_out_full(&fresh()).await;
    the_quarantine_does_not_grow_without_bound(&fresh()).await;
    gates::promises(&fresh).await;
    lanes::promises(&fresh).await;
    closed::promises(&fresh).await;
    calls::promises(&fresh).await;
    again::promises(&fresh).await;
    alarms::promises(&fresh).await;
    referrals::promises(&fresh).await;
    outcomes::promises(fresh).await;
}

async fn an_arrival_is_kept_once_per_reference(store: &dyn Store) {
    let first = store
        .accept(vec![arrival(Some("row 1")), arrival(Some("row 2"))], None)
        .await
        .unwrap();
    assert!(matches!(first[..], [Custody::Kept(_), Custody::Kept(_)]));
    let again = store
        .accept(vec![arrival(Some("row 2")), arrival(Some("row 3"))], None)
        .await
        .unwrap();
    assert!(matches!(again[..], [Custody::Known, Custody::Kept(_)]));
    assert_eq!(store.unsettled(10).await.unwrap().len(), 3);
}

async fn a_checkpoint_is_kept_with_its_arrivals(store: &dyn Store) {
    let source = SourceName::new("table");
    assert_eq!(store.checkpoint(&source).await.unwrap(), None);
    let here = Checkpoint("page 7".into());
    store
        .accept(vec![arrival(Some("row"))], Some((source.clone(), here.clone())))
        .await
        .unwrap();
    assert_eq!(store.checkpoint(&source).await.unwrap(), Some(here));
}

async fn what_is_understood_no_longer_waits(store: &dyn Store) {
    take_in(store, 1).await;
    assert!(store.unsettled(10).await.unwrap().is_empty());
    let totals = store.totals().await.unwrap();
    assert_eq!(
        (totals.accepted, totals.leads, totals.pending, totals.unsettled),
        (1, 1, 1, 0)
    );
    let known = store.lead(lead(1).id).await.unwrap().unwrap();
    assert_eq!((known.row.fate.as_str(), known.row.revision), ("pending", 1));
    assert_eq!(known.arrivals.len(), 1);
}

async fn one_person_becomes_one_lead_even_in_a_race(store: &dyn Store) {
    take_in(store, 1).await;
    let kept = store.accept(vec![arrival(None)], None).await.unwrap();
    let Custody::Kept(id) = kept[0] else {
        panic!("not kept")
    };
    let rival = LeadChange {
        identities: vec![Identity([1; 16])],
        referrals: Vec::new(),
        clocks: Vec::new(),
        ..new_lead(2)
    };
    let settlement = Settlement {
        leads: vec![rival],
        arrivals: vec![(id, Understood::New(lead(2).id))],
    };
    assert_eq!(store.settle(settlement, at(1)).await.unwrap(), Settled::Stale);
    assert_eq!(store.totals().await.unwrap().leads, 1);
    assert_eq!(
        store.unsettled(10).await.unwrap().len(),
        1,
        "the arrival still waits"
    );
}

async fn a_decision_on_old_ground_writes_nothing(store: &dyn Store) {
    take_in(store, 1).await;
    let known = store
        .known(vec![Identity([1; 16]), Identity([9; 16])])
        .await
        .unwrap();
    assert!(known[1].is_none());
    let key = known[0].as_ref().unwrap().key;
    let late = LeadChange {
        before: Some((key, 7)),
        revision: 8,
        ..new_lead(1)
    };
    let settlement = Settlement {
        leads: vec![late],
        arrivals: Vec::new(),
    };
    assert_eq!(store.settle(settlement, at(1)).await.unwrap(), Settled::Stale);
}

async fn a_delivery_has_one_holder(store: &dyn Store) {
    take_in(store, 1).await;
    let mine = lease_all(store, 0).await;
    assert_eq!(mine.len(), 1);
    assert!(lease_all(store, 1).await.is_empty());
    let outcome = store
        .finish(
            &crm(),
            Ending::of(mine.into_iter().map(delivered).collect()),
            at(2),
        )
        .await
        .unwrap();
    assert_eq!(outcome, [FinishOutcome::Done]);
    assert!(lease_all(store, 1000).await.is_empty());
    let totals = store.totals().await.unwrap();
    assert_eq!((totals.delivered, totals.pending, totals.receipts), (1, 0, 1));
}

async fn a_lease_that_ran_out_is_handed_out_again_and_the_late_holder_is_refused(store: &dyn Store) {
    take_in(store, 1).await;
    let slow = lease_all(store, 0).await;
    let quick = lease_all(store, 61).await;
    assert_eq!(quick.len(), 1);
    assert!(quick[0].uncertain, "the slow holder may have written it");
    let late = store
        .finish(
            &crm(),
            Ending::of(slow.into_iter().map(delivered).collect()),
            at(62),
        )
        .await
        .unwrap();
    assert_eq!(late, [FinishOutcome::LeaseLost]);
    let done = store
        .finish(
            &crm(),
            Ending::of(quick.into_iter().map(delivered).collect()),
            at(63),
        )
        .await
        .unwrap();
    assert_eq!(done, [FinishOutcome::Done]);
    assert_eq!(store.totals().await.unwrap().receipts, 1);
}

async fn a_revision_that_arrives_during_delivery_is_delivered_next(store: &dyn Store) {
    take_in(store, 1).await;
    let held = lease_all(store, 0).await;
    let known = store.known(vec![Identity([1; 16])]).await.unwrap();
    let key = known[0].as_ref().unwrap().key;
    let newer = LeadChange {
        before: Some((key, 1)),
        revision: 2,
        routes: Vec::new(),
        ..new_lead(1)
    };
    let settlement = Settlement {
        leads: vec![newer],
        arrivals: Vec::new(),
    };
    assert_eq!(store.settle(settlement, at(1)).await.unwrap(), Settled::Done);
    store
        .finish(
            &crm(),
            Ending::of(held.into_iter().map(delivered).collect()),
            at(2),
        )
        .await
        .unwrap();
    let next = lease_all(store, 3).await;
    assert_eq!((next[0].revision, next[0].held), (2, 1));
    store
        .finish(
            &crm(),
            Ending::of(next.into_iter().map(delivered).collect()),
            at(4),
        )
        .await
        .unwrap();
    assert!(lease_all(store, 5).await.is_empty());
}

async fn a_retry_waits_for_its_time(store: &dyn Store) {
    take_in(store, 1).await;
    let lease = lease_all(store, 0).await.remove(0);
    let result = DeliveryResult::Retry(at(100), failure());
    store
        .finish(&crm(), Ending::of(vec![Finished { lease, result }]), at(1))
        .await
        .unwrap();
    let ask = ask_for(1, 10, at(200));
    let early = store.lease(&crm(), ask, at(99)).await.unwrap();
    assert!(early.leases.is_empty());
    assert_eq!(early.next_at, Some(at(100)));
    let due = lease_all(store, 100).await;
    assert_eq!((due[0].attempt, due[0].uncertain), (1, true));
    drop(due);
}

async fn a_dead_letter_can_be_requeued_or_discarded(store: &dyn Store) {
    for act in [DeadLetterAct::Requeue, DeadLetterAct::Discard] {
        let number = if act == DeadLetterAct::Requeue { 1 } else { 2 };
        take_in(store, number).await;
        let lease = lease_all(store, 0).await.remove(0);
        let dead = Finished {
            lease,
            result: DeliveryResult::Dead(failure()),
        };
        store.finish(&crm(), Ending::of(vec![dead]), at(1)).await.unwrap();
        let letters = store.dead_letters(DeadLetterFilter::default()).await.unwrap();
        assert_eq!(
            (letters.len(), letters[0].lead, letters[0].failure.hint.as_str()),
            (1, lead(number).id, "look")
        );
        let only = DeadLetterFilter {
            lead: Some(lead(number).id),
            destination: Some(crm()),
            limit: 0,
        };
        assert_eq!(store.settle_dead_letters(only, act, at(2)).await.unwrap(), 1);
        assert!(
            store
                .dead_letters(DeadLetterFilter::default())
                .await
                .unwrap()
                .is_empty()
        );
        let again = lease_all(store, 3).await;
        assert_eq!(again.len(), usize::from(act == DeadLetterAct::Requeue));
        store
            .finish(
                &crm(),
                Ending::of(again.into_iter().map(delivered).collect()),
                at(4),
            )
            .await
            .unwrap();
    }
    assert_eq!(
        store.lead(lead(2).id).await.unwrap().unwrap().row.fate,
        "discarded"
    );
}

async fn a_full_batch_is_only_handed_out_full(store: &dyn Store) {
    take_in(store, 1).await;
    let ask = ask_for(2, 2, at(100));
    assert!(store.lease(&crm(), ask, at(0)).await.unwrap().leases.is_empty());
    take_in(store, 2).await;
    let full = store.lease(&crm(), ask, at(0)).await.unwrap().leases;
    assert_eq!(full.len(), 2);
    drop(full);
}

async fn the_quarantine_does_not_grow_without_bound(store: &dyn Store) {
    let item = Unreadable {
        account: AccountName::new("default"),
        source: SourceName::new("web"),
        received_at: at(0) + TimeDelta::seconds(1),
        reason: "not JSON".into(),
        body: Bytes::from(vec![b'x'; 1000]),
    };
    for _ in 0..10 {
        store.quarantine(vec![item.clone()]).await.unwrap();
    }
    assert_eq!(store.totals().await.unwrap().refused, 10);
}
