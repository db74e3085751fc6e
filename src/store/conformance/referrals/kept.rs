//! A referral is kept: once, its newest version, with its lead.

use super::*;

pub(super) async fn promises<S: Store>(fresh: &impl Fn() -> S) {
    a_referral_is_kept_with_its_lead_and_its_link(&fresh()).await;
    the_newest_version_holds_in_whatever_order_they_come(&fresh()).await;
    the_same_version_again_is_no_news(&fresh()).await;
    a_referral_stays_with_the_lead_it_was_first_seen_with(&fresh()).await;
    a_referral_of_two_connectors_is_two(&fresh()).await;
    a_stale_decision_keeps_no_referral(&fresh()).await;
    a_new_lead_is_first_for_all_it_is_known_by(&fresh()).await;
    a_known_lead_takes_the_identities_nobody_claimed(&fresh()).await;
    referrals_are_listed_newest_first(&fresh()).await;
    they_are_counted_as_they_stand(&fresh()).await;
}

async fn a_referral_is_kept_with_its_lead_and_its_link(store: &dyn Store) {
    refer(store, 1).await;
    let kept = look(store, 1).await;
    assert_eq!(kept.row.referral, pending(1));
    assert_eq!((kept.row.lead, kept.row.link), (lead(1).id, Link::Own));
    assert_eq!((&kept.row.source, kept.row.seen_at), (&partners(), at(0)));
    assert_eq!(kept.row.account, AccountName::new("default"));
    assert_eq!(kept.versions, [(at(1), "New/Pending".to_owned(), at(0))]);
    assert!(kept.report.is_none() && kept.steps.is_empty());
    assert!(store.referral(&id(2)).await.unwrap().is_none());
}

async fn the_newest_version_holds_in_whatever_order_they_come(store: &dyn Store) {
    refer(store, 1).await;
    let moments_apart = |nanos: i64| Referral {
        updated_at: at(5) + TimeDelta::nanoseconds(nanos),
        etag: format!("\"{nanos}\""),
        ..referral(1, 5, ReferralState::Accepted)
    };
    for nanos in [100, 300, 200] {
        see_again(store, 1, moments_apart(nanos), 6).await;
    }
    // Of two that say the same moment the text decides.
    let twin = Referral {
        etag: "\"200\"".into(),
        ..moments_apart(300)
    };
    see_again(store, 1, twin, 7).await;
    let kept = look(store, 1).await;
    assert_eq!(kept.row.referral, moments_apart(300));
    let seen: Vec<_> = kept.versions.iter().map(|(moment, _, _)| *moment).collect();
    let nanos = [100, 200, 300, 300].map(|nanos| at(5) + TimeDelta::nanoseconds(nanos));
    assert_eq!(seen, [&[at(1)][..], &nanos].concat());
}

async fn the_same_version_again_is_no_news(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    settle_report(store, lease_one(store, 11).await, 12).await;
    let understood_better = Referral {
        name: "understood better".into(),
        ..pending(1)
    };
    let newest = pending(1).newer(understood_better.clone());
    for view in [pending(1), understood_better, pending(1)] {
        see_again(store, 1, view, 13).await;
    }
    let kept = look(store, 1).await;
    assert_eq!((kept.row.referral, kept.versions.len()), (newest, 1));
    assert_eq!(kept.report.unwrap().state, "settled");
}

async fn a_referral_stays_with_the_lead_it_was_first_seen_with(store: &dyn Store) {
    refer(store, 1).await;
    let change = LeadChange {
        referrals: vec![note(referral(1, 5, ReferralState::Accepted), Link::KnownBefore)],
        ..new_lead(2)
    };
    write(store, change, 6).await;
    let row = look(store, 1).await.row;
    assert_eq!((row.lead, row.link), (lead(1).id, Link::Own));
    assert_eq!(row.referral.state, ReferralState::Accepted, "its news is its own");
}

async fn a_referral_of_two_connectors_is_two(store: &dyn Store) {
    refer(store, 1).await;
    let renamed = ReferralNote {
        source: SourceName::new("partners-eu"),
        ..note(pending(1), Link::Own)
    };
    let change = LeadChange {
        referrals: vec![renamed],
        ..known_lead(store, 1).await
    };
    write(store, change, 1).await;
    let all = store.referrals(ReferralFilter::default()).await.unwrap();
    assert_eq!(all.len(), 2);
    let meant = look(store, 1).await.row;
    assert_eq!(
        meant.source,
        SourceName::new("partners-eu"),
        "the one that brought it last"
    );
}

