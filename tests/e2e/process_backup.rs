//! A backup is taken while leads come in, and a restored one is the store as of its beginning.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::process::{Daemon, Destination, House, Load, Plan, eventually, lead_body, lead_path, post};

const FORGOTTEN: &str = "canary@forgotten.example";

fn house_with(destination: &Destination) -> House {
    House::build(&Plan {
        connectors: BTreeMap::from([("crm", destination.connector())]),
        ..Plan::default()
    })
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Puts a backup into a house of its own.
fn restored(destination: &Destination, backup: &Path) -> (House, Value) {
    let house = house_with(destination);
    let told = house.ask(&["restore", text(backup)]);
    (house, told)
}

#[test]
fn backups_under_load_hold_all_that_was_kept_when_they_began() {
    let destination = Destination::open();
    let house = house_with(&destination);
    let mut daemon = Daemon::start(&house);
    let load = Load::begin(&house, 4);
    let mut backups = Vec::new();
    for number in 0..20 {
        let kept = load.ledger.count() + 20;
        eventually("more leads", || (load.ledger.count() >= kept).then_some(()));
        let before = load.ledger.emails();
        let path = house.path(&format!("{number}.backup"));
        let made = house.ask(&["backup", text(&path)]);
        assert!(
            made["accepted"].as_u64().unwrap() >= before.len() as u64,
            "{made}"
        );
        backups.push((path, before));
    }
    let ledger = load.end();
    daemon.stop();
    assert_eq!(ledger.flaws(), Vec::<String>::new());

    for (path, before) in backups {
        house.ask(&["backup", text(&path), "--check"]);
        let (restored, _) = restored(&destination, &path);
        restored.work_off();
        let stored = restored.stored();
        assert!(before.iter().all(|email| stored.contains_key(email)), "{path:?}");
        assert_eq!(restored.ask(&["status"])["unsettled"], 0);
    }
    assert!(destination.records().values().all(|records| *records == 1));
}

#[test]
fn what_was_delivered_since_a_backup_is_delivered_again_under_the_same_key() {
    let destination = Destination::open();
    let house = house_with(&destination);
    let backup = house.path("a.backup");
    let mut daemon = Daemon::start(&house);
    for number in 0..5 {
        let body = lead_body(&format!("{number}@early.example"));
        assert_eq!(house.send(&post(&lead_path(), &body)).unwrap().status, 200);
    }
    house.ask(&["backup", text(&backup)]);
    house.await_quiet();
    let wrong = house.run(&["restore", text(&backup)]);
    assert_eq!(
        wrong.status.code(),
        Some(75),
        "a daemon works on the store: {wrong:?}"
    );
    daemon.stop();

    let told = house.ask(&["restore", text(&backup)]);
    assert!(
        Path::new(told["replaced"].as_str().unwrap())
            .join("leadsync.db")
            .exists()
    );
    house.work_off();
    let records = destination.records();
    assert_eq!(records.len(), 5, "{records:?}");
    assert!(records.values().all(|records| *records == 1), "{records:?}");
}

#[test]
fn nobody_who_was_forgotten_comes_back_with_an_older_backup() {
    let destination = Destination::open();
    let house = house_with(&destination);
    let (old, new) = (house.path("old.backup"), house.path("new.backup"));
    let mut daemon = Daemon::start(&house);
    for email in [FORGOTTEN, "friend@other.example"] {
        assert_eq!(
            house.send(&post(&lead_path(), &lead_body(email))).unwrap().status,
            200
        );
    }
    let broken = format!("{{ \"Email\": \"{FORGOTTEN}\"");
    assert_eq!(house.send(&post(&lead_path(), &broken)).unwrap().status, 400);
    house.await_quiet();
    house.ask(&["backup", text(&old)]);
    house.ask(&["forget", FORGOTTEN, "--yes"]);
    house.ask(&["backup", text(&new)]);
    daemon.stop();

    let told = house.ask(&["restore", text(&old)]);
    assert_eq!(told["forgotten_again"], 1, "{told}");
    let database = std::fs::read(house.database()).unwrap();
    let is_there = database
        .windows(FORGOTTEN.len())
        .any(|window| window == FORGOTTEN.as_bytes());
    assert!(!is_there, "not a byte of them came back");
    assert_eq!(house.stored().len(), 2, "the friend, and a lead without a name");

    // The newer backup brings the list along, also to another machine.
    let (elsewhere, _) = restored(&destination, &new);
    let mut daemon = Daemon::start(&elsewhere);
    let again = elsewhere
        .send(&post(&lead_path(), &lead_body(FORGOTTEN)))
        .unwrap();
    assert_eq!(again.status, 200);
    eventually("a late duplicate that is known", || {
        (elsewhere.ask(&["status"])["forgotten"] == 1).then_some(())
    });
    daemon.stop();
}

#[test]
fn what_is_no_whole_backup_is_refused_and_changes_nothing() {
    let destination = Destination::open();
    let house = house_with(&destination);
    house.work_off();
    let backup = house.path("a.backup");
    house.ask(&["backup", text(&backup)]);
    assert_eq!(
        house.run(&["backup", text(&backup)]).status.code(),
        Some(73),
        "it exists"
    );

    let before = std::fs::read(house.database()).unwrap();
    let whole = std::fs::read(&backup).unwrap();
    let mut spoiled = whole.clone();
    let middle = spoiled.len() / 2;
    spoiled[middle..middle + 4096].fill(0xA5);
    let cut = whole[..whole.len() / 2].to_vec();
    for (bytes, codes) in [
        (b"no backup at all".to_vec(), &[66][..]),
        (before.clone(), &[66]),
        (spoiled, &[74]),
        (cut, &[74, 66]),
    ] {
        let path = house.path("bad.backup");
        std::fs::write(&path, bytes).unwrap();
        for arguments in [
            vec!["restore", text(&path)],
            vec!["backup", text(&path), "--check"],
        ] {
            let output = house.run(&arguments);
            assert!(
                codes.contains(&output.status.code().unwrap()),
                "{arguments:?}: {output:?}"
            );
        }
        assert_eq!(std::fs::read(house.database()).unwrap(), before);
    }
    house.work_off();
}

#[test]
fn a_restore_that_was_cut_off_is_noticed_and_done_again() {
    let destination = Destination::open();
    let house = house_with(&destination);
    house.work_off();
    let backup = house.path("a.backup");
    house.ask(&["backup", text(&backup)]);
    std::fs::write(house.path("state/leadsync.restoring"), b"").unwrap();
    let refused = house.run(&["run"]);
    assert_eq!(refused.status.code(), Some(74), "{refused:?}");
    house.ask(&["restore", text(&backup)]);
    house.work_off();
}
