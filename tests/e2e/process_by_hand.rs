//! Referrals answered by hand: the real program against the pretended service, with the daemon up and down.

use std::process::Output;

use leadsync_sim::faults::Fault;
use serde_json::{Value, json};

use crate::process::desk::Desk;
use crate::process::{Daemon, House, eventually};

/// Everything an acceptance needs.
const TERMS: [&str; 8] = [
    "--name",
    "Fabrikam rollout",
    "--value",
    "25000.50",
    "--currency",
    "EUR",
    "--closes",
    "2027-03-31",
];

/// Runs `referral ..` that ends with this code; gives what it printed and what it complained of.
#[track_caller]
fn order(house: &House, arguments: &[&str], code: i32) -> (Value, String) {
    let output = run(house, &[&["--json", "referral"], arguments].concat());
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {complaint}");
    let told = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (told, complaint)
}

fn run(house: &House, arguments: &[&str]) -> Output {
    let output = house.run(arguments);
    let printed = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let printed = String::from_utf8_lossy(&printed);
    for secret in ["canary", "Bearer", "eyJ", "sue@fabrikam.example"] {
        assert!(!printed.contains(secret), "{secret}: {printed}");
    }
    output
}

#[test]
fn a_referral_is_accepted_changed_and_won_by_hand_without_a_daemon() {
    let desk = Desk::open();
    let id = desk.refer("sue@fabrikam.example");
    desk.see(1);

    let (_, complaint) = order(&desk.house, &["accept", &id], 77);
    assert!(complaint.contains("there is no deal value"), "{complaint}");
    assert_eq!(desk.stage(&id), "New/Pending");

    let member = "Jane Doe <jane@contoso.example>";
    let accept = [&["accept", &id, "--member", member], &TERMS[..]].concat();
    let (told, _) = order(&desk.house, &accept, 0);
    assert_eq!(
        (&told["state"], &told["steps"][1]["result"]),
        (&json!("Active/Accepted"), &json!("done"))
    );
    assert_eq!(told["report"]["ordered"], Value::Null);
    let held = desk.center.referral(&id).unwrap();
    assert_eq!(held["details"]["currency"], "EUR");
    assert_eq!(
        held["team"].as_array().unwrap().last().unwrap()["email"],
        "jane@contoso.example"
    );
    let before = desk.center.writes().len();
    order(&desk.house, &accept, 0);
    assert_eq!(desk.center.writes().len(), before, "it says so already");

    let (told, _) = order(&desk.house, &["edit", &id, "--value", "30000"], 0);
    assert_eq!(told["steps"][1]["fields"], json!(["value"]));
    let (_, complaint) = order(&desk.house, &["decline", &id, "--reason", "Others"], 77);
    assert!(complaint.contains("leadsync referral lost"), "{complaint}");
    order(&desk.house, &["won", &id, "--value", "31000"], 0);
    assert_eq!(desk.stage(&id), "Closed/Won");
    let (_, complaint) = order(&desk.house, &["edit", &id, "--notes", "too late"], 77);
    assert!(complaint.contains("for good"), "{complaint}");

    let words = run(&desk.house, &["explain", &id]);
    let words = String::from_utf8_lossy(&words.stdout).into_owned();
    for part in [
        "accept: done",
        "edit: done (value)",
        "win: done",
        "order: refused",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    desk.assert_orderly();
}

#[test]
fn beside_a_running_daemon_an_order_is_carried_out_once() {
    let desk = Desk::open();
    let id = desk.refer("sue@fabrikam.example");
    let mut daemon = Daemon::start(&desk.house);
    eventually("a referral that is understood", || {
        let seen = desk.house.ask(&["referrals"]);
        (seen.as_array()?.len() == 1).then_some(())
    });
    order(&desk.house, &["decline", &id, "--reason", "Not a customer"], 0);
    assert_eq!(desk.stage(&id), "Closed/Declined");
    assert_eq!(
        desk.center.referral(&id).unwrap()["statusReason"],
        "Not a customer"
    );
    eventually("the daemon's own view of it", || {
        (desk.house.ask(&["referrals"])[0]["state"] == "Closed/Declined").then_some(())
    });
    daemon.stop();
    let writes = desk.center.writes_of(&id);
    assert_eq!(
        writes.iter().filter(|write| write.applied()).count(),
        1,
        "{writes:?}"
    );
    desk.assert_orderly();
}

#[test]
fn an_order_that_gets_no_answer_stays_and_is_done_later() {
    let desk = Desk::open();
    let id = desk.refer("sue@fabrikam.example");
    desk.see(1);
    for _ in 0..10 {
        desk.center.referral_faults.next(Fault::status(502));
    }
    let accept = [&["accept", &id], &TERMS[..]].concat();
    let (told, complaint) = order(&desk.house, &accept, 69);
    assert!(complaint.contains("tried again by the daemon"), "{complaint}");
    assert_eq!(told["report"]["ordered"]["step"], "accept");
    desk.center.referral_faults.clear();
    let mut daemon = Daemon::start(&desk.house);
    eventually("an order the daemon carried out", || {
        (desk.stage(&id) == "Active/Accepted").then_some(())
    });
    daemon.stop();
    order(&desk.house, &accept, 0);
    desk.assert_orderly();
}

#[test]
fn a_referral_of_our_own_is_made_from_a_file_and_seen_like_any_other() {
    let desk = Desk::open();
    desk.see(0);
    let file = desk.house.path("deal.json");
    let deal = json!({
        "type": "Independent", "qualification": "SalesQualified", "externalReferenceId": "OPP-7", "name": "Our own",
        "customerProfile": {
            "name": "Fabrikam", "team": [{ "firstName": "Sue", "lastName": "Smith", "email": "sue@fabrikam.example" }],
            "address": { "country": "DE", "city": "Berlin", "addressLine1": "Weg 1" },
        },
        "consent": { "consentToContact": true, "consentToToShareInfoWithOthers": false },
        "details": { "dealValue": 100, "currency": "EUR", "closingDateTime": "2027-03-31T00:00:00Z" },
    });
    let name = file.display().to_string();
    let create = ["create", "desk", name.as_str()];
    order(&desk.house, &create, 66);
    std::fs::write(&file, "{}").unwrap();
    let (_, complaint) = order(&desk.house, &create, 1);
    assert!(complaint.contains("it has no type"), "{complaint}");
    std::fs::write(&file, deal.to_string()).unwrap();
    order(&desk.house, &["create", "desk", &name, "--plan"], 0);
    assert_eq!(desk.center.referrals().len(), 0);
    order(&desk.house, &["create", "nobody", &name], 66);

    let (told, _) = order(&desk.house, &create, 0);
    let id = told["referral"].as_str().unwrap();
    assert_eq!(desk.center.referral(id).unwrap()["externalReferenceId"], "OPP-7");
    desk.see(1);
    assert_eq!(desk.house.ask(&["referrals"])[0]["id"], json!(id));

    for _ in 0..10 {
        desk.center.referral_faults.next(Fault::status(502));
    }
    let (_, complaint) = order(&desk.house, &create, 69);
    assert!(complaint.contains("look for the reference OPP-7"), "{complaint}");
}
