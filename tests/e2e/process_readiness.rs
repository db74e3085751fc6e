//! `doctor`, `provision` and `check --probe`, as an operator types them.

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::{Value, json};

use crate::process::{Destination, House, Plan};

fn house(connectors: &[(&'static str, String)]) -> House {
    House::build(&Plan {
        connectors: connectors.iter().cloned().collect::<BTreeMap<_, _>>(),
        ..Plan::default()
    })
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complained(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn told(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_doctor_needs_neither_store_nor_daemon_and_looks_by_the_probe_where_there_is_no_doctor() {
    let destination = Destination::open();
    let house = house(&[("crm", destination.connector_with(""))]);
    let output = house.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
    let words = said(&output);
    assert!(
        words.starts_with("this machine\n  ok       config  ")
            && words.contains("\ncrm  (https-endpoint)\n  ok       probe  "),
        "{words}"
    );
    assert!(words.ends_with("\nall is well\n"), "{words}");
    assert!(!house.database().exists());
    assert_eq!(complained(&output), "");

    let told = house.ask(&["doctor", "crm"]);
    assert_eq!(told["ok"], true, "{told}");
    let check = &told["connectors"][0]["checks"][0];
    assert_eq!(
        (&check["check"], &check["state"]),
        (&json!("probe"), &json!("ok"))
    );
}

/// A connector to a port nobody listens on.
fn to_nobody() -> String {
    "kind = \"https-endpoint\"\nroles = [\"destination\"]\n[settings]\nurl = \"http://127.0.0.1:1/leads\"\n\
     allow_plain_http = true\nallow_private_targets = [\"127.0.0.0/8\"]\nallowed_ports = [1]\n"
        .to_owned()
}

#[test]
fn one_broken_connector_is_named_with_its_remedy_beside_those_that_are_well() {
    let well = Destination::open();
    let house = house(&[("archive", well.connector_with("")), ("crm", to_nobody())]);
    let output = house.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(69));
    assert_eq!(complained(&output), "crm cannot be used\n");
    let words = said(&output);
    let crm = words.split_once("crm  (https-endpoint)").unwrap().1;
    assert!(
        crm.contains("failed   probe  could not") && crm.contains("-> "),
        "{words}"
    );

    let output = house.run(&["--json", "doctor"]);
    let told = told(&output);
    assert_eq!(told["ok"], false);
    assert_eq!(told["connectors"][0]["ok"], true, "{told}");
    assert_eq!(told["connectors"][1]["checks"][0]["state"], "failed");
    assert_ne!(told["connectors"][1]["checks"][0]["remedy"], "");
    assert_eq!(house.run(&["doctor", "archive"]).status.code(), Some(0));

    let output = house.run(&["check", "--probe"]);
    assert_eq!(output.status.code(), Some(69));
    assert!(said(&output).contains("\ncrm: could not "), "{}", said(&output));
    assert!(complained(&output).starts_with("1 of 2 connectors cannot be used"));
}

#[test]
fn a_mistake_in_one_file_does_not_keep_the_doctor_from_another() {
    let destination = Destination::open();
    let house = house(&[
        ("crm", destination.connector_with("")),
        ("wrong", destination.connector_with("timeout = \"1y\"\n")),
    ]);
    assert_eq!(house.run(&["doctor", "crm"]).status.code(), Some(0));
    let output = house.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(78));
    assert_eq!(complained(&output), "wrong cannot be used\n");
    let words = said(&output);
    let wrong = words.split_once("\nwrong  (https-endpoint)\n").unwrap().1;
    assert!(
        wrong.contains("failed   config") && wrong.contains("wrong.toml:"),
        "{words}"
    );
    assert!(
        words.contains("\ncrm  (https-endpoint)\n  ok       probe"),
        "{words}"
    );
}

#[test]
fn a_name_nobody_has_is_refused_with_the_nearest_one() {
    let destination = Destination::open();
    let house = house(&[("archive", destination.connector_with(""))]);
    for command in ["doctor", "provision"] {
        let output = house.run(&[command, "archiv"]);
        assert_eq!(output.status.code(), Some(66));
        let words = complained(&output);
        assert!(words.contains("did you mean `archive`?"), "{words}");
    }
}

#[test]
fn where_nothing_has_to_be_made_ready_provision_says_so_and_ends_well() {
    let destination = Destination::open();
    let house = house(&[("crm", destination.connector_with(""))]);
    for arguments in [&["provision"][..], &["provision", "crm", "--apply"]] {
        let output = house.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
        assert!(said(&output).starts_with("there is nothing to provision"));
    }
    assert_eq!(house.ask(&["provision"]), json!({ "connectors": [] }));
    assert!(destination.webhook.leads().is_empty());
}

#[test]
fn arguments_that_contradict_each_other_are_refused() {
    let house = House::new();
    for arguments in [
        &["provision", "--plan", "--apply"][..],
        &["provision", "--wait", "1m"],
        &["provision", "--apply", "--wait", "soon"],
    ] {
        assert_eq!(house.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
