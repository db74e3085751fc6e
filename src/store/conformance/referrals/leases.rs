//! Reports become due, and each is made by one holder at a time.

use super::*;

pub(super) async fn promises<S: Store>(fresh: &impl Fn() -> S) {
    without_a_word_of_a_crm_there_is_nothing_to_report(&fresh()).await;
    what_a_crm_says_makes_the_reports_of_all_referrals_of_the_lead_due(&fresh()).await;
    a_referral_that_comes_after_the_outcome_is_reported_too(&fresh()).await;
    only_what_is_reported_makes_a_report_due(&fresh()).await;
    who_has_an_owner_is_told_of_while_open(&fresh()).await;
    what_is_wanted_longest_goes_first(&fresh()).await;
    a_report_has_one_holder(&fresh()).await;
    a_lease_that_ran_out_is_handed_out_again_and_the_late_holder_is_refused(&fresh()).await;
    a_held_sink_is_probed_by_one_report(&fresh()).await;
    a_parked_sink_waits_for_its_release(&fresh()).await;
    an_operator_gets_the_report_he_waits_for(&fresh()).await;
}

async fn without_a_word_of_a_crm_there_is_nothing_to_report(store: &dyn Store) {
    refer(store, 1).await;
    see_again(store, 1, referral(1, 5, ReferralState::Accepted), 6).await;
    let leased = store.lease_reports(&sink(), ask(7), at(7)).await.unwrap();
    assert!(leased.leases.is_empty() && leased.next_at.is_none());
    assert!(look(store, 1).await.report.is_none());
    assert!(
        store
            .destinations(at(7))
            .await
            .unwrap()
            .iter()
            .all(|one| one.name != sink())
    );
}

async fn what_a_crm_says_makes_the_reports_of_all_referrals_of_the_lead_due(store: &dyn Store) {
    refer(store, 1).await;
    let change = LeadChange {
        referrals: vec![note(pending(2), Link::OtherReferral)],
        ..known_lead(store, 1).await
    };
    write(store, change, 1).await;
    let won = Outcome {
        value: Some(DealValue {
            amount: "25000.00".parse().unwrap(),
            currency: Some("EUR".into()),
        }),
        owned: true,
        ..said(1, Stage::Won, 9)
    };
    hear_crm(store, won.clone(), 10).await;
    let leases = lease(store, 11).await;
    let told: Vec<_> = leases
        .iter()
        .map(|one| (one.referral.id.clone(), one.link))
        .collect();
    assert_eq!(told, [(id(1), Link::Own), (id(2), Link::OtherReferral)]);
    for lease in &leases {
        assert_eq!(
            (lease.lead.id, lease.attempt, lease.since),
            (lead(1).id, 0, at(10))
        );
        let [row] = &lease.outcomes[..] else {
            panic!("one CRM speaks")
        };
        assert_eq!(
            (&row.outcome, row.holds, &row.source),
            (&won, true, &SourceName::new("crm"))
        );
        assert!(lease.order.is_none() && lease.agreed.is_none());
    }
    drop(leases);
}

async fn a_referral_that_comes_after_the_outcome_is_reported_too(store: &dyn Store) {
    take_in(store, 1).await;
    hear_crm(store, said(1, Stage::Accepted, 9), 10).await;
    let change = LeadChange {
        referrals: vec![note(referral(1, 1, ReferralState::Won), Link::Own)],
        ..known_lead(store, 1).await
    };
    write(store, change, 20).await;
    // Closed as it is: whoever looks at it says so.
    let lease = lease_one(store, 21).await;
    assert_eq!((lease.referral.state.is_terminal(), lease.since), (true, at(20)));
    drop(lease);
}

async fn only_what_is_reported_makes_a_report_due(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    settle_report(store, lease_one(store, 11).await, 12).await;
    let base = said(1, Stage::Accepted, 20);
    let in_other_words = Outcome {
        state: "renamed".into(),
        ..base.clone()
    };
    hear_crm(store, in_other_words.clone(), 21).await;
    assert!(lease(store, 22).await.is_empty());
    let day = "2027-01-31".parse().ok();
    let news = [
        Outcome {
            owned: true,
            ..base.clone()
        },
        Outcome {
            closes_on: day,
            ..base.clone()
        },
        Outcome {
            reason: Some("too dear".into()),
            ..base.clone()
        },
        said(1, Stage::Lost, 20),
    ];
    for (now, outcome) in (30..).step_by(10).zip(news) {
        let changed_at = at(now);
        hear_crm(
            store,
            Outcome {
                changed_at,
                ..outcome
            },
            now,
        )
        .await;
        settle_report(store, lease_one(store, now + 1).await, now + 2).await;
    }
}

async fn who_has_an_owner_is_told_of_while_open(store: &dyn Store) {
    refer(store, 1).await;
    refer(store, 2).await;
    let open = |number: u8| said(number, Stage::Open, 5);
    let owned = Outcome {
        owned: true,
        ..open(1)
    };
    hear_crm(store, owned.clone(), 6).await;
    assert_eq!(say(store, open(2), 6).await, Noted::Known);
    let lease = lease_one(store, 7).await;
    assert_eq!(lease.outcomes[0].outcome, owned);
    drop(lease);
}

