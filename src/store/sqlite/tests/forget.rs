//! A lead is forgotten: what goes, what stays, and what is counted.

use super::*;
use crate::store::conformance::referrals as there;
use crate::store::{
    Barred, DeliveryResult, Ending, Finished, ForgetOrder, Held, LeadFilter, ReferralStore, Remembered,
    TouchKey,
};

fn order(lead: LeadId) -> ForgetOrder {
    ForgetOrder {
        seeker: None,
        leads: vec![lead],
        account: None,
        new_key: [7; 32],
        dry_run: false,
    }
}

async fn id_of_first(store: &SqliteStore) -> LeadId {
    let filter = LeadFilter {
        limit: 10,
        fate: None,
    };
    store.leads(filter).await.unwrap().pop().unwrap().lead.id
}

fn count(path: &std::path::Path, sql: &str) -> i64 {
    let raw = rusqlite::Connection::open(path).unwrap();
    raw.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn of_a_forgotten_lead_its_id_stays_and_totals_are_what_a_count_gives() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leadsync.db");
    let store = store_in(&directory, "leadsync.db");
    for number in 1..4 {
        conformance::take_in(&store, number).await;
    }
    there::accepted_in_crm(&store, 9).await;
    let id = id_of_first(&store).await;
    let gone = store.forget(order(id), conformance::at(50)).await.unwrap();
    assert_eq!((gone.leads.len(), gone.leads[0].id, gone.is_swept), (1, id, true));
    let left = store.lead(id).await.unwrap().unwrap();
    assert_eq!(left.row.fate, "suppressed: forgotten");
    assert!(left.deliveries.is_empty() && left.spans.is_empty());
    assert_eq!(left.row.lead.person, connector_kit::lead::Person::default());

    let referred = store
        .leads(LeadFilter {
            limit: 10,
            fate: None,
        })
        .await
        .unwrap()
        .remove(0);
    let gone = store
        .forget(order(referred.lead.id), conformance::at(51))
        .await
        .unwrap();
    assert_eq!((gone.leads[0].referrals.len(), gone.outcomes), (1, 1));
    let totals = store.totals().await.unwrap();
    assert_eq!((totals.leads, totals.suppressed_forgotten), (4, 2));
    assert_eq!(
        store.referral_totals().await.unwrap(),
        crate::store::ReferralTotals::default()
    );
    drop(store);
    assert_eq!(count(&path, "SELECT count(*) FROM identities"), 2);
    for (counter, rows) in [
        (100, "SELECT count(*) FROM deliveries WHERE state = 0"),
        (201, "SELECT count(*) FROM standings WHERE stage = 1"),
        (400, "SELECT count(*) FROM reports WHERE state = 0"),
        (500, "SELECT count(*) FROM referrals WHERE state = 0"),
    ] {
        let kept =
            format!("SELECT coalesce(sum(value), 0) FROM counters WHERE scope > 0 AND counter = {counter}");
        assert_eq!(count(&path, &kept), count(&path, rows), "{counter}");
    }
}

#[tokio::test]
async fn who_holds_a_delivery_of_a_forgotten_lead_is_told_and_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_in(&directory, "leadsync.db");
    conformance::take_in(&store, 1).await;
    let lease = conformance::lease_all(&store, 0).await.remove(0);
    let id = id_of_first(&store).await;
    let gone = store.forget(order(id), conformance::at(1)).await.unwrap();
    assert_eq!(gone.leads[0].copies[0].held, Held::UnderWay);
    assert_eq!(
        store.barred(vec![lease.lead]).await.unwrap(),
        [(lease.lead, Barred::Forgotten)]
    );
    let ending = Ending::of(vec![Finished {
        lease,
        result: DeliveryResult::Delivered(Some(connector_kit::RecordRef("record".into()))),
    }]);
    let destination = gone.leads[0].copies[0].destination.clone();
    let told = store
        .finish(&destination, ending, conformance::at(2))
        .await
        .unwrap();
    assert_eq!(told, [FinishOutcome::Forgotten]);
    assert!(store.lead(id).await.unwrap().unwrap().deliveries.is_empty());
}

#[tokio::test]
async fn only_who_asks_with_the_same_identity_finds_what_is_remembered() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_in(&directory, "leadsync.db");
    conformance::take_in(&store, 1).await;
    let known = store
        .known(vec![Identity([1; 16])])
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    let touch = known.spans[0].key;
    let id = known.lead.id;
    let asked = || {
        vec![
            (Identity([1; 16]), touch),
            (Identity([1; 16]), TouchKey([0; 16])),
            (Identity([2; 16]), touch),
        ]
    };
    assert_eq!(
        store.forgotten(asked()).await.unwrap(),
        [Remembered::default(); 3]
    );
    store.forget(order(id), conformance::at(50)).await.unwrap();
    let at = Some(conformance::at(50));
    let person = Remembered {
        person_at: at,
        ..Remembered::default()
    };
    let same = Remembered {
        touch_at: at,
        ..person
    };
    assert_eq!(
        store.forgotten(asked()).await.unwrap(),
        [same, person, Remembered::default()]
    );
    assert_eq!(store.erasures(10).await.unwrap()[0].leads, 1);
}

#[tokio::test]
async fn a_step_of_a_forgotten_referral_is_nobodys_history() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leadsync.db");
    let store = store_in(&directory, "leadsync.db");
    there::accepted_in_crm(&store, 1).await;
    let held = there::lease_one(&store, 11).await;
    let id = id_of_first(&store).await;
    store.forget(order(id), conformance::at(12)).await.unwrap();
    let step = crate::store::ReportStep {
        at: conformance::at(13),
        step: "accept".into(),
        fields: Vec::new(),
        result: "done".into(),
        detail: String::new(),
        state: None,
    };
    let noted = store.note_step(&held, step, None).await.unwrap();
    assert_eq!(noted, FinishOutcome::LeaseLost);
    drop(store);
    assert_eq!(count(&path, "SELECT count(*) FROM report_steps"), 0);
}

#[tokio::test]
async fn a_look_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_in(&directory, "leadsync.db");
    conformance::take_in(&store, 1).await;
    let id = id_of_first(&store).await;
    let look = ForgetOrder {
        dry_run: true,
        ..order(id)
    };
    assert_eq!(
        store.forget(look, conformance::at(1)).await.unwrap().leads.len(),
        1
    );
    assert_eq!(store.totals().await.unwrap().suppressed_forgotten, 0);
    assert_eq!(conformance::lease_all(&store, 2).await.len(), 1);
    assert!(!directory.path().join("leadsync.forgotten").exists());
}
