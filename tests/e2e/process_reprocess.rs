//! What came is read once more by the real program: what was refused comes in, what reads better changes.

use std::collections::BTreeMap;

use serde_json::json;

use crate::process::{Daemon, Destination, House, Plan, lead_body, lead_path, post};

const ADA: &str = "ada@engines.example";

fn house_with(destination: &Destination, intake: &'static str) -> House {
    House::build(&Plan {
        intake,
        connectors: BTreeMap::from([("crm", destination.connector())]),
        ..Plan::default()
    })
}

fn give(house: &House, status: u16) {
    let answer = house.send(&post(&lead_path(), &lead_body(ADA))).unwrap();
    assert_eq!(answer.status, status, "{}", answer.body);
}

/// What an older leadsync might have read.
fn misread(house: &House) {
    let store = rusqlite::Connection::open(house.database()).unwrap();
    let sql = "UPDATE leads SET body = CAST(replace(CAST(body AS TEXT), '\"Ada\"', '\"Adda\"') AS BLOB)";
    assert_eq!(store.execute(sql, []).unwrap(), 1);
}

#[test]
fn what_was_refused_at_the_door_comes_in_when_it_can_be_read() {
    let destination = Destination::open();
    let house = house_with(&destination, "max_keys = 3\n");
    let mut daemon = Daemon::start(&house);
    give(&house, 400);
    daemon.stop();
    let config = std::fs::read_to_string(house.path("leadsync.toml")).unwrap();
    std::fs::write(house.path("leadsync.toml"), config.replace("max_keys = 3", "")).unwrap();

    let looked = house.ask(&["reprocess", "--quarantined", "--dry-run"]);
    assert_eq!(looked["given_back"], 1, "{looked}");
    assert_eq!(house.ask(&["status"])["accepted"], 0, "a look changes nothing");
    assert_eq!(house.ask(&["reprocess", "--quarantined"])["given_back"], 1);
    assert_eq!(
        house.ask(&["reprocess", "--quarantined"])["given_back"],
        0,
        "once"
    );
    house.work_off();
    assert_eq!(destination.records(), BTreeMap::from([(ADA.to_owned(), 1)]));
}

#[test]
fn a_lead_that_reads_differently_is_shown_changed_and_delivered_again() {
    let destination = Destination::open();
    let house = house_with(&destination, "");
    let mut daemon = Daemon::start(&house);
    give(&house, 200);
    house.await_quiet();
    daemon.stop();
    misread(&house);
    let looked = house.ask(&["reprocess", "--all", "--dry-run"]);
    let expected = json!([{ "path": "person.first_name.v", "was": "Adda", "becomes": "Ada" }]);
    assert_eq!(looked["changed"][0]["differences"], expected, "{looked}");

    let mut daemon = Daemon::start(&house);
    let done = house.ask(&["reprocess", "--since", "1h"]);
    assert_eq!(done["changed"].as_array().unwrap().len(), 1, "{done}");
    house.await_quiet();
    assert_eq!(house.stored()[ADA]["revision"], 2);
    assert_eq!(house.stored()[ADA]["fate"], "delivered");
    let again = house.ask(&["reprocess", "--all"]);
    assert_eq!(
        (&again["changed"], &again["same"]),
        (&json!([]), &json!(1)),
        "{again}"
    );
    assert_eq!(destination.records(), BTreeMap::from([(ADA.to_owned(), 1)]));
    daemon.stop();
}

#[test]
fn nobody_who_was_forgotten_comes_back_by_reading_again() {
    let destination = Destination::open();
    let house = house_with(&destination, "");
    let mut daemon = Daemon::start(&house);
    give(&house, 200);
    house.await_quiet();
    daemon.stop();
    house.ask(&["forget", ADA, "--yes"]);
    let done = house.ask(&["reprocess", "--all"]);
    assert_eq!(
        (&done["given_back"], &done["changed"]),
        (&json!(0), &json!([])),
        "{done}"
    );
    house.work_off();
    assert_eq!(house.ask(&["status"])["suppressed"]["forgotten"], 1);
}

#[test]
fn what_to_read_again_has_to_be_said() {
    let destination = Destination::open();
    let house = house_with(&destination, "");
    house.work_off();
    for (arguments, code) in [
        (vec!["reprocess"], 2),
        (vec!["reprocess", "--dry-run"], 2),
        (vec!["reprocess", "--since", "soon"], 2),
        (
            vec!["reprocess", "--lead", "0123456789abcdef0123456789abcdef"],
            66,
        ),
        (vec!["reprocess", "--arrival", "7"], 66),
    ] {
        let output = house.run(&arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    }
}
