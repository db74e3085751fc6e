//! Versions, limits, and what is written down (contract salesforce 1, 13).

use super::*;

#[tokio::test]
async fn the_day_rolls_and_what_is_used_up_is_refused() {
    let mut world = World::new().await;
    world.crm.set_daily_limit(3);
    for used in 1..=3 {
        let told = world.query("SELECT Id FROM Lead").await;
        assert_eq!(told.status, 200);
        assert_eq!(told.headers["sforce-limit-info"], format!("api-usage={used}/3"));
    }
    let told = world.query("SELECT Id FROM Lead").await;
    assert_eq!(
        (told.status, told.code().as_str()),
        (403, "REQUEST_LIMIT_EXCEEDED")
    );
    assert_eq!(told.json()[0]["message"], "TotalRequests Limit exceeded.");
    assert!(told.headers.get("retry-after").is_none());
    assert_eq!((world.crm.usage(), world.crm.refused_by_limit()), (3, 1));
    world.advance(24 * 3600);
    world.sign_in().await;
    assert_eq!(world.query("SELECT Id FROM Lead").await.status, 200);
}

#[tokio::test]
async fn what_others_use_counts_too() {
    let world = World::new().await;
    world.crm.set_usage_of_others(15_000);
    assert_eq!(world.get("/limits").await.code(), "REQUEST_LIMIT_EXCEEDED");
    world.crm.set_usage_of_others(10_018);
    let told = world.get("/limits").await;
    assert_eq!(
        told.json()["DailyApiRequests"],
        json!({ "Max": 15_000, "Remaining": 4_981 })
    );
}

#[tokio::test]
async fn refused_requests_count_and_the_list_of_versions_does_not() {
    let world = World::new().await;
    assert_eq!(world.post("/sobjects/Lead", json!({})).await.status, 400);
    assert_eq!(world.crm.usage(), 1);
    for path in ["/services/data", "/services/data/"] {
        let told = world.send(Method::GET, path, &[], String::new()).await;
        assert_eq!(told.status, 200);
        assert!(told.headers.get("sforce-limit-info").is_none());
        let versions = told.json();
        assert!(
            versions
                .as_array()
                .unwrap()
                .iter()
                .any(|it| it["url"] == "/services/data/v62.0")
        );
    }
    assert_eq!(world.crm.usage(), 1);
}

#[tokio::test]
async fn the_limits_are_those_on_record_and_need_a_right() {
    let world = World::new().await;
    let sample = fixture("limits.json");
    let told = world.get("/limits/").await.json();
    for (name, limit) in sample["response"]["body"].as_object().unwrap() {
        assert_eq!(told[name]["Max"], limit["Max"], "{name}");
    }
    world.crm.revoke(Right::ViewSetup);
    assert_eq!(world.get("/limits").await.status, 403);
}

#[tokio::test]
async fn retired_versions_are_gone_and_those_to_come_are_not_there() {
    let world = World::new().await;
    let told = world.get("/services/data/v30.0/limits").await;
    assert_eq!((told.status, told.code().as_str()), (410, "GONE"));
    for unknown in ["v99.0", "v62", "62.0", "vx.0"] {
        assert_eq!(
            world
                .get(&format!("/services/data/{unknown}/limits"))
                .await
                .status,
            404,
            "{unknown}"
        );
    }
}

#[tokio::test]
async fn a_path_may_be_too_long() {
    let world = World::new().await;
    let told = world
        .get(&query_path(&format!(
            "SELECT Id FROM Lead WHERE LastName = '{}'",
            "x".repeat(17_000)
        )))
        .await;
    assert_eq!(told.status, 414);
}

#[tokio::test]
async fn every_request_is_written_down_as_it_came() {
    let world = World::new().await;
    world.get("/limits?x=%20y").await;
    let requests = world.crm.requests();
    assert_eq!(requests.len(), world.crm.request_count());
    let last = requests.last().unwrap();
    assert_eq!(
        (last.target.as_str(), last.status),
        ("/services/data/v62.0/limits?x=%20y", 200)
    );
    assert_eq!(world.crm.tokens(), (1, 1));
}

#[tokio::test]
async fn faults_stand_in_front() {
    let world = World::new().await;
    world.crm.faults.next(crate::faults::Fault::HtmlPage(503));
    assert_eq!(world.get("/limits").await.status, 503);
    assert_eq!(world.get("/limits").await.status, 200);
}
