//! What every store promises about destinations that rest.

use super::*;

pub(super) async fn promises<S: Store>(fresh: &impl Fn() -> S) {
    a_held_destination_is_probed_by_one_delivery(&fresh()).await;
    a_parked_destination_waits_for_its_release(&fresh()).await;
}

async fn a_held_destination_is_probed_by_one_delivery(store: &dyn Store) {
    for number in 1..=3 {
        take_in(store, number).await;
    }
    let leases = lease_all(store, 0).await;
    let back = leases.into_iter().map(|lease| Finished {
        lease,
        result: DeliveryResult::Returned { uncertain: false },
    });
    let held = DestinationGate::Held {
        until: at(30),
        holds: 1,
        reason: "busy".into(),
    };
    store
        .finish(&crm(), with_gate(back.collect(), held.clone()), at(1))
        .await
        .unwrap();
    let ask = ask_for(1, 10, at(100));
    assert_eq!(resting_since(store).await, Some(at(1)));
    let early = store.lease(&crm(), ask, at(29)).await.unwrap();
    assert_eq!(
        (early.leases.len(), early.gate, early.next_at),
        (0, held, Some(at(30)))
    );
    let probe = store.lease(&crm(), ask, at(30)).await.unwrap();
    assert_eq!(
        (probe.leases.len(), probe.leases[0].attempt),
        (1, 0),
        "a hold is not an attempt"
    );
    let longer = DestinationGate::Held {
        until: at(40),
        holds: 2,
        reason: "busy".into(),
    };
    store
        .finish(&crm(), with_gate(Vec::new(), longer), at(30))
        .await
        .unwrap();
    assert_eq!(
        resting_since(store).await,
        Some(at(1)),
        "a rest that goes on is one rest"
    );
    let done = probe.leases.into_iter().map(delivered).collect();
    store
        .finish(&crm(), with_gate(done, DestinationGate::Open), at(31))
        .await
        .unwrap();
    assert_eq!(resting_since(store).await, None);
    assert_eq!(lease_all(store, 32).await.len(), 2);
}

async fn resting_since(store: &dyn Store) -> Option<DateTime<Utc>> {
    store.destinations(at(0)).await.unwrap()[0].resting_since
}

async fn a_parked_destination_waits_for_its_release(store: &dyn Store) {
    take_in(store, 1).await;
    let parked = DestinationGate::Parked {
        reason: "401".into(),
        hint: "renew".into(),
    };
    store
        .finish(&crm(), with_gate(Vec::new(), parked.clone()), at(0))
        .await
        .unwrap();
    store
        .finish(&crm(), with_gate(Vec::new(), DestinationGate::Open), at(1))
        .await
        .unwrap();
    assert!(lease_all(store, 1_000_000).await.is_empty());
    assert_eq!(store.destinations(at(2)).await.unwrap()[0].gate, parked);
    assert!(store.release(&crm(), at(3)).await.unwrap());
    assert!(
        !store
            .release(&DestinationName::new("nobody"), at(3))
            .await
            .unwrap()
    );
    assert_eq!(lease_all(store, 4).await.len(), 1);
}
