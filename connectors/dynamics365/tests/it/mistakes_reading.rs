//! What an implementer would get wrong (contract dynamics365 22): the lines about reading back.

use connector_kit::conformance::leads::delivery;
use connector_kit::{Checkpoint, ErrorKind, Stage, Subject};
use leadsync_sim::faults::Fault;
use serde_json::{Value, json};

use crate::world::{World, deliveries, read_all};

#[tokio::test]
async fn line_7_the_money_of_a_lead_is_its_estimated_amount() {
    let mut world = World::new().await;
    let one = delivery(1);
    assert!(world.destination().upsert(std::slice::from_ref(&one)).await[0].is_ok());
    let lead = one.lead.id.to_string();
    world.crm.change(
        "lead",
        &lead,
        &json!({ "estimatedvalue": 5.0, "estimatedamount": 1234.5 }),
    );
    let (all, _) = read_all(world.outcomes().as_ref(), None).await;
    let amount = all[0].value.as_ref().unwrap().amount.to_string();
    assert_eq!(amount.trim_end_matches('0'), "1234.5");
}

#[tokio::test]
async fn line_8_a_qualified_lead_is_neither_won_nor_lost() {
    let mut world = World::new().await;
    let one = delivery(1);
    assert!(world.destination().upsert(std::slice::from_ref(&one)).await[0].is_ok());
    let opportunity = world.crm.qualify(&one.lead.id.to_string());
    let source = world.outcomes();
    let (all, after) = read_all(source.as_ref(), None).await;
    let stages: Vec<_> = all
        .iter()
        .map(|outcome| (outcome.subject, outcome.stage))
        .collect();
    assert_eq!(
        stages,
        [(Subject::Lead, Stage::Accepted), (Subject::Deal, Stage::Accepted)]
    );
    world.advance(60);
    world.crm.win(&opportunity, 10.0, None);
    let (all, _) = read_all(source.as_ref(), after).await;
    let won: Vec<_> = all.iter().filter(|outcome| outcome.stage == Stage::Won).collect();
    assert_eq!(won.len(), 1);
    assert_eq!((won[0].subject, &won[0].record.0), (Subject::Deal, &opportunity));
}

#[tokio::test]
async fn line_9_a_state_decides_whatever_customers_call_its_reasons() {
    let mut world = World::new().await;
    let many = deliveries(2);
    assert!(world.destination().upsert(&many).await.iter().all(Result::is_ok));
    world.crm.add_status_reason("lead", 2, 100_000_007, "Won already");
    world.crm.disqualify(&many[0].lead.id.to_string(), 100_000_007);
    world.crm.disqualify(&many[1].lead.id.to_string(), 6);
    let (all, _) = read_all(world.outcomes().as_ref(), None).await;
    for (one, reason) in many.iter().zip(["Won already", "No Longer Interested"]) {
        let outcome = all
            .iter()
            .find(|outcome| outcome.lead == Some(one.lead.id))
            .unwrap();
        assert_eq!(
            (outcome.stage, outcome.reason.as_deref()),
            (Stage::Declined, Some(reason))
        );
        assert_eq!(outcome.state, format!("Disqualified: {reason}"));
    }
}

/// The documented link to a next page, at our simulator's address.
fn documented_link(world: &World) -> String {
    let text = include_str!("../../../../tests/fixtures/dynamics365/query_paging.json");
    let fixture: Value = serde_json::from_str(text).unwrap();
    let link = fixture["exchanges"][0]["response"]["body"]["@odata.nextLink"]
        .as_str()
        .unwrap();
    link.replace("https://contoso.crm.dynamics.com", &world.origin())
}

fn page(world: &World, member: &str, link: &str) -> Fault {
    let body =
        json!({ "@odata.context": format!("{}/$metadata#leads", world.origin()), "value": [], member: link });
    Fault::Answer {
        status: 200,
        headers: vec![("odata-version", "4.0".to_owned())],
        body: body.to_string(),
    }
}

#[tokio::test]
async fn line_12_links_are_followed_byte_for_byte() {
    let mut world = World::new().await;
    let source = world.outcomes();
    let next = documented_link(&world);
    let delta = format!(
        "{}/api/data/v9.2/leads?$select=statecode&$deltatoken=919042%2108%2f22%2f2017%2008%3a10%3a44",
        world.origin()
    );
    world.crm.faults.next(page(&world, "@odata.nextLink", &next));
    world.crm.faults.next(page(&world, "@odata.deltaLink", &delta));
    let (_, after) = read_all(source.as_ref(), None).await;
    world.crm.faults.next(page(&world, "@odata.deltaLink", &delta));
    read_all(source.as_ref(), after).await;
    let sent: Vec<String> = world
        .sent
        .requests()
        .iter()
        .map(|request| request.uri().to_string())
        .collect();
    assert!(sent.contains(&next) && sent.contains(&delta), "{sent:#?}");
}

#[tokio::test]
async fn line_12_a_documented_link_reaches_the_wire_as_it_is() {
    let mut world = World::new().await;
    let source = world.outcomes();
    let next = documented_link(&world);
    world.crm.faults.next(page(&world, "@odata.nextLink", &next));
    // The simulator does not know this link; that it saw it, and how, is what counts.
    let _ = source.outcomes(None, 10).await;
    let query = next.split_once('?').unwrap().1;
    assert!(
        world.crm.requests().iter().any(|request| request.query == query),
        "{query}"
    );
}

#[tokio::test]
async fn line_12_a_link_to_another_server_is_not_followed() {
    for member in ["@odata.nextLink", "@odata.deltaLink"] {
        let mut world = World::new().await;
        world.crm.faults.next(page(
            &world,
            member,
            "http://127.0.0.2/api/data/v9.2/leads?$deltatoken=1",
        ));
        let error = world.outcomes().outcomes(None, 10).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{member}");
        assert!(error.hint_text().unwrap().contains("environment"));
        assert_eq!(world.crm.faults.requests(), 1);
    }
}

#[tokio::test]
async fn line_13_the_delta_link_is_kept_only_after_its_pages() {
    let mut world = World::with("outcomes = { page_size = 2 }").await;
    assert!(
        world
            .destination()
            .upsert(&deliveries(7))
            .await
            .iter()
            .all(Result::is_ok)
    );
    let source = world.outcomes();
    let (mut after, mut told) = (None, 0);
    loop {
        let page = source.outcomes(after.as_ref(), 1).await.unwrap();
        told += page.items.len();
        let Checkpoint(text) = page.next.clone().unwrap();
        let position: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            position["lead"].get("delta").is_some(),
            told == 7,
            "{told} told: {text}"
        );
        after = page.next;
        if !page.more {
            break;
        }
    }
    assert_eq!(told, 7);
}

#[tokio::test]
async fn line_15_no_webhook_is_needed_to_hear_of_a_change() {
    let mut world = World::new().await;
    let one = delivery(1);
    assert!(world.destination().upsert(std::slice::from_ref(&one)).await[0].is_ok());
    let source = world.outcomes();
    let (_, after) = read_all(source.as_ref(), None).await;
    world.advance(60);
    world.crm.disqualify(&one.lead.id.to_string(), 5);
    let (all, _) = read_all(source.as_ref(), after).await;
    assert_eq!(all[0].stage, Stage::Declined);
    assert_eq!(world.crm.count("serviceendpoint"), 0, "none was registered");
}
