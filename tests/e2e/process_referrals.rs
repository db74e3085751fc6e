//! What the operator sees of referrals, their reports and their clocks, and what may be ordered by hand.

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::{Value, json};

use crate::process::filled::{Filled, LATE, NEW, REFUSED, WON};
use crate::process::{Daemon, Destination, House, Plan, eventually};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complained(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command that ends with this code; gives everything it said.
#[track_caller]
fn ends_with(house: &House, arguments: &[&str], code: i32) -> String {
    let output = house.run(arguments);
    let words = said(&output) + &complained(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {words}");
    words
}

#[test]
fn clocks_are_listed_with_what_is_left_and_may_fail_for_whoever_watches() {
    let house = House::new();
    Filled::into(&house);
    let clocks = house.ask(&["clocks"]);
    let states: Vec<&str> = clocks
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["overdue", "ok", "ok"]);
    assert_eq!(
        (&clocks[0]["clock"], &clocks[0]["referral"]),
        (&json!("answer"), &json!(LATE))
    );
    assert!(clocks[0]["seconds_left"].as_i64().unwrap() < 0);
    let all = house.ask(&["clocks", "--all"]);
    assert!(
        all.as_array()
            .unwrap()
            .iter()
            .any(|row| row["state"] == "met" && row["seconds_left"].is_null())
    );

    let words = ends_with(&house, &["clocks"], 0);
    assert!(words.contains("overdue by") && words.contains("left"), "{words}");
    assert!(!words.contains('\u{1b}'), "colours are for terminals: {words}");
    let words = ends_with(&house, &["clocks", "--fail-overdue", "-n", "1"], 4);
    assert!(words.contains("1 clock is overdue"), "{words}");
    let lead = clocks[1]["lead"].as_str().unwrap();
    assert_eq!(
        house.ask(&["clocks", "--lead", lead]).as_array().unwrap().len(),
        1
    );
}

#[test]
fn any_id_of_a_lead_tells_its_whole_story() {
    let house = House::new();
    let filled = Filled::into(&house);
    let lead = filled.lead_of(REFUSED);
    let by_lead = house.ask(&["explain", &lead]);
    let story = &by_lead["stories"][0];
    assert_eq!(story["lead"], json!(lead));
    let sentence = story["stands"].as_str().unwrap();
    for part in [
        "is pending",
        "crm says accepted",
        "is New/Received",
        "there is no deal value",
    ] {
        assert!(sentence.contains(part), "{part}: {sentence}");
    }
    assert_eq!(story["to_do"][0], "fill it in, in the CRM");
    let kinds: Vec<&str> = story["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    for kind in ["arrival", "delivery", "crm", "referral", "report", "clock"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    for id in [REFUSED, &filled.record_of(REFUSED), &format!("{lead}-1")] {
        let found = house.ask(&["explain", id]);
        assert_eq!(found["stories"][0]["history"], story["history"], "{id}");
    }
    let words = ends_with(&house, &["explain", REFUSED], 0);
    assert!(words.contains("-> fill it in, in the CRM"), "{words}");
    assert!(
        words.contains("report     ") && words.contains("refused"),
        "{words}"
    );
    ends_with(&house, &["explain", "00000000000000000000000000000000"], 66);
    filled.assert_no_person(&(words + &by_lead.to_string()));
}

#[test]
fn an_id_that_names_several_leads_tells_the_story_of_each() {
    let house = House::new();
    let filled = Filled::into(&house);
    filled.name_alike(&house, "4711");
    let stories = house.ask(&["explain", "4711"])["stories"].clone();
    let leads: Vec<&str> = stories
        .as_array()
        .unwrap()
        .iter()
        .map(|story| story["lead"].as_str().unwrap())
        .collect();
    assert_eq!(leads, [filled.lead_of(NEW), filled.lead_of(LATE)]);
}

#[test]
fn outcomes_and_lists_show_each_referral_with_its_report() {
    let house = House::new();
    let filled = Filled::into(&house);
    let outcomes = house.ask(&["outcomes"]);
    let of = |referral: &str| -> Value {
        let lead = filled.lead_of(referral);
        let rows = outcomes.as_array().unwrap();
        rows.iter()
            .find(|row| row["lead"] == json!(lead))
            .unwrap()
            .clone()
    };
    let refused = of(REFUSED);
    assert_eq!(refused["stage"], "accepted");
    let report = &refused["referrals"][0]["report"];
    assert_eq!(
        (&report["state"], &report["hint"]),
        (&json!("refused"), &json!("fill it in, in the CRM"))
    );
    assert_eq!(of(WON)["referrals"][0]["report"]["state"], "settled");

    let refusals = house.ask(&["outcomes", "--refused"]);
    assert_eq!(refusals.as_array().unwrap().len(), 1);
    assert_eq!(refusals[0]["referrals"][0]["id"], json!(REFUSED));
    let words = ends_with(&house, &["outcomes", "--refused"], 0);
    assert!(
        words.contains("there is no deal value") && words.contains("-> fill it in"),
        "{words}"
    );

    let open: Vec<Value> = house.ask(&["referrals", "--open"]).as_array().unwrap().clone();
    let ids: Vec<&str> = open.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [LATE, REFUSED, NEW]);
    assert_eq!(house.ask(&["referrals", "-n", "1"]).as_array().unwrap().len(), 1);
    let words = ends_with(&house, &["referrals"], 0);
    for part in [
        "Closed/Won",
        "25000 EUR",
        "customer-inquiry",
        "own",
        "settled",
        "left)",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let shown = house.ask(&["show", &filled.lead_of(WON)]);
    assert_eq!(shown["referrals"][0]["state"], "Closed/Won");
    let status = house.ask(&["status"])["referrals"].clone();
    assert_eq!(
        (
            &status["new"],
            &status["won"],
            &status["refused"],
            &status["clocks_overdue"]
        ),
        (&json!(3), &json!(1), &json!(1), &json!(1))
    );
    let words = ends_with(&house, &["status"], 0);
    assert!(words.contains("3 new, 0 active, 1 closed (1 won"), "{words}");
}

#[test]
fn what_is_given_for_a_referral_is_checked_before_anything_is_written() {
    let house = House::new();
    Filled::into(&house);
    for arguments in [
        vec!["accept", "not an id!"],
        vec!["accept", NEW, "--value", "25.000,00"],
        vec!["accept", NEW, "--value=-1"],
        vec!["accept", NEW, "--currency", "Euro"],
        vec!["accept", NEW, "--closes", "tomorrow"],
        vec!["accept", NEW, "--member", "jane@contoso.example"],
        vec!["decline", NEW],
        vec!["decline", NEW, "--reason", "  "],
        vec!["edit", NEW],
        vec!["frobnicate", NEW],
    ] {
        ends_with(&house, &[&["referral"], arguments.as_slice()].concat(), 2);
    }
    let unknown = "99999999-9999-4999-8999-999999999999";
    ends_with(
        &house,
        &["referral", "decline", unknown, "--reason", "Others"],
        66,
    );
    ends_with(&house, &["referral", "link", unknown], 66);
    let steps = house.ask(&["explain", NEW])["stories"][0]["referrals"][0]["steps"].clone();
    assert_eq!(steps, json!([]), "nothing was ordered");
}

#[test]
fn a_plan_shows_what_would_be_written_or_why_not_and_orders_nothing() {
    let house = House::new();
    Filled::into(&house);
    let complete = [
        "--name",
        "Fabrikam",
        "--value",
        "25000",
        "--currency",
        "eur",
        "--closes",
        "2027-03-31",
    ];
    let accept = [&["referral", "accept", NEW, "--plan"], &complete[..]].concat();
    let plan = house.ask(&accept);
    assert_eq!(
        plan["plan"],
        json!([{ "step": "accept", "fields": ["status", "name", "value", "currency", "closes-on"] }])
    );
    let won = [&["referral", "won", NEW, "--plan"], &complete[2..]].concat();
    let words = ends_with(&house, &won, 77);
    assert!(
        words.contains("there is no deal name") && words.contains("->"),
        "{words}"
    );
    let words = ends_with(
        &house,
        &["referral", "decline", NEW, "--reason", "Not a customer", "--plan"],
        0,
    );
    assert!(words.contains("decline: status, reason"), "{words}");
    let words = ends_with(&house, &["referral", "edit", WON, "--value", "1", "--plan"], 77);
    assert!(words.contains("for good"), "{words}");
    let story = house.ask(&["explain", NEW])["stories"][0]["referrals"][0].clone();
    assert_eq!(
        (&story["steps"], &story["report"]["ordered"]),
        (&json!([]), &Value::Null)
    );
}

#[test]
fn a_referral_is_linked_and_unlinked_by_hand() {
    let house = House::new();
    Filled::into(&house);
    assert_eq!(
        house.ask(&["referral", "unlink", NEW])["link"],
        "unlinked by hand"
    );
    let linked = house.ask(&["referral", "link", NEW]);
    assert_eq!(
        (&linked["link"], &linked["linked"]),
        (&json!("linked by hand"), &json!(true))
    );
    let help = ends_with(&house, &["referral", "decline", "--help"], 0);
    assert!(help.contains("Customer did not respond"), "{help}");
}

#[test]
fn whoever_wants_alerts_is_told_once_and_no_log_line_names_a_person() {
    let destination = Destination::open();
    let hooks = destination
        .connector_with("")
        .replace("[\"destination\"]", "[\"alerts\"]");
    let house = House::build(&Plan {
        connectors: BTreeMap::from([("hooks", hooks)]),
        clocks: "alert = \"hooks\"",
        ..Plan::default()
    });
    let filled = Filled::into(&house);
    let mut daemon = Daemon::start(&house);
    eventually("an alert", || (destination.webhook.count() > 0).then_some(()));
    daemon.stop();
    // Another process looks at all clocks, and tells nobody again.
    let mut daemon = Daemon::start(&house);
    let counted = "leadsync_clocks{clock=\"answer\",state=\"overdue\"} 1";
    eventually("clocks that were counted", || {
        house.admin("/metrics")?.body.contains(counted).then_some(())
    });
    daemon.stop();
    let told: Vec<Value> = destination
        .webhook
        .requests()
        .iter()
        .map(leadsync_sim::webhook::Recorded::json)
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["type"], &told[0]["data"]["referralId"]),
        (&json!("clock.overdue"), &json!(LATE))
    );
    let log = house.log();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("\"event\":\"clock\""))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(
        lines[0].contains("WARN") && lines[0].contains(LATE),
        "{}",
        lines[0]
    );
    filled.assert_no_person(&log);
    filled.assert_no_person(&told[0].to_string());
}
