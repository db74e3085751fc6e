//! What every store promises about sources that are listened to, and about canaries.

use connector_kit::CanaryMark;
use connector_kit::conformance::leads;

use super::*;

pub(super) async fn promises<S: Store>(fresh: &impl Fn() -> S) {
    arrivals_are_counted_once_by_the_hour(&fresh()).await;
    what_waits_is_counted_when_it_is_understood(&fresh()).await;
    hours_are_forgotten_and_a_pause_is_noticed(&fresh()).await;
    a_silence_is_kept_until_it_ends(&fresh()).await;
    an_announced_canary_is_let_through_once(&fresh()).await;
    a_canary_that_was_given_up_meanwhile_is_not_let_through(&fresh()).await;
    numbers_of_two_canaries_that_are_given_again_are_counted(&fresh()).await;
    what_is_not_understood_is_no_sign_of_life(&fresh()).await;
    a_canary_is_followed_recalled_and_forgotten_without_a_trace(&fresh()).await;
    a_canary_is_kept_while_a_destination_is_called_for_it(&fresh()).await;
}

fn ask(now: i64) -> Listen {
    Listen {
        now: at(now),
        forget_before: at(now) - TimeDelta::weeks(9),
        pause: TimeDelta::minutes(30),
    }
}

async fn rhythm(store: &dyn Store) -> Rhythm {
    store.rhythms().await.unwrap().remove(0)
}

async fn arrivals_are_counted_once_by_the_hour(store: &dyn Store) {
    assert!(store.rhythms().await.unwrap().is_empty());
    take_in(store, 1).await;
    take_in(store, 2).await;
    for now in [0, 60] {
        let listening = store.listen(ask(now)).await.unwrap();
        assert_eq!((listening.since, listening.more), (at(0), false));
    }
    let heard = rhythm(store).await;
    assert_eq!((heard.first_at, heard.heard_at), (Some(at(0)), Some(at(0))));
    assert_eq!(heard.hours, [(at(0).timestamp() / 3600, 2)]);
    take_in(store, 3).await;
    store.listen(ask(61)).await.unwrap();
    assert_eq!(rhythm(store).await.hours, [(at(0).timestamp() / 3600, 3)]);
}

async fn what_waits_is_counted_when_it_is_understood(store: &dyn Store) {
    let kept = store.accept(vec![arrival(None)], None).await.unwrap();
    let Custody::Kept(first) = kept[0] else {
        panic!("not kept")
    };
    take_in(store, 1).await;
    store.listen(ask(0)).await.unwrap();
    assert!(store.rhythms().await.unwrap().is_empty(), "the first waits");
    let settlement = Settlement {
        leads: vec![new_lead(2)],
        arrivals: vec![(first, Understood::New(lead(2).id))],
    };
    store.settle(settlement, at(1)).await.unwrap();
    store.listen(ask(60)).await.unwrap();
    assert_eq!(rhythm(store).await.hours[0].1, 2);
}

async fn hours_are_forgotten_and_a_pause_is_noticed(store: &dyn Store) {
    take_in(store, 1).await;
    store.listen(ask(0)).await.unwrap();
    let half_an_hour = 30 * 60;
    assert_eq!(store.listen(ask(half_an_hour)).await.unwrap().since, at(0));
    let later = 10 * 7 * 86_400;
    assert_eq!(store.listen(ask(later)).await.unwrap().since, at(later));
    assert_eq!(store.listening_since().await.unwrap(), Some(at(later)));
    let heard = rhythm(store).await;
    assert_eq!((heard.hours.as_slice(), heard.heard_at), (&[][..], Some(at(0))));
}

async fn a_silence_is_kept_until_it_ends(store: &dyn Store) {
    let web = SourceName::new("web");
    let silence = Silence {
        since: at(0),
        raised_at: at(7),
        alerted: true,
    };
    for told in [Some(silence), None] {
        store.note_silence(&web, told).await.unwrap();
        assert_eq!(rhythm(store).await.silence, told);
    }
}

fn mark() -> CanaryMark {
    leads::canary(9).mark()
}

fn expected(until: i64) -> Expected {
    expected_of(9, until)
}

fn expected_of(number: u8, until: i64) -> Expected {
    Expected {
        mark: leads::canary(number).mark(),
        source: SourceName::new("web"),
        destinations: vec![crm()],
        at: at(0),
        until: at(until),
    }
}

/// The canary arrives and is understood.
async fn fly(store: &dyn Store) {
    fly_as(store, 9).await;
}

async fn fly_as(store: &dyn Store, number: u8) {
    let kept = store.accept(vec![arrival(None)], None).await.unwrap();
    let Custody::Kept(id) = kept[0] else {
        panic!("not kept")
    };
    let settled = store.settle(understood_canary(id, number), at(1)).await.unwrap();
    assert_eq!(settled, Settled::Done);
}

/// The arrival is the canary that was announced.
fn understood_canary(id: InboxId, number: u8) -> Settlement {
    let lead = leads::canary_delivery(number).lead;
    let change = LeadChange {
        identities: Vec::new(),
        canary: CanaryMark::of(&lead),
        lead: Arc::clone(&lead),
        ..new_lead(number)
    };
    Settlement {
        leads: vec![change],
        arrivals: vec![(id, Understood::New(lead.id))],
    }
}

async fn numbers_of_two_canaries_that_are_given_again_are_counted(store: &dyn Store) {
    take_in(store, 1).await;
    for number in [8, 9] {
        store.expect(expected_of(number, 60)).await.unwrap();
        fly_as(store, number).await;
    }
    store.listen(ask(2)).await.unwrap();
    for number in [8, 9] {
        let mark = leads::canary(number).mark();
        assert!(store.forget_canary(mark).await.unwrap());
    }
    take_in(store, 2).await;
    store.listen(ask(3)).await.unwrap();
    assert_eq!(rhythm(store).await.hours[0].1, 2);
}

