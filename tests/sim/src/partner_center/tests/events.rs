//! Events: when they are raised, how often they are tried, and what they say.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::world::{CALLBACK, CENTER, World, sample};
use crate::partner_center::{Delivery, NewReferral, RelatedEvent};

fn lead() -> NewReferral {
    NewReferral::marketplace_lead("ada@fabrikam.example")
}

fn told(due: &[Delivery]) -> Vec<(&str, Option<&str>)> {
    due.iter()
        .map(|delivery| (delivery.name, delivery.referral.as_deref()))
        .collect()
}

/// Everything that is due is taken.
fn drain(world: &World) -> Vec<Delivery> {
    let due = world.center.due_deliveries(world.now());
    for delivery in &due {
        assert!(world.center.answered(delivery.id, Some(200)));
    }
    due
}

#[tokio::test]
async fn every_change_is_told_whoever_made_it() {
    let world = World::new();
    world.center.create(lead());
    assert!(drain(&world).is_empty(), "nobody registered");
    world.center.register(CALLBACK, true);
    let id = world.center.create(lead());
    world
        .center
        .edit(&id, &[("/details/notes", "by Microsoft".into())]);
    assert_eq!(world.go(&id, "Active", "Accepted").await.status, 204);
    assert_eq!(world.go(&id, "New", "Pending").await.status, 400);
    let due = drain(&world);
    let id = Some(id.as_str());
    assert_eq!(
        told(&due),
        [
            ("referral-created", id),
            ("referral-updated", id),
            ("referral-updated", id)
        ]
    );
    assert!(
        due.iter()
            .all(|delivery| delivery.url == CALLBACK && delivery.attempt == 1)
    );
    assert_eq!(world.center.delivered_events().len(), 3);
}

#[tokio::test]
async fn an_event_is_a_pointer_as_documented() {
    let world = World::new();
    world.center.register(CALLBACK, true);
    let id = world.center.create(lead());
    let body: Value = serde_json::from_slice(&drain(&world)[0].body).unwrap();
    let mut expected = sample!("webhook_event_referral_created");
    expected["ResourceUri"] = format!("{CENTER}/engagements/v1/referrals/{id}").into();
    expected["ResourceChangeUtcDate"] = "2024-05-01T08:15:30.1234567+00:00".into();
    assert_eq!(body, expected);
}

#[tokio::test]
async fn the_others_of_an_engagement_are_told_as_related() {
    let world = World::new();
    world.center.register(CALLBACK, true);
    let ours = world.center.create(NewReferral::co_sell("ada@fabrikam.example"));
    let theirs = world.center.other_side(&ours).unwrap();
    let (ours, theirs) = (Some(ours.as_str()), Some(theirs.as_str()));
    assert_eq!(
        told(&drain(&world)),
        [("referral-created", ours), ("related-referral-created", theirs)]
    );
    let change = [("/details/notes", json!("by a seller"))];
    world.center.edit(theirs.unwrap(), &change);
    assert_eq!(told(&drain(&world)), [("related-referral-updated", theirs)]);
    world.center.edit(ours.unwrap(), &change);
    assert_eq!(told(&drain(&world)), [("referral-updated", ours)]);
    world
        .center
        .set(|settings| settings.related_event = RelatedEvent::TheOwn);
    world.center.close(theirs.unwrap(), "Won", None);
    assert_eq!(told(&drain(&world)), [("related-referral-updated", ours)]);
    assert_eq!(
        world.center.stage(ours.unwrap()).unwrap().status,
        "New",
        "closing one side closes no other"
    );
}

#[tokio::test]
async fn ten_attempts_are_made_at_their_times_and_none_after_them() {
    let world = World::new();
    world.center.register(CALLBACK, true);
    world.center.create(lead());
    let begun = world.now();
    let mut attempts = Vec::new();
    while let Some(next) = world.center.next_delivery() {
        world.pass((next - world.now()).num_seconds());
        for delivery in world.center.due_deliveries(world.now()) {
            attempts.push(((world.now() - begun).num_seconds(), delivery.attempt));
            assert!(world.center.answered(delivery.id, Some(503)));
        }
    }
    let seconds = [0, 10, 30, 60, 120, 240, 480, 960, 1800, 3600];
    let expected: Vec<(i64, u32)> = seconds.into_iter().zip(1..).collect();
    assert_eq!(attempts, expected);
    world.pass(100_000);
    assert!(world.center.due_deliveries(world.now()).is_empty());
    let offline = world.center.offline_events();
    assert_eq!((offline.len(), offline[0].attempts.len()), (1, 10));
}

#[tokio::test]
async fn silence_for_ten_seconds_is_a_failed_attempt_and_a_late_answer_is_nobodys() {
    let world = World::new();
    world.center.register(CALLBACK, true);
    world.center.create(lead());
    let first = world.center.due_deliveries(world.now());
    world.pass(9);
    assert!(
        world.center.due_deliveries(world.now()).is_empty(),
        "it is still out"
    );
    world.pass(1);
    let second = world.center.due_deliveries(world.now());
    assert_eq!((second.len(), second[0].attempt), (1, 2));
    assert_eq!(
        (second[0].event, &second[0].body),
        (first[0].event, &first[0].body)
    );
    assert!(!world.center.answered(first[0].id, Some(200)));
    assert!(world.center.answered(second[0].id, Some(204)));
    let event = &world.center.delivered_events()[0];
    assert_eq!(event.attempts[0].status, None);
    assert_eq!(event.attempts[1].at - event.raised, TimeDelta::seconds(10));
}

#[tokio::test]
async fn events_of_a_daemon_go_to_whoever_registered_last_and_nowhere_without_one() {
    let world = World::new();
    world.center.register(CALLBACK, true);
    world.center.create(lead());
    world.center.register("https://other.example/hook", false);
    assert_eq!(
        world.center.due_deliveries(world.now())[0].url,
        "https://other.example/hook"
    );
    world.center.unregister();
    world.pass(10);
    assert!(world.center.due_deliveries(world.now()).is_empty());
    assert_eq!(world.center.offline_events().len(), 1);
}

#[tokio::test]
async fn everything_due_is_posted_by_whatever_posts() {
    let world = World::new();
    world.center.register(CALLBACK, true);
    for _ in 0..3 {
        world.center.create(lead());
    }
    let post = |delivery: Delivery| async move { (delivery.event != 2).then_some(200) };
    assert_eq!(world.center.deliver_once(post).await, 3);
    assert_eq!(world.center.delivered_events().len(), 2);
    assert_eq!(world.center.deliver_once(post).await, 0);
    world.pass(10);
    assert_eq!(world.center.deliver_once(|_| async { Some(200) }).await, 1);
}
