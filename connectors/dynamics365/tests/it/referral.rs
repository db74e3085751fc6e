//! A referral on its way into the record, and what the record says for the way back.

use connector_kit::conformance::leads::{delivery, forbidden, referral_canaries, referral_changed, referred};
use connector_kit::readiness::Health;
use connector_kit::referral::ReferralState;
use connector_kit::{Checkpoint, ErrorKind, LeadDelivery, Outcome, StepState, Subject};
use serde_json::{Value, json};

use crate::world::{World, answered, read_all};

/// Delivers one lead, which has to go well; the delivery as it is remembered.
async fn deliver(world: &mut World, delivery: &LeadDelivery) -> LeadDelivery {
    let fate = world
        .destination()
        .upsert(std::slice::from_ref(delivery))
        .await
        .remove(0);
    assert!(fate.is_ok(), "{fate:?}");
    answered(delivery, &fate)
}

fn with_euro(world: &World) -> String {
    world.crm.make(
        "transactioncurrency",
        &json!({ "currencyname": "Euro", "isocurrencycode": "EUR", "currencysymbol": "€" }),
    )
}

#[tokio::test]
async fn a_referral_reaches_the_record_and_its_changes_follow() {
    let mut world = World::new().await;
    let euro = with_euro(&world);
    let first = deliver(&mut world, &referred(1)).await;
    let record = world.record(&first).unwrap();
    for (column, value) in [
        ("estimatedamount", json!(20000.5)),
        ("estimatedclosedate", json!("2026-12-31")),
        ("_transactioncurrencyid_value", json!(euro)),
        ("lsync_referralid", json!("00000001-0000-4000-8000-000000000001")),
        ("lsync_referralstatus", json!("New")),
        ("lsync_referralvalue", json!(20000.5)),
        ("lsync_referralvisible", json!(false)),
        ("lsync_referralanswerdue", json!("2026-12-04T00:00:00Z")),
        ("lsync_referralnotes", json!("Remark1Canary")),
    ] {
        assert_eq!(record[column], value, "{column}");
    }

    let second = referral_changed(&first, 2, |referral| {
        referral.deal.value = "25000".parse().ok();
        referral.deal.currency = Some("USD".to_owned());
        referral.deal.closes_at = "2027-01-30T23:00:00Z".parse().ok();
    });
    let second = deliver(&mut world, &second).await;
    let record = world.record(&second).unwrap();
    assert_eq!(
        (&record["estimatedamount"], &record["lsync_referralcurrency"]),
        (&json!(25000), &json!("USD"))
    );
    assert_eq!(record["estimatedclosedate"], "2027-01-31");
    assert_ne!(record["_transactioncurrencyid_value"], json!(euro));

    let third = referral_changed(&second, 3, |referral| referral.state = ReferralState::Expired);
    let third = deliver(&mut world, &third).await;
    let record = world.record(&third).unwrap();
    assert_eq!(
        (
            &record["lsync_referralstatus"],
            &record["lsync_referralsubstatus"]
        ),
        (&json!("Closed"), &json!("Expired"))
    );
    assert_eq!(world.crm.count("lead"), 1);
}

#[tokio::test]
async fn the_currencies_are_asked_for_once_and_only_for_a_referral() {
    let mut world = World::new().await;
    with_euro(&world);
    let destination = world.destination();
    let asked = |world: &World| {
        world
            .seen()
            .iter()
            .filter(|line| line.contains("transactioncurrencies"))
            .count()
    };
    destination.upsert(&[delivery(1), delivery(2)]).await;
    assert_eq!(asked(&world), 0);
    for number in [3, 4] {
        assert!(destination.upsert(&[referred(number), delivery(5)]).await[0].is_ok());
    }
    assert_eq!(asked(&world), 1, "{:?}", world.seen());
}

