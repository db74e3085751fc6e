//! A pretended CRM with a house whose leads go there, and what `doctor` and `provision` say of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Output;

use serde_json::Value;

use super::House;

/// What nobody may ever read.
pub(crate) const CANARY: &str = "canary-client-secret";

/// A key or a certificate for the tests.
pub(crate) fn pem(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys");
    std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
}

/// A house with one connector named `crm`; `{house}` in its text is where the secrets are.
pub(crate) fn house(connector: &str) -> House {
    let house = House::new();
    house.write_secret("crm.secret", CANARY);
    connect(&house, connector);
    house
}

/// Writes the connector anew.
pub(crate) fn connect(house: &House, connector: &str) {
    let place = house.path("").display().to_string();
    house.add_connector("crm", &connector.replace("{house}", place.trim_end_matches('/')));
}

/// The lines of a connector that let it reach systems of this machine over plain HTTP.
pub(crate) fn nearby(addresses: &[SocketAddr]) -> String {
    let ports: Vec<u16> = addresses.iter().map(SocketAddr::port).collect();
    format!("allow_plain_http = true\nallow_private_targets = [\"127.0.0.0/8\"]\nallowed_ports = {ports:?}\n")
}

/// Runs a command; nothing it prints may hold a secret.
#[track_caller]
pub(crate) fn run(house: &House, arguments: &[&str]) -> Output {
    let output = house.run(arguments);
    let printed = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let printed = String::from_utf8_lossy(&printed);
    for secret in ["canary", "Bearer", "PRIVATE KEY", "eyJ"] {
        assert!(!printed.contains(secret), "{secret}: {printed}");
    }
    output
}

/// How the steps stand, by their ids, after `provision` ended with this code.
#[track_caller]
pub(crate) fn steps(house: &House, arguments: &[&str], code: i32) -> BTreeMap<String, String> {
    let report = provision(house, arguments, code);
    let steps = report["steps"].as_array().unwrap().iter();
    steps
        .map(|step| {
            let word = |name: &str| step[name].as_str().unwrap().to_owned();
            (word("id"), word("state"))
        })
        .collect()
}

/// What `provision` said of the connector when it ended with this code.
#[track_caller]
pub(crate) fn provision(house: &House, arguments: &[&str], code: i32) -> Value {
    let all = [&["--json", "provision", "crm"], arguments].concat();
    let output = run(house, &all);
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}{complaint}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    told["connectors"][0].clone()
}

/// The checks of the doctor, by their names, and its exit code.
#[track_caller]
pub(crate) fn doctor(house: &House) -> (BTreeMap<String, Value>, Option<i32>) {
    let output = run(house, &["--json", "doctor", "crm"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut checks: BTreeMap<String, Value> = BTreeMap::new();
    for check in told["connectors"][0]["checks"].as_array().unwrap() {
        let name = check["check"].as_str().unwrap().to_owned();
        // One name may stand for two hosts: the worse of them counts.
        let is_fine = |check: &Value| check["state"] == "ok" || check["state"] == "skipped";
        if checks.get(&name).is_none_or(is_fine) {
            checks.insert(name, check.clone());
        }
    }
    (checks, output.status.code())
}

/// The doctor finds nothing that keeps leads back; of all it warns of, plain HTTP alone.
#[track_caller]
pub(crate) fn assert_well(house: &House) {
    let (checks, code) = doctor(house);
    assert_eq!(code, Some(0), "{checks:?}");
    let warned = checks.iter().filter(|(_, check)| check["state"] == "warning");
    let warned: Vec<_> = warned.filter(|(name, _)| *name != "tls").collect();
    assert!(warned.is_empty(), "{warned:?}");
}

/// The doctor finds these illnesses and no other.
#[track_caller]
pub(crate) fn illnesses(house: &House) -> BTreeMap<String, Value> {
    let (mut checks, code) = doctor(house);
    assert_eq!(code, Some(69), "{checks:?}");
    checks.retain(|_, check| check["state"] == "failed");
    checks
}

/// The doctor finds this one illness, says something like `found`, and knows a remedy like `remedy`.
#[track_caller]
pub(crate) fn assert_ill(house: &House, name: &str, found: &str, remedy: &str) {
    let ill = illnesses(house);
    assert_eq!(ill.keys().collect::<Vec<_>>(), [name], "{ill:?}");
    let check = &ill[name];
    assert!(check["found"].as_str().unwrap().contains(found), "{check}");
    assert!(check["remedy"].as_str().unwrap().contains(remedy), "{check}");
}

/// The doctor lets leads pass, but warns of this.
#[track_caller]
pub(crate) fn assert_warned(house: &House, name: &str, remedy: &str) {
    let (checks, code) = doctor(house);
    assert_eq!(code, Some(0), "{checks:?}");
    assert_eq!(checks[name]["state"], "warning", "{}", checks[name]);
    assert!(
        checks[name]["remedy"].as_str().unwrap().contains(remedy),
        "{}",
        checks[name]
    );
}

/// The whole way from an untouched system to one that is ready; gives what had been missing.
#[track_caller]
pub(crate) fn make_ready(house: &House) -> Vec<String> {
    let before = steps(house, &["--plan"], 4);
    let missing: Vec<String> = before
        .iter()
        .filter(|(_, state)| *state == "missing")
        .map(|(id, _)| id.clone())
        .collect();
    assert!(!missing.is_empty());
    assert_eq!(steps(house, &[], 4), before, "planning changes nothing");

    let applied = provision(house, &["--apply", "--wait", "1m"], 0);
    let mut made: Vec<&str> = applied["made"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap())
        .collect();
    made.sort_unstable();
    assert_eq!(made, missing);
    assert_ne!(applied["role"].as_array().unwrap().len(), 0);

    let after = steps(house, &["--plan"], 0);
    assert!(after.values().all(|state| state == "present"), "{after:?}");
    assert_eq!(
        after.keys().collect::<Vec<_>>(),
        before.keys().collect::<Vec<_>>()
    );
    let again = provision(house, &["--apply"], 0);
    assert_eq!(again["made"].as_array().unwrap().len(), 0, "{again}");
    assert!(!house.database().exists(), "no store is needed");
    missing
}
