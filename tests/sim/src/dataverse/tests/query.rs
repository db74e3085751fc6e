//! Filter, order, expansion and pages (contract dynamics365 11).

use axum::body::Body;
use serde_json::{Value, json};

use super::world::{KEY, Reply, World};

async fn world() -> World {
    let world = World::new().await;
    let rows = [
        json!({ "subject": "Alpha", "emailaddress1": "o'brien@x.example", "numberofemployees": 5 }),
        json!({ "subject": "beta", "numberofemployees": 50 }),
        json!({ "subject": "Gamma", "statecode": 2, "statuscode": 5 }),
    ];
    for row in rows {
        world.crm.make("lead", &row);
        world.advance(60);
    }
    world
}

fn subjects(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let body = reply.json();
    let rows = body["value"].as_array().unwrap().iter();
    rows.map(|row| row["subject"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn filters_find_what_they_say() {
    let world = world().await;
    let cases: &[(&str, &[&str])] = &[
        ("statecode eq 0", &["Alpha", "beta"]),
        ("statecode ne 0", &["Gamma"]),
        ("subject eq 'ALPHA '", &["Alpha"]),
        (
            "emailaddress1 eq 'o''brien@x.example' and statecode eq 0",
            &["Alpha"],
        ),
        ("numberofemployees gt 5", &["beta"]),
        ("numberofemployees ge 5 and numberofemployees le 5", &["Alpha"]),
        ("numberofemployees lt 50", &["Alpha"]),
        ("emailaddress1 ne null", &["Alpha"]),
        ("emailaddress1 eq null", &["beta", "Gamma"]),
        (
            "contains(subject,'MM') or startswith(subject,'al')",
            &["Alpha", "Gamma"],
        ),
        ("endswith(subject,'ta')", &["beta"]),
        ("not (statecode eq 0)", &["Gamma"]),
        (
            "statecode eq 0 or statecode eq 2 and subject eq 'x'",
            &["Alpha", "beta"],
        ),
        (
            "(statecode eq 0 or statecode eq 2) and subject eq 'gamma'",
            &["Gamma"],
        ),
        ("modifiedon ge 2025-01-01T00:01:00Z", &["beta", "Gamma"]),
        (
            "Microsoft.Dynamics.CRM.In(PropertyName='subject',PropertyValues=['beta','gamma'])",
            &["beta", "Gamma"],
        ),
        (
            "transactioncurrencyid/isocurrencycode eq 'usd' and statecode eq 2",
            &["Gamma"],
        ),
        (
            "_transactioncurrencyid_value eq 048dddaa-6f7f-e611-80d3-00155db5e0b6 and statecode eq 2",
            &["Gamma"],
        ),
    ];
    for (filter, found) in cases {
        for encoded in [filter.replace(' ', "%20"), filter.replace(' ', "+")] {
            let encoded = encoded.replace('\'', "%27");
            let reply = world
                .get(&format!("leads?$select=subject&%24filter={encoded}"))
                .await;
            assert_eq!(&subjects(&reply), found, "{filter}");
        }
    }
}

#[tokio::test]
async fn what_nobody_understands_is_refused() {
    let world = world().await;
    let refused = [
        "$filter=foo%20eq%201",
        "$filter=subject%20is%201",
        "$filter=subject%20eq%20'open",
        "$filter=length(subject)%20eq%201",
        "$select=foo",
        "$select=ownerid",
        "$orderby=foo",
        "$expand=foo",
        "$skip=1",
        "$apply=groupby((subject))",
        "$search=x",
        "$top=x",
        "$select=subject&$select=subject",
        "$skiptoken=made-up",
    ];
    for query in refused {
        assert_eq!(world.get(&format!("leads?{query}")).await.status, 400, "{query}");
    }
    assert_eq!(world.get("leads?$select=subject&tag=leadsync").await.status, 200);
}

#[tokio::test]
async fn rows_come_in_the_order_asked_for() {
    let world = world().await;
    let reply = world
        .get("leads?$select=subject&$orderby=statecode%20desc,subject%20desc&$top=2&$count=true")
        .await;
    assert_eq!(subjects(&reply), ["Gamma", "beta"]);
    assert_eq!(reply.json()["@odata.count"], 3);
    let count = world.get("leads/$count?$filter=statecode%20eq%200").await;
    assert_eq!(count.text, "\u{feff}2");
}

#[tokio::test]
async fn pages_follow_the_link_as_it_is_and_no_other_way() {
    let world = world().await;
    let first = "leads?%24select=subject&%24orderby=subject+desc";
    let prefer = [("prefer", "odata.maxpagesize=2")];
    let reply = world.send("GET", first, &prefer, Body::empty()).await;
    assert_eq!(subjects(&reply), ["Gamma", "beta"]);
    let link = reply.json()["@odata.nextLink"].as_str().unwrap().to_owned();
    let target = link.strip_prefix("https://contoso.crm.dynamics.com").unwrap();
    assert!(
        target.contains("$skiptoken=%3Ccookie%20pagenumber=%222%22"),
        "{target}"
    );
    let decoded = target.replace("%20", "+");
    let shorter = target.replace("&%24orderby=subject+desc", "");
    for changed in [decoded, shorter, target.replace("%22", "%2522")] {
        assert_eq!(world.get(&changed).await.status, 400, "{changed}");
    }
    let last = world.send("GET", target, &prefer, Body::empty()).await;
    assert_eq!(subjects(&last), ["Alpha"]);
    assert!(last.json()["@odata.nextLink"].is_null());
}

#[tokio::test]
async fn lookups_are_expanded_to_an_object_or_null() {
    let world = World::new().await;
    world.make_lead();
    let deal = world.crm.qualify(KEY);
    world.crm.make("opportunity", &json!({ "name": "alone" }));
    let reply = world
        .get(
            "opportunities?$select=name,actualvalue&$expand=originatingleadid($select=leadid,lsync_marketplaceleadid)\
             &$orderby=name",
        )
        .await;
    let body = reply.json();
    assert_eq!(body["value"][0]["opportunityid"], deal);
    let lead = &body["value"][0]["originatingleadid"];
    assert_eq!(lead["lsync_marketplaceleadid"], KEY);
    assert_eq!(body["value"][1]["originatingleadid"], Value::Null);
    assert!(body["value"][1]["_transactioncurrencyid_value"].is_string());
    let filtered = world
        .get("opportunities?$select=name&$filter=originatingleadid/lsync_marketplaceleadid%20ne%20null")
        .await;
    assert_eq!(filtered.json()["value"].as_array().unwrap().len(), 1);
}
