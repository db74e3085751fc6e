//! No row is missed, whatever the order, the pages and the time it comes in.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{Checkpoint, ErrorKind, RawFormat, Role, Source};
use leadsync_sim::azure_table::{Fault, Shape};
use serde_json::{Map, Value, json};

use crate::support::World;

const TABLE: &str = "MarketplaceLeads";

/// What a daemon keeps: every reference once, and the checkpoint of what is kept.
#[derive(Default)]
struct Kept {
    leads: BTreeMap<String, Value>,
    seen: usize,
    checkpoint: Option<Checkpoint>,
}

impl Kept {
    /// One page; true while there is more.
    async fn poll(&mut self, source: &Arc<dyn Source>, limit: usize) -> bool {
        let batch = source
            .poll(self.checkpoint.as_ref(), limit)
            .await
            .expect("a page");
        self.seen += batch.items.len();
        for lead in batch.items {
            assert_eq!(lead.format, RawFormat::MarketplaceRow);
            let body = serde_json::from_slice(&lead.body).expect("JSON");
            self.leads.insert(lead.reference.expect("a reference"), body);
        }
        self.checkpoint = batch.next;
        batch.more
    }

    /// Pages to the end of the pass.
    async fn drain(&mut self, source: &Arc<dyn Source>, limit: usize) {
        while self.poll(source, limit).await {}
    }

    fn row_keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self
            .leads
            .values()
            .map(|row| row["RowKey"].as_str().expect("a key").to_owned())
            .collect();
        keys.sort();
        keys
    }

    fn watermark(&self) -> Value {
        let text = &self.checkpoint.as_ref().expect("a checkpoint").0;
        serde_json::from_str::<Value>(text).expect("JSON")["watermark"].clone()
    }
}

fn columns(n: usize) -> Map<String, Value> {
    let customer = format!("{{\"FirstName\":\"Ada\",\"Email\":\"ada{n}@example.com\"}}");
    let row = json!({"CustomerInfo": customer, "LeadSource": "AzureMarketplace-INS|contoso.a", "ActionCode": "INS"});
    row.as_object().expect("an object").clone()
}

/// So many rows over five days' partitions, a second apart, the newest at the service's now.
fn world(rows: usize) -> World {
    let world = World::new(Role::Source, "");
    world.service.create_table(TABLE);
    for n in 0..rows {
        let at = world.service.now() - TimeDelta::seconds(i64::try_from(rows - n).expect("few"));
        put(&world, n, at);
    }
    world
}

fn put(world: &World, n: usize, at: DateTime<Utc>) {
    world.service.put(
        TABLE,
        &format!("11:2F{}:2F2026", n % 5),
        &format!("row-{n:05}"),
        columns(n),
        at,
    );
}

fn all(rows: usize) -> Vec<String> {
    (0..rows).map(|n| format!("row-{n:05}")).collect()
}

#[tokio::test]
async fn every_row_comes_once_over_pages_and_partitions() {
    for (page, cut) in [(1000, false), (7, false), (1000, true), (3, true), (1, true)] {
        let mut world = world(100);
        world.service.page(page, cut);
        let mut kept = Kept::default();
        kept.drain(&world.source(), 50).await;
        assert_eq!(kept.row_keys(), all(100), "{page} {cut}");
        assert_eq!(kept.seen, 100, "none twice within a pass");
    }
}

#[tokio::test]
async fn trap_7_an_empty_page_with_a_continuation_is_not_the_end() {
    let mut world = world(20);
    world.service.page(4, false);
    world.service.fail_next([Fault::EmptyPage, Fault::EmptyPage]);
    let mut kept = Kept::default();
    kept.drain(&world.source(), 50).await;
    assert_eq!(kept.row_keys(), all(20));
}

#[tokio::test]
async fn trap_8_the_watermark_moves_only_at_the_end_of_a_pass() {
    let mut world = world(20);
    world.service.page(4, false);
    let source = world.source();
    let mut kept = Kept::default();
    while kept.poll(&source, 50).await {
        assert_eq!(kept.watermark(), Value::Null);
    }
    assert_eq!(kept.watermark(), "2026-11-20T11:59:59Z");
}

#[tokio::test]
async fn trap_9_the_service_is_asked_for_json_with_types() {
    let mut world = world(1);
    let mut kept = Kept::default();
    kept.drain(&world.source(), 50).await;
    let row = kept.leads.values().next().expect("a row");
    assert!(
        row.get("odata.etag").is_some(),
        "minimal metadata was asked for: {row}"
    );
}

