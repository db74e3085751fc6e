//! What every store promises about records that take no more changes.

use super::*;

pub(super) async fn promises<S: Store>(fresh: &impl Fn() -> S) {
    a_closed_delivery_wants_no_later_revision(&fresh()).await;
    a_closed_delivery_is_due_once_when_its_lead_becomes_do_not_contact(&fresh()).await;
    what_closes_while_do_not_contact_is_on_its_way_is_due_again(&fresh()).await;
}

/// The lead changes: its revision goes up, and from one moment on it must not be contacted.
async fn revise(store: &dyn Store, dnc: bool, now: i64) {
    let known = store
        .known(vec![Identity([1; 16])])
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    let change = LeadChange {
        lead: Arc::new(Lead {
            dnc,
            ..known.lead.clone()
        }),
        before: Some((known.key, known.revision)),
        revision: known.revision + 1,
        routes: Vec::new(),
        ..new_lead(1)
    };
    let settlement = Settlement {
        leads: vec![change],
        arrivals: Vec::new(),
    };
    assert_eq!(store.settle(settlement, at(now)).await.unwrap(), Settled::Done);
}

async fn close(store: &dyn Store, leases: Vec<Lease>, now: i64) {
    let closed = |lease| Finished {
        lease,
        result: DeliveryResult::Closed(Some(RecordRef("contact 7".into()))),
    };
    let results = leases.into_iter().map(closed).collect();
    store.finish(&crm(), Ending::of(results), at(now)).await.unwrap();
}

async fn fate(store: &dyn Store) -> String {
    store.lead(lead(1).id).await.unwrap().unwrap().row.fate
}

async fn a_closed_delivery_wants_no_later_revision(store: &dyn Store) {
    take_in(store, 1).await;
    let leases = lease_all(store, 0).await;
    revise(store, false, 1).await;
    close(store, leases, 2).await;
    revise(store, false, 3).await;
    assert!(lease_all(store, 1000).await.is_empty());
    assert_eq!(fate(store).await, "delivered (closed in CRM)");
    let known = store.lead(lead(1).id).await.unwrap().unwrap();
    let delivery = &known.deliveries[0];
    assert_eq!(
        (delivery.state.as_str(), delivery.wanted, delivery.held),
        ("closed", 1, 1)
    );
    assert_eq!(delivery.record, Some(RecordRef("contact 7".into())));
    let totals = store.totals().await.unwrap();
    assert_eq!(
        (totals.closed, totals.delivered, totals.pending, totals.receipts),
        (1, 0, 0, 1)
    );
    assert_eq!(store.destinations(at(4)).await.unwrap()[0].closed, 1);
}

async fn a_closed_delivery_is_due_once_when_its_lead_becomes_do_not_contact(store: &dyn Store) {
    take_in(store, 1).await;
    let leases = lease_all(store, 0).await;
    close(store, leases, 1).await;
    revise(store, true, 2).await;
    let leases = lease_all(store, 3).await;
    assert_eq!(
        (leases.len(), leases[0].dnc, leases[0].revision, leases[0].held),
        (1, true, 2, 1)
    );
    close(store, leases, 4).await;
    revise(store, true, 5).await;
    assert!(lease_all(store, 1000).await.is_empty());
    assert_eq!(store.totals().await.unwrap().closed, 1);
}

async fn what_closes_while_do_not_contact_is_on_its_way_is_due_again(store: &dyn Store) {
    take_in(store, 1).await;
    let leases = lease_all(store, 0).await;
    revise(store, true, 1).await;
    close(store, leases, 2).await;
    let leases = lease_all(store, 3).await;
    assert_eq!((leases.len(), leases[0].dnc), (1, true));
    // While this is on its way the lead changes again: nothing new for a closed record.
    revise(store, true, 4).await;
    close(store, leases, 5).await;
    assert!(lease_all(store, 1000).await.is_empty());
}
