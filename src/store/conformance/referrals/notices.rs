//! Events are kept once, followed, and passed on.

use connector_kit::Notice;

use super::*;

pub(super) async fn promises<S: Store>(fresh: &impl Fn() -> S) {
    an_event_is_kept_once(&fresh()).await;
    an_event_is_known_for_days(&fresh()).await;
    several_events_about_one_referral_are_followed_by_one_look(&fresh()).await;
    what_was_read_and_the_end_of_its_events_share_a_commit(&fresh()).await;
    what_is_not_to_be_had_yet_comes_again_in_time(&fresh()).await;
    events_that_came_during_the_look_wait_for_the_next(&fresh()).await;
    the_oldest_events_go_first_and_each_connector_has_its_own(&fresh()).await;
    a_request_is_passed_on_as_it_came(&fresh()).await;
}

pub(in crate::store) fn told(number: u8, reference: &str, seconds: i64) -> Told {
    Told {
        account: AccountName::new("default"),
        source: partners(),
        received_at: at(seconds),
        notice: Notice {
            event: "referral-updated".into(),
            referral: Some(id(number)),
            occurred_at: at(seconds - 1),
            reference: reference.into(),
        },
        copy: None,
    }
}

async fn hear(store: &dyn Store, told: Told) -> Heard {
    store.hear(vec![told]).await.unwrap()[0]
}

async fn due(store: &dyn Store, now: i64) -> Vec<Waiting> {
    let due = store.notices(&partners(), 10, at(now)).await.unwrap();
    due.waiting
}

async fn waiting(store: &dyn Store) -> u64 {
    store.referral_totals().await.unwrap().notices
}

async fn an_event_is_kept_once(store: &dyn Store) {
    let test = Told {
        notice: Notice {
            referral: None,
            ..told(1, "test", 5).notice
        },
        ..told(1, "test", 5)
    };
    let all = vec![
        told(1, "a", 5),
        told(1, "a", 6),
        told(1, "b", 5),
        test.clone(),
        test,
    ];
    let heard = store.hear(all).await.unwrap();
    assert_eq!(
        heard,
        [Heard::Kept, Heard::Known, Heard::Kept, Heard::Noted, Heard::Known]
    );
    assert_eq!(waiting(store).await, 2);
    let ids = due(store, 6).await.remove(0).ids;
    store
        .follow(&partners(), vec![Follow::GivenUp(ids)])
        .await
        .unwrap();
    assert_eq!(
        hear(store, told(1, "a", 7)).await,
        Heard::Known,
        "also afterwards"
    );
    let other = Told {
        source: SourceName::new("other"),
        ..told(1, "a", 7)
    };
    assert_eq!(hear(store, other).await, Heard::Kept);
}

async fn an_event_is_known_for_days(store: &dyn Store) {
    let day = 86_400;
    hear(store, told(1, "old", 0)).await;
    for number in 1..20 {
        hear(store, told(1, &format!("new {number}"), 3 * day)).await;
    }
    assert_eq!(hear(store, told(1, "old", 3 * day)).await, Heard::Known);
    // After that it may be forgotten; a repeat then costs one look.
    for number in 1..20 {
        hear(store, told(1, &format!("newer {number}"), 60 * day)).await;
    }
    assert_eq!(hear(store, told(1, "old", 60 * day)).await, Heard::Kept);
}

async fn several_events_about_one_referral_are_followed_by_one_look(store: &dyn Store) {
    refer(store, 1).await;
    for (number, reference, seconds) in [(1, "a", 7), (2, "b", 6), (1, "c", 8)] {
        hear(store, told(number, reference, seconds)).await;
    }
    let looks = due(store, 8).await;
    let seen: Vec<_> = looks
        .iter()
        .map(|one| (one.referral.clone(), one.ids.len(), one.received_at, one.tries))
        .collect();
    assert_eq!(seen, [(id(2), 1, at(6), 0), (id(1), 2, at(7), 0)]);
    assert_eq!(look(store, 1).await.notices_waiting, 2);
}

async fn what_was_read_and_the_end_of_its_events_share_a_commit(store: &dyn Store) {
    let version = fetched(&pending(1));
    for (reference, kept) in [("a", 1), ("b", 1)] {
        hear(store, told(1, reference, 5)).await;
        let ids = due(store, 6).await.remove(0).ids;
        let read = Follow::Read(ids, Box::new(version.clone()));
        store.follow(&partners(), vec![read]).await.unwrap();
        assert!(due(store, 7).await.is_empty());
        let arrivals = store.unsettled(10).await.unwrap();
        assert_eq!(arrivals.len(), kept, "a version that is known is not kept again");
        assert_eq!(arrivals[0].arrival.raw.body, version.raw.body);
    }
    assert_eq!(waiting(store).await, 0);
}