async fn what_is_wanted_longest_goes_first(store: &dyn Store) {
    for (number, now) in [(1, 30), (2, 10), (3, 20)] {
        refer(store, number).await;
        hear_crm(store, said(number, Stage::Accepted, 5), now).await;
    }
    let few = ReportAsk { max: 2, ..ask(31) };
    let leased = store.lease_reports(&sink(), few, at(31)).await.unwrap();
    let ids: Vec<_> = leased.leases.iter().map(|one| one.referral.id.clone()).collect();
    assert_eq!(ids, [id(2), id(3)]);
    assert_eq!(lease_one(store, 32).await.referral.id, id(1));
}

async fn a_report_has_one_holder(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    let mine = lease_one(store, 11).await;
    let leased = store.lease_reports(&sink(), ask(12), at(12)).await.unwrap();
    assert!(leased.leases.is_empty());
    assert_eq!(leased.next_at, Some(at(71)), "when the lease ends");
    assert_eq!(report(store, 1).await.state, "leased");
    settle_report(store, mine, 13).await;
    assert!(lease(store, 1000).await.is_empty());
    let settled = report(store, 1).await;
    assert_eq!((settled.state, settled.at), ("settled", at(13)));
    assert_eq!(settled.plan, ["a line"]);
}

async fn a_lease_that_ran_out_is_handed_out_again_and_the_late_holder_is_refused(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    let slow = lease_one(store, 11).await;
    let quick = lease_one(store, 71).await;
    let late = end(store, ended(slow, ReportResult::Settled), 72).await;
    assert_eq!(late, FinishOutcome::LeaseLost);
    assert_eq!(report(store, 1).await.state, "leased");
    settle_report(store, quick, 73).await;
    assert_eq!(report(store, 1).await.state, "settled");
}

async fn gate(store: &dyn Store, gate: DestinationGate, now: i64) {
    let ending = ReportEnding {
        gate: Some(gate),
        ..ReportEnding::default()
    };
    store.finish_reports(&sink(), ending, at(now)).await.unwrap();
}

async fn a_held_sink_is_probed_by_one_report(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    accepted_in_crm(store, 2).await;
    let held = DestinationGate::Held {
        until: at(30),
        holds: 1,
        reason: "busy".into(),
    };
    gate(store, held.clone(), 11).await;
    let early = store.lease_reports(&sink(), ask(29), at(29)).await.unwrap();
    assert_eq!(
        (early.leases.len(), early.gate, early.next_at),
        (0, held, Some(at(30)))
    );
    let probe = lease_one(store, 30).await;
    assert!(lease(store, 31).await.is_empty(), "one probe at a time");
    let ending = ReportEnding {
        results: vec![ended(probe, ReportResult::Returned)],
        gate: Some(DestinationGate::Open),
        spent: Some(Spent {
            calls: 2,
            day: at(0),
            quota: None,
        }),
    };
    store.finish_reports(&sink(), ending, at(32)).await.unwrap();
    assert_eq!(
        lease(store, 33).await.len(),
        2,
        "both are due, and none counts as tried"
    );
    assert_eq!(store.ledger(&sink()).await.unwrap().spent, 2);
}

async fn a_parked_sink_waits_for_its_release(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    let parked = DestinationGate::Parked {
        reason: "401".into(),
        hint: "sign in again".into(),
    };
    gate(store, parked.clone(), 11).await;
    gate(store, DestinationGate::Open, 12).await;
    assert!(lease(store, 1_000_000).await.is_empty());
    let known = store.destinations(at(13)).await.unwrap();
    let shown = known.iter().find(|one| one.name == sink()).unwrap();
    assert_eq!((&shown.gate, shown.due), (&parked, 0), "it has no deliveries");
    assert!(store.release(&sink(), at(14)).await.unwrap());
    assert_eq!(lease(store, 15).await.len(), 1);
}

async fn an_operator_gets_the_report_he_waits_for(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    accepted_in_crm(store, 2).await;
    let parked = DestinationGate::Parked {
        reason: "401".into(),
        hint: "sign in again".into(),
    };
    gate(store, parked.clone(), 11).await;
    let key = look(store, 2).await.row.key;
    let results = [
        ReportResult::Settled,
        ReportResult::Refused {
            reason: "no value".into(),
            hint: "enter one".into(),
        },
        ReportResult::Waiting {
            until: at(5000),
            reason: "the CRM is slow".into(),
        },
    ];
    for (now, result) in (20..).step_by(10).zip(results) {
        let only = ReportAsk {
            only: Some(key),
            ..ask(now)
        };
        let mut leased = store.lease_reports(&sink(), only, at(now)).await.unwrap();
        assert_eq!(leased.gate, parked, "and the gate is told");
        let lease = leased.leases.remove(0);
        assert_eq!(lease.referral.id, id(2));
        let again = store.lease_reports(&sink(), only, at(now + 1)).await.unwrap();
        assert!(again.leases.is_empty(), "but not while somebody holds it");
        assert_eq!(
            end(store, ended(lease, result), now + 2).await,
            FinishOutcome::Done
        );
    }
    let stranger = ReportAsk {
        only: Some(key),
        ..ask(100)
    };
    let other = DestinationName::new("other");
    let leased = store.lease_reports(&other, stranger, at(100)).await.unwrap();
    assert!(leased.leases.is_empty());
}
