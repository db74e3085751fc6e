//! A canary goes the whole way through the real daemon, is taken away, and leaves nothing behind.

use std::process::Output;

use leadsync_sim::webhook::Answer;
use serde_json::{Value, json};

use crate::process::{Daemon, Destination, House, SECRET, eventually, lead_path};

/// A house whose leads go to a receiver and into a file.
fn house_with(destination: &Destination) -> House {
    let house = House::new();
    house.add_connector("crm", &destination.connector_with(""));
    let file = house.path("leads.jsonl");
    let archive = format!(
        "kind = \"file\"\nroles = [\"destination\"]\n[settings]\npath = \"{}\"\n",
        file.display()
    );
    house.add_connector("archive", &archive);
    house
}

/// Sends a canary through the public address; what it printed never holds the secret.
#[track_caller]
fn canary(house: &House, arguments: &[&str], code: i32) -> (Value, String) {
    let url = format!("http://{}", house.public);
    let all = [&["--json", "canary", "--url", &url], arguments].concat();
    let Output {
        status,
        stdout,
        stderr,
    } = house.run(&all);
    let (said, complaint) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(
        !said.contains(SECRET) && !complaint.contains(SECRET),
        "{said}{complaint}"
    );
    assert_eq!(status.code(), Some(code), "{said}{complaint}");
    (
        serde_json::from_slice(&stdout).unwrap_or_default(),
        complaint.into_owned(),
    )
}

