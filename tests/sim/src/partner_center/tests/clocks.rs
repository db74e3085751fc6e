//! Time: referrals nobody replies to, and those that cannot be read yet.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::world::{CALLBACK, DAY, World};
use crate::partner_center::{NewReferral, Stage};

fn lead() -> NewReferral {
    NewReferral::marketplace_lead("ada@fabrikam.example")
}

#[tokio::test]
async fn a_referral_without_a_reply_expires_when_the_fourteenth_day_begins() {
    let world = World::new();
    world.center.register(CALLBACK, true);
    let waiting = world.center.create(lead());
    let received = world.center.create(lead());
    let accepted = world.center.create(lead());
    assert_eq!(world.go(&received, "New", "Received").await.status, 204);
    assert_eq!(world.go(&accepted, "Active", "Accepted").await.status, 204);
    // 2024-05-01T08:15:30 to the last tick of 2024-05-14.
    world.pass(14 * DAY - (8 * 3600 + 15 * 60 + 31));
    world.center.tick();
    assert_eq!(world.center.stage(&waiting), Some(Stage::new("New", "Pending")));
    let before = world.center.waiting_events().len();
    world.pass(1);
    world.center.tick();
    for id in [&waiting, &received] {
        assert_eq!(world.center.stage(id), Some(Stage::new("Closed", "Expired")));
    }
    assert_eq!(
        world.center.stage(&accepted),
        Some(Stage::new("Active", "Accepted"))
    );
    let events = world.center.waiting_events();
    assert_eq!(events.len(), before + 2, "each expiry is told");
    let referral = world.get(&format!("/{waiting}")).await.body;
    assert_eq!(referral["expirationDateTime"], "2024-05-15T00:00:00Z");
    let closed = referral["closedDateTime"].as_str().unwrap();
    assert!(
        closed.starts_with("2024-05-15T00:00:00"),
        "it was due then, whoever asked when: {closed}"
    );
    assert_eq!(
        world.go(&waiting, "Active", "Accepted").await.inner(),
        "referralClosed"
    );
}

#[tokio::test]
async fn the_expiry_is_seen_by_the_first_request_after_it_and_may_lag() {
    let world = World::new();
    world
        .center
        .set(|settings| settings.expiry_lag = TimeDelta::minutes(5));
    let id = world.center.create(lead());
    world.pass(14 * DAY - (8 * 3600 + 15 * 60 + 30) + 299);
    assert_eq!(world.get(&format!("/{id}")).await.body["status"], "New");
    world.pass(1);
    let referral = world.get(&format!("/{id}")).await.body;
    assert_eq!(
        (&referral["substatus"], &referral["closedDateTime"]),
        (&json!("Expired"), &json!("2024-05-15T00:05:00Z"))
    );
}

#[tokio::test]
async fn a_new_referral_may_be_told_of_before_it_can_be_read() {
    let world = World::new();
    world.center.register(CALLBACK, true);
    world
        .center
        .set(|settings| settings.readable_after = TimeDelta::seconds(30));
    let id = world.center.create(lead());
    assert_eq!(world.center.due_deliveries(world.now()).len(), 1);
    world.pass(29);
    let told = world.get(&format!("/{id}")).await;
    assert_eq!(
        (told.status, &told.body["error"]["code"]),
        (404, &json!("itemNotFound"))
    );
    assert_eq!(world.get("").await.body["value"], json!([]));
    assert_eq!(world.go(&id, "Active", "Accepted").await.status, 404);
    world.pass(1);
    assert_eq!(world.get(&format!("/{id}")).await.status, 200);
}

#[tokio::test]
async fn no_two_changes_have_the_same_time_or_etag_though_the_clock_stands() {
    let world = World::new();
    let id = world.center.create(lead());
    let mut seen: Vec<(Value, Value)> = Vec::new();
    for _ in 0..10 {
        assert_eq!(world.set(&id, &[("/favorite", true.into())]).await.status, 204);
        let referral = world.center.referral(&id).unwrap();
        seen.push((referral["updatedDateTime"].clone(), referral["eTag"].clone()));
    }
    let times = seen.iter().map(|(time, _)| time.as_str().unwrap());
    assert!(times.clone().zip(times.skip(1)).all(|(one, next)| one < next));
    let mut etags: Vec<_> = seen.iter().map(|(_, etag)| etag.to_string()).collect();
    etags.sort();
    etags.dedup();
    assert_eq!(etags.len(), 10);
}
