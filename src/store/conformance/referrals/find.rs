//! An id leads to what it names, whatever kind of id it is.

use super::*;

pub(super) async fn promises<S: Store>(fresh: &impl Fn() -> S) {
    every_id_leads_to_what_it_names(&fresh()).await;
    a_record_may_be_that_of_several_leads(&fresh()).await;
}

async fn every_id_leads_to_what_it_names(store: &dyn Store) {
    refer(store, 1).await;
    take_in(store, 2).await;
    hear_crm(store, said(1, Stage::Accepted, 9), 10).await;
    let confirmed = lease_all(store, 0).await.into_iter().map(|lease| Finished {
        lease,
        result: DeliveryResult::Delivered(Some(RecordRef("00q5g00000abcdefgh".into()))),
    });
    store
        .finish(&crm(), Ending::of(confirmed.take(1).collect()), at(1))
        .await
        .unwrap();
    let lead_id = lead(1).id;
    let is_lead = vec![Found::Lead(lead_id)];
    let is_referral = vec![Found::Referral(partners(), id(1))];
    let table = [
        (lead_id.to_string(), &is_lead),
        (format!(" {lead_id} "), &is_lead),
        (format!("{lead_id}-1"), &is_lead),
        (id(1).to_string(), &is_referral),
        ("00q5g00000abcdefgh".into(), &is_lead),
        ("record 1".into(), &is_lead),
        ("Record 1".into(), &is_lead),
    ];
    for (asked, found) in table {
        assert_eq!(&store.find(&asked).await.unwrap(), found, "{asked}");
    }
    let nothing = [
        String::new(),
        "record 7".into(),
        lead(7).id.to_string(),
        id(7).to_string(),
        format!("{lead_id}-2"),
    ];
    for asked in nothing {
        assert!(store.find(&asked).await.unwrap().is_empty(), "{asked}");
    }
}

async fn a_record_may_be_that_of_several_leads(store: &dyn Store) {
    take_in(store, 1).await;
    take_in(store, 2).await;
    let merged = lease_all(store, 0).await.into_iter().map(|lease| Finished {
        lease,
        result: DeliveryResult::Closed(Some(RecordRef("contact 7".into()))),
    });
    let ending = Ending::of(merged.collect());
    store.finish(&crm(), ending, at(1)).await.unwrap();
    let about_both = Outcome {
        record: RecordRef("contact 7".into()),
        ..said(1, Stage::Accepted, 9)
    };
    hear_crm(store, about_both, 10).await;
    let found = store.find("contact 7").await.unwrap();
    assert_eq!(found, [Found::Lead(lead(1).id), Found::Lead(lead(2).id)]);
}
