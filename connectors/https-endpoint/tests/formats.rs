//! The bodies, member by member.

use std::collections::BTreeMap;
use std::sync::Arc;

use connector_https_endpoint::send_test;
use connector_kit::conformance::leads;
use connector_kit::lead::{Person, Said, Touch};
use connector_kit::mapping::FieldRule;
use connector_kit::{EventKind, LeadDelivery};
use leadsync_sim::serve::serve;
use leadsync_sim::webhook::strict::Form;
use leadsync_sim::webhook::{Recorded, Rules, Webhook};
use serde_json::{Value, json};

use crate::world::{World, build, clock, context, settings, unix};

async fn body_of(form: Form, format: &str, delivery: &LeadDelivery) -> (Recorded, Value) {
    let world = World::with(form, &format!("payload_format = '{format}'")).await;
    world.deliver(delivery).await.unwrap();
    world.assert_no_complaints();
    let seen = world.hook.requests().remove(0);
    let body = seen.json();
    (seen, body)
}

#[tokio::test]
async fn the_standard_envelope_holds_the_documented_members() {
    let delivery = leads::delivery(1);
    let (seen, body) = body_of(Form::Standard, "standard", &delivery).await;
    let touch = json!({
        "at": "2026-11-20T12:00:00Z", "source": "marketplace", "storefront": "AzureMarketplace", "action": "PLT",
        "offer": "contoso.analytics-pro", "offerTitle": "Contoso Analytics Pro", "publisher": "contoso",
        "description": "Note1Canary",
    });
    let data = json!({
        "leadId": delivery.lead.id.to_string(), "revision": 1, "account": "default", "intent": "contact_me",
        "hot": true, "firstName": "Given1Canary", "lastName": "Family1Canary", "email": "canary1@example.com",
        "phone": "+14255550001", "country": "US", "company": "Company1Canary", "title": "Title1Canary",
        "firstTouchAt": "2026-11-20T12:00:00Z", "lastTouchAt": "2026-11-20T12:00:00Z", "touches": [touch],
    });
    assert_eq!(
        body,
        json!({ "type": "lead.created", "timestamp": "2026-11-20T12:00:00Z", "data": data })
    );
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("accept"), Some("*/*"));
}

#[tokio::test]
async fn what_is_not_known_is_left_out_of_the_standard_format_and_empty_in_microsofts() {
    let mut delivery = leads::delivery(1);
    let lead = Arc::make_mut(&mut delivery.lead);
    lead.person = Person::default();
    lead.touches[0].description.clear();
    lead.touches[0]
        .extra
        .insert("Unknown".into(), "stays at home".into());
    let (_, body) = body_of(Form::Standard, "standard", &delivery).await;
    let text = body.to_string();
    assert!(
        !text.contains("null") && !text.contains("email") && !text.contains("stays at home"),
        "{text}"
    );
    let (_, body) = body_of(Form::Microsoft, "microsoft", &delivery).await;
    assert_eq!(
        (&body["UserDetails"]["Email"], &body["Description"]),
        (&json!(""), &json!(""))
    );
}

#[tokio::test]
async fn microsofts_own_lead_goes_out_as_it_came_in() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/https/marketplace-lead.json"
    );
    let came: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let text = |pointer: &str| came.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let mut delivery = leads::delivery(1);
    let at = delivery.revised_at;
    let said = |name: &str, normal: Option<&str>| {
        let raw = text(&format!("/UserDetails/{name}"));
        let value = normal.map_or_else(|| raw.clone(), str::to_owned);
        Some(Said {
            raw: normal.map(|_| raw),
            value,
            normal: true,
            at,
        })
    };
    let lead = Arc::make_mut(&mut delivery.lead);
    lead.person.first_name = said("FirstName", None);
    lead.person.last_name = said("LastName", None);
    lead.person.email = said("Email", None);
    lead.person.phone = said("Phone", Some("+16175555555"));
    lead.person.country = said("Country", Some("US"));
    lead.person.company = said("Company", None);
    lead.person.title = said("Title", None);
    lead.touches = vec![Touch {
        lead_source: text("/LeadSource"),
        action_code: text("/ActionCode"),
        offer_title: text("/OfferTitle"),
        description: text("/Description"),
        ..lead.touches[0].clone()
    }];
    let (_, body) = body_of(Form::Microsoft, "microsoft", &delivery).await;
    assert_eq!(body, came);
    let (_, plus) = body_of(Form::MicrosoftPlus, "microsoft_plus", &delivery).await;
    assert_eq!(plus["leadId"], delivery.lead.id.to_string());
    assert_eq!(plus["eventId"], delivery.message_id());
    assert_eq!(
        (&plus["offerId"], &plus["publisherId"]),
        (&json!("contoso.analytics-pro"), &json!("contoso"))
    );
}

#[tokio::test]
async fn a_cloud_event_carries_its_data_as_json_and_its_attributes_where_they_belong() {
    let delivery = leads::delivery(1);
    let prefix = "\nevent_type_prefix = 'com.example \"leads\" é'";
    let world = World::with(
        Form::Binary,
        &format!("payload_format = 'cloudevents_binary'{prefix}"),
    )
    .await;
    world.deliver(&delivery).await.unwrap();
    world.assert_no_complaints();
    let seen = world.hook.requests().remove(0);
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("ce-id"), Some(delivery.message_id().as_str()));
    assert_eq!(seen.header("ce-source"), Some("/leadsync/default"));
    assert_eq!(
        seen.header("ce-subject"),
        Some(format!("lead/{}", delivery.lead.id).as_str())
    );
    assert_eq!(
        seen.header("ce-type"),
        Some("com.example%20%22leads%22%20%C3%A9.lead.created")
    );
    assert_eq!(seen.json()["leadId"], delivery.lead.id.to_string());

    let (seen, body) = body_of(Form::Structured, "cloudevents_structured", &delivery).await;
    assert_eq!(
        seen.header("content-type"),
        Some("application/cloudevents+json; charset=utf-8")
    );
    assert_eq!(
        (&body["type"], &body["id"]),
        (&json!("leadsync.lead.created"), &json!(delivery.message_id()))
    );
    assert_eq!(body["data"]["email"], "canary1@example.com");
}

