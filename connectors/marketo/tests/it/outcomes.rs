//! What became of leads, as the change feed tells it.

use chrono::{DateTime, Utc};
use connector_kit::conformance::leads::delivery;
use connector_kit::{Checkpoint, ErrorKind, Outcome, Stage, Subject};
use leadsync_sim::marketo::Permissions;
use serde_json::Value;

use crate::world::{World, deliver, email};

/// An instance with so many of our leads, and their ids there.
async fn holding(count: u32, more: &str) -> (World, Vec<u64>) {
    let world = World::with(more).await;
    let destination = world.destination();
    for number in 0..count {
        deliver(&destination, &delivery(number)).await.unwrap();
    }
    let ids = (0..count).map(|number| world.person(&email(number))["id"].as_u64().unwrap());
    let ids = ids.collect();
    (world, ids)
}

/// Asks to the end, by a process that remembers nothing but the checkpoint.
async fn read(world: &World, mut after: Option<Checkpoint>) -> (Vec<Outcome>, Option<Checkpoint>) {
    let mut all = Vec::new();
    loop {
        let batch = world
            .outcome_source()
            .outcomes(after.as_ref(), 100)
            .await
            .unwrap();
        all.extend(batch.items);
        after = batch.next.or(after);
        if !batch.more {
            return (all, after);
        }
    }
}

#[tokio::test]
async fn a_status_is_told_as_what_it_means_with_the_lead_the_record_and_the_moment() {
    let (world, ids) = holding(6, "status = { 'Sold!' = 'won' }").await;
    let says = [
        ("Working", Stage::Accepted),
        ("Disqualified", Stage::Declined),
        ("Closed - Won", Stage::Won),
        ("Closed - Lost", Stage::Lost),
        ("sold!", Stage::Won),
        ("Undecided", Stage::Open),
    ];
    for (id, (status, _)) in ids.iter().zip(says) {
        world.advance(60);
        world.marketo.edit(*id, "leadStatus", status);
    }
    let (outcomes, _) = read(&world, None).await;
    let noon: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();
    assert_eq!(outcomes.len(), 6);
    for (number, (status, stage)) in (0..).zip(says) {
        let outcome = &outcomes[number];
        assert_eq!(
            outcome.lead,
            Some(delivery(u32::try_from(number).unwrap()).lead.id)
        );
        assert_eq!(
            (outcome.record.0.clone(), outcome.subject),
            (ids[number].to_string(), Subject::Lead)
        );
        assert_eq!((outcome.stage, outcome.state.as_str()), (stage, status));
        let minutes = i64::try_from(number).unwrap() + 1;
        assert_eq!(
            outcome.changed_at,
            noon + chrono::TimeDelta::minutes(minutes),
            "in both forms of a date"
        );
    }
}

#[tokio::test]
async fn a_checkpoint_is_json_and_goes_on_where_it_was_in_another_process() {
    let (world, ids) = holding(2, "").await;
    world.marketo.edit(ids[0], "leadStatus", "Working");
    let (first, checkpoint) = read(&world, None).await;
    let text = checkpoint.clone().unwrap().0;
    assert!(
        serde_json::from_str::<Value>(&text).unwrap().is_object(),
        "{text}"
    );
    let (again, checkpoint) = read(&world, checkpoint).await;
    assert_eq!((first.len(), again.len()), (1, 0), "nothing new, nothing told");
    world.advance(60);
    world.marketo.edit(ids[1], "leadStatus", "Working");
    let (later, _) = read(&world, checkpoint).await;
    assert_eq!(later.len(), 1);
    assert_eq!(later[0].record.0, ids[1].to_string());
}

#[tokio::test]
async fn a_lost_token_is_replaced_by_one_from_an_hour_before_the_last_change() {
    let (world, ids) = holding(2, "").await;
    world.advance(7_200);
    world.marketo.edit(ids[0], "leadStatus", "Working");
    let (_, checkpoint) = read(&world, None).await;
    world.marketo.forget_paging_tokens();
    world.advance(7_200);
    world.marketo.edit(ids[1], "leadStatus", "Closed - Won");
    let (outcomes, checkpoint) = read(&world, checkpoint).await;
    let told: Vec<_> = outcomes.iter().map(|outcome| outcome.stage).collect();
    assert_eq!(
        told,
        [Stage::Accepted, Stage::Won],
        "the last one again, and what came since"
    );
    let (nothing, _) = read(&world, checkpoint).await;
    assert_eq!(nothing, []);
}

#[tokio::test]
async fn a_checkpoint_nobody_can_read_is_as_good_as_none() {
    let (world, ids) = holding(1, "").await;
    world.marketo.edit(ids[0], "leadStatus", "Working");
    let (outcomes, _) = read(&world, Some(Checkpoint("garbled".into()))).await;
    assert_eq!(outcomes.len(), 1);
}

#[tokio::test]
async fn deleted_leads_are_gone_and_asked_for_once_an_hour() {
    let (world, ids) = holding(2, "").await;
    let (_, checkpoint) = read(&world, None).await;
    world.marketo.delete(ids[0]);
    world.advance(1_800);
    let (soon, checkpoint) = read(&world, checkpoint).await;
    assert_eq!(soon, [], "half an hour later nobody has asked");
    world.advance(1_800);
    let (gone, checkpoint) = read(&world, checkpoint).await;
    assert_eq!(gone.len(), 1);
    assert_eq!(
        (gone[0].stage, gone[0].lead),
        (Stage::Gone, None),
        "the record alone is known"
    );
    assert_eq!(gone[0].record.0, ids[0].to_string());
    world.advance(3_600);
    assert_eq!(read(&world, checkpoint).await.0, []);
}

#[tokio::test]
async fn three_hundred_changes_are_looked_up_in_one_call() {
    let (world, ids) = holding(300, "").await;
    for id in &ids {
        world.marketo.edit(*id, "leadStatus", "Working");
    }
    world.marketo.look_through(10_000);
    let before = world.marketo.calls().len();
    let batch = world.outcome_source().outcomes(None, 300).await.unwrap();
    assert_eq!(batch.items.len(), 300);
    let calls = world.paths().split_off(before);
    assert_eq!(
        calls,
        [
            "GET /rest/v1/activities/pagingtoken.json",
            "GET /rest/v1/activities/leadchanges.json",
            "GET /rest/v1/activities/leadchanges.json",
            "GET /rest/v1/leads.json",
            "GET /rest/v1/activities/deletedleads.json",
        ],
        "where it begins, who is new, who changed, how they stand, who is gone"
    );
}

#[tokio::test]
async fn a_record_without_our_id_and_a_change_of_another_field_are_none_of_ours() {
    let (world, ids) = holding(1, "").await;
    let stranger = world.marketo.add_lead(&[("email", "s@contoso.com")]);
    world.marketo.edit(stranger, "leadStatus", "Working");
    world.marketo.edit(ids[0], "title", "CTO");
    assert_eq!(read(&world, None).await.0, []);
}

#[tokio::test]
async fn without_the_right_to_read_activities_the_operator_is_asked() {
    let (world, _) = holding(1, "").await;
    world.marketo.set_permissions(Permissions {
        activities: false,
        ..Permissions::default()
    });
    let error = world.outcome_source().outcomes(None, 100).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.hint_text().unwrap().contains("permissions"));
}
