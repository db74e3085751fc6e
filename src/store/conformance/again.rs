//! What every store promises to those who compare the ledger, and order again what it confirms.

use super::*;

pub(super) async fn promises<S: Store>(fresh: &impl Fn() -> S) {
    a_survey_tells_of_every_confirmed_lead_once_page_by_page(&fresh()).await;
    what_was_never_meant_for_a_destination_is_told_apart(&fresh()).await;
    what_is_ordered_again_is_due_behind_all_that_is_live_and_says_so_until_it_is_confirmed(&fresh()).await;
    an_order_harms_nothing_that_is_on_its_way_or_at_its_end(&fresh()).await;
    a_lease_that_is_out_when_the_order_comes_ends_as_it_would_have(&fresh()).await;
    a_newcomer_gets_what_has_a_route_and_nothing_that_goes_nowhere_by_rule(&fresh()).await;
    references_are_known_by_their_source(&fresh()).await;
}

fn newcomer() -> DestinationName {
    DestinationName::new("newcomer")
}

async fn page(store: &dyn Store, which: SurveyOf, after: Option<LeadKey>, limit: usize) -> Vec<Surveyed> {
    let ask = SurveyAsk {
        destination: crm(),
        which,
        after,
        limit,
    };
    store.survey(ask).await.unwrap()
}

async fn deliver_all(store: &dyn Store, now: i64) {
    let done = |lease| Finished {
        lease,
        result: DeliveryResult::Delivered(Some(RecordRef("record".into()))),
    };
    let results = lease_all(store, now).await.into_iter().map(done).collect();
    store.finish(&crm(), Ending::of(results), at(now)).await.unwrap();
}

async fn order(store: &dyn Store, destination: &DestinationName, keys: &[LeadKey], now: i64) -> OrderedAgain {
    store
        .order_again(destination, keys.to_vec(), at(now))
        .await
        .unwrap()
}

async fn keys(store: &dyn Store) -> Vec<LeadKey> {
    let ids = (1..=9).map(|number| lead(number).id).collect();
    let all = page(store, SurveyOf::These(ids), None, 0).await;
    all.iter().map(|one| one.key).collect()
}

async fn state(store: &dyn Store, number: u8) -> String {
    let known = store.lead(lead(number).id).await.unwrap().unwrap();
    known.deliveries[0].state.clone()
}

async fn a_survey_tells_of_every_confirmed_lead_once_page_by_page(store: &dyn Store) {
    for number in 1..=4 {
        take_in(store, number).await;
        deliver_all(store, i64::from(number)).await;
    }
    take_in(store, 5).await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let found = page(store, SurveyOf::Delivered(at(2)), after, 2).await;
        let Some(last) = found.last() else { break };
        after = Some(last.key);
        seen.extend(found);
    }
    let ids: Vec<LeadId> = seen.iter().map(|one| one.lead.id).collect();
    assert_eq!(ids, [lead(2).id, lead(3).id, lead(4).id]);
    let standing = seen[0].delivery.as_ref().unwrap();
    assert_eq!(
        (standing.state, standing.held, standing.at),
        ("delivered", 1, at(2))
    );
    assert_eq!(standing.record, Some(RecordRef("record".into())));
    assert!(page(store, SurveyOf::Delivered(at(0)), None, 9).await.len() == 4);
}

async fn what_was_never_meant_for_a_destination_is_told_apart(store: &dyn Store) {
    take_in(store, 1).await;
    assert!(page(store, SurveyOf::Never(at(-9)), None, 9).await.is_empty());
    let ask = SurveyAsk {
        destination: newcomer(),
        which: SurveyOf::Never(at(-9)),
        after: None,
        limit: 9,
    };
    let never = store.survey(ask).await.unwrap();
    assert_eq!((never.len(), never[0].delivery.clone()), (1, None));
    let unknown = SurveyOf::These(vec![lead(7).id]);
    assert!(page(store, unknown, None, 9).await.is_empty());
}

async fn what_is_ordered_again_is_due_behind_all_that_is_live_and_says_so_until_it_is_confirmed(
    store: &dyn Store,
) {
    take_in(store, 1).await;
    deliver_all(store, 1).await;
    take_in(store, 2).await;
    let keys = keys(store).await;
    let ordered = order(store, &crm(), &keys[..1], 10).await;
    assert_eq!((ordered.again, ordered.new, ordered.left), (1, 0, 0));
    let leases = lease_all(store, 11).await;
    let order: Vec<_> = leases.iter().map(|lease| (lease.lead, lease.again)).collect();
    assert_eq!(order, [(keys[1], None), (keys[0], Some(at(10)))]);
    assert_eq!(
        (leases[1].held, leases[1].record.clone()),
        (1, Some(RecordRef("record".into())))
    );
    let back = |lease| Finished {
        lease,
        result: DeliveryResult::Returned { uncertain: false },
    };
    let results = leases.into_iter().map(back).collect();
    store.finish(&crm(), Ending::of(results), at(12)).await.unwrap();
    assert_eq!(lease_all(store, 13).await[1].again, Some(at(10)), "still ordered");
    deliver_all(store, 100).await;
    order_once_more(store, keys[0]).await;
}

