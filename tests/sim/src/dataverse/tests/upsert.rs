//! One row by its key (contract dynamics365 6 to 9).

use axum::body::Body;
use serde_json::json;

use super::world::{KEY, LEAD, World};

const BY_KEY: &str = "leads(lsync_marketplaceleadid='mpl_3f7a9c0e52b1d4f6')";

#[tokio::test]
async fn an_upsert_creates_once_and_then_updates_and_never_tells_the_id() {
    let world = World::new().await;
    for subject in ["first", "second"] {
        let reply = world.patch(BY_KEY, &json!({ "subject": subject })).await;
        assert_eq!(reply.status, 204);
        assert!(reply.header("odata-entityid").ends_with(BY_KEY));
    }
    assert_eq!(world.crm.count("lead"), 1);
    assert_eq!(world.crm.creations(KEY), 1);
    assert_eq!(world.crm.row("lead", KEY).unwrap()["subject"], "second");
}

#[tokio::test]
async fn a_key_in_the_body_wins_on_create_and_is_dropped_on_update() {
    let world = World::new().await;
    let body = json!({ "lsync_marketplaceleadid": "other", "subject": "x" });
    assert_eq!(world.patch(BY_KEY, &body).await.status, 204);
    assert!(world.crm.row("lead", KEY).is_none());
    assert!(world.crm.row("lead", "other").is_some());

    world.make_lead();
    assert_eq!(world.patch(BY_KEY, &body).await.status, 204);
    assert_eq!(world.crm.row("lead", KEY).unwrap()["subject"], "x");
}

#[tokio::test]
async fn keys_are_compared_without_case_and_trailing_spaces() {
    let world = World::new().await;
    world.make_lead();
    let resource = "leads(lsync_marketplaceleadid='MPL_3F7A9C0E52B1D4F6%20')";
    assert_eq!(
        world.patch(resource, &json!({ "subject": "x" })).await.status,
        204
    );
    assert_eq!(world.crm.count("lead"), 1);
}

#[tokio::test]
async fn characters_that_do_not_work_in_keys_are_refused_encoded_or_not() {
    let world = World::new().await;
    let values = [
        "a/b", "a%2Fb", "a%3Cb", "a%3Eb", "a*b", "a%25b", "a&b", "a:b", "a%5Cb", "a%3Fb", "a+b", "a%2Bb",
        "a%23b",
    ];
    for value in values {
        let resource = format!("leads(lsync_marketplaceleadid='{value}')");
        let reply = world.patch(&resource, &json!({})).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "0x8006088a"),
            "{value}"
        );
    }
    for value in ["o''brien", "o%27%27brien", "a%20b", "a-b_c.d"] {
        let resource = format!("leads(lsync_marketplaceleadid='{value}')");
        assert_eq!(world.patch(&resource, &json!({})).await.status, 204, "{value}");
    }
    assert!(world.crm.row("lead", "o'brien").is_some());
    assert_eq!(world.crm.count("lead"), 3);
}

#[tokio::test]
async fn composite_keys_need_all_their_columns_in_any_order() {
    let world = World::new().await;
    world.crm.add_text_column("lead", "lsync_Offer", 50);
    let columns = ["lsync_offer", "numberofemployees"];
    world.crm.add_key("lead", "lsync_Both", &columns);
    for resource in [
        "leads(lsync_offer='w',numberofemployees=5)",
        "leads(numberofemployees=5,lsync_offer='w')",
    ] {
        assert_eq!(world.patch(resource, &json!({})).await.status, 204);
    }
    assert_eq!(world.crm.count("lead"), 1);
    let reply = world.patch("leads(lsync_offer='w')", &json!({})).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "0x80060888"));
}

#[tokio::test]
async fn the_word_null_is_no_condition() {
    let world = World::new().await;
    world.make_lead();
    let headers = [("if-none-match", "null")];
    let reply = world.send("PATCH", BY_KEY, &headers, "{}").await;
    assert_eq!(reply.status, 204);
}