#[tokio::test]
async fn trap_5_microsofts_rows_are_only_read() {
    let mut world = world(30);
    world.service.page(7, true);
    let source = world.source();
    let before = world.service.rows(TABLE);
    let mut kept = Kept::default();
    kept.drain(&source, 50).await;
    world
        .connector()
        .probe
        .expect("a probe")
        .probe()
        .await
        .expect("reachable");
    assert!(
        world.service.calls().iter().all(|call| call.starts_with("GET ")),
        "{:?}",
        world.service.calls()
    );
    assert_eq!(world.service.rows(TABLE), before);
}

#[tokio::test]
async fn a_restart_in_the_middle_begins_the_pass_again_and_misses_nothing() {
    for pages in 0..12 {
        let mut world = world(40);
        world.service.page(4, false);
        let mut kept = Kept::default();
        let first = world.source();
        for _ in 0..pages {
            kept.poll(&first, 50).await;
        }
        // A row behind the page the first process had reached: only a new pass can see it.
        world.service.put(
            TABLE,
            "10:2F1:2F2026",
            "row-behind",
            columns(0),
            world.service.now(),
        );
        kept.drain(&world.source(), 50).await;
        assert!(
            kept.row_keys().contains(&"row-behind".to_owned()),
            "after {pages} pages"
        );
        assert_eq!(kept.leads.len(), 41);
    }
}

#[tokio::test]
async fn a_checkpoint_that_was_not_kept_gives_the_same_references_again() {
    let mut world = world(20);
    world.service.page(4, false);
    let source = world.source();
    let mut kept = Kept::default();
    let mut more = true;
    while more {
        let before = kept.checkpoint.clone();
        more = kept.poll(&source, 50).await;
        if more {
            // The store failed: the same page is asked for once more.
            kept.checkpoint = before;
            more = kept.poll(&source, 50).await;
        }
    }
    kept.drain(&source, 50).await;
    assert_eq!(kept.row_keys(), all(20));
}

#[tokio::test]
async fn f58_an_expired_token_begins_the_pass_again() {
    let mut world = world(40);
    world.service.page(4, false);
    let source = world.source();
    let mut kept = Kept::default();
    kept.poll(&source, 50).await;
    kept.poll(&source, 50).await;
    world.service.fail_next([Fault::ExpireToken]);
    assert!(!kept.poll(&source, 50).await);
    assert_eq!(kept.watermark(), Value::Null);
    kept.drain(&source, 50).await;
    assert_eq!(kept.row_keys(), all(40));
}

#[tokio::test]
async fn f58_a_token_offered_again_is_no_endless_loop() {
    let mut world = world(40);
    world.service.page(4, false);
    let source = world.source();
    let mut kept = Kept::default();
    kept.poll(&source, 50).await;
    world.service.fail_next([Fault::RepeatToken]);
    assert!(!kept.poll(&source, 50).await);
    kept.drain(&source, 50).await;
    assert_eq!(kept.row_keys(), all(40));
}

#[tokio::test]
async fn f58_rows_that_vanish_between_pages_take_no_others_with_them() {
    let mut world = world(40);
    world.service.page(4, false);
    let source = world.source();
    let mut kept = Kept::default();
    kept.poll(&source, 50).await;
    // The row the next page begins with is gone.
    let held = world.service.rows(TABLE);
    let (partition, row, _) = &held[4];
    world.service.remove(TABLE, partition, row);
    kept.drain(&source, 50).await;
    assert_eq!(kept.leads.len(), 39);
}

#[tokio::test]
async fn f59_rows_up_to_ten_minutes_late_are_seen() {
    let mut world = world(10);
    let source = world.source();
    let mut kept = Kept::default();
    kept.drain(&source, 50).await;
    let newest = world.service.now() - TimeDelta::seconds(1);
    for (at, late) in [0, 1, 59, 300, 599, 600].into_iter().enumerate() {
        world.advance(TimeDelta::minutes(1));
        put(&world, 100 + at, newest - TimeDelta::seconds(late));
        kept.drain(&source, 50).await;
        assert!(
            kept.row_keys().contains(&format!("row-{:05}", 100 + at)),
            "{late} s late"
        );
    }
}

#[tokio::test]
async fn f59_rows_of_the_same_instant_are_all_seen() {
    let mut world = world(0);
    let source = world.source();
    let mut kept = Kept::default();
    let same = world.service.now();
    for n in 0..50 {
        put(&world, n, same);
        kept.drain(&source, 3).await;
        assert_eq!(kept.row_keys(), all(n + 1));
    }
}

