//! What a thousand leads cost, counted in requests.

use connector_kit::ErrorKind;

use crate::destination::{MAPPING, spoil};
use crate::world::{World, deliveries};

const TOO_LONG: &str = "lengths = { companyname = 4000 }";

/// Requests for a thousand leads of which so many are bad.
async fn cost(way: &str, bad: &[usize]) -> u64 {
    let mut world = World::with(&format!("{TOO_LONG}\n{way}")).await.map(MAPPING);
    let mut thousand = deliveries(1000);
    for at in bad {
        spoil(&mut thousand[*at]);
    }
    let destination = world.destination();
    assert_eq!(destination.batch_limit(), 1000, "a thousand go in one call");
    let fates = destination.upsert(&thousand).await;
    let refused: Vec<usize> = (0..1000).filter(|at| fates[*at].is_err()).collect();
    assert_eq!(refused, bad, "{way}");
    for at in bad {
        let error = fates[*at].as_ref().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(
            error.answer_text().unwrap().contains("'companyname'"),
            "Dataverse's own message"
        );
    }
    assert_eq!(world.crm.count("lead"), 1000 - bad.len());
    assert_eq!(
        world.calls.made(),
        world.crm.faults.requests(),
        "the book holds every request"
    );
    world.calls.made()
}

#[tokio::test]
async fn a_thousand_leads_cost_two_requests_by_upsert_multiple_and_three_by_batch() {
    assert!(cost("bulk = 'auto'", &[]).await <= 2, "one question, one request");
    assert_eq!(cost("bulk = 'upsert_multiple'", &[]).await, 1);
    assert!(cost("bulk = 'batch'", &[]).await <= 3);
}

#[tokio::test]
async fn one_bad_lead_in_a_thousand_costs_at_most_twelve_more_requests() {
    for way in ["bulk = 'auto'", "bulk = 'upsert_multiple'", "bulk = 'batch'"] {
        let (clean, spoilt) = (cost(way, &[]).await, cost(way, &[617]).await);
        assert!(spoilt <= clean + 12, "{way}: {clean} and {spoilt}");
    }
}

#[tokio::test]
async fn many_bad_leads_cost_no_more_than_one() {
    let bad: Vec<usize> = (0..1000).step_by(90).collect();
    assert_eq!(
        cost("bulk = 'auto'", &bad).await,
        cost("bulk = 'auto'", &[3]).await
    );
}

#[tokio::test]
async fn every_request_is_noted_and_those_for_tokens_are_not() {
    let mut world = World::new().await;
    let connector = world.connector();
    let destination = connector.destination.clone().unwrap();
    assert!(destination.upsert(&deliveries(3)).await.iter().all(Result::is_ok));
    world.entra.revoke_all();
    connector
        .outcome_source
        .clone()
        .unwrap()
        .outcomes(None, 10)
        .await
        .unwrap();
    connector.doctor.clone().unwrap().examine().await;
    connector.provisioner.clone().unwrap().plan().await.unwrap();
    assert!(world.entra.fetches() >= 2);
    assert_eq!(world.calls.made(), world.crm.faults.requests());
}