fn lines(house: &House) -> Vec<Value> {
    let text = std::fs::read_to_string(house.path("leads.jsonl")).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What the receiver was told, in order.
fn told(destination: &Destination) -> Vec<String> {
    let requests = destination.webhook.requests().into_iter();
    requests
        .map(|request| request.json()["type"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[track_caller]
fn assert_nothing_is_left(house: &House) {
    let status = house.ask(&["status"]);
    assert_eq!(
        (&status["accepted"], &status["leads"], &status["unsettled"]),
        (&json!(0), &json!(0), &json!(0)),
        "{status}"
    );
    assert_eq!(house.ask(&["leads"]), json!([]));
    assert_eq!(status["deliveries"]["pending"], 0);
    assert_eq!(status["deliveries"]["dead"], 0);
}

#[test]
fn a_canary_reaches_every_destination_and_is_taken_away_from_each() {
    let destination = Destination::open();
    let house = house_with(&destination);
    let mut daemon = Daemon::start(&house);
    let (report, _) = canary(&house, &[], 0);
    assert_eq!(report["arrived"], true, "{report}");
    assert_eq!(report["status"], 200);
    let stops = report["destinations"].as_array().unwrap();
    assert_eq!(stops.len(), 2);
    for stop in stops {
        assert_eq!(stop["state"], "delivered", "{report}");
        assert!(stop["taken_away"].as_str().unwrap().contains("void"), "{report}");
    }
    assert_eq!(told(&destination), ["lead.created", "lead.withdrawn"]);
    assert!(destination.webhook.leads().is_empty());
    let first = destination.webhook.requests().remove(0).json();
    let email = first["data"]["email"].as_str().unwrap();
    assert!(
        email.starts_with("canary+") && email.ends_with("@leadsync.invalid"),
        "{email}"
    );
    let events: Vec<Value> = lines(&house).iter().map(|line| line["event"].clone()).collect();
    assert_eq!(events, ["lead.created", "lead.withdrawn"]);
    assert_nothing_is_left(&house);
    assert_eq!(house.ask(&["status"])["sources"][0]["last_lead"], json!(null));
    daemon.stop();
}

#[test]
fn a_mark_of_somebody_elses_making_is_a_test_lead() {
    let destination = Destination::open();
    let house = house_with(&destination);
    let mut daemon = Daemon::start(&house);
    let marker = "MSFT_TEST_639000000000000000";
    let body = json!({
        "userDetails": { "FirstName": "leadsync", "LastName": "canary", "Company": marker,
            "Email": "canary+0123456789abcdef0123456789abcdef@leadsync.invalid" },
        "LeadSource": "AzureMarketplace", "ActionCode": "INS", "OfferTitle": "x",
    })
    .to_string();
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        lead_path(),
        body.len()
    );
    assert_eq!(house.send(&request).unwrap().status, 200);
    let fate = eventually("an understood lead", || {
        let leads = house.ask(&["leads"]);
        leads[0]["fate"].is_string().then(|| leads[0]["fate"].clone())
    });
    assert_eq!(fate, "suppressed: test lead");
    house.await_quiet();
    assert!(told(&destination).is_empty());
    daemon.stop();
}

#[test]
fn where_a_canary_hangs_and_what_to_do_is_told() {
    let destination = Destination::open();
    let house = house_with(&destination);
    let mut daemon = Daemon::start(&house);
    destination
        .webhook
        .answer_always(Some(Answer::status(422).body("no such country")));
    let (report, complaint) = canary(&house, &["--destination", "crm"], 4);
    assert!(complaint.contains("crm: dead letter"), "{complaint}");
    assert_eq!(report["destinations"][0]["state"], "dead", "{report}");
    assert_nothing_is_left(&house);

    destination.webhook.answer_always(Some(Answer::status(401)));
    let (report, complaint) = canary(&house, &["--wait", "3s"], 4);
    assert!(
        complaint.contains("parked") && complaint.contains("leadsync release crm"),
        "{complaint}"
    );
    let archive = &report["destinations"][0];
    assert_eq!(
        (&archive["name"], &archive["state"]),
        (&json!("archive"), &json!("delivered"))
    );
    assert_nothing_is_left(&house);
    daemon.stop();
}

#[test]
fn an_address_that_leads_nowhere_or_elsewhere_is_told_so() {
    let destination = Destination::open();
    let house = house_with(&destination);
    house.work_off();
    let (_, complaint) = canary(&house, &[], 69);
    assert!(complaint.contains("/v1/leads/web/***"), "{complaint}");
    let mut daemon = Daemon::start(&house);
    let wrong = format!("http://{}/elsewhere", house.public);
    let output = house.run(&["canary", "--url", &wrong]);
    assert_eq!(output.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&output.stderr).contains("404"));
    for (arguments, code) in [
        (vec!["canary"], 2),
        (vec!["canary", "--url", "http://x", "--destination", "cmr"], 66),
        (vec!["canary", "--url", "http://x", "--source", "wbe"], 66),
    ] {
        assert_eq!(house.run(&arguments).status.code(), Some(code), "{arguments:?}");
    }
    assert_nothing_is_left(&house);
    daemon.stop();
}

#[test]
fn one_that_was_left_behind_is_taken_away_by_the_next() {
    let destination = Destination::open();
    let house = house_with(&destination);
    let mut daemon = Daemon::start(&house);
    canary(&house, &["--keep", "--wait", "5s"], 0);
    assert_eq!(destination.webhook.leads().len(), 1);
    assert_eq!(house.ask(&["leads"]).as_array().unwrap().len(), 1);
    canary(&house, &["--destination", "archive"], 0);
    assert_eq!(
        told(&destination),
        ["lead.created"],
        "whose time is not over is left alone"
    );
    let_its_time_be_over(&house);
    canary(&house, &["--destination", "archive"], 0);
    assert_eq!(told(&destination), ["lead.created", "lead.withdrawn"]);
    assert_nothing_is_left(&house);
    daemon.stop();
}

/// The time of every canary is over.
fn let_its_time_be_over(house: &House) {
    let store = rusqlite::Connection::open(house.database()).unwrap();
    store.execute("UPDATE canaries SET until = 0", []).unwrap();
}

#[test]
fn what_only_a_person_can_take_away_is_told_of_an_earlier_one_too() {
    let destination = Destination::open();
    let house = house_with(&destination);
    let mut daemon = Daemon::start(&house);
    canary(&house, &["--keep", "--wait", "5s"], 0);
    let_its_time_be_over(&house);
    std::fs::remove_file(house.path("connectors.d/crm.toml")).unwrap();
    let (report, complaint) = canary(&house, &[], 0);
    assert_eq!(report["arrived"], true, "{report}");
    assert!(
        complaint.contains("an earlier canary: ")
            && complaint.contains("crm: left there, remove by hand")
            && complaint.contains("@leadsync.invalid"),
        "{complaint}"
    );
    assert_nothing_is_left(&house);
    daemon.stop();
}
