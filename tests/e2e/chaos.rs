//! Anything, in any order: posts, faults, deaths and the passing of time; then calm.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use connector_kit::{ErrorKind, LeadId};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::world::{Answer, Plan, Posted, World, failing, lead};

const ACTIONS: [&str; 5] = ["INS", "PLT", "StartTestDrive", "Create", "DNC"];

/// What may happen next.
#[derive(Clone, Debug)]
enum Event {
    /// A person does something with an offer.
    Post {
        who: u8,
        action: usize,
        offer: u8,
        title: u8,
    },
    /// One worker steps.
    Step(usize),
    /// Everybody works until nobody has anything to do.
    Run,
    /// The next call is answered like this.
    Answer(Answer),
    /// The process dies so many moments from now.
    Die(u64),
    /// Time passes, without anybody's working.
    Wait(i64),
    /// The process is stopped and started in order.
    Restart,
    /// An operator releases the destination.
    Release,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..4_u8, 0..ACTIONS.len(), 0..2_u8, 0..3_u8)
            .prop_map(|(who, action, offer, title)| Event::Post { who, action, offer, title }),
        8 => (0..3_usize).prop_map(Event::Step),
        2 => Just(Event::Run),
        4 => answer().prop_map(Event::Answer),
        2 => (1..20_u64).prop_map(Event::Die),
        3 => prop_oneof![0..10_i64, 10..200_i64, 3_600..100_000_i64].prop_map(Event::Wait),
        1 => Just(Event::Restart),
        1 => Just(Event::Release),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    let kind = prop_oneof![
        Just(ErrorKind::Throttled),
        Just(ErrorKind::Unreachable),
        Just(ErrorKind::Broken),
        Just(ErrorKind::Conflict),
        Just(ErrorKind::Unauthorized),
    ];
    // Only who was not reached, or broke, may have written and not said so.
    let unclear = prop_oneof![Just(ErrorKind::Unreachable), Just(ErrorKind::Broken)];
    prop_oneof![
        4 => kind.prop_map(|kind| Answer::Fails(failing(kind))),
        3 => unclear.prop_map(|kind| Answer::TakesAndFails(failing(kind))),
        1 => Just(Answer::Mentions(0)),
        1 => Just(Answer::Mentions(1)),
    ]
}

fn posted(who: u8, action: usize, offer: u8, title: u8) -> Posted {
    lead(format!("person{who}@example.com"))
        .did(ACTIONS[action])
        .with(["contoso.analytics", "contoso.backup"][usize::from(offer)])
        .titled(["Analyst", "Countess", "Engineer"][usize::from(title)])
}

async fn happen(world: &mut World, event: Event) {
    match event {
        Event::Post {
            who,
            action,
            offer,
            title,
        } => world.send(&posted(who, action, offer, title)).await,
        Event::Step(worker) => world.step_or_die(worker).await,
        Event::Run => _ = world.run_until_idle().await,
        Event::Answer(answer) => world.crm.answer_next(1, &answer),
        Event::Die(moments) => world.death().comes_at(moments),
        Event::Wait(seconds) => world.clock.advance(TimeDelta::seconds(seconds)),
        Event::Restart => world.restart(false).await,
        Event::Release => _ = world.release().await,
    }
}

async fn live(events: Vec<Event>) {
    let mut world = World::with(Plan {
        batch_limit: 2,
        workers: 2,
        ..Plan::default()
    })
    .await;
    let mut revisions: BTreeMap<LeadId, u32> = BTreeMap::new();
    for event in events {
        happen(&mut world, event).await;
        world.assert_sound().await;
        for row in world.leads().await {
            let before = revisions.insert(row.lead.id, row.revision).unwrap_or_default();
            assert!(before <= row.revision, "a revision went back");
        }
    }
    world.death().revive();
    world.crm.recover();
    world.release().await;
    world.advance(TimeDelta::days(3)).await;
    world.assert_all_settled().await;
    assert_eq!(world.totals().await.dead, 0);
}

// I1 to I5, I8, I9, L1
#[test]
fn after_any_storm_every_lead_is_where_it_belongs_once() {
    let config = ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let storms = proptest::collection::vec(event(), 1..40);
    TestRunner::new(config)
        .run(&storms, |events| {
            runtime.block_on(live(events));
            Ok(())
        })
        .unwrap();
}