#[tokio::test]
async fn an_amount_in_a_currency_nobody_knows_there_is_not_passed_off_as_another() {
    let mut world = World::new().await;
    let destination = world.destination();
    let first = referred(1);
    assert!(destination.upsert(std::slice::from_ref(&first)).await[0].is_ok());
    let record = world.record(&first).unwrap();
    assert_eq!(record["estimatedamount"], Value::Null);
    assert_eq!(
        record["estimatedclosedate"], "2026-12-31",
        "the day is of no currency"
    );
    assert_eq!(
        (&record["lsync_referralvalue"], &record["lsync_referralcurrency"]),
        (&json!(20000.5), &json!("EUR"))
    );

    let euro = with_euro(&world);
    world.advance(3601);
    let second = referral_changed(&first, 2, |_| {});
    assert!(destination.upsert(std::slice::from_ref(&second)).await[0].is_ok());
    let record = world.record(&second).unwrap();
    assert_eq!(
        (
            &record["estimatedamount"],
            &record["_transactioncurrencyid_value"]
        ),
        (&json!(20000.5), &json!(euro))
    );
}

#[tokio::test]
async fn without_the_right_to_read_currencies_the_rest_of_the_referral_goes() {
    let mut world = World::new().await;
    with_euro(&world);
    world.crm.deny("prvReadTransactionCurrency");
    let first = deliver(&mut world, &referred(1)).await;
    let record = world.record(&first).unwrap();
    assert_eq!(
        (&record["estimatedamount"], &record["lsync_referralstatus"]),
        (&Value::Null, &json!("New"))
    );
}

#[tokio::test]
async fn a_forbidden_lead_keeps_the_state_of_its_referral_and_nothing_people_wrote() {
    let mut world = World::new().await;
    with_euro(&world);
    let first = deliver(&mut world, &referred(1)).await;
    let text = |world: &World| Value::Object(world.record(&first).unwrap()).to_string();
    assert!(text(&world).contains("Remark1Canary"));
    deliver(&mut world, &forbidden(&first, 2)).await;
    for canary in referral_canaries(1) {
        assert!(!text(&world).contains(&canary), "{canary}");
    }
    let record = world.record(&first).unwrap();
    assert_eq!(
        (&record["lsync_referralstatus"], &record["donotemail"]),
        (&json!("New"), &json!(true))
    );
}

#[tokio::test]
async fn an_environment_provisioned_before_referrals_works_until_one_comes() {
    let mut world = World::before_referrals("").await;
    with_euro(&world);
    let held = deliver(&mut world, &delivery(1)).await;
    deliver(&mut world, &forbidden(&held, 2)).await;
    let bodies = world.sent.requests();
    assert!(
        bodies
            .iter()
            .all(|request| !String::from_utf8_lossy(request.body()).contains("referral")),
        "nothing of it is sent"
    );
    let connector = world.connector();
    let checks = connector.doctor.unwrap().examine().await;
    let fields = checks.iter().find(|check| check.name == "fields").unwrap();
    assert_eq!(fields.health, Health::Ailing, "{fields}");
    assert!(
        fields
            .found
            .contains("only leads with a referral miss them: lsync_referralanswerdue"),
        "{fields}"
    );
    assert!(fields.remedy.contains("leadsync provision"), "{fields}");
    assert!(
        connector.probe.unwrap().probe().await.is_ok(),
        "the daemon starts"
    );

    let refused = world
        .destination()
        .upsert(&[referred(2)])
        .await
        .remove(0)
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Misconfigured);
    assert!(
        refused.hint_text().unwrap().contains("leadsync provision"),
        "{refused:?}"
    );

    let provisioner = connector.provisioner.unwrap();
    let plan = provisioner.plan().await.unwrap();
    let missing: Vec<_> = plan
        .steps
        .iter()
        .filter(|step| step.state == StepState::Missing)
        .collect();
    assert_eq!(missing.len(), 12, "{missing:#?}");
    assert!(
        missing
            .iter()
            .all(|step| step.id.starts_with("column lead.lsync_referral"))
    );
    let what: Vec<&str> = missing.iter().map(|step| step.what.as_str()).collect();
    for made in [
        "column lead.lsync_referralvalue, Decimal",
        "column lead.lsync_referralvisible, Boolean",
        "column lead.lsync_referralanswerdue, DateTime",
        "column lead.lsync_referralnotes, text of 2000",
    ] {
        assert!(what.contains(&made), "{what:#?}");
    }
    for step in missing {
        provisioner.apply(step).await.unwrap();
    }
    deliver(&mut world, &referred(2)).await;
}

