//! The kit's promises.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::conformance::{
    self, CensusHarness, DestinationHarness, HeldRecord, OutcomeHarness, Sales, System, leads,
};
use connector_kit::{Census, Destination, LeadDelivery, LeadId, OutcomeSource};
use serde_json::Value;

use crate::world::World;

struct Harness(&'static str);

struct Instance(World);

#[async_trait]
impl System for Instance {
    async fn records(&self) -> Vec<HeldRecord> {
        let held = self.0.marketo.leads().into_iter().map(|person| HeldRecord {
            key: person["msLeadId"].as_str().unwrap().to_owned(),
            revision: None,
            text: Value::Object(person).to_string(),
        });
        held.collect()
    }
}

#[async_trait]
impl DestinationHarness for Harness {
    async fn fresh(&self) -> (Arc<dyn Destination>, Arc<dyn System>) {
        let world = World::with(self.0).await;
        world.marketo.skip_containing("Company666Canary", "1003");
        (world.destination(), Arc::new(Instance(world)))
    }

    fn unacceptable(&self) -> Option<LeadDelivery> {
        Some(leads::delivery(666))
    }
}

#[tokio::test]
async fn a_destination_by_email_keeps_every_promise() {
    conformance::destination(&Harness("")).await;
}

#[tokio::test]
async fn a_destination_by_our_id_keeps_every_promise() {
    conformance::destination(&Harness("lookup_field = 'msLeadId'")).await;
}

struct People(World);

impl People {
    fn set_status(&self, lead: LeadId, status: &str) {
        self.0.advance(60);
        self.0.marketo.edit(self.id(lead), "leadStatus", status);
    }

    fn id(&self, lead: LeadId) -> u64 {
        let found = self.0.marketo.leads().into_iter();
        let mut found = found.filter(|person| person.get("msLeadId") == Some(&lead.to_string().into()));
        found.next().unwrap()["id"].as_u64().unwrap()
    }
}

#[async_trait]
impl Sales for People {
    async fn accept(&self, lead: LeadId) {
        self.set_status(lead, "Working");
    }

    async fn decline(&self, lead: LeadId) {
        self.set_status(lead, "Disqualified");
    }

    /// A status may say so, but no amount goes with it.
    async fn win(&self, _: LeadId, _: &str) -> bool {
        false
    }

    async fn lose(&self, _: LeadId) -> bool {
        false
    }

    async fn delete(&self, lead: LeadId) {
        // Deletions are asked for once an hour.
        self.0.advance(3_600);
        self.0.marketo.delete(self.id(lead));
    }

    async fn make_stranger(&self) {
        self.0.advance(60);
        let id = self.0.marketo.add_lead(&[("email", "stranger@contoso.com")]);
        self.0.marketo.edit(id, "leadStatus", "Working");
    }

    async fn forget_checkpoints(&self) {
        self.0.marketo.forget_paging_tokens();
    }
}

#[async_trait]
impl OutcomeHarness for Harness {
    async fn holding(&self, leads: &[LeadId]) -> (Arc<dyn OutcomeSource>, Arc<dyn Sales>) {
        let world = World::with(self.0).await;
        for (number, lead) in leads.iter().enumerate() {
            let email = format!("{number}@contoso.com");
            world
                .marketo
                .add_lead(&[("email", &email), ("msLeadId", &lead.to_string())]);
        }
        (world.outcome_source(), Arc::new(People(world)))
    }
}

#[tokio::test]
async fn an_outcome_source_keeps_every_promise() {
    conformance::outcomes(&Harness("")).await;
}

#[tokio::test]
async fn a_canary_is_deleted_and_nobody_else_ever_is() {
    for settings in ["", "lookup_field = 'msLeadId'"] {
        let world = World::with(settings).await;
        let connector = world.connector();
        let (destination, withdraw) = (connector.destination.unwrap(), connector.withdraw.unwrap());
        conformance::withdrawal(&*destination, &*withdraw, &Instance(world)).await;
    }
}

#[tokio::test]
async fn a_canary_whose_record_was_never_named_is_found_by_its_address() {
    let world = World::with("").await;
    let connector = world.connector();
    let answer = connector
        .destination
        .unwrap()
        .upsert(&[leads::canary_delivery(1)])
        .await;
    assert!(answer[0].is_ok());
    let taken = connector
        .withdraw
        .unwrap()
        .withdraw(&leads::canary(1))
        .await
        .unwrap();
    assert_eq!(taken, connector_kit::Withdrawn::Gone);
    assert!(world.marketo.leads().is_empty());
}

struct Counting;

#[async_trait]
impl CensusHarness for Counting {
    async fn fresh(&self) -> (Arc<dyn Destination>, Arc<dyn Census>, Box<dyn Any + Send>) {
        let world = World::with("").await;
        let census = world.connector().census.unwrap();
        (world.destination(), census, Box::new(world))
    }
}

#[tokio::test]
async fn a_census_keeps_every_promise() {
    conformance::census(&Counting).await;
}