#[tokio::test]
async fn a_do_not_contact_event_holds_nothing_to_contact_in_any_format() {
    let delivery = leads::forbidden(&leads::delivery(1), 2);
    for (form, format) in [
        (Form::Standard, "standard"),
        (Form::Microsoft, "microsoft"),
        (Form::MicrosoftPlus, "microsoft_plus"),
        (Form::Structured, "cloudevents_structured"),
        (Form::Binary, "cloudevents_binary"),
    ] {
        let (_, body) = body_of(form, format, &delivery).await;
        let text = body.to_string();
        for canary in leads::canaries(1) {
            assert!(!text.contains(&canary), "{format}: {text}");
        }
        assert!(!text.contains("PLT"), "{format}: {text}");
    }
    let (_, body) = body_of(Form::Standard, "standard", &delivery).await;
    let data = json!({
        "leadId": delivery.lead.id.to_string(), "revision": 2, "account": "default", "doNotContact": true,
        "offer": "contoso.analytics-pro",
    });
    assert_eq!((&body["type"], &body["data"]), (&json!("lead.suppressed"), &data));
    let (_, body) = body_of(Form::Microsoft, "microsoft", &delivery).await;
    assert_eq!(
        (&body["ActionCode"], &body["LeadSource"]),
        (
            &json!("DNC"),
            &json!("AzureMarketplace-DNC|contoso.analytics-pro")
        )
    );
}

#[tokio::test]
async fn a_mapping_replaces_the_data_but_not_for_those_who_must_not_be_contacted() {
    let clock = clock();
    let hook = Webhook::new(
        Rules {
            secrets: vec![crate::world::SECRET.into()],
            form: Form::Standard,
        },
        unix(&clock),
    );
    let server = serve(hook.router()).await.unwrap();
    let mut settings = settings(&server, "");
    let rule = |from: &str, write| FieldRule {
        from: Some(from.into()),
        write,
        ..FieldRule::default()
    };
    settings.mapping = BTreeMap::from([
        (
            "Mail".to_owned(),
            rule("person.email", connector_kit::mapping::Write::Always),
        ),
        (
            "Owner".to_owned(),
            rule("person.company", connector_kit::mapping::Write::CreateOnly),
        ),
    ]);
    let world = World::built(hook, server, clock, &settings);
    let first = leads::delivery(1);
    world.deliver(&first).await.unwrap();
    let second = leads::revised(&first, 2);
    assert_eq!(second.kind, EventKind::Updated);
    world.deliver(&second).await.unwrap();
    world.deliver(&leads::forbidden(&second, 3)).await.unwrap();
    let data: Vec<Value> = world
        .hook
        .requests()
        .iter()
        .map(|request| request.json()["data"].clone())
        .collect();
    assert_eq!(
        data[0],
        json!({ "Mail": "canary1@example.com", "Owner": "Company1Canary" })
    );
    assert_eq!(data[1], json!({ "Mail": "canary1@example.com" }));
    assert_eq!(data[2]["doNotContact"], json!(true));

    settings
        .settings
        .insert("payload_format".into(), "microsoft".into());
    assert_eq!(build(&settings).err().unwrap().key, "mapping");
}

#[tokio::test]
async fn a_test_is_signed_like_a_lead_and_says_what_came_of_it() {
    for (form, format) in [
        (Form::Standard, "standard"),
        (Form::Microsoft, "microsoft"),
        (Form::MicrosoftPlus, "microsoft_plus"),
        (Form::Structured, "cloudevents_structured"),
        (Form::Binary, "cloudevents_binary"),
    ] {
        let clock = clock();
        let hook = Webhook::new(
            Rules {
                secrets: vec![crate::world::SECRET.into()],
                form,
            },
            unix(&clock),
        );
        let server = serve(hook.router()).await.unwrap();
        let settings = settings(&server, &format!("payload_format = '{format}'"));
        let answer = send_test(&settings, &context(&clock)).await.unwrap().unwrap();
        assert_eq!(
            (answer.status, answer.verdict.is_ok()),
            (200, true),
            "{:?}",
            hook.complaints()
        );
        assert!(answer.answer.contains("success"));
        let sent = String::from_utf8(hook.requests()[0].body.to_vec()).unwrap();
        match form {
            Form::Microsoft | Form::MicrosoftPlus => {
                assert_eq!(sent.matches("MSFT_TEST_").count(), 6, "{sent}");
            }
            Form::Binary => assert_eq!(
                hook.requests()[0].header("ce-type"),
                Some("leadsync.connection.test")
            ),
            _ => assert!(sent.contains("connection.test"), "{sent}"),
        }
    }
}

#[tokio::test]
async fn a_probe_reaches_the_receiver_and_tells_it_nothing() {
    let world = World::start().await;
    let probe = world.connector.probe.clone().unwrap();
    let report = probe.probe().await.unwrap();
    assert!(report.findings[0].contains("127.0.0.1 is there"), "{report:?}");
    assert_eq!((world.hook.count(), world.hook.lead_count()), (0, 0));
    drop(world.server);
    assert!(probe.probe().await.is_err());
}
