//! One record per lead, the newest revision, none missing: whichever request is cut, and wherever.

use connector_kit::conformance::leads;
use connector_kit::{ErrorKind, LeadDelivery, RecordRef};
use leadsync_sim::faults::Fault;

use crate::world::{KEY, World, next};

/// How leads travel.
struct Way {
    settings: &'static str,
    count: u32,
    chunk: usize,
    restarts: bool,
}

const FIFTY: Way = Way {
    settings: "",
    count: 50,
    chunk: 10,
    restarts: false,
};

/// What the daemon knows of one lead.
struct Known {
    wanted: LeadDelivery,
    held: u32,
}

/// Delivers like the daemon until everything is held, across restarts; nothing but the network fails.
async fn run(world: &mut World, all: &mut [Known], chunk: usize, restarts: bool) {
    for round in 0..20 {
        let mut due: Vec<&mut Known> = all
            .iter_mut()
            .filter(|known| known.held < known.wanted.revision)
            .collect();
        if due.is_empty() {
            return;
        }
        if restarts && round > 0 {
            world.restart();
        }
        for part in due.chunks_mut(chunk) {
            let deliveries: Vec<LeadDelivery> = part.iter().map(|known| known.wanted.clone()).collect();
            for (known, result) in part.iter_mut().zip(world.deliver(&deliveries).await) {
                match result {
                    Ok(receipt) => {
                        known.held = known.wanted.revision;
                        known.wanted.record = receipt.record;
                    }
                    Err(error) => assert!(
                        matches!(
                            error.kind(),
                            ErrorKind::Unreachable | ErrorKind::Broken | ErrorKind::Throttled
                        ),
                        "{error:?}"
                    ),
                }
            }
        }
    }
    panic!("the run comes to an end");
}

fn new(count: u32) -> Vec<Known> {
    let wanted = (0..count).map(leads::delivery);
    wanted.map(|wanted| Known { wanted, held: 0 }).collect()
}

/// First all leads, then a second revision of each; with one fault on the n-th request of all. How many
/// requests there were.
async fn tried(n: u64, fault: Fault, way: &Way) -> u64 {
    let Way {
        settings,
        count,
        chunk,
        restarts,
    } = *way;
    let mut world = World::with(settings);
    world.crm.faults.on_request(n, fault);
    let mut all = new(count);
    run(&mut world, &mut all, chunk, restarts).await;
    for known in &mut all {
        let record = known.wanted.record.clone().unwrap_or(RecordRef(String::new()));
        known.wanted = next(&known.wanted, &record.0);
    }
    run(&mut world, &mut all, chunk, restarts).await;
    let made = world.crm.creations_by("Lead", KEY);
    assert_eq!(made.len(), count as usize, "none missing");
    assert!(
        made.values().all(|times| *times == 1),
        "one record per lead: {made:?}"
    );
    for (key, row) in world.crm.leads_by(KEY) {
        assert!(
            row["Company"].to_string().contains("r2"),
            "{key}: the newest revision: {row:?}"
        );
    }
    world.crm.faults.requests()
}

async fn whichever_request_is_cut(way: Way) {
    let all = tried(u64::MAX, Fault::CutBefore, &way).await;
    assert!(all > 10, "{all}");
    for n in 1..=all {
        for fault in [Fault::CutBefore, Fault::CutDuring, Fault::CutAfter] {
            tried(n, fault, &way).await;
        }
    }
}

#[tokio::test]
async fn by_collections() {
    whichever_request_is_cut(FIFTY).await;
}

#[tokio::test]
async fn by_collections_with_a_new_process_after_each_fault() {
    let restarts = true;
    whichever_request_is_cut(Way { restarts, ..FIFTY }).await;
}

#[tokio::test]
async fn by_bulk_jobs() {
    let way = Way {
        settings: "bulk = { from = 201, most = 250 }",
        count: 210,
        chunk: 210,
        restarts: true,
    };
    whichever_request_is_cut(way).await;
}

#[tokio::test]
async fn every_request_answered_by_a_page_for_people() {
    let all = tried(u64::MAX, Fault::CutBefore, &FIFTY).await;
    for n in 1..=all {
        for status in [502, 503, 200] {
            tried(n, Fault::HtmlPage(status), &FIFTY).await;
        }
    }
}
