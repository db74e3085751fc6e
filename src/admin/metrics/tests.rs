//! What the page shows, and that the documentation knows all of it.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{Check, ErrorKind, Quota, SourceName, Stage};

use super::*;
use crate::admin::Trouble;
use crate::deliver::Budget;
use crate::runtime::Ticks;
use crate::store::{DestinationGate, DestinationStatus, Footprint, Lane, LaneQueue, Ledger, ReportStep};

fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn state(destinations: Vec<(DestinationStatus, Option<Budget>)>) -> State {
    State {
        now: noon(),
        snapshot: Some(Snapshot {
            destinations,
            ..Snapshot::default()
        }),
        troubles: Vec::new(),
    }
}

fn crm() -> DestinationStatus {
    DestinationStatus::idle(DestinationName::new("crm"))
}

fn page(metrics: &Metrics, state: &State) -> String {
    metrics.page(state, PageForm::OpenMetrics).unwrap()
}

#[track_caller]
fn shows(page: &str, lines: &[&str]) {
    for line in lines {
        assert!(page.lines().any(|shown| shown == *line), "{line}\n{page}");
    }
}

/// The families of a page, named as a query names them; a histogram without its suffixes.
fn families(page: &str) -> BTreeSet<String> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let named = types.map(|line| match line.split_once(' ').unwrap() {
        (name, "counter") => format!("{name}_total"),
        (name, "info") => format!("{name}_info"),
        (name, _) => name.to_owned(),
    });
    named.collect()
}

/// Numbers with something to tell in every family, and somebody who asks a source.
fn busy() -> (Metrics, State, PollMeter) {
    let metrics = Metrics::new(Ticks::by_hand().0);
    let name = SourceName::new("crm");
    metrics.door(&name);
    metrics.settle();
    metrics.clocks();
    metrics.outcomes(&name);
    metrics.silence().show(&name, true, Some(noon()));
    let asking = metrics.polls(&name);
    metrics.events(&name);
    metrics.follow(&name);
    metrics.forward(&name);
    metrics.destination(&DestinationName::new("crm"));
    let reports = metrics.reports(&name);
    reports.ended("settled", None);
    reports.stepped(&ReportStep {
        at: noon(),
        step: "accept".into(),
        fields: Vec::new(),
        result: "done".into(),
        detail: String::new(),
        state: None,
    });
    metrics.upkeep("crm", &[], &[Check::well("sign-in", "well").until(noon())]);
    let status = DestinationStatus {
        gate: DestinationGate::Held {
            until: noon(),
            holds: 1,
            reason: String::new(),
        },
        resting_since: Some(noon()),
        calls: Ledger {
            quota: Some(Quota {
                granted: 1,
                left: 1,
                told_at: noon(),
            }),
            ..Ledger::default()
        },
        ..crm()
    };
    let budget = Budget {
        calls_per_day: 1,
        reserve: 0.0,
        day_starts: TimeDelta::zero(),
    };
    (metrics, state(vec![(status, Some(budget))]), asking)
}

/// The numbers `docs/metrics.md` tells of.
fn told() -> BTreeSet<String> {
    let document = include_str!("../../../docs/metrics.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let names = rows.filter_map(|row| row.split('`').next());
    let ours = names.filter(|name| name.starts_with("leadsync_") || name.starts_with("process_"));
    ours.map(str::to_owned).collect()
}

#[test]
fn the_documentation_tells_of_every_number_and_of_no_other() {
    let (metrics, state, _asking) = busy();
    metrics.applied(noon());
    let shown = families(&page(&metrics, &state));
    let told = told();
    let untold: Vec<_> = shown.difference(&told).collect();
    let gone: Vec<_> = told.difference(&shown).collect();
    assert!(
        shown.len() > 50 && untold.is_empty() && gone.is_empty(),
        "docs/metrics.md lacks {untold:?}, and tells of {gone:?}, which a busy page does not show"
    );
}

/// A family nobody fills in `busy` is on no page; where it is registered its name stands first.
#[test]
fn the_documentation_tells_of_every_number_that_is_registered() {
    let told = told();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/metrics");
    let mut found = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for call in text.split(".register").skip(1) {
            let arguments = call.split_once('(').map_or("", |(_, after)| after.trim_start());
            let Some(name) = arguments
                .strip_prefix('"')
                .and_then(|rest| rest.split('"').next())
            else {
                continue;
            };
            found += 1;
            let is_told = told
                .iter()
                .any(|row| row.strip_prefix("leadsync_").unwrap_or(row).starts_with(name));
            assert!(is_told, "docs/metrics.md does not tell of {name}");
        }
    }
    assert!(found > 30, "{found}");
}

