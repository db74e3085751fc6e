//! What was done is noted, and how a report ended.

use super::*;

pub(super) async fn promises<S: Store>(fresh: &impl Fn() -> S) {
    news_under_a_lease_makes_the_report_due_at_its_end(&fresh).await;
    what_waits_is_due_in_time_or_with_news(&fresh()).await;
    a_failure_counts_and_a_fault_of_the_sink_does_not(&fresh()).await;
    a_refusal_says_why_until_there_is_news(&fresh()).await;
    what_the_sides_agreed_on_is_kept(&fresh()).await;
    a_step_is_noted_with_what_it_made_of_the_referral(&fresh()).await;
    what_we_wrote_ourselves_makes_no_report_due(&fresh()).await;
    what_the_other_side_wrote_makes_it_due(&fresh()).await;
    what_a_late_holder_did_stays_noted(&fresh()).await;
    it_is_measured_how_long_news_takes(&fresh()).await;
    a_crm_is_told_once_more_what_it_holds(&fresh()).await;
}

fn refused() -> ReportResult {
    ReportResult::Refused {
        reason: "no value".into(),
        hint: "enter one".into(),
    }
}

fn waiting(until: i64) -> ReportResult {
    ReportResult::Waiting {
        until: at(until),
        reason: "nobody owns it".into(),
    }
}

async fn news_under_a_lease_makes_the_report_due_at_its_end<S: Store>(fresh: &impl Fn() -> S) {
    let results = [
        ReportResult::Settled,
        refused(),
        waiting(5000),
        ReportResult::Retry(at(5000), failure()),
        ReportResult::Returned,
    ];
    for result in results {
        let store = &fresh();
        accepted_in_crm(store, 1).await;
        let held = lease_one(store, 11).await;
        hear_crm(store, said(1, Stage::Won, 12), 12).await;
        assert!(lease(store, 13).await.is_empty(), "it stays with its holder");
        assert_eq!(
            end(store, ended(held, result.clone()), 14).await,
            FinishOutcome::Done
        );
        let next = lease_one(store, 14).await;
        assert_eq!(
            (next.outcomes[0].outcome.stage, next.attempt),
            (Stage::Won, 0),
            "{result:?}"
        );
        settle_report(store, next, 15).await;
        assert!(lease(store, 9000).await.is_empty());
    }
}

async fn what_waits_is_due_in_time_or_with_news(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    end(store, ended(lease_one(store, 11).await, waiting(100)), 12).await;
    let row = report(store, 1).await;
    assert_eq!(
        (row.state, row.at, row.reason.as_str()),
        ("waiting", at(100), "nobody owns it")
    );
    let early = store.lease_reports(&sink(), ask(99), at(99)).await.unwrap();
    assert_eq!((early.leases.len(), early.next_at), (0, Some(at(100))));
    let again = lease_one(store, 100).await;
    assert_eq!(again.since, at(10), "it was wanted all the time");
    end(store, ended(again, waiting(5000)), 101).await;
    hear_crm(store, said(1, Stage::Won, 102), 103).await;
    settle_report(store, lease_one(store, 103).await, 104).await;
}

async fn a_failure_counts_and_a_fault_of_the_sink_does_not(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    end(store, ended(lease_one(store, 11).await, waiting(12)), 11).await;
    for attempt in 0..2 {
        let held = lease_one(store, 12 + i64::from(attempt)).await;
        assert_eq!(held.attempt, attempt);
        let failed = ReportFinished {
            plan: Vec::new(),
            ..ended(held, ReportResult::Retry(at(13 + i64::from(attempt)), failure()))
        };
        end(store, failed, 12).await;
    }
    let row = report(store, 1).await;
    assert_eq!((row.state, row.attempt), ("waiting", 2));
    assert_eq!((row.reason.as_str(), row.hint.as_str()), ("write", "look"));
    assert_eq!(row.plan, ["a line"], "a failed look has no plan of its own");
    let held = lease_one(store, 20).await;
    end(store, ended(held, ReportResult::Returned), 21).await;
    let held = lease_one(store, 22).await;
    assert_eq!(held.attempt, 2);
    settle_report(store, held, 23).await;
    let row = report(store, 1).await;
    assert_eq!((row.attempt, row.reason.as_str(), row.hint.as_str()), (0, "", ""));
}

async fn a_refusal_says_why_until_there_is_news(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    end(store, ended(lease_one(store, 11).await, refused()), 12).await;
    let row = report(store, 1).await;
    assert_eq!((row.state, row.at), ("refused", at(12)));
    assert_eq!(
        (row.reason.as_str(), row.hint.as_str()),
        ("no value", "enter one")
    );
    assert!(lease(store, 9000).await.is_empty());
    assert_eq!(store.referral_totals().await.unwrap().refused, 1);
    refer(store, 2).await;
    let refused = async || {
        let filter = ReferralFilter {
            refused: true,
            ..ReferralFilter::default()
        };
        let rows = store.referrals(filter).await.unwrap();
        rows.into_iter().map(|row| row.referral.id).collect::<Vec<_>>()
    };
    assert_eq!(refused().await, [id(1)]);
    hear_crm(store, said(1, Stage::Won, 20), 20).await;
    let again = lease_one(store, 21).await;
    assert_eq!(again.since, at(20));
    settle_report(store, again, 22).await;
    let totals = store.referral_totals().await.unwrap();
    assert_eq!((totals.refused, totals.reporting), (0, 0));
    assert_eq!(refused().await, []);
}

