//! Change tracking (contract dynamics365 13.1).

use axum::body::Body;
use serde_json::{Value, json};

use super::world::{Reply, World};

const SELECT: &str = "leads?$select=subject,lsync_marketplaceleadid";

async fn begin(world: &World, preferences: &str) -> Reply {
    world
        .send("GET", SELECT, &[("prefer", preferences)], Body::empty())
        .await
}

async fn follow(world: &World, link: &Value) -> Reply {
    let link = link.as_str().unwrap();
    let target = link.strip_prefix("https://contoso.crm.dynamics.com").unwrap();
    world.get(target).await
}

fn ids(reply: &Reply) -> Vec<String> {
    let body = reply.json();
    let rows = body["value"].as_array().unwrap().iter();
    rows.map(|row| {
        let id = row.get("leadid").or(row.get("id")).unwrap();
        id.as_str().unwrap().to_owned()
    })
    .collect()
}

#[tokio::test]
async fn everything_comes_first_and_the_delta_link_stands_on_the_last_page() {
    let world = World::new().await;
    for n in 0..5 {
        world.crm.make("lead", &json!({ "subject": n.to_string() }));
    }
    let mut reply = begin(&world, "odata.maxpagesize=2,odata.track-changes").await;
    assert_eq!(
        reply.header("preference-applied"),
        "odata.maxpagesize=2,odata.track-changes"
    );
    let mut seen = ids(&reply);
    for _ in 0..2 {
        assert!(reply.json()["@odata.deltaLink"].is_null());
        let target = reply.json()["@odata.nextLink"].as_str().unwrap().to_owned();
        let target = target.trim_start_matches("https://contoso.crm.dynamics.com");
        let prefer = [("prefer", "odata.maxpagesize=2")];
        reply = world.send("GET", target, &prefer, Body::empty()).await;
        seen.extend(ids(&reply));
    }
    assert_eq!(seen.len(), 5);
    assert!(reply.json()["@odata.nextLink"].is_null());
    let link = reply.json()["@odata.deltaLink"].as_str().unwrap().to_owned();
    assert!(link.contains("%2101%2f01%2f2025%2000%3a00%3a00"), "{link}");
}

#[tokio::test]
async fn a_row_changed_while_the_first_pages_were_read_comes_with_the_next_delta() {
    let world = World::new().await;
    let first = world.crm.make("lead", &json!({ "subject": "a" }));
    world.crm.make("lead", &json!({ "subject": "b" }));
    let reply = begin(&world, "odata.maxpagesize=1,odata.track-changes").await;
    world.crm.change("lead", &first, &json!({ "subject": "changed" }));
    let last = follow(&world, &reply.json()["@odata.nextLink"]).await;
    let delta = follow(&world, &last.json()["@odata.deltaLink"]).await;
    assert_eq!(ids(&delta), [first]);
}

#[tokio::test]
async fn changes_come_once_in_order_and_deletions_after_them() {
    let world = World::new().await;
    let make = |subject: &str| world.crm.make("lead", &json!({ "subject": subject }));
    let (one, two, three) = (make("1"), make("2"), make("3"));
    let begun = begin(&world, "odata.track-changes").await;
    world.crm.remove("lead", &two);
    world.crm.change("lead", &three, &json!({ "subject": "3a" }));
    world.crm.change("lead", &one, &json!({ "subject": "1a" }));
    world.crm.change("lead", &three, &json!({ "subject": "3b" }));
    let brief = make("created and deleted");
    world.crm.remove("lead", &brief);

    let delta = follow(&world, &begun.json()["@odata.deltaLink"]).await;
    assert_eq!(ids(&delta), [one, three, two, brief]);
    let body = delta.json();
    assert!(body["@odata.context"].as_str().unwrap().ends_with("/$delta"));
    assert_eq!(body["value"][1]["subject"], "3b");
    assert_eq!(body["value"][2]["reason"], "deleted");
    let quiet = follow(&world, &body["@odata.deltaLink"]).await;
    assert_eq!(ids(&quiet).len(), 0);
    assert!(quiet.json()["@odata.deltaLink"].is_string());
    // The old link still tells the same.
    let again = follow(&world, &begun.json()["@odata.deltaLink"]).await;
    assert_eq!(ids(&again).len(), 4);
}

#[tokio::test]
async fn what_cannot_be_tracked_is_refused_by_name() {
    let world = World::new().await;
    for option in [
        "$filter=statecode%20eq%201",
        "$orderby=subject",
        "$expand=ownerid",
        "$top=5",
    ] {
        let resource = format!("leads?$select=subject&{option}");
        let prefer = [("prefer", "odata.track-changes")];
        let reply = world.send("GET", &resource, &prefer, Body::empty()).await;
        assert_eq!(reply.status, 400, "{option}");
        let name = option.split('=').next().unwrap();
        let words =
            format!("The \\\"{name}\\\" query parameter isn't supported when Change Tracking is enabled.");
        assert!(reply.text.contains(&words), "{}", reply.text);
    }
    world.crm.track("lead", false);
    assert_eq!(begin(&world, "odata.track-changes").await.status, 400);
}

#[tokio::test]
async fn tokens_expire_by_days_and_by_hand() {
    let mut world = World::new().await;
    let link = begin(&world, "odata.track-changes").await.json()["@odata.deltaLink"].clone();
    world.crm.expire_delta_tokens();
    let refused = follow(&world, &link).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "0x80044352"));
    world.crm.refuse_expired_deltas_with(410);
    assert_eq!(follow(&world, &link).await.status, 410);

    let fresh = begin(&world, "odata.track-changes").await.json()["@odata.deltaLink"].clone();
    assert_eq!(follow(&world, &fresh).await.status, 200);
    world.advance(7 * 24 * 60 * 60 + 1);
    world.token = world.new_token().await;
    assert_eq!(follow(&world, &fresh).await.status, 410);
    let odd = "leads?$select=subject&$deltatoken=nonsense";
    assert_eq!(world.get(odd).await.status, 400);
}

#[tokio::test]
async fn changes_can_be_counted() {
    let world = World::new().await;
    let link = begin(&world, "odata.track-changes").await.json()["@odata.deltaLink"].clone();
    world.crm.make("lead", &json!({}));
    let token = link
        .as_str()
        .unwrap()
        .split("$deltatoken=")
        .nth(1)
        .unwrap()
        .to_owned();
    let count = world.get(&format!("leads/$count?$deltatoken={token}")).await;
    assert_eq!(count.text, "\u{feff}1");
}
