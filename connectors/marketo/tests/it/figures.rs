//! How many calls it takes, and that no limit of the instance is ever met.

use std::sync::Arc;

use connector_kit::conformance::leads::delivery;
use connector_kit::{ErrorKind, LeadDelivery};

use crate::world::{Fate, World};

/// A thousand leads, as many at once as the connector takes.
async fn a_thousand(world: &World) -> Vec<Fate> {
    let destination = world.destination();
    let leads: Vec<LeadDelivery> = (0..1_000).map(delivery).collect();
    let mut fates = Vec::new();
    for part in leads.chunks(destination.batch_limit()) {
        fates.extend(destination.upsert(part).await);
    }
    fates
}

#[tokio::test]
async fn a_thousand_leads_take_at_most_four_calls() {
    let world = World::start().await;
    assert!(a_thousand(&world).await.iter().all(Result::is_ok));
    assert_eq!(world.marketo.leads().len(), 1_000);
    assert!(world.marketo.calls().len() <= 4, "{:?}", world.paths());
}

#[tokio::test]
async fn one_bad_record_in_a_thousand_costs_at_most_twelve_calls_more_and_itself() {
    let world = World::start().await;
    world.marketo.skip_containing("Company444Canary", "1003");
    let fates = a_thousand(&world).await;
    let refused: Vec<_> = fates.iter().filter_map(|fate| fate.as_ref().err()).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].kind(), ErrorKind::Rejected);
    assert_eq!(
        refused[0].answer_text(),
        Some("1003 Invalid data"),
        "in Marketo's own words"
    );
    assert_eq!(world.marketo.leads().len(), 999);
    assert!(world.marketo.calls().len() <= 4 + 12, "{:?}", world.paths());
}

/// Three hundred leads alone, ten workers at once.
async fn in_a_rush(world: &World) -> Vec<Fate> {
    let destination = world.destination();
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..10 {
        let destination = Arc::clone(&destination);
        tasks.spawn(async move {
            let mut fates = Vec::new();
            for number in 0..30 {
                fates.extend(destination.upsert(&[delivery(worker * 30 + number)]).await);
            }
            fates
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

#[tokio::test]
async fn no_limit_is_ever_met_however_great_the_rush() {
    let world = World::start().await;
    assert!(in_a_rush(&world).await.iter().all(Result::is_ok));
    let refused = world
        .marketo
        .calls()
        .iter()
        .filter(|call| call.code.is_some())
        .count();
    assert_eq!(refused, 0);
    assert!(world.marketo.most_at_once() <= 3);
}

#[tokio::test]
async fn even_at_the_instances_own_limits_none_is_met() {
    let world = World::with("calls_per_20s = 100\ncalls_at_once = 10").await;
    assert!(in_a_rush(&world).await.iter().all(Result::is_ok));
    let refused = world
        .marketo
        .calls()
        .iter()
        .filter(|call| call.code.is_some())
        .count();
    assert_eq!(refused, 0);
}

#[tokio::test]
async fn every_call_the_instance_counts_is_in_the_book_and_no_other() {
    let world = World::start().await;
    world.marketo.expire_token();
    in_a_rush(&world).await;
    world.marketo.expire_token();
    world.outcome_source().outcomes(None, 100).await.unwrap();
    assert_eq!(world.calls.made(), world.marketo.used_today());
}

#[tokio::test]
async fn what_the_instance_does_not_count_does_not_spend_the_days_calls() {
    let world = World::with("daily_calls = 1").await;
    let destination = world.destination();
    for code in ["604", "605", "608", "611"] {
        world.marketo.refuse("leads.json", 1, code);
        let error = destination.upsert(&[delivery(1)]).await.remove(0).unwrap_err();
        assert!(error.to_string().ends_with(code), "{error}");
    }
    destination.upsert(&[delivery(1)]).await.remove(0).unwrap();
    let error = destination.upsert(&[delivery(2)]).await.remove(0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled, "the one call is spent");
}
