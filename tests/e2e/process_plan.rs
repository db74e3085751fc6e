//! An edited config is held against the one in force, on the leads of the store, by the real program.

use serde_json::{Value, json};

use crate::process::{Daemon, Destination, House, lead_body, lead_path, post};

fn archive(house: &House, mapping: &str) -> String {
    let path = house.path("leads.jsonl");
    format!(
        "kind = \"file\"\nroles = [\"destination\"]\n[settings]\npath = \"{}\"\n[mapping]\n{mapping}",
        path.display()
    )
}

/// A house with two leads, delivered by a daemon that has ended.
fn house() -> (House, Destination) {
    let receiver = Destination::open();
    let house = House::new();
    house.add_connector("webhook", &receiver.connector());
    house.add_connector(
        "archive",
        &archive(&house, "Who = { from = 'person.last_name' }\n"),
    );
    let mut daemon = Daemon::start(&house);
    for email in ["ada@engines.example", "bo@engines.example"] {
        let answer = house.send(&post(&lead_path(), &lead_body(email))).unwrap();
        assert_eq!(answer.status, 200);
    }
    house.await_quiet();
    daemon.stop();
    (house, receiver)
}

#[track_caller]
fn plan(house: &House, more: &[&str], code: i32) -> Value {
    let output = house.run(&[&["--json", "plan"], more].concat());
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{complaint}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn screen(house: &House, more: &[&str]) -> String {
    let output = house.run(&[&["plan"], more].concat());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn an_edited_mapping_is_told_field_by_field_and_nothing_is_sent() {
    let (house, receiver) = house();
    let standing = || {
        let mut status = house.ask(&["status"]);
        [status["deliveries"].take(), status["destinations"].take()]
    };
    let (heard, before) = (receiver.webhook.leads().len(), standing());
    let same = screen(&house, &[]);
    assert!(
        same.contains("the config in force") && same.contains("nothing changes"),
        "{same}"
    );

    house.add_connector(
        "archive",
        &archive(&house, "Who = { from = 'person.last_name', pipe = ['upper'] }\n"),
    );
    let report = plan(&house, &["archive"], 0);
    let told = &report["destinations"][0];
    assert_eq!(told["fields"], json!({ "data.Who": 2 }), "{report}");
    assert_eq!(
        told["changes"][0]["fields"][0],
        json!({ "field": "data.Who", "before": { "value": "Lovelace" }, "after": { "value": "LOVELACE" } })
    );
    let told = screen(&house, &[]);
    assert!(
        told.contains("2 of 2 leads change: data.Who, as Lovelace -> LOVELACE"),
        "{told}"
    );
    let one = screen(&house, &["archive", "--last", "1", "--verbose"]);
    assert!(
        one.contains("1 of 1 leads") && one.contains("    data.Who: Lovelace -> LOVELACE"),
        "{one}"
    );

    assert_eq!(receiver.webhook.leads().len(), heard, "nothing is sent");
    assert_eq!(standing(), before, "and nothing is changed");
}

#[test]
fn what_would_become_a_dead_letter_ends_with_4_before_it_is_one() {
    let (house, _receiver) = house();
    house.add_connector(
        "archive",
        &archive(&house, "Who = { from = 'person.last_name', max_length = 3 }\n"),
    );
    let report = plan(&house, &[], 4);
    assert_eq!(report["fails"], true);
    let told = screen(&house, &["archive"]);
    assert!(
        told.contains("2 of 2 leads would become dead letters") && told.contains("-> "),
        "{told}"
    );
}

#[test]
fn leads_that_join_and_leave_are_told_against_another_config_and_against_none() {
    let (house, _receiver) = house();
    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir(other.path().join("connectors.d")).unwrap();
    for name in ["leadsync.toml", "connectors.d/webhook.toml"] {
        std::fs::copy(house.path(name), other.path().join(name)).unwrap();
    }
    let against = other.path().display().to_string();
    let report = plan(&house, &["archive", "--against", &against], 0);
    assert_eq!(
        report["destinations"][0]["changes"][0]["what"], "joins",
        "{report}"
    );

    std::fs::remove_dir_all(house.path("state/applied")).unwrap();
    let report = plan(&house, &[], 0);
    assert_eq!(report["against"], Value::Null);
    assert_eq!(report["destinations"][1]["fields"]["data.email"], 2, "{report}");
}

#[test]
fn secrets_that_lie_beside_the_config_are_read_for_both_sides() {
    let receiver = Destination::open();
    let house = House::new();
    std::fs::create_dir(house.path("credentials")).unwrap();
    house.write_secret("credentials/hook", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let signed = receiver.connector_with("signing_secrets = [{ credential = \"hook\" }]\n");
    house.add_connector("webhook", &signed);
    house.work_off();
    let report = plan(&house, &[], 0);
    assert_eq!(report["against"], "the config in force", "{report}");
    let kept = house.path("state/applied").display().to_string();
    plan(&house, &["--against", &kept], 0);
}

#[test]
fn leads_may_be_named_and_what_is_not_there_is_said() {
    let (house, _receiver) = house();
    let id = house.ask(&["leads"])[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(plan(&house, &["--lead", &id], 0)["destinations"][0]["leads"], 1);
    for (arguments, code) in [
        (vec!["plan", "--lead", "00000000000000000000000000000000"], 66),
        (vec!["plan", "archiv"], 66),
        (vec!["plan", "--last", "0"], 2),
        (vec!["plan", "--against", "/nowhere/at/all"], 78),
    ] {
        let output = house.run(&arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}
