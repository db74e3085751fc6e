//! Whoever must not be contacted is marked where they are, and made nowhere.

use connector_kit::conformance::leads::{delivery, forbidden};
use connector_kit::{ErrorKind, LeadDelivery};
use serde_json::{Value, json};

use crate::world::{World, deliver, email};

#[tokio::test]
async fn a_record_of_ours_is_marked_and_loses_the_person() {
    let world = World::start().await;
    let destination = world.destination();
    let mut closed = forbidden(&delivery(1), 2);
    closed.record = deliver(&destination, &delivery(1)).await.unwrap().record;
    let receipt = deliver(&destination, &closed).await.unwrap();
    assert_eq!(receipt.record, closed.record);
    let left = world.marketo.leads().remove(0);
    assert_eq!(
        (&left["unsubscribed"], &left["doNotCall"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(left["msLeadId"], closed.lead.id.to_string());
    assert!(!Value::Object(left).to_string().contains("Canary"));
}

#[tokio::test]
async fn it_is_found_by_our_id_when_nobody_remembers_theirs_and_again_when_it_is_blank() {
    let world = World::start().await;
    let destination = world.destination();
    deliver(&destination, &delivery(1)).await.unwrap();
    for _ in 0..2 {
        let receipt = deliver(&destination, &forbidden(&delivery(1), 2)).await.unwrap();
        assert!(receipt.record.is_some());
    }
    assert_eq!(world.marketo.leads().len(), 1);
}

#[tokio::test]
async fn somebody_who_was_there_before_the_lead_is_marked_and_keeps_what_they_had() {
    let world = World::start().await;
    world.advance(-86_400);
    world
        .marketo
        .add_lead(&[("email", &email(1)), ("firstName", "Ada")]);
    world
        .marketo
        .add_lead(&[("email", &email(2)), ("firstName", "Bea")]);
    world.advance(86_400);
    let destination = world.destination();
    // One of them came back through the marketplace before; the other never did.
    deliver(&destination, &delivery(1)).await.unwrap();
    let closed = [forbidden(&delivery(1), 2), forbidden(&delivery(2), 1)];
    assert!(destination.upsert(&closed).await.iter().all(Result::is_ok));
    for number in [1, 2] {
        let person = world.person(&email(number));
        assert_eq!(person["unsubscribed"], true);
        assert!(person.contains_key("firstName"));
    }
}

#[tokio::test]
async fn everybody_with_the_address_is_marked_when_there_are_several() {
    let world = World::start().await;
    world.marketo.add_lead(&[("email", &email(1))]);
    world.marketo.add_lead(&[("email", &email(1))]);
    deliver(&world.destination(), &forbidden(&delivery(1), 1))
        .await
        .unwrap();
    assert!(
        world
            .people(&email(1))
            .iter()
            .all(|person| person["unsubscribed"] == true)
    );
}

#[tokio::test]
async fn a_stranger_is_not_made_to_be_marked() {
    let world = World::start().await;
    let receipt = deliver(&world.destination(), &forbidden(&delivery(1), 1))
        .await
        .unwrap();
    assert_eq!((receipt.record, world.marketo.leads().len()), (None, 0));
}

#[tokio::test]
async fn the_operator_may_keep_the_person_on_record() {
    let world = World::with("blank_when_forbidden = false").await;
    let destination = world.destination();
    deliver(&destination, &delivery(1)).await.unwrap();
    deliver(&destination, &forbidden(&delivery(1), 2)).await.unwrap();
    let person = world.person(&email(1));
    assert_eq!(
        (&person["unsubscribed"], &person["firstName"]),
        (&json!(true), &json!("Given1Canary"))
    );
}

#[tokio::test]
async fn a_mark_the_instance_does_not_have_is_left_out_and_without_any_the_operator_is_asked() {
    let world = World::with("do_not_contact = ['unsubscribed', 'noFax']").await;
    world.marketo.add_lead(&[("email", &email(1))]);
    deliver(&world.destination(), &forbidden(&delivery(1), 1))
        .await
        .unwrap();
    assert_eq!(world.person(&email(1))["unsubscribed"], true);
    let world = World::with("do_not_contact = ['noFax']").await;
    let error = deliver(&world.destination(), &forbidden(&delivery(1), 1))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
}

#[tokio::test]
async fn of_two_leads_with_one_address_the_one_that_forbids_contact_goes() {
    let world = World::start().await;
    let mut open = delivery(2);
    open.revised_at += chrono::TimeDelta::hours(1);
    let lead = std::sync::Arc::make_mut(&mut open.lead);
    lead.person.email.as_mut().unwrap().value = email(1);
    let fates = world
        .destination()
        .upsert(&[forbidden(&delivery(1), 1), open])
        .await;
    assert!(fates.iter().all(Result::is_ok));
    assert_eq!(world.marketo.leads().len(), 0, "nobody is made");
}

#[tokio::test]
async fn three_hundred_cost_as_many_calls_as_one() {
    let world = World::start().await;
    let destination = world.destination();
    let many: Vec<LeadDelivery> = (0..300).map(delivery).collect();
    destination.upsert(&many).await;
    let before = world.marketo.calls().len();
    let closed: Vec<LeadDelivery> = many.iter().map(|lead| forbidden(lead, 2)).collect();
    assert!(destination.upsert(&closed).await.iter().all(Result::is_ok));
    assert_eq!(
        world.marketo.calls().len() - before,
        3,
        "describe once, find, mark"
    );
    assert!(
        world
            .marketo
            .leads()
            .iter()
            .all(|person| person["unsubscribed"] == true)
    );
}

#[tokio::test]
async fn while_our_own_records_cannot_be_found_the_operator_is_asked_and_nothing_is_lost() {
    let world = World::start().await;
    world.marketo.change_field("msLeadId", None, false, false);
    let error = deliver(&world.destination(), &forbidden(&delivery(1), 1))
        .await
        .unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Misconfigured,
        "parked, not a dead letter"
    );
    assert!(error.hint_text().unwrap().contains("searchable"));
}
