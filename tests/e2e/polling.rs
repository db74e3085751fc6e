//! Sources that are asked: every row once, and no checkpoint ahead of what is kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::{Clock, ManualClock};
use connector_kit::{Batch, Checkpoint, ConnectorError, ErrorKind, RawFormat, RawLead, Source, SourceName};
use leadsync::store::Store;
use leadsync::store::faulty::Failing;

use crate::world::{POLLED, Plan, World, failing, lead, noon};

const PAGE: usize = 4;

/// How a poll is answered.
enum Page {
    Fails(ConnectorError),
    /// The page before this one again, and the checkpoint where it was.
    Repeats,
    Panics,
}

/// A table of leads, read a few rows at a time.
#[derive(Default)]
struct Table {
    rows: Mutex<Vec<String>>,
    next: Mutex<VecDeque<Page>>,
    asked_at: Mutex<Vec<DateTime<Utc>>>,
    clock: Mutex<Option<ManualClock>>,
}

impl Table {
    fn of(rows: usize) -> Arc<Self> {
        let table = Self::default();
        table.grow(rows);
        Arc::new(table)
    }

    fn grow(&self, rows: usize) {
        let mut all = self.rows.lock().unwrap();
        for _ in 0..rows {
            let number = all.len();
            all.push(format!("row{number}@example.com"));
        }
    }

    fn answer_next(&self, page: Page) {
        self.next.lock().unwrap().push_back(page);
    }
}

#[async_trait]
impl Source for Table {
    async fn poll(&self, after: Option<&Checkpoint>, _: usize) -> Result<Batch<RawLead>, ConnectorError> {
        let now = self
            .clock
            .lock()
            .unwrap()
            .as_ref()
            .map_or(noon(), ManualClock::now);
        self.asked_at.lock().unwrap().push(now);
        let mut first: usize = after.map_or(0, |checkpoint| checkpoint.0.parse().unwrap());
        let asked = first;
        let script = self.next.lock().unwrap().pop_front();
        match script {
            Some(Page::Fails(error)) => return Err(error),
            Some(Page::Panics) => panic!("planned"),
            Some(Page::Repeats) => first = first.saturating_sub(PAGE),
            None => {}
        }
        let rows = self.rows.lock().unwrap();
        let end = rows.len().min(first + PAGE);
        let items = rows[first..end].iter().map(|email| RawLead {
            format: RawFormat::MarketplaceJson,
            reference: Some(email.clone()),
            occurred_at: None,
            body: lead(email).body(),
        });
        Ok(Batch {
            items: items.collect(),
            next: Some(Checkpoint(end.max(asked).to_string())),
            more: end < rows.len(),
        })
    }
}

async fn world_with(table: &Arc<Table>, fault: Option<(u64, Failing)>) -> World {
    let world = World::with(Plan {
        polled: Some(table.clone()),
        fault,
        ..Plan::default()
    })
    .await;
    *table.clock.lock().unwrap() = Some(world.clock.clone());
    world
}

async fn assert_all_rows_once(world: &World, rows: u64, what: &str) {
    let totals = world.totals().await;
    assert_eq!((totals.accepted, totals.leads), (rows, rows), "{what}");
    assert_eq!(
        world.crm.records().len(),
        usize::try_from(rows).unwrap(),
        "{what}"
    );
    let checkpoint = world.store().checkpoint(&SourceName::new(POLLED)).await.unwrap();
    assert_eq!(checkpoint, Some(Checkpoint(rows.to_string())), "{what}");
    world.assert_all_settled().await;
}

#[tokio::test]
async fn a_table_is_read_to_its_end_and_then_every_minute() {
    let table = Table::of(10);
    let mut world = world_with(&table, None).await;
    world.run_until_idle().await;
    assert_all_rows_once(&world, 10, "first").await;
    table.grow(5);
    world.advance(TimeDelta::seconds(59)).await;
    assert_eq!(world.totals().await.accepted, 10);
    world.advance(TimeDelta::seconds(1)).await;
    assert_all_rows_once(&world, 15, "a minute later").await;
}

// F58, I10
#[tokio::test]
async fn whichever_call_of_the_store_fails_every_row_is_kept_once() {
    for failing in [Failing::Before, Failing::After] {
        let mut failed = 0;
        for nth in 1.. {
            let table = Table::of(10);
            let mut world = world_with(&table, Some((nth, failing))).await;
            world.advance(TimeDelta::seconds(59)).await;
            table.grow(3);
            world.advance(TimeDelta::minutes(5)).await;
            let polls_only = world.store_calls() < nth || nth > 60;
            assert_all_rows_once(&world, 13, &format!("call {nth} failing {failing:?}")).await;
            if polls_only {
                break;
            }
            failed += 1;
        }
        assert!(failed > 20, "only {failed} calls");
    }
}

// F58, I10
#[tokio::test]
async fn at_whichever_moment_the_process_dies_every_row_is_kept_once() {
    for nth in 1..80 {
        let table = Table::of(10);
        let mut world = world_with(&table, None).await;
        world.death().comes_at(nth);
        world.advance(TimeDelta::minutes(5)).await;
        assert_eq!(world.deaths, 1);
        assert_all_rows_once(&world, 10, &format!("death at moment {nth}")).await;
    }
}

// F58, F59
#[tokio::test]
async fn a_page_that_is_given_twice_is_kept_once() {
    let table = Table::of(10);
    let mut world = world_with(&table, None).await;
    world.run_until_idle().await;
    for _ in 0..5 {
        table.answer_next(Page::Repeats);
    }
    table.grow(2);
    world.advance(TimeDelta::minutes(10)).await;
    assert_all_rows_once(&world, 12, "repeated").await;
}

#[tokio::test]
async fn a_source_that_fails_is_left_alone_for_longer_and_longer_up_to_a_quarter_of_an_hour() {
    let table = Table::of(3);
    for _ in 0..8 {
        table.answer_next(Page::Fails(failing(ErrorKind::Unreachable)));
    }
    let mut world = world_with(&table, None).await;
    world.advance(TimeDelta::hours(2)).await;
    let asked = table.asked_at.lock().unwrap().clone();
    let rests: Vec<i64> = asked
        .windows(2)
        .take(8)
        .map(|pair| (pair[1] - pair[0]).num_minutes())
        .collect();
    assert_eq!(rests, [2, 4, 8, 15, 15, 15, 15, 15]);
    assert_all_rows_once(&world, 3, "after the failures").await;
}

#[tokio::test]
async fn a_source_that_asks_for_time_or_panics_is_asked_again_later() {
    let table = Table::of(3);
    let wait = std::time::Duration::from_mins(30);
    table.answer_next(Page::Fails(failing(ErrorKind::Throttled).retry_after(Some(wait))));
    table.answer_next(Page::Panics);
    let mut world = world_with(&table, None).await;
    world.advance(TimeDelta::minutes(29)).await;
    assert_eq!(table.asked_at.lock().unwrap().len(), 1);
    world.advance(TimeDelta::minutes(30)).await;
    assert_all_rows_once(&world, 3, "after all that").await;
}
