//! `$batch` (contract dynamics365 10.1).

use std::fmt::Write as _;

use super::world::{Reply, World};

/// Parts with these heads and bodies, one after the other.
fn batch(parts: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (request, body) in parts {
        text.push_str("--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n");
        let _ = write!(
            text,
            "{request} HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{body}\r\n"
        );
    }
    text + "--b--\r\n"
}

async fn send(world: &World, prefer: Option<&str>, body: String) -> Reply {
    let mut headers = vec![("content-type", "multipart/mixed; boundary=b")];
    headers.extend(prefer.map(|prefer| ("prefer", prefer)));
    world.send("POST", "$batch", &headers, body).await
}

fn statuses(reply: &Reply) -> Vec<u16> {
    let lines = reply
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("HTTP/1.1 "));
    lines.map(|line| line[..3].parse().unwrap()).collect()
}

fn upsert(key: &str) -> String {
    format!("PATCH /api/data/v9.2/leads(lsync_marketplaceleadid='{key}')")
}

#[tokio::test]
async fn the_first_failure_stops_a_batch_unless_told_to_go_on() {
    let world = World::new().await;
    let long = format!(r#"{{"subject":"{}"}}"#, "x".repeat(301));
    let (one, bad, two) = (upsert("one"), upsert("bad"), upsert("two"));
    let parts = [
        (one.as_str(), "{}"),
        (bad.as_str(), long.as_str()),
        (two.as_str(), "{}"),
    ];

    let stopped = send(&world, None, batch(&parts)).await;
    assert_eq!((stopped.status, statuses(&stopped)), (400, vec![204, 400]));
    assert!(stopped.header("content-type").contains("boundary=batchresponse_"));
    assert_eq!(world.crm.count("lead"), 1);

    let whole = send(&world, Some("odata.continue-on-error"), batch(&parts)).await;
    assert_eq!((whole.status, statuses(&whole)), (200, vec![204, 400, 204]));
    assert_eq!(world.crm.count("lead"), 2);
    assert_eq!(world.crm.creations("one"), 1);
}

#[tokio::test]
async fn the_outer_status_is_the_one_of_the_failing_part() {
    let world = World::new().await;
    let missing = "GET /api/data/v9.2/leads(a17c4f10-5a6f-ee11-9ae7-000d3a993550)";
    let reply = send(&world, None, batch(&[(missing, "")])).await;
    assert_eq!((reply.status, statuses(&reply)), (404, vec![404]));
}

#[tokio::test]
async fn a_thousand_requests_fit_and_one_more_does_not() {
    let world = World::new().await;
    let requests: Vec<String> = (0..1001).map(|n| upsert(&n.to_string())).collect();
    let parts: Vec<(&str, &str)> = requests.iter().map(|request| (request.as_str(), "{}")).collect();
    assert_eq!(send(&world, None, batch(&parts)).await.status, 400);
    assert_eq!(world.crm.count("lead"), 0);
    let full = send(&world, None, batch(&parts[..1000])).await;
    assert_eq!((full.status, statuses(&full).len()), (200, 1000));
    assert_eq!(world.crm.count("lead"), 1000);
}

fn change_set(second: &str, body: &str) -> String {
    format!(
        "--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n\
         --c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: 1\r\n\r\n\
         POST /api/data/v9.2/leads HTTP/1.1\r\nContent-Type: application/json;type=entry\r\n\r\n{{\"subject\":\"a\"}}\r\n\
         --c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: 2\r\n\r\n\
         {second} HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{body}\r\n--c--\r\n--b--\r\n"
    )
}

#[tokio::test]
async fn a_change_set_refers_to_its_own_rows() {
    let world = World::new().await;
    let body = r#"{"subject":"call","regardingobjectid_lead@odata.bind":"$1"}"#;
    let bound = send(&world, None, change_set("POST /api/data/v9.2/tasks", body)).await;
    assert_eq!(statuses(&bound), [204, 204]);
    let task = &world.crm.rows("task")[0];
    assert_eq!(
        task["_regardingobjectid_value"],
        world.crm.rows("lead")[0]["leadid"]
    );
    let patched = send(&world, None, change_set("PATCH $1", r#"{"subject":"b"}"#)).await;
    assert_eq!(statuses(&patched), [204, 204]);
    assert_eq!(world.crm.rows("lead")[1]["subject"], "b");
}

#[tokio::test]
async fn a_change_set_fails_as_one() {
    let world = World::new().await;
    let failing = change_set("PATCH $1", r#"{"foo":1}"#);
    let alone = send(&world, Some("odata.continue-on-error"), failing.clone()).await;
    assert_eq!((alone.status, statuses(&alone)), (200, vec![400]));
    assert!(!alone.text.contains("changesetresponse_"));
    world.crm.nest_failed_change_sets(true);
    let nested = send(&world, None, failing).await;
    assert_eq!((nested.status, statuses(&nested)), (400, vec![400]));
    assert!(nested.text.contains("changesetresponse_"));
    assert_eq!(world.crm.count("lead"), 0);
}

#[tokio::test]
async fn a_reference_to_nothing_and_reading_in_a_change_set_are_refused() {
    let world = World::new().await;
    let unknown = send(&world, None, change_set("PATCH $7", "{}")).await;
    assert!(
        unknown
            .text
            .contains("Content-ID Reference: '$7' does not exist in the batch context.")
    );
    let read = send(&world, None, change_set("GET /api/data/v9.2/leads", "")).await;
    assert_eq!(read.status, 400);
    assert!(read.header("content-type").starts_with("application/json"));
}

#[tokio::test]
async fn what_is_no_batch_is_refused_in_plain_json() {
    let world = World::new().await;
    let good = batch(&[(&upsert("k"), "{}")]);
    let broken = [
        good.replace("--b--", ""),
        good.replace("Content-Transfer-Encoding: binary\r\n", ""),
        good.replace("application/http", "text/plain"),
        good.replace("HTTP/1.1", "HTTP/2"),
        "--b--\r\n".to_owned(),
        "{}".to_owned(),
    ];
    for body in broken {
        let reply = send(&world, None, body.clone()).await;
        assert_eq!(reply.status, 400, "{body}");
        assert!(reply.header("content-type").starts_with("application/json"));
    }
    let json = [("content-type", "application/json")];
    assert_eq!(world.send("POST", "$batch", &json, "{}").await.status, 400);
    let nested = send(&world, None, batch(&[("POST /api/data/v9.2/$batch", "")])).await;
    assert_eq!(statuses(&nested), [400]);
    assert_eq!(world.crm.count("lead"), 0);
}

#[tokio::test]
async fn preferences_of_the_batch_do_not_reach_its_parts() {
    let world = World::new().await;
    let prefer = Some("return=representation");
    let reply = send(&world, prefer, batch(&[(&upsert("k"), "{}")])).await;
    assert_eq!(statuses(&reply), [204]);
}