#[tokio::test]
async fn a_row_later_than_the_overlap_is_found_by_the_daily_scan() {
    let mut world = world(10);
    let source = world.source();
    let mut kept = Kept::default();
    kept.drain(&source, 50).await;
    put(&world, 77, world.service.now() - TimeDelta::hours(2));
    kept.drain(&source, 50).await;
    assert!(
        !kept.row_keys().contains(&"row-00077".to_owned()),
        "outside of the overlap"
    );
    world.advance(TimeDelta::hours(24));
    kept.drain(&source, 50).await;
    assert!(kept.row_keys().contains(&"row-00077".to_owned()));
}

#[tokio::test]
async fn a_row_written_behind_a_long_pass_is_seen_by_the_next() {
    let mut world = world(40);
    world.service.page(4, false);
    let source = world.source();
    let mut kept = Kept::default();
    kept.poll(&source, 50).await;
    // The pass takes an hour; meanwhile one row appears behind it and a newer one before it.
    world.advance(TimeDelta::minutes(30));
    world.service.put(
        TABLE,
        "10:2F1:2F2026",
        "row-behind",
        columns(0),
        world.service.now(),
    );
    world.advance(TimeDelta::minutes(30));
    world.service.put(
        TABLE,
        "12:2F1:2F2026",
        "row-before",
        columns(1),
        world.service.now(),
    );
    kept.drain(&source, 50).await;
    assert!(!kept.row_keys().contains(&"row-behind".to_owned()));
    kept.drain(&source, 50).await;
    assert!(kept.row_keys().contains(&"row-behind".to_owned()));
}

#[tokio::test]
async fn an_edited_row_comes_again_and_an_untouched_one_does_not() {
    let mut world = world(3);
    let source = world.source();
    let mut kept = Kept::default();
    kept.drain(&source, 50).await;
    world.advance(TimeDelta::minutes(1));
    // Rewritten with the same content, then with other content.
    put(&world, 0, world.service.now());
    kept.drain(&source, 50).await;
    assert_eq!(kept.leads.len(), 3);
    let mut edited = columns(0);
    edited.insert("ActionCode".to_owned(), "PLT".into());
    world
        .service
        .put(TABLE, "11:2F0:2F2026", "row-00000", edited, world.service.now());
    kept.drain(&source, 50).await;
    assert_eq!(kept.leads.len(), 4);
}

#[tokio::test]
async fn a_table_that_is_not_there_yet_is_empty() {
    let mut world = World::new(Role::Source, "");
    let source = world.source();
    let mut kept = Kept::default();
    assert!(!kept.poll(&source, 50).await);
    put(&world, 0, world.service.now());
    kept.drain(&source, 50).await;
    assert_eq!(kept.row_keys(), all(1));
}

#[tokio::test]
async fn an_outage_in_the_middle_goes_on_where_it_stopped() {
    let mut world = world(40);
    world.service.page(4, false);
    let source = world.source();
    let mut kept = Kept::default();
    kept.poll(&source, 50).await;
    for (fault, kind) in [
        (Fault::busy(Some("20")), ErrorKind::Throttled),
        (Fault::Drop, ErrorKind::Unreachable),
        (Fault::LoginPage, ErrorKind::Unreachable),
        (
            Fault::Refuse {
                status: 403,
                code: "AuthenticationFailed",
                retry_after: None,
                shape: Shape::Xml,
            },
            ErrorKind::Unauthorized,
        ),
    ] {
        world.service.fail_next([fault]);
        let error = source
            .poll(kept.checkpoint.as_ref(), 50)
            .await
            .expect_err("an outage");
        assert_eq!(error.kind(), kind);
    }
    kept.drain(&source, 50).await;
    assert_eq!(kept.row_keys(), all(40));
    assert_eq!(kept.seen, 40, "no page was read twice");
}

#[tokio::test]
async fn a_checkpoint_nobody_can_read_means_reading_everything() {
    let mut world = world(5);
    let mut kept = Kept {
        checkpoint: Some(Checkpoint("from another age".to_owned())),
        ..Kept::default()
    };
    kept.drain(&world.source(), 50).await;
    assert_eq!(kept.row_keys(), all(5));
}

#[tokio::test]
async fn whoever_counts_since_a_moment_gets_the_rows_from_there_on_under_the_same_references() {
    let mut world = World::new(Role::Source, "");
    let start = world.service.now();
    for hour in 0..6 {
        let at = start + TimeDelta::hours(hour);
        world.service.put(TABLE, "p", &format!("r{hour}"), Map::new(), at);
    }
    let source = world.source();
    let mut all = Kept::default();
    all.drain(&source, 2).await;
    let mut some = Kept {
        checkpoint: source.since(start + TimeDelta::hours(4)),
        ..Kept::default()
    };
    some.drain(&source, 2).await;
    assert_eq!(some.row_keys(), ["r4", "r5"]);
    assert!(
        some.leads
            .keys()
            .all(|reference| all.leads.contains_key(reference))
    );
}
