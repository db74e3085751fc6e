//! One lead that our own code or a destination cannot stomach, among many it must not harm.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use connector_kit::ErrorKind;
use leadsync::settle::Reader;
use leadsync::store::{DeadLetterAct, DeadLetterFilter, Store};

use crate::world::{Plan, World, failing, lead, reader};

const POISON: &str = "person500@example.com";

async fn take_in_a_thousand(world: &mut World) {
    world
        .take_in((0..1_000).map(|n| lead(format!("person{n}@example.com"))))
        .await;
}

fn is_poison(body: &[u8]) -> bool {
    body.windows(POISON.len())
        .any(|window| window == POISON.as_bytes())
}

// F07
#[tokio::test]
async fn a_panic_over_one_lead_quarantines_it_and_the_other_999_arrive() {
    let ordinary = reader();
    let planted: Reader = Arc::new(move |arrival| {
        assert!(!is_poison(&arrival.raw.body), "planted");
        ordinary(arrival)
    });
    let mut world = World::with(Plan {
        reader: Some(planted),
        ..Plan::default()
    })
    .await;
    take_in_a_thousand(&mut world).await;
    world.run_until_idle().await;

    let totals = world.totals().await;
    assert_eq!((totals.delivered, totals.quarantined), (999, 1));
    assert_eq!((world.deaths, world.store_errors), (0, 0));
    world.assert_all_settled().await;
}

// F08
#[tokio::test]
async fn a_lead_that_kills_the_process_is_quarantined_after_six_deaths() {
    let ordinary = reader();
    let opened = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&opened);
    let mut world = World::start().await;
    let death = world.death().clone();
    world.read_with(Arc::new(move |arrival| {
        if is_poison(&arrival.raw.body) {
            count.fetch_add(1, Ordering::SeqCst);
            death.comes();
        }
        ordinary(arrival)
    }));
    world.restart(false).await;
    take_in_a_thousand(&mut world).await;
    world.run_until_idle().await;

    let totals = world.totals().await;
    assert_eq!((totals.delivered, totals.quarantined), (999, 1));
    // Once among all, once in a group, four times alone: fewer would blame the innocent (F01).
    assert!(world.deaths <= 6, "{} deaths", world.deaths);
    assert_eq!(opened.load(Ordering::SeqCst), world.deaths);
    world.assert_all_settled().await;
}

// F08
#[tokio::test]
async fn one_unlucky_death_quarantines_nobody() {
    let mut world = World::start().await;
    take_in_a_thousand(&mut world).await;
    for moment in [7, 5, 30] {
        world.death().comes_at(moment);
        assert!(world.run_until_it_dies().await, "everything was done before");
    }
    world.run_until_idle().await;
    assert_eq!(world.totals().await.quarantined, 0);
    assert_eq!(world.totals().await.delivered, 1_000);
    world.assert_all_settled().await;
}

// F42, G10
#[tokio::test]
async fn a_lead_its_destination_refuses_is_a_dead_letter_and_the_other_999_arrive() {
    let mut world = World::start().await;
    let error = failing(ErrorKind::Rejected).hint("field title is longer than 40 characters");
    world.crm.refuse(POISON, error);
    take_in_a_thousand(&mut world).await;
    world.run_until_idle().await;

    let calls = world.crm.call_count();
    assert!(calls <= 17, "{calls} calls");
    assert_eq!(world.totals().await.delivered, 999);
    let letters = world
        .store()
        .dead_letters(DeadLetterFilter::default())
        .await
        .unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].failure.kind, ErrorKind::Rejected);
    assert_eq!(
        letters[0].failure.hint,
        "field title is longer than 40 characters"
    );
    world.assert_all_settled().await;

    // Nobody corrected anything: requeueing it costs one call and ends the same way.
    assert_eq!(act(&world, DeadLetterAct::Requeue).await, 1);
    world.run_until_idle().await;
    assert_eq!(world.crm.call_count(), calls + 1);
    assert_eq!(world.dead_letter_kinds().await, [ErrorKind::Rejected]);

    world.crm.accept(POISON);
    assert_eq!(act(&world, DeadLetterAct::Requeue).await, 1);
    world.run_until_idle().await;
    assert_eq!(world.totals().await.delivered, 1_000);
    assert_eq!(world.totals().await.dead, 0);
    world.assert_all_settled().await;
}

#[tokio::test]
async fn a_dead_letter_that_is_discarded_stays_where_it_is() {
    let mut world = World::start().await;
    world.crm.refuse(POISON, failing(ErrorKind::Rejected));
    world.send(&lead(POISON)).await;
    world.run_until_idle().await;
    assert_eq!(act(&world, DeadLetterAct::Discard).await, 1);
    world.crm.accept(POISON);
    world.advance(chrono::TimeDelta::days(30)).await;
    assert_eq!(world.fate(POISON).await, "discarded");
    assert_eq!(world.crm.record(POISON), None);
    assert_eq!(act(&world, DeadLetterAct::Requeue).await, 0);
    world.assert_all_settled().await;
}

#[tokio::test]
async fn a_person_who_comes_again_gets_a_dead_letter_another_chance() {
    let mut world = World::start().await;
    world.crm.refuse(POISON, failing(ErrorKind::Rejected));
    world.send(&lead(POISON)).await;
    world.run_until_idle().await;
    assert_eq!(world.fate(POISON).await, "dead");

    world.crm.accept(POISON);
    world.send(&lead(POISON).titled("Countess")).await;
    world.run_until_idle().await;
    assert_eq!(world.crm.record(POISON).unwrap().title, "Countess");
    world.assert_all_settled().await;
}

async fn act(world: &World, act: DeadLetterAct) -> u64 {
    let all = DeadLetterFilter::default();
    world
        .store()
        .settle_dead_letters(all, act, world.now())
        .await
        .unwrap()
}
