//! The kit's promises, over a real socket and in process.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use connector_kit::conformance::{
    self, CensusHarness, DestinationHarness, HeldRecord, OutcomeHarness, Sales, System, leads,
};
use connector_kit::{Census, Destination, LeadDelivery, LeadId, OutcomeSource};
use serde_json::{Value, json};

use crate::world::{KEY, World};

struct Harness {
    over_tcp: bool,
}

struct Org(World);

#[async_trait]
impl System for Org {
    async fn records(&self) -> Vec<HeldRecord> {
        let held = self.0.crm.leads_by(KEY).into_iter().map(|(key, mut row)| {
            // Stamps move with every save, and that is all that may.
            row.retain(|name, _| !["SystemModstamp", "LastModifiedDate"].contains(&name.as_str()));
            HeldRecord {
                key,
                revision: None,
                text: Value::Object(row).to_string(),
            }
        });
        held.collect()
    }
}

/// The shipped mapping, and everything people wrote into a referral besides.
fn mapping() -> String {
    let file = include_str!("../../../../config/connectors.d/salesforce.toml");
    let shipped = file.split_once("[mapping]\n").unwrap().1;
    let fields = [("Help", "name"), ("Kind", "reason"), ("Crm_Id", "team")];
    let is_other = |line: &&str| {
        fields
            .iter()
            .all(|(field, _)| !line.starts_with(&format!("Referral_{field}__c")))
    };
    let kept = shipped.lines().filter(is_other).map(str::to_owned);
    let own = fields.map(|(field, path)| format!("Referral_{field}__c = {{ from = 'referral.{path}' }}"));
    kept.chain(own).collect::<Vec<_>>().join("\n")
}

#[async_trait]
impl DestinationHarness for Harness {
    async fn fresh(&self) -> (Arc<dyn Destination>, Arc<dyn System>) {
        let mut world = if self.over_tcp {
            World::over_tcp("").await
        } else {
            World::new()
        };
        world.map(&mapping());
        world.crm.add_validation("Lead", "no canaries of 666", |row| {
            !row.get("Company")
                .is_some_and(|company| company.to_string().contains("Company666Canary"))
        });
        (world.destination(), Arc::new(Org(world)))
    }

    fn unacceptable(&self) -> Option<LeadDelivery> {
        Some(leads::delivery(666))
    }
}

#[async_trait]
impl OutcomeHarness for Harness {
    async fn holding(&self, leads: &[LeadId]) -> (Arc<dyn OutcomeSource>, Arc<dyn Sales>) {
        let world = World::new();
        for lead in leads {
            let fields = json!({ "LastName": "Smith", "Company": "Contoso", KEY: lead.to_string() });
            world.crm.make("Lead", &fields).unwrap();
        }
        world.advance(TimeDelta::minutes(1));
        (world.watch(), Arc::new(Org(world)))
    }
}

impl Org {
    fn set(&self, lead: LeadId, status: &str) {
        assert!(
            self.0
                .crm
                .change("Lead", &lead.to_string(), &json!({ "Status": status }))
        );
        self.0.advance(TimeDelta::minutes(1));
    }

    fn close(&self, lead: LeadId, won: bool, amount: &str) -> bool {
        self.0.crm.convert(&lead.to_string(), true).unwrap();
        self.0.advance(TimeDelta::minutes(1));
        let amount = amount.parse().unwrap();
        let closed = self
            .0
            .crm
            .close_opportunity(&lead.to_string(), won, amount, "2026-12-24");
        self.0.advance(TimeDelta::minutes(1));
        closed
    }
}

#[async_trait]
impl Sales for Org {
    async fn accept(&self, lead: LeadId) {
        self.set(lead, "Working - Contacted");
    }

    async fn decline(&self, lead: LeadId) {
        self.set(lead, "Closed - Not Converted");
    }

    async fn win(&self, lead: LeadId, amount: &str) -> bool {
        self.close(lead, true, amount)
    }

    async fn lose(&self, lead: LeadId) -> bool {
        self.close(lead, false, "1")
    }

    async fn delete(&self, lead: LeadId) {
        assert!(self.0.crm.delete("Lead", &lead.to_string()));
        self.0.advance(TimeDelta::minutes(1));
    }

    async fn make_stranger(&self) {
        self.0
            .crm
            .make("Lead", &json!({ "LastName": "Stranger", "Company": "Elsewhere" }))
            .unwrap();
        self.0.advance(TimeDelta::minutes(1));
    }

    /// There are none: a checkpoint is a moment.
    async fn forget_checkpoints(&self) {}
}

#[tokio::test]
async fn a_destination_in_process_keeps_every_promise() {
    conformance::destination(&Harness { over_tcp: false }).await;
}

#[tokio::test]
async fn a_destination_over_tcp_keeps_every_promise() {
    conformance::destination(&Harness { over_tcp: true }).await;
}

#[tokio::test]
async fn an_outcome_source_keeps_every_promise() {
    conformance::outcomes(&Harness { over_tcp: false }).await;
}

#[tokio::test]
async fn a_canary_is_deleted_and_nobody_else_ever_is() {
    let world = World::new();
    let connector = &world.connector;
    let (destination, withdraw) = (connector.destination.clone(), connector.withdraw.clone());
    let crm = Org(world);
    conformance::withdrawal(&*destination.unwrap(), &*withdraw.unwrap(), &crm).await;
}

struct Counting;

#[async_trait]
impl CensusHarness for Counting {
    async fn fresh(&self) -> (Arc<dyn Destination>, Arc<dyn Census>, Box<dyn Any + Send>) {
        let world = World::new();
        let census = world.connector.census.clone().unwrap();
        (world.destination(), census, Box::new(world))
    }
}

#[tokio::test]
async fn a_census_keeps_every_promise() {
    conformance::census(&Counting).await;
}
