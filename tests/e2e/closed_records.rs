//! Records that take no more changes: converted, merged or deleted in the CRM.

use chrono::TimeDelta;
use connector_kit::{ErrorKind, EventKind};

use crate::world::{Answer, Posted, World, failing, lead};

const ADA: &str = "ada@example.com";

fn ada() -> Posted {
    lead(ADA)
}

/// Her lead was delivered and then converted, and the next change found that out.
async fn closed() -> World {
    let mut world = World::start().await;
    world.send(&ada()).await;
    world.run_until_idle().await;
    world.crm.convert(ADA);
    world.send(&ada().titled("Countess")).await;
    world.run_until_idle().await;
    assert_eq!(world.fate(ADA).await, "delivered (closed in CRM)");
    world
}

#[tokio::test]
async fn no_revision_follows_into_a_record_that_takes_no_more_changes() {
    let mut world = closed().await;
    let calls = world.crm.call_count();
    for later in [
        ada().titled("Duchess"),
        ada().did("PLT"),
        ada().with("contoso.backup"),
    ] {
        world.send(&later).await;
        world.advance(TimeDelta::hours(1)).await;
    }
    assert_eq!(world.crm.call_count(), calls);
    assert_eq!(world.fate(ADA).await, "delivered (closed in CRM)");
    let totals = world.totals().await;
    assert_eq!((totals.closed, totals.delivered, totals.pending), (1, 0, 0));
    world.assert_all_settled().await;
}

#[tokio::test]
async fn a_closed_record_still_hears_once_that_its_person_must_not_be_contacted() {
    let mut world = closed().await;
    let calls = world.crm.call_count();
    for later in [ada().did("DNC"), ada().titled("Duchess"), ada().did("DNC")] {
        world.send(&later).await;
        world.advance(TimeDelta::hours(30)).await;
    }
    assert_eq!(world.crm.call_count(), calls + 1);
    let said = world.crm.calls()[calls].about.clone();
    assert_eq!(said, [(ADA.to_owned(), EventKind::Suppressed)]);
    assert!(!world.crm.record(ADA).unwrap().contactable);
    world.assert_all_settled().await;
}

#[tokio::test]
async fn who_asks_not_to_be_contacted_while_her_record_turns_out_closed_is_marked_too() {
    let mut world = World::start().await;
    world.send(&ada()).await;
    world.run_until_idle().await;
    world.crm.convert(ADA);
    world.crm.answer_next(1, &Answer::TakesAndWaits);
    world.send(&ada().titled("Countess")).await;
    let mut busy = world.take_out("deliver crm 0");
    world.run_until_idle().await;
    let now = world.now();
    let mut call = busy.step(now);
    assert!(futures_util::poll!(call.as_mut()).is_pending());
    world.send(&ada().did("DNC")).await;
    world.run_until_idle().await;

    world.crm.let_go();
    call.await.unwrap();
    world.put_in(busy);
    world.run_until_idle().await;
    assert!(!world.crm.record(ADA).unwrap().contactable);
    world.assert_all_settled().await;
}

#[tokio::test]
async fn the_word_not_to_contact_somebody_is_repeated_until_the_closed_record_has_it() {
    let mut world = closed().await;
    world
        .crm
        .answer_next(3, &Answer::Fails(failing(ErrorKind::Unreachable)));
    world.send(&ada().did("DNC")).await;
    world.advance(TimeDelta::hours(1)).await;
    assert!(!world.crm.record(ADA).unwrap().contactable);
    world.assert_all_settled().await;
}

#[tokio::test]
async fn whenever_the_process_dies_a_closed_record_is_sent_no_revision() {
    for dies_at in 1.. {
        let mut world = closed().await;
        world.send(&ada().titled("Duchess")).await;
        world.send(&ada().did("DNC")).await;
        world.death().comes_at(dies_at);
        let died = world.run_until_it_dies().await;
        world.advance(TimeDelta::hours(1)).await;
        assert!(!world.crm.record(ADA).unwrap().contactable, "death at {dies_at}");
        world.assert_all_settled().await;
        if !died {
            break;
        }
    }
}