async fn a_stale_decision_keeps_no_referral(store: &dyn Store) {
    let change = LeadChange {
        referrals: vec![note(pending(1), Link::Own)],
        ..new_lead(1)
    };
    let settlement = Settlement {
        leads: vec![change],
        arrivals: vec![(InboxId(7), Understood::New(lead(1).id))],
    };
    assert_eq!(store.settle(settlement, at(0)).await.unwrap(), Settled::Stale);
    assert!(store.referral(&id(1)).await.unwrap().is_none());
    assert_eq!(store.referral_totals().await.unwrap(), ReferralTotals::default());
}

async fn a_new_lead_is_first_for_all_it_is_known_by(store: &dyn Store) {
    take_in(store, 1).await;
    let rival = LeadChange {
        identities: vec![Identity([2; 16]), Identity([1; 16])],
        ..new_lead(2)
    };
    let settlement = Settlement {
        leads: vec![rival],
        arrivals: Vec::new(),
    };
    assert_eq!(store.settle(settlement, at(1)).await.unwrap(), Settled::Stale);
    let known = store.known(vec![Identity([2; 16])]).await.unwrap();
    assert!(known[0].is_none(), "nothing of it was written");
}

async fn a_known_lead_takes_the_identities_nobody_claimed(store: &dyn Store) {
    take_in(store, 1).await;
    take_in(store, 2).await;
    for claims in [
        vec![Identity([3; 16])],
        vec![Identity([1; 16]), Identity([2; 16])],
    ] {
        let change = LeadChange {
            identities: claims,
            ..known_lead(store, 1).await
        };
        write(store, change, 1).await;
    }
    let asked = [1, 2, 3].map(|number| Identity([number; 16])).to_vec();
    let found = store.known(asked).await.unwrap();
    let found: Vec<LeadId> = found.into_iter().map(|known| known.unwrap().lead.id).collect();
    assert_eq!(found, [lead(1).id, lead(2).id, lead(1).id]);
}

async fn referrals_are_listed_newest_first(store: &dyn Store) {
    for number in 1..=3 {
        refer(store, number).await;
    }
    see_again(store, 2, referral(2, 5, ReferralState::Won), 6).await;
    let numbers = async |filter: ReferralFilter| -> Vec<ReferralId> {
        let rows = store.referrals(filter).await.unwrap();
        rows.into_iter().map(|row| row.referral.id).collect()
    };
    let all = ReferralFilter::default();
    assert_eq!(numbers(all.clone()).await, [id(3), id(2), id(1)]);
    let open = ReferralFilter { open: true, ..all };
    assert_eq!(numbers(open.clone()).await, [id(3), id(1)]);
    let first = ReferralFilter { limit: 1, ..open };
    assert_eq!(numbers(first).await, [id(3)]);
    for (open, found) in [(false, vec![id(2)]), (true, vec![])] {
        let of_lead = ReferralFilter {
            lead: Some(lead(2).id),
            open,
            ..ReferralFilter::default()
        };
        assert_eq!(numbers(of_lead).await, found);
    }
    let of_nobody = ReferralFilter {
        lead: Some(lead(9).id),
        ..ReferralFilter::default()
    };
    assert!(numbers(of_nobody).await.is_empty());
}

async fn they_are_counted_as_they_stand(store: &dyn Store) {
    let strange = ReferralState::read("Paused", "Waiting");
    let states = [
        ReferralState::Received,
        ReferralState::Engaged,
        ReferralState::Won,
        ReferralState::Lost,
        ReferralState::Declined,
        ReferralState::Expired,
        ReferralState::Error,
        strange,
    ];
    for (number, state) in (1..).zip(states) {
        refer(store, number).await;
        see_again(store, number, referral(number, 5, state), 6).await;
    }
    refer(store, 9).await;
    hear_crm(store, said(9, Stage::Accepted, 9), 10).await;
    let counted = ReferralTotals {
        new: 2,
        active: 1,
        won: 1,
        lost: 1,
        declined: 1,
        expired: 1,
        other: 2,
        reporting: 1,
        refused: 0,
        notices: 0,
    };
    assert_eq!(store.referral_totals().await.unwrap(), counted);
}
