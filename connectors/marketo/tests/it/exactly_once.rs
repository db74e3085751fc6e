//! Whatever breaks, whenever: one record per lead, the newest revision, none missing.

use connector_kit::conformance::leads::{delivery, revised};
use connector_kit::{ErrorKind, LeadDelivery};
use leadsync_sim::faults::Fault;

use crate::world::{World, email};

const LEADS: u32 = 50;
const PER_CALL: usize = 10;

/// Delivers until all are taken, ten at a time. After a failure the process dies, and another one
/// goes on, as the daemon does.
async fn deliver_all(world: &World, mut waiting: Vec<LeadDelivery>) -> Vec<LeadDelivery> {
    let mut destination = world.destination();
    let mut delivered = Vec::new();
    while !waiting.is_empty() {
        let rest = waiting.split_off(waiting.len().min(PER_CALL));
        let fates = destination.upsert(&waiting).await;
        let mut again = Vec::new();
        for (mut delivery, fate) in waiting.into_iter().zip(fates) {
            match fate {
                Ok(receipt) => {
                    delivery.record = receipt.record;
                    delivered.push(delivery);
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
                    destination = world.destination();
                    delivery.attempt += 1;
                    again.push(delivery);
                }
            }
        }
        waiting = again.into_iter().chain(rest).collect();
    }
    delivered
}

/// Both revisions of 50 leads with this fault at the n-th request; answers how many requests came.
async fn run(n: u64, fault: Fault) -> u64 {
    let world = World::with("timeout = '250ms'").await;
    world.marketo.faults.on_request(n, fault);
    let first = deliver_all(&world, (0..LEADS).map(delivery).collect()).await;
    let second = first.iter().map(|held| LeadDelivery {
        record: held.record.clone(),
        ..revised(held, 2)
    });
    deliver_all(&world, second.collect()).await;
    for number in 0..LEADS {
        assert_eq!(
            world.person(&email(number))["company"],
            format!("Company{number}Canary r2"),
            "request {n}"
        );
    }
    assert_eq!(world.marketo.leads().len(), 50, "request {n}");
    assert_eq!(world.marketo.overlaps(), 0);
    world.marketo.faults.requests()
}

async fn at_every_request(fault: Fault) {
    let mut n = 1;
    while run(n, fault.clone()).await >= n {
        n += 1;
    }
    assert!(n > 11, "a token and ten calls at least: {n}");
}

#[tokio::test]
async fn a_connection_that_breaks_before_any_request_costs_nothing() {
    at_every_request(Fault::CutBefore).await;
}

#[tokio::test]
async fn a_connection_that_breaks_during_any_answer_costs_nothing() {
    at_every_request(Fault::CutDuring).await;
}

#[tokio::test]
async fn a_connection_that_breaks_after_any_request_costs_nothing() {
    at_every_request(Fault::CutAfter).await;
}

#[tokio::test]
async fn an_answer_that_never_comes_costs_nothing_but_time() {
    at_every_request(Fault::Stall).await;
}