#[test]
fn what_is_due_is_shown_by_lane_with_its_age() {
    let mut status = crm();
    status.lanes[0] = LaneQueue {
        due: 2,
        oldest: Some(noon() - TimeDelta::seconds(90)),
    };
    let metrics = Metrics::new(Ticks::by_hand().0);
    let page = page(&metrics, &state(vec![(status, None)]));
    shows(
        &page,
        &[
            r#"leadsync_destination_lane_due{destination="crm",lane="hot"} 2"#,
            r#"leadsync_destination_lane_oldest_due_seconds{destination="crm",lane="hot"} 90"#,
            r#"leadsync_destination_lane_due{destination="crm",lane="backfill"} 0"#,
        ],
    );
    assert_eq!(Lane::ALL.map(Lane::as_str), ["hot", "live", "update", "backfill"]);
}

#[test]
fn a_rest_is_shown_with_its_beginning_and_its_end_and_every_rest_is_counted() {
    let metrics = Metrics::new(Ticks::by_hand().0);
    let held = DestinationGate::Held {
        until: noon() + TimeDelta::seconds(30),
        holds: 1,
        reason: "busy".into(),
    };
    let status = DestinationStatus {
        gate: held.clone(),
        resting_since: Some(noon() - TimeDelta::seconds(60)),
        ..crm()
    };
    let meter = metrics.destination(&status.name);
    meter.gated(&held);
    meter.gated(&held);
    meter.gated(&DestinationGate::Open);
    let resting = page(&metrics, &state(vec![(status, None)]));
    let (since, until) = (noon().timestamp() - 60, noon().timestamp() + 30);
    shows(
        &resting,
        &[
            r#"leadsync_destination_gate{destination="crm"} 1"#,
            &format!(r#"leadsync_destination_resting_since_timestamp_seconds{{destination="crm"}} {since}"#),
            &format!(r#"leadsync_destination_resting_until_timestamp_seconds{{destination="crm"}} {until}"#),
            r#"leadsync_destination_rests_total{destination="crm",how="held"} 2"#,
            r#"leadsync_destination_rests_total{destination="crm",how="parked"} 0"#,
        ],
    );
    let open = page(&metrics, &state(vec![(crm(), None)]));
    assert!(!open.contains("resting_since_timestamp_seconds{"), "{open}");
}

#[test]
fn calls_left_are_shown_by_our_budget_and_by_the_systems_own_word() {
    let budget = Budget {
        calls_per_day: 100,
        reserve: 0.2,
        day_starts: TimeDelta::zero(),
    };
    let status = DestinationStatus {
        calls: Ledger {
            day: Some(noon() - TimeDelta::hours(12)),
            spent: 70,
            total: 1234,
            quota: Some(Quota {
                granted: 1000,
                left: 959,
                told_at: noon(),
            }),
        },
        ..crm()
    };
    let page = page(
        &Metrics::new(Ticks::by_hand().0),
        &state(vec![(status, Some(budget))]),
    );
    shows(
        &page,
        &[
            r#"leadsync_destination_calls_today{destination="crm"} 70"#,
            r#"leadsync_destination_calls_budget{destination="crm"} 100"#,
            r#"leadsync_destination_calls_budget_left{destination="crm"} 30"#,
            r#"leadsync_destination_calls_granted{destination="crm"} 1000"#,
            r#"leadsync_destination_calls_left{destination="crm"} 959"#,
            r#"leadsync_destination_calls_total{destination="crm"} 1234"#,
        ],
    );
}

#[test]
fn a_destination_that_is_gone_leaves_no_number_of_the_stores_behind() {
    let metrics = Metrics::new(Ticks::by_hand().0);
    let budget = Budget {
        calls_per_day: 1,
        reserve: 0.0,
        day_starts: TimeDelta::zero(),
    };
    let there = page(&metrics, &state(vec![(crm(), Some(budget))]));
    assert!(there.matches("destination=\"crm\"").count() > 15, "{there}");
    let gone = page(&metrics, &state(Vec::new()));
    assert!(!gone.contains("crm"), "{gone}");
}

#[test]
fn the_age_of_a_checkpoint_grows_until_the_source_was_asked_to_its_end() {
    let (ticks, crank) = Ticks::by_hand();
    let metrics = Metrics::new(ticks);
    let meter = metrics.asks(&SourceName::new("crm"), AskedAs::OutcomeSource);
    let age = |seconds: u64| {
        format!("leadsync_checkpoint_age_seconds{{source=\"crm\",role=\"outcome-source\"}} {seconds}")
    };
    let state = state(Vec::new());
    crank.advance(Duration::from_secs(40));
    meter.failed(ErrorKind::Throttled);
    meter.answered(false);
    shows(&page(&metrics, &state), &[&age(40)]);
    meter.answered(true);
    crank.advance(Duration::from_secs(5));
    shows(
        &page(&metrics, &state),
        &[
            &age(5),
            r#"leadsync_source_asks_total{source="crm",role="outcome-source",result="answered"} 2"#,
            r#"leadsync_source_asks_total{source="crm",role="outcome-source",result="throttled"} 1"#,
        ],
    );
    let next = metrics.asks(&SourceName::new("crm"), AskedAs::OutcomeSource);
    drop(meter);
    shows(&page(&metrics, &state), &[&age(5)]);
    drop(next);
    let page = page(&metrics, &state);
    assert!(
        !page.contains("leadsync_checkpoint_age_seconds{"),
        "nobody asks any more: {page}"
    );
}

#[test]
fn an_outcome_is_timed_from_its_change_in_the_crm() {
    let metrics = Metrics::new(Ticks::by_hand().0);
    let meter = metrics.outcomes(&SourceName::new("crm"));
    meter.seen(Stage::Won, TimeDelta::seconds(20));
    meter.seen(Stage::Won, TimeDelta::seconds(-3));
    shows(
        &metrics.text().unwrap(),
        &[
            r#"leadsync_outcome_seen_lag_seconds_sum{source="crm"} 20.0"#,
            r#"leadsync_outcome_seen_lag_seconds_count{source="crm"} 2"#,
        ],
    );
}

#[test]
fn it_is_shown_whether_leads_should_be_sent_and_why_not() {
    let metrics = Metrics::new(Ticks::by_hand().0);
    let mut state = state(Vec::new());
    shows(
        &page(&metrics, &state),
        &["leadsync_ready 1", r#"leadsync_unready{reason="store full"} 0"#],
    );
    state.troubles = vec![Trouble::StoreFull];
    state.snapshot = None;
    shows(
        &page(&metrics, &state),
        &[
            "leadsync_ready 0",
            r#"leadsync_unready{reason="store full"} 1"#,
            r#"leadsync_unready{reason="starting"} 0"#,
            "leadsync_store_answered 0",
        ],
    );
}

#[test]
fn the_floor_and_the_process_are_shown() {
    let metrics = Metrics::new(Ticks::by_hand().0);
    metrics.began(noon());
    metrics.last_run_died();
    let mut state = state(Vec::new());
    state.snapshot = Some(Snapshot {
        footprint: Footprint {
            database: 4096,
            log: 8192,
            free: 1 << 30,
            disk: 1 << 31,
            floor: 1 << 20,
        },
        ..Snapshot::default()
    });
    let page = page(&metrics, &state);
    shows(
        &page,
        &[
            "leadsync_store_database_bytes 4096",
            "leadsync_store_log_bytes 8192",
            "leadsync_store_disk_free_bytes 1073741824",
            "leadsync_store_answered 1",
            "leadsync_last_run_died 1",
            &format!("process_start_time_seconds {}", noon().timestamp()),
            concat!(
                "leadsync_build_info{version=\"",
                env!("CARGO_PKG_VERSION"),
                "\"} 1"
            ),
        ],
    );
    for name in [
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
    ] {
        let line = page.lines().find(|line| line.starts_with(name)).unwrap();
        let value: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(value >= 0.0, "{line}");
    }
}

/// What the alert rules ask for by label: the number, the label, and a value it must or must not have.
fn asked_by_label(rules: &str) -> BTreeSet<(&str, &str, &str)> {
    let mut asked = BTreeSet::new();
    for part in rules.split("leadsync_").skip(1) {
        let Some((name, rest)) = part.split_once('{') else {
            continue;
        };
        let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let Some((labels, _)) = rest.split_once('}').filter(|_| is_name) else {
            continue;
        };
        for label in labels.split(',') {
            let (label, values) = label.split_at(label.find(['=', '!']).unwrap());
            let values = values.trim_matches(['=', '!', '~', '"']).split('|');
            let values = values.filter(|value| !value.is_empty());
            asked.extend(values.map(|value| (name, label, value)));
        }
    }
    asked
}

#[test]
fn every_label_the_alert_rules_ask_for_has_that_value_on_a_page() {
    let (metrics, state, _asking) = busy();
    metrics
        .events(&SourceName::new("crm"))
        .refused("forged", "signature");
    let page = page(&metrics, &state);
    let asked = asked_by_label(include_str!("../../../monitoring/prometheus-alerts.yml"));
    let missing: Vec<_> = asked
        .iter()
        .filter(|(name, label, value)| {
            let begin = format!("leadsync_{name}{{");
            let pair = format!("{label}=\"{value}\"");
            !page
                .lines()
                .any(|line| line.starts_with(&begin) && line.contains(&pair))
        })
        .collect();
    assert!(asked.len() > 15 && missing.is_empty(), "{missing:?} of {asked:?}");
}

#[test]
fn of_a_connector_that_is_gone_no_number_is_left() {
    let (metrics, _, asking) = busy();
    metrics
        .events(&SourceName::new("crm"))
        .refused("refused", "signature");
    drop(asking);
    metrics.forget_connector("crm");
    metrics.forget_upkeep("crm", &[Check::well("sign-in", "well")]);
    let page = page(&metrics, &state(Vec::new()));
    assert!(!page.contains("=\"crm\""), "{page}");
}
