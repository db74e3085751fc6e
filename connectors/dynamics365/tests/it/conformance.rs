//! The kit's promises, both ways.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::conformance::{
    self, CensusHarness, DestinationHarness, HeldRecord, OutcomeHarness, Sales, System, leads,
};
use connector_kit::{Census, Destination, LeadDelivery, LeadId, OutcomeSource};
use serde_json::json;
use tokio::sync::Mutex;

use crate::world::{KEY_COLUMN, World};

struct Harness(&'static str);

struct Crm(World);

#[async_trait]
impl System for Crm {
    async fn records(&self) -> Vec<HeldRecord> {
        let leads = self.0.crm.leads_by(KEY_COLUMN).into_iter();
        leads
            .map(|(key, mut row)| {
                row.retain(|name, _| !name.contains("odata") && name != "versionnumber");
                let text = serde_json::Value::Object(row).to_string();
                HeldRecord {
                    key,
                    revision: None,
                    text,
                }
            })
            .collect()
    }
}

/// The shipped mapping, but Dataverse itself finds a company too long.
const MAPPING: &str = "companyname = { from = 'person.company', max_length = 4000 }\n\
                       lastname = { from = 'person.last_name' }\nfirstname = { from = 'person.first_name' }\n\
                       emailaddress1 = { from = 'person.email' }\ntelephone1 = { from = 'person.phone' }\n\
                       jobtitle = { from = 'person.title' }\ndescription = { from = 'touch.description' }\n\
                       estimatedamount = { from = 'referral.value' }\nestimatedclosedate = { from = 'referral.closes_on' }\n\
                       'transactioncurrencyid@odata.bind' = { from = 'referral.currency' }\n\
                       lsync_referralid = { from = 'referral.id' }\nlsync_referralstatus = { from = 'referral.state' }\n\
                       lsync_referralnotes = { from = 'referral.notes' }\nlsync_referralcrmid = { from = 'referral.name' }\n\
                       lsync_referralhelp = { from = 'referral.reason' }\n\
                       lsync_referralsolutions = { from = 'referral.team' }";

#[async_trait]
impl DestinationHarness for Harness {
    async fn fresh(&self) -> (Arc<dyn Destination>, Arc<dyn System>) {
        let settings = format!("lengths = {{ companyname = 4000 }}\n{}", self.0);
        let mut world = World::with(&settings).await.map(MAPPING);
        (world.destination(), Arc::new(Crm(world)))
    }

    fn unacceptable(&self) -> Option<LeadDelivery> {
        let mut bad = leads::delivery(666);
        let mut lead = bad.lead.as_ref().clone();
        lead.person.company.as_mut().unwrap().value = "x".repeat(101);
        bad.lead = Arc::new(lead);
        Some(bad)
    }
}

#[tokio::test]
async fn every_promise_is_kept_by_upsert_multiple() {
    conformance::destination(&Harness("bulk = 'upsert_multiple'")).await;
}

#[tokio::test]
async fn every_promise_is_kept_by_batch() {
    conformance::destination(&Harness("bulk = 'batch'")).await;
}

#[tokio::test]
async fn every_promise_is_kept_one_by_one() {
    conformance::destination(&Harness("bulk_size = 1\nbatch_size = 1")).await;
}

#[tokio::test]
async fn every_promise_is_kept_with_duplicate_detection_on() {
    conformance::destination(&Harness("duplicate_detection = 'on'")).await;
}

struct Watching(&'static str);

/// People at work; each deed a minute after the one before.
struct People {
    world: World,
    opportunities: Mutex<Vec<(LeadId, String)>>,
}

impl People {
    fn later(&self) {
        self.world.advance(60);
    }

    async fn opportunity(&self, lead: LeadId) -> String {
        let id = self.world.crm.qualify(&lead.to_string());
        self.opportunities.lock().await.push((lead, id.clone()));
        id
    }
}

#[async_trait]
impl Sales for People {
    async fn accept(&self, lead: LeadId) {
        self.later();
        let contacted = json!({ "statecode": 0, "statuscode": 2 });
        self.world.crm.change("lead", &lead.to_string(), &contacted);
    }

    async fn decline(&self, lead: LeadId) {
        self.later();
        self.world.crm.disqualify(&lead.to_string(), 5);
    }

    async fn win(&self, lead: LeadId, amount: &str) -> bool {
        self.later();
        let opportunity = self.opportunity(lead).await;
        self.world
            .crm
            .win(&opportunity, amount.parse().unwrap(), Some("2026-11-21"));
        true
    }

    async fn lose(&self, lead: LeadId) -> bool {
        self.later();
        let opportunity = self.opportunity(lead).await;
        self.world.crm.lose(&opportunity, 5);
        true
    }

    async fn delete(&self, lead: LeadId) {
        self.later();
        self.world.crm.remove("lead", &lead.to_string());
    }

    async fn make_stranger(&self) {
        self.later();
        let stranger = self
            .world
            .crm
            .make("lead", &json!({ "subject": "theirs", "lastname": "x" }));
        self.world.crm.qualify(&stranger);
        let other = json!({ "subject": "theirs", KEY_COLUMN: "mpl_not-a-lead-of-ours" });
        self.world.crm.make("lead", &other);
    }

    async fn forget_checkpoints(&self) {
        self.later();
        self.world.crm.expire_delta_tokens();
    }
}

#[async_trait]
impl OutcomeHarness for Watching {
    async fn holding(&self, leads: &[LeadId]) -> (Arc<dyn OutcomeSource>, Arc<dyn Sales>) {
        let mut world = World::with(self.0).await;
        for lead in leads {
            world.crm.make(
                "lead",
                &json!({ "subject": "ours", KEY_COLUMN: lead.to_string() }),
            );
        }
        let source = world.outcomes();
        let people = People {
            world,
            opportunities: Mutex::default(),
        };
        (source, Arc::new(people))
    }
}

#[tokio::test]
async fn every_promise_of_an_outcome_source_is_kept_by_change_tracking() {
    conformance::outcomes(&Watching("")).await;
}

#[tokio::test]
async fn every_promise_of_an_outcome_source_is_kept_in_pages_of_two() {
    conformance::outcomes(&Watching("outcomes = { page_size = 2 }")).await;
}

#[tokio::test]
async fn a_canary_is_deleted_and_nobody_else_ever_is() {
    let mut world = World::new().await;
    let connector = world.connector();
    let crm = Crm(world);
    conformance::withdrawal(
        &*connector.destination.unwrap(),
        &*connector.withdraw.unwrap(),
        &crm,
    )
    .await;
}

#[tokio::test]
async fn a_role_that_may_not_delete_is_told_so() {
    let mut world = World::new().await;
    let connector = world.connector();
    let destination = connector.destination.unwrap();
    assert!(destination.upsert(&[leads::canary_delivery(1)]).await[0].is_ok());
    world.crm.deny("prvDeleteLead");
    let refused = connector.withdraw.unwrap().withdraw(&leads::canary(1)).await;
    assert_eq!(
        refused.unwrap_err().kind(),
        connector_kit::ErrorKind::Unauthorized
    );
    assert_eq!(world.crm.leads_by(KEY_COLUMN).len(), 1);
}

struct Counting;

#[async_trait]
impl CensusHarness for Counting {
    async fn fresh(&self) -> (Arc<dyn Destination>, Arc<dyn Census>, Box<dyn Any + Send>) {
        let mut world = World::with("").await;
        let census = world.connector().census.unwrap();
        (world.destination(), census, Box::new(world))
    }
}

#[tokio::test]
async fn every_promise_of_a_census_is_kept() {
    conformance::census(&Counting).await;
}
