//! The whole way into real connectors and pretended CRMs: each lead is one record, whatever request
//! breaks, and what becomes of it is seen.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use connector_kit::clock::{Clock, ManualClock};
use connector_kit::{CallBook, Stage, StepState};
use leadsync::store::{OutcomeFilter, Store};
use leadsync_sim::dataverse::Dataverse;
use leadsync_sim::entra::Entra;
use leadsync_sim::faults::{Fault, Faults};
use leadsync_sim::marketo::Marketo;
use leadsync_sim::salesforce::Salesforce;

use crate::world::{Outside, Plan, SYSTEM_CLIENT, SYSTEM_SECRET, World, lead, noon, unix};

const LEADS: usize = 50;
/// Leads that change while the others are on their way.
const CHANGED: usize = 7;

/// A CRM on the day it was bought, and what a test has to know of it.
struct Crm {
    outside: Outside,
    faults: Faults,
    /// Title of each record by our key, and how often a record was made for it.
    records: Box<dyn Fn() -> BTreeMap<String, (String, usize)>>,
}

fn salesforce(clock: &ManualClock) -> (Crm, Salesforce) {
    let crm = Salesforce::new(unix(clock));
    crm.add_app(SYSTEM_CLIENT, SYSTEM_SECRET);
    crm.set_instance_url("https://contoso.my.salesforce.com");
    let seen = crm.clone();
    let records = move || {
        let made = seen.creations_by("Lead", "Marketplace_Lead_Id__c");
        let held = seen.leads_by("Marketplace_Lead_Id__c").into_iter();
        held.map(|(key, row)| {
            let title = row["Title"].as_str().unwrap_or_default().to_owned();
            let times = made.get(&key).copied().unwrap_or_default();
            (key, (title, times))
        })
        .collect()
    };
    let outside = Outside {
        kind: "salesforce",
        settings: r#"
            instance_url = "https://contoso.my.salesforce.com"
            auth = { kind = "client_credentials", client_id = "leadsync-test", client_secret = { env = "CRM_SECRET" } }
        "#,
        hosts: [("contoso.my.salesforce.com", crm.router())].into(),
    };
    let faults = crm.faults.clone();
    let records = Box::new(records);
    (
        Crm {
            outside,
            faults,
            records,
        },
        crm,
    )
}

fn dynamics(clock: &ManualClock) -> (Crm, Dataverse) {
    let entra = Entra::new(
        "11111111-2222-4333-8444-555555555555",
        "contoso.example",
        unix(clock),
    );
    entra.add_secret(SYSTEM_CLIENT, SYSTEM_SECRET, None);
    let crm = Dataverse::new(&entra, unix(clock));
    let seen = crm.clone();
    let records = move || {
        let held = seen.leads_by("lsync_marketplaceleadid").into_iter();
        held.map(|(key, row)| {
            let title = row["jobtitle"].as_str().unwrap_or_default().to_owned();
            let times = seen.creations(&key);
            (key, (title, times))
        })
        .collect()
    };
    let outside = Outside {
        kind: "dynamics365",
        settings: r#"
            environment = "https://contoso.crm.dynamics.com"
            tenant = "contoso.example"
            client_id = "leadsync-test"
            auth = { secret = { env = "CRM_SECRET" } }
        "#,
        hosts: [
            ("contoso.crm.dynamics.com", crm.router()),
            ("login.microsoftonline.com", entra.router()),
        ]
        .into(),
    };
    let faults = crm.faults.clone();
    let records = Box::new(records);
    (
        Crm {
            outside,
            faults,
            records,
        },
        crm,
    )
}

fn marketo(clock: &ManualClock) -> (Crm, Marketo) {
    let millis = clock.clone();
    let crm = Marketo::new(
        SYSTEM_CLIENT,
        SYSTEM_SECRET,
        Arc::new(move || millis.now().timestamp_millis()),
    );
    let seen = crm.clone();
    let records = move || {
        let mut held: BTreeMap<String, (String, usize)> = BTreeMap::new();
        for row in seen.leads() {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            let entry = held.entry(text("msLeadId")).or_insert((text("title"), 0));
            entry.1 += 1;
        }
        held
    };
    let outside = Outside {
        kind: "marketo",
        settings: r#"
            base_url = "https://123-pqr-789.mktorest.com"
            client_id = { env = "CRM_CLIENT" }
            client_secret = { env = "CRM_SECRET" }
        "#,
        hosts: [("123-pqr-789.mktorest.com", crm.router())].into(),
    };
    let faults = crm.faults.clone();
    let records = Box::new(records);
    (
        Crm {
            outside,
            faults,
            records,
        },
        crm,
    )
}