async fn what_the_sides_agreed_on_is_kept(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    let agreed = Agreed {
        crm: Terms {
            value: "25000".parse().ok(),
            currency: Some("EUR".into()),
            closes_on: "2027-01-31".parse().ok(),
        },
        referral: Terms::default(),
    };
    let finished = ReportFinished {
        agreed: Some(agreed.clone()),
        ..ended(lease_one(store, 11).await, waiting(20))
    };
    end(store, finished, 12).await;
    let held = lease_one(store, 20).await;
    assert_eq!(held.agreed, Some(agreed.clone()));
    end(store, ended(held, waiting(30)), 21).await;
    let held = lease_one(store, 30).await;
    assert_eq!(held.agreed, Some(agreed), "silence is no word");
    drop(held);
}

async fn a_step_is_noted_with_what_it_made_of_the_referral(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    let held = lease_one(store, 11).await;
    let became = fetched(&referral(1, 12, ReferralState::Accepted));
    for _ in 0..2 {
        // The second time because nobody knows whether the first one took.
        let noted = store.note_step(&held, did("accept", 12), Some(became.clone()));
        assert_eq!(noted.await.unwrap(), FinishOutcome::Done);
    }
    let noted = store.note_step(&held, did("kept", 12), None).await;
    assert_eq!(noted.unwrap(), FinishOutcome::Done);
    let steps = look(store, 1).await.steps;
    assert_eq!(steps, [did("accept", 12), did("kept", 12)]);
    let waiting = store.unsettled(10).await.unwrap();
    assert_eq!(waiting.len(), 1, "custody of one version");
    assert_eq!(waiting[0].arrival.raw.body, became.raw.body);
    let again = store.accept(vec![became], None).await.unwrap();
    assert_eq!(again, [Custody::Known]);
    settle_report(store, held, 13).await;
}

async fn what_we_wrote_ourselves_makes_no_report_due(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    let held = lease_one(store, 11).await;
    let became = referral(1, 12, ReferralState::Accepted);
    let noted = store.note_step(&held, did("accept", 12), Some(fetched(&became)));
    noted.await.unwrap();
    // It may come back before the report has ended, and again after that.
    see_again(store, 1, became.clone(), 12).await;
    settle_report(store, held, 13).await;
    see_again(store, 1, became, 14).await;
    assert!(lease(store, 15).await.is_empty());
    let kept = look(store, 1).await;
    assert_eq!(kept.row.referral.state, ReferralState::Accepted);
    assert_eq!(kept.report.unwrap().state, "settled");
}

async fn what_the_other_side_wrote_makes_it_due(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    let held = lease_one(store, 11).await;
    let ours = referral(1, 12, ReferralState::Accepted);
    store
        .note_step(&held, did("accept", 12), Some(fetched(&ours)))
        .await
        .unwrap();
    settle_report(store, held, 13).await;
    see_again(store, 1, referral(1, 14, ReferralState::Accepted), 14).await;
    let held = lease_one(store, 15).await;
    assert_eq!((held.referral.updated_at, held.since), (at(14), at(14)));
    settle_report(store, held, 16).await;
    // Ours comes late: it is overtaken.
    see_again(store, 1, ours, 17).await;
    assert!(lease(store, 18).await.is_empty());
}

async fn what_a_late_holder_did_stays_noted(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    let slow = lease_one(store, 11).await;
    let quick = lease_one(store, 71).await;
    let became = referral(1, 72, ReferralState::Accepted);
    let late = store.note_step(&slow, did("accept", 72), Some(fetched(&became)));
    assert_eq!(late.await.unwrap(), FinishOutcome::LeaseLost);
    assert_eq!(look(store, 1).await.steps, [did("accept", 72)]);
    settle_report(store, quick, 73).await;
    see_again(store, 1, became, 74).await;
    let again = lease_one(store, 75).await;
    assert_eq!(
        again.referral.state,
        ReferralState::Accepted,
        "the quick one may not have seen it"
    );
    drop((slow, again));
}

async fn it_is_measured_how_long_news_takes(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    end(store, ended(lease_one(store, 11).await, waiting(13)), 12).await;
    assert_eq!(report(store, 1).await.lag_ms, None);
    settle_report(store, lease_one(store, 13).await, 14).await;
    assert_eq!(report(store, 1).await.lag_ms, Some(4000));
    see_again(store, 1, referral(1, 20, ReferralState::Accepted), 20).await;
    settle_report(store, lease_one(store, 25).await, 26).await;
    assert_eq!(
        report(store, 1).await.lag_ms,
        Some(4000),
        "that was no news of ours"
    );
}

async fn a_crm_is_told_once_more_what_it_holds(store: &dyn Store) {
    accepted_in_crm(store, 1).await;
    refer(store, 2).await;
    let results = lease_all(store, 11).await.into_iter().map(delivered).collect();
    store.finish(&crm(), Ending::of(results), at(12)).await.unwrap();
    let remind = |lease| ReportFinished {
        remind_crm: true,
        ..ended(lease, ReportResult::Settled)
    };
    let slow = lease_one(store, 13).await;
    let quick = lease_one(store, 73).await;
    assert_eq!(end(store, remind(slow), 74).await, FinishOutcome::LeaseLost);
    assert_eq!(store.totals().await.unwrap().pending, 0);
    end(store, remind(quick), 75).await;
    let totals = store.totals().await.unwrap();
    assert_eq!((totals.pending, totals.delivered), (1, 1), "its own lead alone");
    let again = lease_all(store, 76).await;
    assert_eq!(
        (again[0].revision, again[0].held),
        (1, 1),
        "the revision it holds"
    );
    let results = again.into_iter().map(delivered).collect();
    store.finish(&crm(), Ending::of(results), at(77)).await.unwrap();
    assert!(lease_all(store, 1000).await.is_empty());
}
