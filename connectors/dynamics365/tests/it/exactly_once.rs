//! One record per lead, the newest revision, none missing: whichever request breaks, and however.

use std::collections::BTreeMap;

use connector_kit::LeadDelivery;
use connector_kit::conformance::leads::{delivery, revised};
use leadsync_sim::faults::Fault;

use crate::world::World;

const LEADS: u32 = 50;
/// More rounds than one broken request can cost.
const ROUNDS: usize = 6;

/// What the daemon would send next: the newest revision wanted, and the record it was told.
struct Desk {
    waiting: BTreeMap<u32, LeadDelivery>,
    /// These leads change while the first of their revisions may be under way.
    changing: Vec<u32>,
}

impl Desk {
    fn new() -> Self {
        Self {
            waiting: (0..LEADS).map(|number| (number, delivery(number))).collect(),
            changing: (0..LEADS).filter(|number| number % 3 == 0).collect(),
        }
    }

    /// One call with all that waits, by a process that remembers nothing of the one before.
    async fn round(&mut self, world: &mut World) {
        let (numbers, batch): (Vec<u32>, Vec<LeadDelivery>) = self.waiting.clone().into_iter().unzip();
        let fates = world.destination().upsert(&batch).await;
        for ((number, sent), fate) in numbers.into_iter().zip(batch).zip(fates) {
            if let Ok(receipt) = &fate {
                assert!(!receipt.closed, "lead {number} is open");
                self.waiting.remove(&number);
            }
            if let Some(at) = self.changing.iter().position(|changing| *changing == number) {
                self.changing.swap_remove(at);
                let record = fate.ok().and_then(|receipt| receipt.record);
                self.waiting.insert(
                    number,
                    LeadDelivery {
                        record,
                        ..revised(&sent, 2)
                    },
                );
            }
        }
    }
}

/// Runs to the end; how many requests reached Dataverse.
async fn run(way: &str, broken: Option<(u64, Fault)>) -> u64 {
    let what = format!("{way}, {broken:?}");
    let mut world = World::with(&format!("{way}\nbulk_size = 10\nbatch_size = 10")).await;
    if let Some((n, fault)) = broken {
        world.crm.faults.on_request(n, fault);
    }
    let mut desk = Desk::new();
    for round in 0.. {
        if desk.waiting.is_empty() {
            break;
        }
        assert!(round < ROUNDS, "{what}: {} leads still wait", desk.waiting.len());
        desk.round(&mut world).await;
    }
    assert_eq!(
        world.crm.count("lead"),
        LEADS as usize,
        "{what}: one record per lead"
    );
    assert_eq!(world.crm.most_creations(), 1, "{what}: no lead was made twice");
    for number in 0..LEADS {
        let record = world.record(&delivery(number)).unwrap();
        let newest = match number % 3 {
            0 => format!("Company{number}Canary r2"),
            _ => format!("Company{number}Canary"),
        };
        assert_eq!(record["companyname"], newest.as_str(), "{what}: lead {number}");
    }
    world.crm.faults.requests()
}

async fn whichever_request_breaks(way: &str) {
    let requests = run(way, None).await;
    assert!(requests >= 9, "{way}: {requests} requests are worth a sweep");
    for n in 1..=requests {
        for fault in [Fault::CutBefore, Fault::CutDuring, Fault::CutAfter] {
            run(way, Some((n, fault))).await;
        }
    }
}

#[tokio::test]
async fn whichever_request_breaks_every_lead_is_one_record_by_upsert_multiple() {
    whichever_request_breaks("bulk = 'auto'").await;
}

#[tokio::test]
async fn whichever_request_breaks_every_lead_is_one_record_by_batch() {
    whichever_request_breaks("bulk = 'batch'").await;
}
