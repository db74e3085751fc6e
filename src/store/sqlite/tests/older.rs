//! Files of older leadsyncs, and what a dead daemon left behind.

use connector_kit::Stage;

use super::*;
use crate::store::conformance::referrals as there;
use crate::store::{ForgetOrder, Found, OutcomeFilter, ReferralStore, ReportResult};

#[tokio::test]
async fn a_store_of_version_2_is_brought_up_with_everything_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leadsync.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../../../../tests/fixtures/store/version-2.sql"))
        .unwrap();
    drop(old);

    let store = SqliteStore::open(&Options::at(&path)).unwrap();
    let totals = store.totals().await.unwrap();
    assert_eq!(
        (totals.leads, totals.delivered, totals.outcomes.accepted),
        (1, 1, 1)
    );
    let outcome = store
        .outcomes(OutcomeFilter::default())
        .await
        .unwrap()
        .remove(0)
        .outcome;
    assert_eq!((outcome.stage, outcome.owned), (Stage::Accepted, false));
    let lead = outcome.lead.unwrap();
    let found = store.find("00q5g00000abcdefgh").await.unwrap();
    assert_eq!(found, [Found::Lead(lead)]);

    // What a CRM said before referrals were known is reported when one comes.
    there::see_again(&store, 1, there::pending(1), 20).await;
    let report = there::lease_one(&store, 21).await;
    assert_eq!(
        (report.lead.id, report.outcomes[0].outcome.stage),
        (lead, Stage::Accepted)
    );
    drop(report);
    drop(store);
    let raw = rusqlite::Connection::open(&path).unwrap();
    let version: i64 = raw
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 4);
}

#[tokio::test]
async fn a_store_of_version_3_is_brought_up_and_whoever_is_in_it_can_be_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leadsync.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../../../../tests/fixtures/store/version-3.sql"))
        .unwrap();
    drop(old);
    let store = SqliteStore::open(&Options::at(&path)).unwrap();
    let totals = store.totals().await.unwrap();
    assert_eq!(
        (
            totals.accepted,
            totals.leads,
            totals.delivered,
            totals.dead,
            totals.refused
        ),
        (3, 2, 1, 1, 1)
    );
    let filter = LeadFilter {
        limit: 10,
        fate: Some("delivered".into()),
    };
    let lead = store.leads(filter).await.unwrap().remove(0).lead;
    let order = ForgetOrder {
        seeker: None,
        leads: vec![lead.id],
        account: None,
        new_key: [7; 32],
        dry_run: false,
    };
    let gone = store.forget(order, conformance::at(1)).await.unwrap();
    assert_eq!((gone.leads.len(), gone.arrivals, gone.is_swept), (1, 2, true));
    assert_eq!(store.totals().await.unwrap().dead, 1);
    drop(store);
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(8).any(|window| window == b"Lovelace"));
}

#[tokio::test]
async fn the_reports_of_a_dead_daemon_are_made_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let first = store_in(&directory, "leadsync.db");
    there::accepted_in_crm(&first, 1).await;
    let held = there::lease_one(&first, 11).await;
    drop(first);
    let second = store_in(&directory, "leadsync.db");
    let again = there::lease_one(&second, 12).await;
    assert!(again.token > held.token);
    assert_eq!(second.referral_totals().await.unwrap().reporting, 1);
    let late = there::end(&second, there::ended(held, ReportResult::Settled), 13).await;
    assert_eq!(late, FinishOutcome::LeaseLost);
    there::settle_report(&second, again, 14).await;
    assert_eq!(second.referral_totals().await.unwrap().reporting, 0);
}