/// What was confirmed is no longer ordered, and a later order is a new one.
async fn order_once_more(store: &dyn Store, key: LeadKey) {
    assert_eq!(state(store, 1).await, "delivered");
    order(store, &crm(), &[key], 200).await;
    let leases = lease_all(store, 201).await;
    assert_eq!((leases.len(), leases[0].again), (1, Some(at(200))));
}

async fn an_order_harms_nothing_that_is_on_its_way_or_at_its_end(store: &dyn Store) {
    for number in 1..=3 {
        take_in(store, number).await;
    }
    let mut leases = lease_all(store, 0).await.into_iter();
    let failure = Failure {
        kind: ErrorKind::Rejected,
        what: "no".into(),
        hint: "no".into(),
        answer: None,
    };
    let ends = [
        DeliveryResult::Dead(failure),
        DeliveryResult::Closed(None),
        DeliveryResult::Suppressed,
    ];
    let results = ends
        .into_iter()
        .map(|result| Finished {
            lease: leases.next().unwrap(),
            result,
        })
        .collect();
    store.finish(&crm(), Ending::of(results), at(1)).await.unwrap();
    take_in(store, 4).await;
    let mut keys = keys(store).await;
    keys.push(LeadKey(4711));
    let ordered = order(store, &crm(), &keys, 2).await;
    assert_eq!((ordered.again, ordered.new, ordered.left), (0, 0, 5));
    let mut states = Vec::new();
    for number in 1..=4 {
        states.push(state(store, number).await);
    }
    assert_eq!(states, ["dead", "closed", "withheld", "due"]);
}

async fn a_lease_that_is_out_when_the_order_comes_ends_as_it_would_have(store: &dyn Store) {
    take_in(store, 1).await;
    deliver_all(store, 1).await;
    let keys = keys(store).await;
    order(store, &crm(), &keys, 2).await;
    let leases = lease_all(store, 3).await;
    let ordered = order(store, &crm(), &keys, 4).await;
    assert_eq!(ordered.left, 1, "it is on its way");
    let done = |lease| Finished {
        lease,
        result: DeliveryResult::Delivered(None),
    };
    let results = leases.into_iter().map(done).collect();
    let outcomes = store.finish(&crm(), Ending::of(results), at(5)).await.unwrap();
    assert_eq!(outcomes, [FinishOutcome::Done]);
    assert_eq!(state(store, 1).await, "delivered");
    assert!(lease_all(store, 1000).await.is_empty());
}

async fn a_newcomer_gets_what_has_a_route_and_nothing_that_goes_nowhere_by_rule(store: &dyn Store) {
    let suppressions = [
        None,
        Some(Suppression::NoRoute),
        Some(Suppression::TestLead),
        Some(Suppression::DoNotContact),
    ];
    for (number, suppression) in (1..).zip(suppressions) {
        let kept = store.accept(vec![arrival(None)], None).await.unwrap();
        let Custody::Kept(id) = kept[0] else {
            panic!("not kept")
        };
        let mut change = new_lead(number);
        change.suppression = suppression;
        change.routes.truncate(usize::from(suppression.is_none()));
        Arc::make_mut(&mut change.lead).dnc = suppression == Some(Suppression::DoNotContact);
        let settlement = Settlement {
            arrivals: vec![(id, Understood::New(change.lead.id))],
            leads: vec![change],
        };
        store.settle(settlement, at(0)).await.unwrap();
    }
    let keys = keys(store).await;
    let ordered = order(store, &newcomer(), &keys, 1).await;
    assert_eq!((ordered.again, ordered.new, ordered.left), (0, 2, 2));
    let totals = store.totals().await.unwrap();
    assert_eq!((totals.suppressed_no_route, totals.suppressed_test), (0, 1));
    let ask = ask_for(1, 100, at(60));
    let leases = store.lease(&newcomer(), ask, at(2)).await.unwrap().leases;
    let found: Vec<_> = leases
        .iter()
        .map(|lease| (lease.lead, lease.held, lease.again))
        .collect();
    assert_eq!(found, [(keys[0], 0, None), (keys[1], 0, None)]);
}

async fn references_are_known_by_their_source(store: &dyn Store) {
    store
        .accept(vec![arrival(Some("row/1")), arrival(None)], None)
        .await
        .unwrap();
    let ask = |name: &str| {
        let references = vec!["row/1".to_owned(), "row/2".to_owned()];
        (SourceName::new(name), references)
    };
    let (web, references) = ask("web");
    assert_eq!(
        store.known_references(&web, references).await.unwrap(),
        [true, false]
    );
    let (other, references) = ask("other");
    assert_eq!(
        store.known_references(&other, references).await.unwrap(),
        [false, false]
    );
    assert_eq!(store.arrived_since(&web, at(0)).await.unwrap(), 2);
    assert_eq!(store.arrived_since(&web, at(1)).await.unwrap(), 0);
    assert_eq!(store.arrived_since(&other, at(0)).await.unwrap(), 0);
}
