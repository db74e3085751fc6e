//! What leads cost in API calls.

use connector_kit::ErrorKind::Rejected;
use connector_kit::LeadDelivery;
use connector_kit::conformance::leads;

use crate::world::{World, next};

/// Delivers the way the daemon does, and tells what it cost.
async fn cost(
    world: &World,
    deliveries: &[LeadDelivery],
) -> (
    u64,
    Vec<Result<connector_kit::Receipt, connector_kit::ConnectorError>>,
) {
    let before = world.calls.made();
    let mut results = Vec::new();
    for chunk in deliveries.chunks(world.destination().batch_limit()) {
        results.extend(world.deliver(chunk).await);
    }
    (world.calls.made() - before, results)
}

/// Every request the org counts is in the book.
fn assert_counted(world: &World) {
    assert_eq!(world.calls.made(), world.crm.usage());
}

#[tokio::test]
async fn a_thousand_leads_cost_five_calls_and_a_thousand_updates_five_more() {
    let world = World::new();
    // The fields are described once in four hours.
    world.deliver_well(&[leads::delivery(9999)]).await;
    let many: Vec<_> = (0..1000).map(leads::delivery).collect();
    let (calls, results) = cost(&world, &many).await;
    assert_eq!(calls, 5);
    let revised: Vec<_> = many
        .iter()
        .zip(&results)
        .map(|(delivery, result)| next(delivery, &result.as_ref().unwrap().record.as_ref().unwrap().0))
        .collect();
    let (calls, results) = cost(&world, &revised).await;
    assert_eq!(calls, 5);
    assert!(results.iter().all(Result::is_ok));
    assert_counted(&world);
}

#[tokio::test]
async fn one_bad_record_in_a_thousand_costs_nothing_more_and_speaks_in_salesforces_words() {
    let world = World::new();
    world.deliver_well(&[leads::delivery(9999)]).await;
    let message = "Phone must contain at least 7 digits";
    world.crm.add_validation("Lead", message, |row| {
        !row.get("LastName").is_some_and(|name| name == "Family617Canary")
    });
    let many: Vec<_> = (0..1000).map(leads::delivery).collect();
    let (calls, results) = cost(&world, &many).await;
    assert_eq!(calls, 5);
    let (good, bad): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (999, 1));
    let error = bad.into_iter().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), Rejected);
    assert_eq!(error.answer_text(), Some(message));
    assert_counted(&world);
}

#[tokio::test]
async fn what_the_org_says_is_left_is_told_on() {
    let world = World::new();
    world.crm.set_daily_limit(1000);
    world.crm.set_usage_of_others(300);
    world.deliver_well(&[leads::delivery(1)]).await;
    let quota = world.calls.quota().unwrap();
    assert_eq!(
        (quota.granted, quota.left, quota.told_at),
        (1000, 698, crate::world::noon())
    );
}

#[tokio::test]
async fn watching_costs_two_calls_and_a_third_now_and_then() {
    let world = World::new();
    let source = world.watch();
    let first = source.outcomes(None, 100).await.unwrap();
    let before = world.calls.made();
    let second = source.outcomes(first.next.as_ref(), 100).await.unwrap();
    assert_eq!(world.calls.made() - before, 2);
    world.advance(chrono::TimeDelta::minutes(11));
    source.outcomes(second.next.as_ref(), 100).await.unwrap();
    assert_eq!(world.calls.made() - before, 5);
    assert_counted(&world);
}