#[tokio::test]
async fn days_and_decimals_are_made_as_what_they_are() {
    let mut world = World::before_referrals("")
        .await
        .map("lsync_closes = { from = 'referral.closes_on' }\nlsync_value = { from = 'referral.value' }");
    let provisioner = world.connector().provisioner.unwrap();
    for step in provisioner.plan().await.unwrap().steps {
        if step.state == StepState::Missing {
            provisioner.apply(&step).await.unwrap();
        }
    }
    let first = deliver(&mut world, &referred(1)).await;
    let record = world.record(&first).unwrap();
    assert_eq!(
        (&record["lsync_closes"], &record["lsync_value"]),
        (&json!("2026-12-31"), &json!(20000.5))
    );
    let plan = provisioner.plan().await.unwrap();
    assert!(
        plan.steps
            .iter()
            .filter(|step| step.id.starts_with("column"))
            .all(|step| step.state == StepState::Present),
        "{plan:#?}"
    );
}

async fn told(world: &mut World, subject: Subject) -> Outcome {
    let (all, _) = read_all(world.outcomes().as_ref(), None).await;
    all.into_iter()
        .rfind(|outcome| outcome.subject == subject)
        .unwrap()
}

#[tokio::test]
async fn a_lead_is_owned_when_a_person_and_not_a_team_or_we_have_it() {
    let mut world = World::new().await;
    let lead = deliver(&mut world, &referred(1)).await.lead.id.to_string();
    assert!(!told(&mut world, Subject::Lead).await.owned, "ours");
    world.crm.give("lead", &lead, "team", "Inbound");
    assert!(!told(&mut world, Subject::Lead).await.owned, "a team's");
    world.crm.assign(&lead, "Ola Nordmann");
    assert!(told(&mut world, Subject::Lead).await.owned, "a person's");
}

#[tokio::test]
async fn a_deal_is_owned_by_the_person_who_made_it_and_not_by_us() {
    let mut world = World::new().await;
    for (number, person, owned) in [(1, None, false), (2, Some("Ola Nordmann"), true)] {
        let lead = deliver(&mut world, &delivery(number)).await.lead.id.to_string();
        if let Some(person) = person {
            world.crm.assign(&lead, person);
        }
        world.advance(60);
        world.crm.qualify(&lead);
        assert_eq!(told(&mut world, Subject::Deal).await.owned, owned, "{person:?}");
    }
}

#[tokio::test]
async fn an_open_lead_tells_what_its_deal_is_worth_and_when_it_closes() {
    let mut world = World::new().await;
    with_euro(&world);
    deliver(&mut world, &referred(1)).await;
    let outcome = told(&mut world, Subject::Lead).await;
    let value = outcome.value.unwrap();
    assert_eq!(
        (value.amount.to_string().as_str(), value.currency.as_deref()),
        ("20000.5", Some("EUR"))
    );
    assert_eq!(outcome.closes_on, "2026-12-31".parse().ok());
}

#[tokio::test]
async fn a_checkpoint_from_before_owners_were_read_begins_anew() {
    let mut world = World::new().await;
    let lead = deliver(&mut world, &referred(1)).await.lead.id.to_string();
    world.crm.assign(&lead, "Ola Nordmann");
    let source = world.outcomes();
    let (_, after) = read_all(source.as_ref(), None).await;
    let text = after.unwrap().0;
    let older = text.replacen("\"columns\":2,", "", 1);
    assert_ne!(older, text);
    let (all, _) = read_all(source.as_ref(), Some(Checkpoint(older))).await;
    assert!(all.iter().any(|outcome| outcome.owned), "{all:?}");
    let (all, _) = read_all(source.as_ref(), Some(Checkpoint(text))).await;
    assert!(all.is_empty(), "{all:?}");
}