async fn what_is_not_to_be_had_yet_comes_again_in_time(store: &dyn Store) {
    hear(store, told(1, "a", 5)).await;
    let ids = due(store, 5).await.remove(0).ids;
    let later = Follow::Later(ids, at(20));
    store.follow(&partners(), vec![later]).await.unwrap();
    let early = store.notices(&partners(), 10, at(19)).await.unwrap();
    assert_eq!((early.waiting.len(), early.next_at), (0, Some(at(20))));
    let again = due(store, 20).await.remove(0);
    assert_eq!((again.tries, again.received_at), (1, at(5)));
    // News about it does not wait for the old event's time, and takes it along.
    let later = Follow::Later(again.ids, at(60));
    store.follow(&partners(), vec![later]).await.unwrap();
    hear(store, told(1, "b", 21)).await;
    let both = due(store, 21).await.remove(0);
    assert_eq!((both.ids.len(), both.tries), (2, 2));
    store
        .follow(&partners(), vec![Follow::GivenUp(both.ids)])
        .await
        .unwrap();
    let none = store.notices(&partners(), 10, at(1000)).await.unwrap();
    assert!(none.waiting.is_empty() && none.next_at.is_none());
    assert_eq!(waiting(store).await, 0);
}

async fn events_that_came_during_the_look_wait_for_the_next(store: &dyn Store) {
    hear(store, told(1, "a", 5)).await;
    let looked = due(store, 5).await.remove(0).ids;
    hear(store, told(1, "b", 6)).await;
    let read = |ids| vec![Follow::Read(ids, Box::new(fetched(&pending(1))))];
    store.follow(&partners(), read(looked.clone())).await.unwrap();
    let next = due(store, 7).await.remove(0);
    assert_eq!(next.ids.len(), 1);
    // The same word again, because nobody knew whether it took, ends nothing else.
    store.follow(&partners(), read(next.ids)).await.unwrap();
    hear(store, told(1, "c", 8)).await;
    store.follow(&partners(), read(looked)).await.unwrap();
    assert_eq!(due(store, 9).await.len(), 1);
    assert_eq!(waiting(store).await, 1);
}

async fn the_oldest_events_go_first_and_each_connector_has_its_own(store: &dyn Store) {
    for number in [3, 1, 2] {
        hear(store, told(number, &format!("{number}"), i64::from(number))).await;
    }
    let few = store.notices(&partners(), 2, at(9)).await.unwrap().waiting;
    let ids: Vec<_> = few.into_iter().map(|one| one.referral).collect();
    assert_eq!(ids, [id(1), id(2)]);
    let others = store.notices(&SourceName::new("other"), 2, at(9)).await.unwrap();
    assert!(others.waiting.is_empty() && others.next_at.is_none());
}

async fn a_request_is_passed_on_as_it_came(store: &dyn Store) {
    let copy = Copy {
        headers: vec![("x-ms-signature".into(), "Signature YWJj".into())],
        body: b"{\"EventName\":\"referral-updated\" }".to_vec(),
    };
    let with_copy = Told {
        copy: Some(copy.clone()),
        ..told(1, "a", 5)
    };
    hear(store, with_copy.clone()).await;
    hear(store, with_copy).await;
    let due = async |now| store.forwards(&partners(), 10, at(now)).await.unwrap();
    let (forwards, _) = due(5).await;
    assert_eq!(forwards.len(), 1, "a repeat is passed on once");
    assert_eq!((&forwards[0].copy, forwards[0].tries), (&copy, 0));
    let later = Passed::Later(forwards[0].id, at(20));
    store.passed(vec![later]).await.unwrap();
    let (none, next_at) = due(19).await;
    assert_eq!((none.len(), next_at), (0, Some(at(20))));
    let (again, _) = due(20).await;
    assert_eq!((again[0].tries, &again[0].copy), (1, &copy));
    store.passed(vec![Passed::Done(again[0].id)]).await.unwrap();
    let (none, next_at) = due(1000).await;
    assert_eq!((none.len(), next_at), (0, None));
}
