//! A referral on its way into the record, and what the record says for the way back.

use chrono::TimeDelta;
use connector_kit::conformance::leads::{delivery, forbidden, referral_canaries, referral_changed, referred};
use connector_kit::referral::ReferralState;
use connector_kit::{ErrorKind, Health, LeadDelivery, Outcome, RecordRef, StepState, Subject};
use serde_json::{Value, json};

use crate::ready::{apply_all, check};
use crate::world::World;

/// Delivers, which has to go well; the delivery as it is remembered.
async fn deliver(world: &World, delivery: &LeadDelivery) -> LeadDelivery {
    let record = world.deliver_well(std::slice::from_ref(delivery)).await.remove(0);
    LeadDelivery {
        record: Some(RecordRef(record)),
        ..delivery.clone()
    }
}

#[tokio::test]
async fn a_referral_reaches_the_record_and_its_changes_follow() {
    let world = World::new();
    let first = deliver(&world, &referred(1)).await;
    let record = world.held(&first);
    for (field, value) in [
        ("Referral_Id__c", json!("00000001-0000-4000-8000-000000000001")),
        ("Referral_Status__c", json!("New")),
        ("Referral_Substatus__c", json!("Pending")),
        ("Referral_Kind__c", json!("customer-inquiry")),
        ("Referral_Value__c", json!(20000.5)),
        ("Referral_Currency__c", json!("EUR")),
        ("Referral_Close_Date__c", json!("2026-12-31")),
        ("Referral_Answer_Due__c", json!("2026-12-04T00:00:00.000+0000")),
        ("Referral_Help__c", json!("ProofOfConceptOrDemo")),
        ("Referral_Visible__c", json!(false)),
        ("Referral_Crm_Id__c", json!("7-00000001")),
        ("Referral_Solutions__c", json!("SOL-34104-EBB; SOL-12345-ABC")),
        ("Referral_Notes__c", json!("Remark1Canary")),
    ] {
        assert_eq!(record[field], value, "{field}");
    }

    let second = referral_changed(&first, 2, |referral| {
        referral.deal.value = "25000.75".parse().ok();
        referral.consent.share_with_sellers = Some(true);
    });
    let second = deliver(&world, &second).await;
    let record = world.held(&second);
    assert_eq!(
        (&record["Referral_Value__c"], &record["Referral_Visible__c"]),
        (&json!(25000.75), &json!(true))
    );

    let third = referral_changed(&second, 3, |referral| referral.state = ReferralState::Expired);
    deliver(&world, &third).await;
    let record = world.held(&third);
    assert_eq!(
        (&record["Referral_Status__c"], &record["Referral_Substatus__c"]),
        (&json!("Closed"), &json!("Expired"))
    );
}

#[tokio::test]
async fn a_forbidden_lead_keeps_the_state_of_its_referral_and_nothing_people_wrote() {
    let world = World::new();
    let first = deliver(&world, &referred(1)).await;
    deliver(&world, &forbidden(&first, 2)).await;
    let record = world.held(&first);
    assert_eq!(
        (&record["Referral_Status__c"], &record["Referral_Notes__c"]),
        (&json!("New"), &Value::Null)
    );
    let text = Value::Object(record).to_string();
    assert!(
        referral_canaries(1).iter().all(|canary| !text.contains(canary)),
        "{text}"
    );
}

#[tokio::test]
async fn an_org_provisioned_before_referrals_works_until_one_comes() {
    let world = World::before_referrals();
    let held = deliver(&world, &delivery(1)).await;
    deliver(&world, &forbidden(&held, 2)).await;
    let fields = check(&world, "fields").await;
    assert_eq!(fields.health, Health::Ailing, "{fields}");
    assert!(
        fields
            .found
            .contains("only leads with a referral miss them: Referral_Answer_Due__c"),
        "{fields}"
    );
    assert!(fields.remedy.contains("leadsync provision"), "{fields}");
    let probe = world.connector.probe.clone().unwrap();
    assert!(probe.probe().await.is_ok(), "the daemon starts");

    let refused = world.deliver_one(&referred(2)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Misconfigured);
    assert!(
        refused.hint_text().unwrap().contains("leadsync provision"),
        "{refused:?}"
    );

    let plan = world.connector.provisioner.clone().unwrap().plan().await.unwrap();
    let missing = plan.steps.iter().filter(|step| step.state == StepState::Missing);
    let made: Vec<&str> = missing
        .filter(|step| step.id.starts_with("field "))
        .map(|step| step.what.as_str())
        .collect();
    assert_eq!(made.len(), 13, "{made:#?}");
    for field in [
        "custom field Lead.Referral_Value__c, Number(18, 2)",
        "custom field Lead.Referral_Close_Date__c, Date",
        "custom field Lead.Referral_Answer_Due__c, DateTime",
        "custom field Lead.Referral_Visible__c, Checkbox",
        "custom field Lead.Referral_Notes__c, LongTextArea(32768)",
        "custom field Lead.Referral_Status__c, Text(255)",
    ] {
        assert!(made.contains(&field), "{field}: {made:#?}");
    }
    apply_all(&world).await;
    deliver(&world, &referred(2)).await;
    assert_eq!(check(&world, "fields").await.health, Health::Well);
}

async fn told(world: &World, subject: Subject) -> Outcome {
    let page = world.watch().outcomes(None, 100).await.unwrap();
    page.items
        .into_iter()
        .rfind(|outcome| outcome.subject == subject)
        .unwrap()
}

#[tokio::test]
async fn a_lead_is_owned_when_a_person_and_not_a_queue_or_we_have_it() {
    let world = World::with("assignment = 'never'");
    let lead = deliver(&world, &referred(1)).await.lead.id.to_string();
    assert!(!told(&world, Subject::Lead).await.owned, "ours");
    assert!(world.crm.give_to_queue(&lead, "Marketplace Leads"));
    assert!(!told(&world, Subject::Lead).await.owned, "a queue's");
    assert!(world.crm.assign(&lead, "Dana Fox"));
    assert!(told(&world, Subject::Lead).await.owned, "a person's");
    world.advance(TimeDelta::minutes(1));
    world.crm.convert(&lead, true).unwrap();
    assert!(told(&world, Subject::Deal).await.owned, "a deal of a person");
}

#[tokio::test]
async fn an_open_lead_tells_its_deal_by_the_fields_that_are_named() {
    let settings = "[outcomes]\nlead_amount_field = 'Referral_Value__c'\nlead_currency_field = 'Referral_Currency__c'\n\
                    lead_close_field = 'Referral_Close_Date__c'";
    let world = World::with(settings);
    deliver(&world, &referred(1)).await;
    let outcome = told(&world, Subject::Lead).await;
    let value = outcome.value.unwrap();
    assert_eq!(
        (value.amount.to_string().as_str(), value.currency.as_deref()),
        ("20000.5", Some("EUR"))
    );
    assert_eq!(outcome.closes_on, "2026-12-31".parse().ok());
    let world = World::new();
    deliver(&world, &referred(1)).await;
    assert_eq!(told(&world, Subject::Lead).await.value, None);
}
