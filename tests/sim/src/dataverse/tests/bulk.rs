//! `CreateMultiple` and its sisters: all or nothing (contract dynamics365 10.2).

use serde_json::{Value, json};

use super::world::{KEY, World};

const UPSERT: &str = "leads/Microsoft.Dynamics.CRM.UpsertMultiple";

fn target(key: &str, subject: &str) -> Value {
    json!({
        "@odata.type": "Microsoft.Dynamics.CRM.lead",
        "@odata.id": format!("leads(lsync_marketplaceleadid='{key}')"),
        "subject": subject,
    })
}

#[tokio::test]
async fn a_thousand_leads_come_and_change_in_two_requests() {
    let world = World::new().await;
    for subject in ["first", "second"] {
        let targets: Vec<Value> = (0..1000).map(|n| target(&format!("k{n}"), subject)).collect();
        let reply = world.post(UPSERT, &json!({ "Targets": targets })).await;
        assert_eq!((reply.status, reply.text.as_str()), (204, ""));
    }
    assert_eq!(world.crm.count("lead"), 1000);
    assert_eq!(world.crm.most_creations(), 1);
    assert!(
        world
            .crm
            .rows("lead")
            .iter()
            .all(|lead| lead["subject"] == "second")
    );
}

#[tokio::test]
async fn one_bad_row_undoes_the_good_ones_and_is_not_named() {
    let world = World::new().await;
    world.make_lead();
    let long = "x".repeat(301);
    let targets = [target(KEY, "changed"), target("new", "b"), target("bad", &long)];
    let reply = world.post(UPSERT, &json!({ "Targets": targets })).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "0x80044331"));
    assert!(!reply.text.contains("bad"));
    assert_eq!(world.crm.count("lead"), 1);
    assert_eq!(world.crm.row("lead", KEY).unwrap()["subject"], "a");
    assert_eq!(world.crm.creations("new"), 0);
    // What was undone can be done again.
    let targets = [target(KEY, "changed"), target("new", "b")];
    assert_eq!(
        world.post(UPSERT, &json!({ "Targets": targets })).await.status,
        204
    );
    assert_eq!(world.crm.creations("new"), 1);
}

#[tokio::test]
async fn every_target_says_its_type_and_who_it_is() {
    let world = World::new().await;
    let mut untyped = target("k", "a");
    untyped.as_object_mut().unwrap().remove("@odata.type");
    let mut nameless = target("k", "a");
    nameless.as_object_mut().unwrap().remove("@odata.id");
    for target in [untyped, nameless, json!(1)] {
        let reply = world.post(UPSERT, &json!({ "Targets": [target] })).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "0x80048d19"));
    }
    assert_eq!(world.post(UPSERT, &json!({})).await.status, 400);
}

#[tokio::test]
async fn a_key_twice_in_one_request_is_refused_unless_allowed() {
    let world = World::new().await;
    let targets = json!({ "Targets": [target("k", "a"), target("K", "b")] });
    assert_eq!(world.post(UPSERT, &targets).await.status, 412);
    assert_eq!(world.crm.count("lead"), 0);
    world.crm.take_repeated_keys(true);
    assert_eq!(world.post(UPSERT, &targets).await.status, 204);
    assert_eq!(world.crm.count("lead"), 1);
}

#[tokio::test]
async fn a_table_without_the_message_says_so_in_the_probe_and_in_deed() {
    let world = World::new().await;
    let probe = |table: &str| {
        format!(
            "sdkmessagefilters?$select=sdkmessagefilterid&$filter=sdkmessageid/name%20eq%20@message%20and%20\
             primaryobjecttypecode%20eq%20@table&@message='UpsertMultiple'&@table='{table}'"
        )
    };
    let found = |reply: super::world::Reply| reply.json()["value"].as_array().unwrap().len();
    assert_eq!(found(world.get(&probe("lead")).await), 1);
    assert_eq!(found(world.get(&probe("opportunity")).await), 0);
    world.crm.refuse_upsert_multiple("lead");
    assert_eq!(found(world.get(&probe("lead")).await), 0);
    let reply = world
        .post(UPSERT, &json!({ "Targets": [target("k", "a")] }))
        .await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn an_update_of_many_never_creates() {
    let world = World::new().await;
    let targets = json!({ "Targets": [target("k", "a")] });
    let reply = world
        .post("leads/Microsoft.Dynamics.CRM.UpdateMultiple", &targets)
        .await;
    assert_eq!(reply.code(), "0x80060891");
    let created = world
        .post("leads/Microsoft.Dynamics.CRM.CreateMultiple", &targets)
        .await;
    let ids = created.json()["Ids"].as_array().unwrap().clone();
    assert_eq!(ids.len(), 1);
    assert!(world.crm.row("lead", ids[0].as_str().unwrap()).is_some());
}
