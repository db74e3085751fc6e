//! What every store promises about who goes first.

use super::*;

pub(super) async fn promises<S: Store>(fresh: &impl Fn() -> S) {
    who_waits_for_a_call_goes_first(&fresh()).await;
    what_is_behind_the_lowest_lane_is_not_handed_out(&fresh()).await;
    a_bulk_takes_the_end_of_the_line(&fresh()).await;
    a_bulk_goes_only_with_enough_and_nothing_hot(&fresh()).await;
    a_bulk_never_probes(&fresh()).await;
    a_requeued_dead_letter_goes_behind_all_others(&fresh()).await;
    what_is_due_is_told_by_lane(&fresh()).await;
}

async fn take_in_as(store: &dyn Store, number: u8, lane: Lane) {
    let change = LeadChange {
        routes: vec![(crm(), lane)],
        ..new_lead(number)
    };
    let settlement = Settlement {
        leads: vec![change],
        arrivals: Vec::new(),
    };
    assert_eq!(store.settle(settlement, at(0)).await.unwrap(), Settled::Done);
}

/// One lead in each lane, the last first; each is named by its revision's lane.
async fn one_of_each(store: &dyn Store) {
    for (number, lane) in [
        (1, Lane::Backfill),
        (2, Lane::Update),
        (3, Lane::Live),
        (4, Lane::Hot),
    ] {
        take_in_as(store, number, lane).await;
    }
}

async fn leased(store: &dyn Store, ask: LeaseAsk) -> Vec<Lease> {
    store.lease(&crm(), ask, at(0)).await.unwrap().leases
}

/// The numbers of the leads, in the order they were handed out.
fn numbers(leases: &[Lease]) -> Vec<u8> {
    let number = |lease: &Lease| {
        let found = serde_json::from_slice::<Lead>(&lease.body).unwrap().id;
        (1..=9).find(|number| lead(*number).id == found).unwrap()
    };
    leases.iter().map(number).collect()
}

fn bulk(min: usize) -> LeaseAsk {
    LeaseAsk {
        bulk: true,
        ..ask_for(min, 10, at(60))
    }
}

async fn who_waits_for_a_call_goes_first(store: &dyn Store) {
    one_of_each(store).await;
    let leases = leased(store, ask_for(1, 10, at(60))).await;
    assert_eq!(numbers(&leases), [4, 3, 2, 1]);
}

async fn what_is_behind_the_lowest_lane_is_not_handed_out(store: &dyn Store) {
    one_of_each(store).await;
    let live = LeaseAsk {
        lowest: Lane::Live,
        ..ask_for(1, 10, at(60))
    };
    let leases = leased(store, live).await;
    assert_eq!(numbers(&leases), [4, 3]);
    let too_few = LeaseAsk { min: 1, ..live };
    assert!(leased(store, too_few).await.is_empty());
}

async fn a_bulk_takes_the_end_of_the_line(store: &dyn Store) {
    for (number, lane) in [
        (1, Lane::Live),
        (2, Lane::Backfill),
        (3, Lane::Backfill),
        (4, Lane::Update),
    ] {
        take_in_as(store, number, lane).await;
    }
    let three = LeaseAsk { max: 3, ..bulk(1) };
    assert_eq!(numbers(&leased(store, three).await), [2, 3, 4]);
    assert_eq!(numbers(&leased(store, three).await), [1]);
}

async fn a_bulk_goes_only_with_enough_and_nothing_hot(store: &dyn Store) {
    one_of_each(store).await;
    assert!(leased(store, bulk(3)).await.is_empty(), "something hot waits");
    let hot = LeaseAsk {
        max: 1,
        ..ask_for(1, 1, at(60))
    };
    assert_eq!(numbers(&leased(store, hot).await), [4]);
    assert!(leased(store, bulk(4)).await.is_empty(), "three are too few");
    let more_than_fit = LeaseAsk { max: 2, ..bulk(3) };
    assert_eq!(numbers(&leased(store, more_than_fit).await), [1, 2]);
}

async fn a_bulk_never_probes(store: &dyn Store) {
    one_of_each(store).await;
    let held = DestinationGate::Held {
        until: at(0),
        holds: 1,
        reason: "busy".into(),
    };
    store
        .finish(&crm(), with_gate(Vec::new(), held), at(0))
        .await
        .unwrap();
    assert!(leased(store, bulk(1)).await.is_empty());
    assert_eq!(leased(store, ask_for(1, 10, at(60))).await.len(), 1);
}

async fn a_requeued_dead_letter_goes_behind_all_others(store: &dyn Store) {
    take_in_as(store, 1, Lane::Hot).await;
    let died = lease_all(store, 0).await.into_iter().map(|lease| Finished {
        lease,
        result: DeliveryResult::Dead(failure()),
    });
    store
        .finish(&crm(), Ending::of(died.collect()), at(1))
        .await
        .unwrap();
    store
        .settle_dead_letters(DeadLetterFilter::default(), DeadLetterAct::Requeue, at(2))
        .await
        .unwrap();
    for (number, lane) in [(2, Lane::Update), (3, Lane::Live)] {
        take_in_as(store, number, lane).await;
    }
    assert_eq!(numbers(&lease_all(store, 3).await), [3, 2, 1]);
}

async fn what_is_due_is_told_by_lane(store: &dyn Store) {
    one_of_each(store).await;
    take_in_as(store, 5, Lane::Live).await;
    let hot = leased(store, ask_for(1, 1, at(60))).await;
    let status = store.destinations(at(0)).await.unwrap().remove(0);
    let due = status.lanes.map(|lane| lane.due);
    assert_eq!(
        (due, status.due),
        ([0, 2, 1, 1], 5),
        "what is leased is in no lane"
    );
    assert_eq!(status.lanes[0].oldest, None);
    assert_eq!(status.lanes[1].oldest, status.oldest_due);
    drop(hot);
}
