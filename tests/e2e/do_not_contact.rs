//! Do-not-contact is a gate: before, during and after a delivery (T17, F80, I5).

use chrono::TimeDelta;
use connector_kit::{ErrorKind, EventKind};
use leadsync::deliver::Patience;
use leadsync::store::{DeadLetterAct, DeadLetterFilter, Store};

use crate::world::{Answer, Plan, Posted, World, failing, lead};

const ADA: &str = "ada@example.com";

fn ada() -> Posted {
    lead(ADA)
}

fn forbidden() -> Posted {
    ada().did("DNC")
}

/// Nobody may contact her, wherever she is held.
async fn assert_marked_or_absent(world: &World, what: &str) {
    assert_eq!(world.crm.contactable(), Vec::<String>::new(), "{what}");
    assert_eq!(world.fate(ADA).await, "suppressed: do not contact", "{what}");
    world.assert_all_settled().await;
}

// T17
#[tokio::test]
async fn who_asks_before_the_first_delivery_never_reaches_a_destination() {
    let mut world = World::start().await;
    world.crm.always(Answer::Fails(failing(ErrorKind::Throttled)));
    world.send(&ada()).await;
    world.run_until_idle().await;
    world.send(&forbidden()).await;
    world.crm.recover();
    let refused = world.crm.call_count();
    world.advance(TimeDelta::hours(1)).await;
    assert_eq!(world.crm.call_count(), refused, "a call was made about her");
    assert_eq!(world.crm.record(ADA), None);
    assert_eq!(world.totals().await.withheld, 1);
    assert_marked_or_absent(&world, "before").await;
}

// T17
#[tokio::test]
async fn who_never_wanted_contact_is_no_delivery_at_all() {
    let mut world = World::start().await;
    world.send(&forbidden()).await;
    world.send(&ada()).await;
    world.send(&ada().titled("Countess")).await;
    world.advance(TimeDelta::hours(1)).await;
    assert_eq!(world.crm.call_count(), 0);
    assert_marked_or_absent(&world, "at once").await;
}

// F80
#[tokio::test]
async fn who_asks_after_delivery_is_marked_there_and_stays_so() {
    let mut world = World::start().await;
    world.send(&ada()).await;
    world.run_until_idle().await;
    assert_eq!(world.crm.contactable(), [ADA]);

    world.send(&forbidden()).await;
    world.run_until_idle().await;
    let calls = world.crm.calls();
    assert_eq!(
        calls.last().unwrap().about,
        [(ADA.to_owned(), EventKind::Suppressed)]
    );
    assert_marked_or_absent(&world, "after").await;

    for later in [
        ada(),
        ada().with("contoso.backup"),
        ada().did("PLT"),
        ada().titled("Countess"),
    ] {
        world.send(&later).await;
        world.advance(TimeDelta::hours(30)).await;
        assert_marked_or_absent(&world, "much later").await;
    }
}

// F80
#[tokio::test]
async fn who_asks_while_a_call_is_under_way_is_marked_after_one_more_cycle() {
    for answer in [Answer::Waits, Answer::TakesAndWaits] {
        for settled in [true, false] {
            let mut world = World::start().await;
            world.crm.answer_next(1, &answer);
            world.send(&ada()).await;
            let mut busy = world.take_out("deliver crm 0");
            world.run_until_idle().await;
            let now = world.now();
            let mut call = busy.step(now);
            assert!(futures_util::poll!(call.as_mut()).is_pending());
            world.send(&forbidden()).await;
            if settled {
                world.run_until_idle().await;
            }
            world.crm.let_go();
            call.await.unwrap();
            world.put_in(busy);
            world.run_until_idle().await;
            assert!(!world.crm.record(ADA).unwrap().contactable);
            assert_marked_or_absent(&world, &format!("{answer:?}, settled: {settled}")).await;
        }
    }
}

// F80: between any two moments of the way to the first delivery, whatever its answer.
#[tokio::test]
async fn whenever_who_is_on_the_way_asks_she_is_not_contactable_in_the_end() {
    let answers = [
        Answer::Takes,
        Answer::Fails(failing(ErrorKind::Broken)),
        Answer::Fails(failing(ErrorKind::Unreachable)),
        Answer::TakesAndFails(failing(ErrorKind::Unreachable)),
        Answer::TakesAndFails(failing(ErrorKind::Broken)),
        Answer::TakesAndPanics,
        Answer::Mentions(0),
    ];
    for answer in answers {
        for dies_at in 1.. {
            let mut world = World::start().await;
            world.send(&ada()).await;
            world.crm.answer_next(1, &answer);
            world.death().comes_at(dies_at);
            let died = world.run_until_it_dies().await;
            world.send(&forbidden()).await;
            world.advance(TimeDelta::hours(1)).await;
            assert_marked_or_absent(&world, &format!("{answer:?}, death at {dies_at}")).await;
            if !died {
                break;
            }
        }
    }
}

// F80
#[tokio::test]
async fn the_gate_is_asked_again_between_lease_and_call() {
    let mut world = World::start().await;
    world.send(&ada()).await;
    let mut worker = world.take_out("deliver crm 0");
    world.run_until_idle().await;
    world.send(&forbidden()).await;
    let settle = world.take_out("settle");
    world.let_in_before_the_gate_answers(settle);
    let now = world.now();
    worker.step(now).await.unwrap();
    assert_eq!(world.crm.call_count(), 0, "written after she had asked");
    world.put_in(worker);
    world.run_until_idle().await;
    assert_eq!(world.crm.record(ADA), None);
    world.assert_sound().await;
}

// F80
#[tokio::test]
async fn a_dead_letter_that_may_have_been_written_is_marked_and_not_forgotten() {
    let mut world = World::with(Plan {
        patience: Patience {
            schedule: Vec::new(),
            ..Patience::default()
        },
        ..Plan::default()
    })
    .await;
    world
        .crm
        .answer_next(1, &Answer::TakesAndFails(failing(ErrorKind::Broken)));
    world.send(&ada()).await;
    world.run_until_idle().await;
    assert_eq!(world.fate(ADA).await, "dead");
    world.send(&forbidden()).await;
    world.run_until_idle().await;
    assert_marked_or_absent(&world, "dead").await;
}

#[tokio::test]
async fn a_dead_letter_of_who_must_not_be_contacted_is_not_revived_by_a_requeue() {
    let mut world = World::start().await;
    world.crm.refuse(ADA, failing(ErrorKind::Rejected));
    world.send(&ada()).await;
    world.run_until_idle().await;
    world.crm.accept(ADA);
    world.send(&forbidden()).await;
    let all = DeadLetterFilter::default();
    let now = world.now();
    world
        .store()
        .settle_dead_letters(all, DeadLetterAct::Requeue, now)
        .await
        .unwrap();
    world.advance(TimeDelta::hours(1)).await;
    assert_eq!(world.crm.record(ADA), None);
    assert_marked_or_absent(&world, "requeued").await;
}