/// A world whose only destination besides the usual one is this CRM, made ready.
async fn world_with(crm: &Crm, clock: ManualClock) -> World {
    let plan = Plan {
        outside: vec![crm.outside.clone()],
        clock: Some(clock.clone()),
        ..Plan::default()
    };
    let connector = crm.outside.connector(&clock, &CallBook::default());
    let provisioner = connector.provisioner.unwrap();
    for _ in 0..10 {
        for step in provisioner.plan().await.unwrap().steps {
            if step.state == StepState::Missing {
                provisioner.apply(&step).await.unwrap();
            }
        }
    }
    World::with(plan).await
}

/// Fifty leads, some of which change while the others are on their way.
async fn journey(world: &mut World) {
    let leads: Vec<_> = (0..LEADS).map(|n| lead(format!("ada{n}@example.com"))).collect();
    world.take_in(leads.iter().take(LEADS - 1).cloned()).await;
    world.run_until_idle().await;
    let changed: Vec<_> = leads
        .iter()
        .take(CHANGED)
        .map(|lead| lead.clone().with("contoso.backup").titled("Countess"))
        .collect();
    world.take_in(changed).await;
    world.take_in(leads.last().cloned()).await;
    world.advance(TimeDelta::seconds(100)).await;
}

/// Every request of the journey breaks once, in every way a connection breaks.
async fn each_request_breaks(crm: impl Fn(&ManualClock) -> Crm) {
    for fault in [Fault::CutBefore, Fault::CutDuring, Fault::CutAfter] {
        let mut broken = 0;
        for nth in 1.. {
            let clock = ManualClock::new(noon());
            let crm = crm(&clock);
            let mut world = world_with(&crm, clock).await;
            let before = crm.faults.requests();
            crm.faults.on_request(before + nth, fault.clone());
            journey(&mut world).await;
            if crm.faults.requests() - before < nth {
                break;
            }
            broken += 1;
            let what = format!("request {nth}, {fault:?}");
            let records = (crm.records)();
            assert_eq!(records.len(), LEADS, "none is missing: {what}");
            let twice: Vec<_> = records.iter().filter(|(_, (_, times))| *times != 1).collect();
            assert!(twice.is_empty(), "one record for each: {what}: {twice:?}");
            let newest = records.values().filter(|(title, _)| title == "Countess").count();
            assert_eq!(newest, CHANGED, "the newest revision: {what}");
            assert_eq!(world.totals().await.dead, 0, "{what}");
            world.assert_all_settled().await;
        }
        assert!(broken >= 3, "the journey makes only {broken} requests");
    }
}

#[tokio::test]
async fn whichever_request_to_salesforce_breaks_each_lead_is_one_record() {
    each_request_breaks(|clock| salesforce(clock).0).await;
}

#[tokio::test]
async fn whichever_request_to_dynamics_breaks_each_lead_is_one_record() {
    each_request_breaks(|clock| dynamics(clock).0).await;
}

#[tokio::test]
async fn whichever_request_to_marketo_breaks_each_lead_is_one_record() {
    each_request_breaks(|clock| marketo(clock).0).await;
}

async fn stages(world: &World) -> BTreeMap<Stage, usize> {
    let mut stages = BTreeMap::new();
    for row in world.store().outcomes(OutcomeFilter::default()).await.unwrap() {
        *stages.entry(row.outcome.stage).or_default() += 1;
    }
    stages
}

#[tokio::test]
async fn what_becomes_of_leads_in_salesforce_is_seen_within_half_a_minute() {
    let clock = ManualClock::new(noon());
    let (crm, org) = salesforce(&clock);
    let mut world = world_with(&crm, clock).await;
    journey(&mut world).await;
    assert_eq!(stages(&world).await, BTreeMap::new(), "nobody has touched a lead");
    let keys: Vec<String> = (crm.records)().into_keys().collect();
    for (lead, is_won) in [(&keys[3], true), (&keys[4], false)] {
        org.convert(lead, true).unwrap();
        assert!(org.close_opportunity(lead, is_won, 20_000.5, "2026-12-31"));
    }
    world.advance(TimeDelta::seconds(31)).await;
    assert_eq!(stages(&world).await, [(Stage::Won, 1), (Stage::Lost, 1)].into());
    assert_eq!(world.totals().await.outcomes.won, 1);
}

#[tokio::test]
async fn what_becomes_of_leads_in_dynamics_is_seen_within_half_a_minute() {
    let clock = ManualClock::new(noon());
    let (crm, environment) = dynamics(&clock);
    let mut world = world_with(&crm, clock).await;
    journey(&mut world).await;
    assert_eq!(stages(&world).await, BTreeMap::new(), "nobody has touched a lead");
    let keys: Vec<String> = (crm.records)().into_keys().collect();
    let opportunity = environment.qualify(&keys[3]);
    environment.win(&opportunity, 20_000.5, None);
    environment.disqualify(&keys[4], 5);
    world.advance(TimeDelta::seconds(31)).await;
    assert_eq!(
        stages(&world).await,
        [(Stage::Won, 1), (Stage::Declined, 1)].into()
    );
}
