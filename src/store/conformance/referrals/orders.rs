//! An operator orders, and links by hand.

use super::*;

pub(super) async fn promises<S: Store>(fresh: &impl Fn() -> S) {
    an_order_makes_a_report_due_however_it_stands(&fresh()).await;
    an_order_waits_for_whoever_makes_the_report(&fresh()).await;
    an_order_is_done_once(&fresh()).await;
    a_link_by_hand_is_kept_and_reported(&fresh()).await;
    nobody_orders_what_is_not_there(&fresh()).await;
}

fn order(step: ReferralMove, seconds: i64) -> Order {
    Order {
        change: ReferralChange {
            step: Some(step),
            reason: Some("too dear".into()),
            ..ReferralChange::default()
        },
        at: at(seconds),
    }
}

async fn an_order_makes_a_report_due_however_it_stands(store: &dyn Store) {
    refer(store, 1).await;
    let results = [
        ReportResult::Settled,
        ReportResult::Refused {
            reason: "no value".into(),
            hint: "enter one".into(),
        },
        ReportResult::Waiting {
            until: at(5000),
            reason: "later".into(),
        },
    ];
    for (now, result) in (10..).step_by(10).zip(results) {
        let decline = order(ReferralMove::Decline, now);
        assert!(store.order(&id(1), decline.clone()).await.unwrap());
        assert_eq!(report(store, 1).await.order, Some(decline.clone()));
        let held = lease_one(store, now + 1).await;
        assert_eq!(held.order, Some(decline));
        assert!(held.outcomes.is_empty());
        end(store, ended(held, result), now + 2).await;
    }
    let noted = look(store, 1).await.steps;
    let words: Vec<_> = noted
        .iter()
        .map(|step| (step.step.as_str(), step.result.as_str()))
        .collect();
    assert_eq!(words, [("decline", "ordered"); 3]);
    assert_eq!(noted[0].fields, ["status", "reason"]);
}

async fn an_order_waits_for_whoever_makes_the_report(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    let held = lease_one(store, 11).await;
    assert!(
        store
            .order(&id(1), order(ReferralMove::Accept, 12))
            .await
            .unwrap()
    );
    assert!(lease(store, 13).await.is_empty());
    settle_report(store, held, 14).await;
    let next = lease_one(store, 15).await;
    assert_eq!(next.order, Some(order(ReferralMove::Accept, 12)));
    drop(next);
}

async fn an_order_is_done_once(store: &dyn Store) {
    refer(store, 1).await;
    let first = order(ReferralMove::Accept, 10);
    store.order(&id(1), first.clone()).await.unwrap();
    let held = lease_one(store, 11).await;
    let second = order(ReferralMove::Decline, 12);
    store.order(&id(1), second.clone()).await.unwrap();
    let done = |lease| ReportFinished {
        order_done: true,
        ..ended(lease, ReportResult::Settled)
    };
    end(store, done(held), 13).await;
    let held = lease_one(store, 14).await;
    assert_eq!(held.order, Some(second), "a later order is another one");
    end(store, done(held), 15).await;
    let row = report(store, 1).await;
    assert_eq!((row.state, row.order), ("settled", None));
}

async fn a_link_by_hand_is_kept_and_reported(store: &dyn Store) {
    let change = LeadChange {
        referrals: vec![note(pending(1), Link::KnownBefore)],
        ..new_lead(1)
    };
    write(store, change, 0).await;
    for (now, linked, link) in [(10, true, Link::ByHand), (20, false, Link::UnlinkedByHand)] {
        assert!(store.link(&id(1), linked, at(now)).await.unwrap());
        assert_eq!(look(store, 1).await.row.link, link);
        let held = lease_one(store, now + 1).await;
        assert_eq!(held.link, link);
        settle_report(store, held, now + 2).await;
    }
    see_again(store, 1, referral(1, 30, ReferralState::Received), 30).await;
    let kept = look(store, 1).await;
    assert_eq!(kept.row.link, Link::UnlinkedByHand, "no version changes that");
    let steps: Vec<_> = kept.steps.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(steps, ["link", "unlink"]);
}

async fn nobody_orders_what_is_not_there(store: &dyn Store) {
    assert!(!store.order(&id(1), order(ReferralMove::Accept, 1)).await.unwrap());
    assert!(!store.link(&id(1), true, at(1)).await.unwrap());
    assert!(lease(store, 2).await.is_empty());
}