async fn what_is_not_understood_is_no_sign_of_life(store: &dyn Store) {
    for became in [
        Understood::Quarantined("it is no lead".into()),
        Understood::Forgotten,
    ] {
        let kept = store.accept(vec![arrival(None)], None).await.unwrap();
        let Custody::Kept(id) = kept[0] else {
            panic!("not kept")
        };
        let settlement = Settlement {
            arrivals: vec![(id, became)],
            ..Settlement::default()
        };
        store.settle(settlement, at(1)).await.unwrap();
    }
    store.listen(ask(2)).await.unwrap();
    let heard = rhythm(store).await;
    assert_eq!((heard.first_at, heard.heard_at), (None, None));
    assert!(heard.hours.is_empty());
}

async fn a_canary_that_was_given_up_meanwhile_is_not_let_through(store: &dyn Store) {
    store.expect(expected(60)).await.unwrap();
    let kept = store.accept(vec![arrival(None)], None).await.unwrap();
    let Custody::Kept(id) = kept[0] else {
        panic!("not kept")
    };
    let asked = vec![(mark(), SourceName::new("web"))];
    assert_eq!(store.expected(asked, at(0)).await.unwrap(), [Some(vec![crm()])]);
    assert!(store.forget_canary(mark()).await.unwrap());
    let settled = store.settle(understood_canary(id, 9), at(1)).await.unwrap();
    assert_eq!(settled, Settled::Stale);
    assert_eq!(store.unsettled(10).await.unwrap().len(), 1, "it is read again");
    assert!(lease_all(store, 2).await.is_empty());
}

async fn an_announced_canary_is_let_through_once(store: &dyn Store) {
    let asked = |source: &str| vec![(mark(), SourceName::new(source))];
    assert_eq!(store.expected(asked("web"), at(0)).await.unwrap(), [None]);
    store.expect(expected(60)).await.unwrap();
    assert!(store.expect(expected(60)).await.is_err(), "a mark is used once");
    assert_eq!(
        store.expected(asked("web"), at(59)).await.unwrap(),
        [Some(vec![crm()])]
    );
    assert_eq!(store.expected(asked("other"), at(0)).await.unwrap(), [None]);
    assert_eq!(store.expected(asked("web"), at(60)).await.unwrap(), [None]);
    fly(store).await;
    assert_eq!(store.expected(asked("web"), at(2)).await.unwrap(), [None]);
}

async fn a_canary_is_followed_recalled_and_forgotten_without_a_trace(store: &dyn Store) {
    take_in(store, 1).await;
    let before = store.totals().await.unwrap();
    store.expect(expected(60)).await.unwrap();
    fly(store).await;
    let flight = store.canaries().await.unwrap().remove(0);
    assert_eq!(flight.expected, expected(60));
    let became = flight.lead.unwrap();
    assert_eq!(
        (became.received_at, became.settled_at, became.revision),
        (at(0), at(1), 1)
    );
    assert_eq!(
        (became.deliveries[0].state.as_str(), became.held.len()),
        ("due", 0)
    );

    let leases = lease_all(store, 2).await;
    assert_eq!(leases.len(), 2);
    let ending = Ending::of(leases.into_iter().map(delivered).collect());
    store.finish(&crm(), ending, at(3)).await.unwrap();
    let became = store.canaries().await.unwrap().remove(0).lead.unwrap();
    assert_eq!(
        (became.deliveries[0].state.as_str(), became.held),
        ("delivered", vec![crm()])
    );

    store.recall(mark(), at(4)).await.unwrap();
    assert!(store.forget_canary(mark()).await.unwrap());
    assert!(store.canaries().await.unwrap().is_empty());
    assert!(store.lead(became.lead.id).await.unwrap().is_none());
    let totals = store.totals().await.unwrap();
    assert_eq!(
        (totals.accepted, totals.leads, totals.delivered),
        (before.accepted, before.leads, 1)
    );
    assert_eq!(
        store
            .leads(LeadFilter { limit: 9, fate: None })
            .await
            .unwrap()
            .len(),
        1
    );
    // What comes next is counted, whatever number it is given.
    store.listen(ask(5)).await.unwrap();
    take_in(store, 2).await;
    store.listen(ask(6)).await.unwrap();
    assert_eq!(rhythm(store).await.hours[0].1, 2, "and a canary never was");
}

async fn a_canary_is_kept_while_a_destination_is_called_for_it(store: &dyn Store) {
    store.expect(expected(60)).await.unwrap();
    fly(store).await;
    store.listen(ask(1)).await.unwrap();
    assert!(
        store
            .rhythms()
            .await
            .unwrap()
            .iter()
            .all(|rhythm| rhythm.hours.is_empty())
    );
    let lease = lease_all(store, 2).await;
    store.recall(mark(), at(3)).await.unwrap();
    assert!(!store.forget_canary(mark()).await.unwrap());
    let became = store.canaries().await.unwrap().remove(0).lead.unwrap();
    assert_eq!(
        (became.deliveries[0].state.as_str(), became.held),
        ("leased", vec![crm()])
    );
    let ending = Ending::of(lease.into_iter().map(delivered).collect());
    store.finish(&crm(), ending, at(4)).await.unwrap();
    assert!(store.forget_canary(mark()).await.unwrap());
    assert!(lease_all(store, 100).await.is_empty());
}
