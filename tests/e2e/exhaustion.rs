//! Every call of the store and every call of a destination fails once, one after the other.

use chrono::TimeDelta;
use connector_kit::ErrorKind;
use leadsync::store::faulty::Failing;

use crate::world::{Answer, Plan, World, failing, lead};

/// Calls stay small, so that there are many to fail.
fn plan() -> Plan {
    Plan {
        batch_limit: 2,
        workers: 2,
        ..Plan::default()
    }
}

/// Eight posts: new leads, a repeat, a merge, a change of mind before and after delivery, a test.
async fn journey(world: &mut World) {
    let ada = lead("ada@example.com");
    world.send(&ada).await;
    world.send(&lead("bob@example.com").did("PLT")).await;
    world.send(&lead("carol@example.com").did("StartTestDrive")).await;
    world.run_until_idle().await;
    world.send(&ada).await;
    world.send(&ada.with("contoso.backup").titled("Countess")).await;
    world.send(&lead("bob@example.com").did("DNC")).await;
    world.send(&lead("erin@example.com").did("DNC")).await;
    world.send(&lead("MSFT_TEST_1@test.com")).await;
    world.advance(TimeDelta::hours(1)).await;
}

async fn assert_arrived(world: &World, what: &str) {
    assert_eq!(
        world.crm.contactable(),
        ["ada@example.com", "carol@example.com"],
        "{what}"
    );
    let ada = world.crm.record("ada@example.com").unwrap();
    assert_eq!(ada.title, "Countess", "{what}");
    assert_eq!(world.crm.record("erin@example.com"), None, "{what}");
    assert_eq!(world.fate("bob@example.com").await, "suppressed: do not contact");
    assert_eq!(world.totals().await.dead, 0, "{what}");
    world.assert_all_settled().await;
}

#[tokio::test]
async fn without_any_fault_each_lead_is_written_once_per_revision() {
    let mut world = World::with(plan()).await;
    journey(&mut world).await;
    assert_arrived(&world, "no fault").await;
    assert_eq!(world.crm.record("ada@example.com").unwrap().writes, 2);
    assert_eq!(world.crm.record("carol@example.com").unwrap().writes, 1);
    assert!(!world.crm.record("bob@example.com").unwrap().contactable);
    assert_eq!(world.totals().await.repeats, 1);
}

// F02
#[tokio::test]
async fn whichever_call_of_the_store_fails_every_lead_arrives_once() {
    for failing in [Failing::Before, Failing::After] {
        let mut failed = 0;
        for nth in 1.. {
            let mut world = World::with(Plan {
                fault: Some((nth, failing)),
                ..plan()
            })
            .await;
            journey(&mut world).await;
            if world.store_calls() < nth {
                break;
            }
            assert_arrived(&world, &format!("call {nth} failing {failing:?}")).await;
            failed += 1;
        }
        assert!(failed > 30, "the journey makes only {failed} calls");
    }
}

// F02, F29, F30
#[tokio::test]
async fn whichever_call_of_the_destination_fails_every_lead_arrives_once() {
    let answers = [
        Answer::Fails(failing(ErrorKind::Unreachable)),
        Answer::Fails(failing(ErrorKind::Throttled)),
        Answer::Fails(failing(ErrorKind::Broken)),
        Answer::Fails(failing(ErrorKind::Conflict)),
        Answer::TakesAndFails(failing(ErrorKind::Unreachable)),
        Answer::TakesAndFails(failing(ErrorKind::Broken)),
        Answer::Mentions(0),
        Answer::Mentions(1),
        Answer::Babbles,
        Answer::Panics,
        Answer::TakesAndPanics,
    ];
    for answer in answers {
        let mut failed = 0;
        for nth in 1.. {
            let mut world = World::with(plan()).await;
            world.crm.answer_nth(nth, answer.clone());
            journey(&mut world).await;
            if world.crm.call_count() < nth {
                break;
            }
            assert_arrived(&world, &format!("call {nth} answered {answer:?}")).await;
            failed += 1;
        }
        assert!(failed >= 3, "the journey makes only {failed} calls");
    }
}

// F01, F02
#[tokio::test]
async fn at_whichever_moment_the_process_dies_every_lead_arrives_once() {
    let mut deaths = 0;
    for nth in 1.. {
        let mut world = World::with(plan()).await;
        world.death().comes_at(nth);
        journey(&mut world).await;
        if world.deaths == 0 {
            break;
        }
        assert_arrived(&world, &format!("death at moment {nth}")).await;
        deaths += 1;
    }
    assert!(deaths > 60, "the journey has only {deaths} moments");
}

// F01
#[tokio::test]
async fn a_process_that_dies_again_and_again_gets_on_all_the_same() {
    for step in 1..24 {
        let mut world = World::with(plan()).await;
        let ada = lead("ada@example.com");
        world.send(&ada).await;
        world.send(&lead("carol@example.com")).await;
        for _ in 0..20 {
            world.death().comes_at(step);
            world.run_until_idle().await;
        }
        world.death().revive();
        world.send(&ada.titled("Countess")).await;
        world.advance(TimeDelta::hours(1)).await;
        assert_eq!(world.crm.contactable(), ["ada@example.com", "carol@example.com"]);
        world.assert_all_settled().await;
    }
}
