//! Service protection, really enforced (contract dynamics365 15).

use axum::body::Body;
use serde_json::json;

use super::world::World;
use crate::dataverse::Limits;

#[tokio::test]
async fn the_request_after_the_last_allowed_waits_for_the_window() {
    let world = World::new().await;
    world.crm.set_limits(Limits {
        requests: 3,
        ..Limits::default()
    });
    for left in ["2", "1", "0"] {
        let reply = world.get("WhoAmI").await;
        assert_eq!(reply.status, 200);
        let told = reply.header("x-ms-ratelimit-burst-remaining-xrm-requests");
        assert_eq!(told, left);
        world.advance(10);
    }
    let refused = world.get("WhoAmI").await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "0x80072322"));
    assert_eq!(refused.header("retry-after"), "270");
    assert!(
        refused
            .text
            .contains("limit of 3 over time window of 300 seconds")
    );
    world.advance(269);
    // Asking too early is counted as well: it goes on for longer.
    assert_eq!(world.get("WhoAmI").await.status, 429);
    world.advance(1);
    assert_eq!(world.get("WhoAmI").await.status, 429);
    assert_eq!(world.crm.throttled(), 3);
    world.advance(300);
    assert_eq!(world.get("WhoAmI").await.status, 200);
}

#[tokio::test]
async fn execution_time_is_used_up_by_rows() {
    let world = World::new().await;
    world.crm.set_limits(Limits {
        execution_ms: 1_000_000,
        request_ms: 400_000,
        row_ms: 100_000,
        ..Limits::default()
    });
    let reply = world.post("leads", &json!({})).await;
    let told = reply.header("x-ms-ratelimit-time-remaining-xrm-requests");
    assert_eq!(told, "500.00");
    assert_eq!(world.post("leads", &json!({})).await.status, 204);
    let refused = world.get("WhoAmI").await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "0x80072321"));
    assert!(refused.text.contains("1,000,000 milliseconds"));
    assert_eq!(refused.header("retry-after"), "300");
}

#[tokio::test]
async fn counters_are_written_with_thousands_separators() {
    let world = World::new().await;
    let reply = world.get("WhoAmI").await;
    let told = reply.header("x-ms-ratelimit-time-remaining-xrm-requests");
    assert_eq!(told, "1,199.98");
}

#[tokio::test]
async fn a_request_too_many_at_a_time_is_refused_and_the_others_are_not() {
    let world = World::new().await;
    world.crm.set_limits(Limits {
        concurrent: 2,
        ..Limits::default()
    });
    world.crm.hold();
    let late = async {
        while world.crm.most_at_a_time() < 2 {
            tokio::task::yield_now().await;
        }
        let refused = world.get("WhoAmI").await;
        world.crm.let_go();
        refused
    };
    let (one, two, refused) = tokio::join!(world.get("WhoAmI"), world.get("WhoAmI"), late);
    assert_eq!((one.status, two.status), (200, 200));
    assert_eq!((refused.status, refused.code().as_str()), (429, "0x80072326"));
    assert_eq!(world.get("WhoAmI").await.status, 200);
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_run_for_ever() {
    let world = World::new().await;
    world.crm.set_limits(Limits {
        concurrent: 1,
        ..Limits::default()
    });
    world.crm.hold();
    {
        let request = world.send("GET", "WhoAmI", &[], Body::empty());
        tokio::pin!(request);
        tokio::select! {
            biased;
            _ = &mut request => panic!("nobody let it go"),
            () = tokio::task::yield_now() => {}
        }
    }
    world.crm.let_go();
    assert_eq!(world.get("WhoAmI").await.status, 200);
}