#[tokio::test]
async fn etags_decide_about_writes_and_reads() {
    let world = World::new().await;
    world.make_lead();
    let tag = world.get(BY_KEY).await.header("etag").to_owned();
    let same = [("if-none-match", tag.as_str())];
    assert_eq!(world.send("GET", BY_KEY, &same, Body::empty()).await.status, 304);
    let fresh = [("if-match", tag.as_str())];
    assert_eq!(
        world
            .send("PATCH", BY_KEY, &fresh, r#"{"subject":"b"}"#)
            .await
            .status,
        204
    );
    let stale = world.send("PATCH", BY_KEY, &fresh, "{}").await;
    assert_eq!((stale.status, stale.code().as_str()), (412, "0x80060882"));
    let stale = world.send("DELETE", BY_KEY, &fresh, Body::empty()).await;
    assert_eq!(stale.status, 412);
    assert_eq!(world.send("DELETE", BY_KEY, &[], Body::empty()).await.status, 204);
    assert_eq!(world.send("DELETE", BY_KEY, &[], Body::empty()).await.status, 404);
}

#[tokio::test]
async fn values_a_column_does_not_take_are_refused_in_its_own_words() {
    let world = World::new().await;
    let cases = [
        (json!({ "subject": "x".repeat(301) }), "0x80044331"),
        (json!({ "subject": "\u{1f600}".repeat(151) }), "0x80044331"),
        (json!({ "numberofemployees": -1 }), "0x80044331"),
        (json!({ "estimatedamount": 2e12 }), "0x80044331"),
        (json!({ "leadsourcecode": 11 }), "0x8004431a"),
        (json!({ "statecode": 7 }), "0x8004431a"),
        (json!({ "statecode": 2, "statuscode": 1 }), "0x80048408"),
        (json!({ "statuscode": 4 }), "0x80048408"),
        (json!({ "foo": 1 }), "0x80048d19"),
        (json!({ "subject": 1 }), "0x80048d19"),
        (json!({ "donotemail": "true" }), "0x80048d19"),
        (json!({ "estimatedclosedate": "31.03.2025" }), "0x80048d19"),
        (json!({ "parentaccountid": LEAD }), "0x80048d19"),
        (
            json!({ "ParentAccountId@odata.bind": "/accounts(x)" }),
            "0x80048d19",
        ),
        (json!({ "createdon": "2025-01-01T00:00:00Z" }), "0x80040203"),
        (
            json!({ "@odata.type": "Microsoft.Dynamics.CRM.contact" }),
            "0x80048d19",
        ),
    ];
    for (body, code) in cases {
        let reply = world.post("leads", &body).await;
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(reply.code().to_lowercase(), code, "{body}");
    }
    assert_eq!(world.crm.count("lead"), 0);
    let longest = json!({ "subject": "\u{1f600}".repeat(150) });
    assert_eq!(world.post("leads", &longest).await.status, 204);
}

#[tokio::test]
async fn a_state_without_its_reason_gets_the_default_one() {
    let world = World::new().await;
    world.make_lead();
    world.crm.add_status_reason("lead", 2, 100_000_000, "Spam");
    world.patch(BY_KEY, &json!({ "statecode": 2 })).await;
    assert_eq!(world.crm.row("lead", KEY).unwrap()["statuscode"], 4);
    let own = json!({ "statecode": 2, "statuscode": 100_000_000 });
    assert_eq!(world.patch(BY_KEY, &own).await.status, 204);
    world.crm.reopen("lead", KEY);
    assert_eq!(world.crm.row("lead", KEY).unwrap()["statuscode"], 1);
}

#[tokio::test]
async fn lookups_are_bound_by_navigation_property_and_read_as_values() {
    let world = World::new().await;
    world.make_lead();
    let account = world.crm.make("account", &json!({ "name": "Fabrikam" }));
    for url in [
        format!("/accounts({account})"),
        format!("accounts({account})"),
        format!("https://contoso.crm.dynamics.com/api/data/v9.2/accounts({account})"),
    ] {
        let body = json!({ "parentaccountid@odata.bind": url, "customerid_account@odata.bind": url });
        assert_eq!(world.patch(BY_KEY, &body).await.status, 204, "{url}");
        let lead = world.crm.row("lead", KEY).unwrap();
        assert_eq!(lead["_parentaccountid_value"], account);
        assert_eq!(lead["_customerid_value"], account);
        for clear in [
            json!({ "parentaccountid@odata.bind": null }),
            json!({ "parentaccountid": null }),
        ] {
            world
                .patch(BY_KEY, &json!({ "parentaccountid@odata.bind": url }))
                .await;
            assert_eq!(world.patch(BY_KEY, &clear).await.status, 204);
            assert!(world.crm.row("lead", KEY).unwrap()["_parentaccountid_value"].is_null());
        }
    }
    let nobody = json!({ "parentaccountid@odata.bind": format!("/accounts({LEAD})") });
    assert_eq!(world.patch(BY_KEY, &nobody).await.code(), "0x80040217");
    let lead = json!({ "parentaccountid@odata.bind": format!("/leads({LEAD})") });
    assert_eq!(world.patch(BY_KEY, &lead).await.code(), "0x80048d19");
}

#[tokio::test]
async fn duplicates_are_looked_for_only_when_detection_is_not_suppressed() {
    let world = World::new().await;
    world.crm.detect_duplicates("lead", &["emailaddress1"]);
    let body = json!({ "emailaddress1": "a@b.example" });
    assert_eq!(world.post("leads", &body).await.status, 204);
    assert_eq!(world.post("leads", &body).await.status, 204);
    for (suppress, status) in [("true", 204), ("false", 412)] {
        let headers = [("mscrm.suppressduplicatedetection", suppress)];
        let reply = world.send("POST", "leads", &headers, body.to_string()).await;
        assert_eq!(reply.status, status);
    }
}

#[tokio::test]
async fn whoever_loses_the_race_for_a_new_key_finds_the_row_there() {
    let world = World::new().await;
    world.crm.lose_race(KEY);
    let reply = world.patch(BY_KEY, &json!({ "subject": "mine" })).await;
    assert_eq!((reply.status, reply.code().as_str()), (412, "0x80060892"));
    let again = world.patch(BY_KEY, &json!({ "subject": "mine" })).await;
    assert_eq!(again.status, 204);
    assert_eq!(world.crm.creations(KEY), 1);
}

#[tokio::test]
async fn closed_leads_take_changes_unless_sealed() {
    let world = World::new().await;
    world.make_lead();
    world.crm.disqualify(KEY, 5);
    assert_eq!(world.patch(BY_KEY, &json!({ "subject": "x" })).await.status, 204);
    world.crm.seal_closed_leads(true);
    assert_eq!(world.patch(BY_KEY, &json!({ "subject": "y" })).await.status, 400);
}

#[tokio::test]
async fn one_property_is_read_written_and_cleared_by_itself() {
    let world = World::new().await;
    world.make_lead();
    let resource = format!("leads({LEAD})/description");
    let set = world.send("PUT", &resource, &[], r#"{"value":"by hand"}"#).await;
    assert_eq!(set.status, 204);
    assert_eq!(world.get(&resource).await.json()["value"], "by hand");
    assert_eq!(
        world.send("DELETE", &resource, &[], Body::empty()).await.status,
        204
    );
    assert_eq!(world.get(&resource).await.status, 204);
}
