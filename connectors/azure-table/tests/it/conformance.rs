//! The kit's promises, against the simulator.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::conformance::{
    self, CensusHarness, DestinationHarness, HeldRecord, SourceHarness, System, leads,
};
use connector_kit::{Census, Destination, LeadDelivery, Role, Source};
use leadsync_sim::azure_table::AzureTable;
use serde_json::{Map, Value};

use crate::support::World;

const TABLE: &str = "MarketplaceLeads";

struct Harness;

struct Rows(AzureTable);

#[async_trait]
impl System for Rows {
    async fn records(&self) -> Vec<HeldRecord> {
        let held = |(_, key, columns): (String, String, Map<String, Value>)| HeldRecord {
            key,
            revision: columns["Revision"]
                .as_u64()
                .and_then(|number| u32::try_from(number).ok()),
            text: Value::Object(columns).to_string(),
        };
        self.0.rows(TABLE).into_iter().map(held).collect()
    }
}

#[async_trait]
impl DestinationHarness for Harness {
    async fn fresh(&self) -> (Arc<dyn Destination>, Arc<dyn System>) {
        let mut world = World::new(Role::Destination, "");
        if let Some(bad) = self.unacceptable() {
            world
                .service
                .refuse_row(&bad.lead.id.to_string(), 400, "InvalidInput");
        }
        (world.destination(), Arc::new(Rows(world.service.clone())))
    }

    fn unacceptable(&self) -> Option<LeadDelivery> {
        Some(leads::delivery(4_242))
    }
}

#[async_trait]
impl SourceHarness for Harness {
    async fn holding(&self, count: usize) -> Arc<dyn Source> {
        let mut world = World::new(Role::Source, "");
        for n in 0..count {
            let at = world.service.now();
            world
                .service
                .put(TABLE, &format!("p{}", n % 3), &format!("r{n}"), Map::new(), at);
        }
        world.source()
    }
}

#[tokio::test]
async fn the_promises_of_a_destination_are_kept() {
    conformance::destination(&Harness).await;
}

#[tokio::test]
async fn the_promises_of_a_source_are_kept() {
    conformance::source(&Harness).await;
}

#[tokio::test]
async fn a_canary_is_deleted_and_nobody_else_ever_is() {
    let mut world = World::new(Role::Destination, "");
    let connector = world.connector();
    let (destination, withdraw) = (connector.destination.unwrap(), connector.withdraw.unwrap());
    conformance::withdrawal(&*destination, &*withdraw, &Rows(world.service.clone())).await;
    assert!(world.service.calls().contains(&format!("DELETE {TABLE}")));
}

#[tokio::test]
async fn a_table_that_is_not_there_holds_no_canary() {
    let mut world = World::new(Role::Destination, "");
    let withdraw = world.connector().withdraw.unwrap();
    let taken = withdraw.withdraw(&leads::canary(1)).await.unwrap();
    assert_eq!(taken, connector_kit::Withdrawn::Gone);
}

struct Counting;

#[async_trait]
impl CensusHarness for Counting {
    async fn fresh(&self) -> (Arc<dyn Destination>, Arc<dyn Census>, Box<dyn Any + Send>) {
        let mut world = World::new(Role::Destination, "");
        let census = world.connector().census.unwrap();
        (world.destination(), census, Box::new(world))
    }
}

#[tokio::test]
async fn the_promises_of_a_census_are_kept() {
    conformance::census(&Counting).await;
}
