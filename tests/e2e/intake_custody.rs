//! What was answered 200 is on disk, and nothing else is answered 200.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use leadsync::store::Store;
use tokio::task::JoinSet;

use crate::intake_house::{House, ask, lead_path, post};

/// Posts `leads` bodies from many senders at once; those that were acknowledged.
async fn crowd(house: &Arc<House>, round: usize, leads: usize) -> BTreeSet<String> {
    let mut senders = JoinSet::new();
    for sender in 0..16 {
        let house = Arc::clone(house);
        senders.spawn(async move {
            let mut acknowledged = Vec::new();
            for lead in 0..leads.div_ceil(16) {
                let body = format!("{{\"id\":\"{round}-{sender}-{lead}\"}}");
                let answer = ask(house.address, &post(&lead_path(), &body)).await;
                if answer.starts_with("HTTP/1.1 200") {
                    acknowledged.push(body);
                }
            }
            acknowledged
        });
    }
    senders.join_all().await.into_iter().flatten().collect()
}

async fn on_disk(house: &House) -> BTreeSet<String> {
    let unsettled = house.store.unsettled(10_000).await.unwrap();
    let bodies = unsettled
        .into_iter()
        .map(|lead| String::from_utf8(lead.arrival.raw.body.to_vec()));
    bodies.map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_lead_is_there_when_the_store_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("leads.db");
    let house = Arc::new(House::open(&file));
    let acknowledged = crowd(&house, 0, 320).await;
    assert_eq!(acknowledged.len(), 320);
    assert_eq!(on_disk(&house).await, acknowledged);

    let copy = dir.path().join("copy.db");
    for suffix in ["", "-wal"] {
        let from = dir.path().join(format!("leads.db{suffix}"));
        std::fs::copy(from, format!("{}{suffix}", copy.display())).unwrap();
    }
    let again = House::open(&copy);
    assert_eq!(on_disk(&again).await, acknowledged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_the_database_file_is_gone_no_lead_is_acknowledged_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("leads.db");
    let house = Arc::new(House::open(&file));
    assert_eq!(crowd(&house, 0, 32).await.len(), 32);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(crowd(&house, 1, 320).await, BTreeSet::new());
}

#[tokio::test]
async fn an_unreadable_body_is_counted_as_refused_by_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(&dir.path().join("leads.db"));
    let answer = ask(house.address, &post(&lead_path(), "{\"a\":1,}")).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let totals = house.store.totals().await.unwrap();
    assert_eq!((totals.refused, totals.accepted), (1, 0));
}

/// T1: the middle of many answers, wrong secrets and unknown paths in turn, in nanoseconds.
async fn medians(house: &House) -> (f64, f64) {
    let wrong = post("/v1/leads/web/canary-secret-0123456789abcdeX", "{}");
    let unknown = post("/v1/other/web/canary-secret-0123456789abcdeX", "{}");
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..1_000_usize {
        let request = if round.is_multiple_of(2) { &wrong } else { &unknown };
        let begun = Instant::now();
        let answer = ask(house.address, request).await;
        times[round % 2].push(begun.elapsed().as_secs_f64());
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    }
    let [wrong, unknown] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    (wrong, unknown)
}

#[tokio::test]
async fn a_wrong_secret_takes_as_long_as_a_path_that_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(&dir.path().join("leads.db"));
    let mut seen = Vec::new();
    // A busy machine disturbs single rounds; a real difference shows in all of them.
    for _ in 0..8 {
        let (wrong, unknown) = medians(&house).await;
        if (wrong / unknown - 1.0).abs() < 0.05 {
            return;
        }
        seen.push((wrong, unknown));
    }
    panic!("the difference shows every time: {seen:?}");
}
