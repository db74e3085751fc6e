//! Answers that are partial, muddled or missing, and what each delivery makes of them.

use chrono::TimeDelta;
use connector_kit::ErrorKind;
use leadsync::store::faulty::Failing;
use tracing::Level;

use crate::log::Log;
use crate::world::{Answer, Plan, World, failing, lead};

fn person(number: usize) -> String {
    format!("person{number}@example.com")
}

// F43, I9
#[tokio::test]
async fn each_delivery_of_a_call_gets_its_own_answer() {
    let mut world = World::start().await;
    let kinds = [
        ErrorKind::Rejected,
        ErrorKind::Broken,
        ErrorKind::Conflict,
        ErrorKind::Throttled,
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        world.crm.refuse(&person(10 * (number + 1)), failing(kind));
    }
    world.take_in((0..60).map(|n| lead(person(n)))).await;
    world.run_until_idle().await;

    let totals = world.totals().await;
    assert_eq!((totals.delivered, totals.dead, totals.pending), (56, 1, 3));
    for (number, fate) in [(10, "dead"), (20, "pending"), (30, "pending"), (40, "pending")] {
        assert_eq!(world.fate(&person(number)).await, fate);
    }
    world.assert_sound().await;

    world.crm.recover();
    world.advance(TimeDelta::minutes(1)).await;
    assert_eq!(world.dead_letter_kinds().await, [ErrorKind::Rejected]);
    assert_eq!(world.fate(&person(10)).await, "dead");
    assert_eq!(world.totals().await.delivered, 59);
    world.assert_all_settled().await;
}

// F44
#[tokio::test]
async fn a_receipt_that_did_not_come_belongs_to_no_lead() {
    for mentioned in [0, 1, 5, 9] {
        let mut world = World::start().await;
        world.crm.answer_next(1, &Answer::Mentions(mentioned));
        world.take_in((0..10).map(|n| lead(person(n)))).await;
        world.run_until_idle().await;
        let delivered = usize::try_from(world.totals().await.delivered).unwrap();
        assert_eq!(delivered, mentioned);

        world.advance(TimeDelta::minutes(1)).await;
        assert_eq!(world.crm.call_count(), 2);
        assert_eq!(
            world.crm.calls()[1].about.len(),
            10 - mentioned,
            "only those without a receipt"
        );
        world.assert_all_settled().await;
    }
}

// F44
#[tokio::test]
async fn receipts_nobody_asked_for_are_ignored() {
    let mut world = World::start().await;
    world.crm.answer_next(1, &Answer::Babbles);
    world.take_in((0..10).map(|n| lead(person(n)))).await;
    world.run_until_idle().await;
    assert_eq!(world.totals().await.receipts, 10);
    world.assert_all_settled().await;
}

#[tokio::test]
async fn a_connector_that_panics_costs_an_attempt_and_no_lead() {
    for answer in [Answer::Panics, Answer::TakesAndPanics] {
        let mut world = World::start().await;
        world.crm.answer_next(2, &answer);
        world.take_in((0..10).map(|n| lead(person(n)))).await;
        world.run_until_idle().await;
        assert_eq!(world.totals().await.pending, 10);
        world.advance(TimeDelta::minutes(10)).await;
        assert_eq!(world.totals().await.delivered, 10);
        world.assert_all_settled().await;
    }
}

// F30
#[tokio::test]
async fn an_answer_lost_on_its_way_makes_no_second_record() {
    let mut world = World::start().await;
    world
        .crm
        .answer_next(5, &Answer::TakesAndFails(failing(ErrorKind::Unreachable)));
    world.take_in((0..100).map(|n| lead(person(n)))).await;
    world.advance(TimeDelta::minutes(5)).await;
    assert_eq!(world.crm.records().len(), 100);
    world.assert_all_settled().await;
}

/// Everything the log said.
#[tokio::test]
async fn that_a_destination_is_parked_is_told_once_it_is_written_whichever_call_of_the_store_fails() {
    let mut failed = 0;
    for nth in 1.. {
        let log = Log::listen(Level::INFO);
        let mut world = World::with(Plan {
            fault: Some((nth, Failing::Before)),
            ..Plan::default()
        })
        .await;
        world.crm.always(Answer::Fails(failing(ErrorKind::Unauthorized)));
        world.send(&lead("ada@example.com")).await;
        // Longer than a lease: what was called and not written is called again.
        world.advance(TimeDelta::minutes(3)).await;
        if world.store_calls() < nth {
            break;
        }
        let parked = log.count("destination_parked");
        assert_eq!(parked, 1, "call {nth} failing: {}", log.text());
        failed += 1;
    }
    assert!(failed > 5, "it makes only {failed} calls");
}
