//! What every store promises about calls.

use connector_kit::Quota;

use super::*;

pub(super) async fn promises<S: Store>(fresh: &impl Fn() -> S) {
    calls_add_up_within_their_day(&fresh()).await;
    a_call_that_came_too_late_is_counted_all_the_same(&fresh()).await;
    the_newest_word_of_a_system_holds(&fresh()).await;
    who_only_looks_is_no_destination(&fresh()).await;
}

fn spent(calls: u64, day: i64) -> Spent {
    Spent {
        calls,
        day: at(day),
        quota: None,
    }
}

async fn calls_add_up_within_their_day(store: &dyn Store) {
    let day = 86_400;
    assert_eq!(store.ledger(&crm()).await.unwrap(), Ledger::default());
    take_in(store, 1).await;
    let results = lease_all(store, 0).await.into_iter().map(delivered).collect();
    let ending = Ending {
        spent: Some(spent(3, 0)),
        ..Ending::of(results)
    };
    store.finish(&crm(), ending, at(1)).await.unwrap();
    store.spend(&crm(), spent(4, 0)).await.unwrap();
    let ledger = store.ledger(&crm()).await.unwrap();
    assert_eq!((ledger.day, ledger.spent, ledger.total), (Some(at(0)), 7, 7));

    store.spend(&crm(), spent(5, day)).await.unwrap();
    let ledger = store.ledger(&crm()).await.unwrap();
    assert_eq!((ledger.day, ledger.spent, ledger.total), (Some(at(day)), 5, 12));
    assert_eq!((ledger.spent_on(at(day)), ledger.spent_on(at(2 * day))), (5, 0));
    assert_eq!(store.destinations(at(day)).await.unwrap()[0].calls, ledger);
}

async fn a_call_that_came_too_late_is_counted_all_the_same(store: &dyn Store) {
    take_in(store, 1).await;
    let slow = lease_all(store, 0).await;
    let quick = lease_all(store, 61).await;
    let ending = Ending {
        spent: Some(spent(2, 0)),
        ..Ending::of(slow.into_iter().map(delivered).collect())
    };
    assert_eq!(
        store.finish(&crm(), ending, at(62)).await.unwrap(),
        [FinishOutcome::LeaseLost]
    );
    assert_eq!(store.ledger(&crm()).await.unwrap().spent, 2);
    drop(quick);
}

async fn the_newest_word_of_a_system_holds(store: &dyn Store) {
    let says = |left, told_at| Spent {
        quota: Some(Quota {
            granted: 1000,
            left,
            told_at: at(told_at),
        }),
        ..spent(1, 0)
    };
    for (left, told_at, holds) in [(900, 10, 900), (950, 5, 900), (880, 10, 880), (1000, 20, 1000)] {
        store.spend(&crm(), says(left, told_at)).await.unwrap();
        let quota = store.ledger(&crm()).await.unwrap().quota.unwrap();
        assert_eq!((quota.left, quota.granted), (holds, 1000));
    }
    store.spend(&crm(), spent(1, 0)).await.unwrap();
    let quota = store.ledger(&crm()).await.unwrap().quota.unwrap();
    assert_eq!((quota.left, quota.told_at), (1000, at(20)), "silence is no word");
}

async fn who_only_looks_is_no_destination(store: &dyn Store) {
    store.spend(&crm(), spent(1, 0)).await.unwrap();
    assert!(store.destinations(at(1)).await.unwrap().is_empty());
}
