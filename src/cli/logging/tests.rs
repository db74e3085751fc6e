//! What stands in the log of a process in which something fails.

use std::process::Command;

use super::*;
use crate::config::Log;

/// Tells the child that it is the one to fail.
const FAIL: &str = "LEADSYNC_TEST_FAIL_INSIDE";

/// Runs as a process of its own, because a panic hook belongs to the whole process.
#[test]
fn a_worker_that_fails_inside_is_logged_by_its_place_and_never_by_its_words() {
    if std::env::var_os(FAIL).is_some() {
        return fail_inside();
    }
    let name = std::thread::current().name().unwrap().to_owned();
    let child = Command::new(std::env::current_exe().unwrap())
        .args([&name, "--exact", "--nocapture"])
        .env(FAIL, "1")
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&child.stderr);
    let all = format!("{}{log}", String::from_utf8_lossy(&child.stdout));
    assert!(child.status.success(), "{all}");
    assert!(!all.contains("canary"), "{all}");
    let lines: Vec<serde_json::Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let [line] = lines.as_slice() else {
        panic!("one line of log: {all}");
    };
    assert_eq!(
        (&line["level"], &line["event"]),
        (&"ERROR".into(), &"panic".into())
    );
    let place = line["place"].as_str().unwrap();
    assert!(place.starts_with(&format!("{}:", file!())), "{place}");
}

fn fail_inside() {
    let _log = start(&Log::default(), Some(LogFormat::Json));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let worker = runtime.spawn(async {
        let lead: Result<(), _> = "canary@example.com"
            .parse::<u8>()
            .map(drop)
            .map_err(|_| "canary@example.com");
        lead.expect("canary Ada");
    });
    assert!(runtime.block_on(worker).unwrap_err().is_panic());
}

#[test]
fn what_was_lost_is_told_once_it_can_be_and_whole() {
    let mut losses = Losses::default();
    let mut look = |dropped| losses.worth_telling(dropped);
    assert_eq!(look(0), None);
    assert_eq!(look(5), None, "lines are being lost");
    assert_eq!(look(5), Some(5), "no more are");
    assert_eq!(look(6), None, "that was lost, too");
    assert_eq!(look(6), Some(6));
    assert_eq!(look(6), None, "it was taken");
    assert_eq!(look(9), None);
    assert_eq!(look(9), Some(3));
}
