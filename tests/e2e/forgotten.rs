//! A person is forgotten at any moment of a lead's way: nothing is left, and nothing follows (F79, I17).

use std::sync::Arc;

use chrono::TimeDelta;
use connector_kit::ErrorKind;
use connector_kit::ids::AccountName;
use leadsync::erase::ByAddress;
use leadsync::store::{ForgetOrder, Held, Store, Traces};

use crate::world::{ACCOUNT, Answer, Posted, World, failing, lead, reader};

const ADA: &str = "ada.canary@example.com";

fn ada() -> Posted {
    lead(ADA)
}

async fn forget(world: &World) -> Traces {
    let seeker = ByAddress::new(ADA, vec![AccountName::new(ACCOUNT)], reader()).unwrap();
    let order = ForgetOrder {
        seeker: Some(Arc::new(seeker)),
        leads: Vec::new(),
        account: None,
        new_key: [7; 32],
        dry_run: false,
    };
    world.store().forget(order, world.now()).await.unwrap()
}

fn assert_no_byte_is_left(world: &World, what: &str) {
    let mut files = 0;
    for entry in std::fs::read_dir(world.home()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        let is_there = bytes.windows(ADA.len()).any(|window| window == ADA.as_bytes());
        assert!(!is_there, "{what}: {}", path.display());
        files += 1;
    }
    assert!(files > 1, "there is a store to look at");
}

// F79
#[tokio::test]
async fn whenever_a_person_on_the_way_is_forgotten_nothing_follows() {
    let answers = [
        Answer::Takes,
        Answer::Fails(failing(ErrorKind::Broken)),
        Answer::Fails(failing(ErrorKind::Unreachable)),
        Answer::Fails(failing(ErrorKind::Rejected)),
        Answer::TakesAndFails(failing(ErrorKind::Unreachable)),
    ];
    for answer in answers {
        for dies_at in 1.. {
            let what = format!("{answer:?}, death at {dies_at}");
            let mut world = World::start().await;
            world.send(&ada()).await;
            world.crm.answer_next(1, &answer);
            world.death().comes_at(dies_at);
            let died = world.run_until_it_dies().await;
            let traces = forget(&world).await;
            assert!(traces.is_swept && !traces.is_empty(), "{what}: {traces:?}");
            assert_no_byte_is_left(&world, &what);
            let calls = world.crm.call_count();
            world.advance(TimeDelta::days(2)).await;
            assert_eq!(world.crm.call_count(), calls, "{what}");
            assert_no_byte_is_left(&world, &what);
            let totals = world.totals().await;
            assert_eq!(totals.suppressed_forgotten + totals.forgotten, 1, "{what}");
            if !died {
                break;
            }
        }
    }
}

// F79
#[tokio::test]
async fn a_call_that_is_out_is_named_and_its_answer_writes_nothing() {
    for answer in [Answer::Waits, Answer::TakesAndWaits] {
        let mut world = World::start().await;
        world.crm.answer_next(1, &answer);
        world.send(&ada()).await;
        let mut busy = world.take_out("deliver crm 0");
        world.run_until_idle().await;
        let now = world.now();
        let mut call = busy.step(now);
        assert!(futures_util::poll!(call.as_mut()).is_pending());
        let traces = forget(&world).await;
        assert_eq!(traces.leads[0].copies[0].held, Held::UnderWay);
        world.crm.let_go();
        call.await.unwrap();
        world.put_in(busy);
        world.run_until_idle().await;
        world.advance(TimeDelta::days(2)).await;
        assert_eq!(world.crm.call_count(), 1, "{answer:?}");
        assert_no_byte_is_left(&world, &format!("{answer:?}"));
        let story = world.store().lead(traces.leads[0].id).await.unwrap().unwrap();
        assert_eq!(
            (story.row.fate.as_str(), story.deliveries.len()),
            ("suppressed: forgotten", 0)
        );
    }
}

// F79
#[tokio::test]
async fn what_a_retry_or_a_poll_brings_again_stays_out_and_who_comes_back_is_new() {
    let mut world = World::start().await;
    world.send(&ada()).await;
    world.run_until_idle().await;
    let before = world.now();
    world.advance(TimeDelta::hours(1)).await;
    let gone = forget(&world).await.leads.remove(0).id;
    let calls = world.crm.call_count();
    world.send(&ada()).await;
    world.take_in_said_at(&ada().with("contoso.other"), before).await;
    world.run_until_idle().await;
    let totals = world.totals().await;
    assert_eq!((totals.forgotten, totals.leads), (2, 1));
    assert_eq!(world.crm.call_count(), calls);

    world.advance(TimeDelta::days(30)).await;
    world.send(&ada()).await;
    world.run_until_idle().await;
    assert_eq!(world.totals().await.leads, 2);
    assert_eq!(world.fate(ADA).await, "delivered");
    assert_eq!(world.crm.call_count(), calls + 1);
    assert!(
        world
            .store()
            .lead(gone)
            .await
            .unwrap()
            .unwrap()
            .deliveries
            .is_empty()
    );
}

// F79, F80
#[tokio::test]
async fn who_forbade_contact_and_was_forgotten_is_not_contacted_when_they_come_back() {
    let mut world = World::start().await;
    world.send(&ada()).await;
    world.run_until_idle().await;
    world.send(&ada().did("DNC")).await;
    world.run_until_idle().await;
    forget(&world).await;
    assert_no_byte_is_left(&world, "forbidden");
    let calls = world.crm.call_count();

    world.advance(TimeDelta::days(30)).await;
    world.send(&ada()).await;
    world.run_until_idle().await;
    assert_eq!(world.fate(ADA).await, "suppressed: do not contact");
    assert_eq!(world.crm.call_count(), calls);

    forget(&world).await;
    world.advance(TimeDelta::days(30)).await;
    world.send(&ada()).await;
    world.run_until_idle().await;
    assert_eq!(
        world.fate(ADA).await,
        "suppressed: do not contact",
        "also the second time"
    );
}
