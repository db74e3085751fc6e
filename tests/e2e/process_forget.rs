//! A person is forgotten by the real program: not one byte of them is left, and a late duplicate stays out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use leadsync_sim::webhook::Answer;
use serde_json::{Value, json};

use crate::process::{Daemon, Destination, House, Load, Plan, eventually, lead_body, lead_path, post};

/// What only this person has. Not in it: what everybody may have, like a country.
const CANARIES: [&str; 6] = [
    "zeynep.canary@forgotten.example",
    "Zeynepcanary",
    "Sahincanary",
    "+905321234567",
    "Canarywerke",
    "a secret canary wish",
];
const EMAIL: &str = CANARIES[0];

fn house_with(destination: &Destination) -> House {
    House::build(&Plan {
        connectors: BTreeMap::from([("crm", destination.connector_with("batch_max = 100\n"))]),
        ..Plan::default()
    })
}

fn give(house: &House, body: &str) {
    let answer = house.send(&post(&lead_path(), body)).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
}

fn body_of(email: &str, offer: &str) -> String {
    json!({
        "userDetails": {
            "FirstName": CANARIES[1], "LastName": CANARIES[2], "Email": email, "Phone": CANARIES[3],
            "Country": "TR", "Company": CANARIES[4],
        },
        "LeadSource": format!("AzureMarketplace-INS|contoso.{offer}"), "ActionCode": "INS",
        "OfferTitle": offer, "Description": CANARIES[5],
    })
    .to_string()
}

/// Everything the person left: touches in several spellings, a body nobody could read, a mention by
/// somebody else.
fn leave_traces(house: &House) {
    for (number, email) in [
        EMAIL,
        "Zeynep.Canary@Forgotten.Example",
        " ZEYNEP.CANARY@forgotten.example. ",
    ]
    .into_iter()
    .enumerate()
    {
        give(house, &body_of(email, &format!("offer{number}")));
    }
    give(house, &body_of(EMAIL, "escaped").replace('@', "\\u0040"));
    let broken = format!("{{\"Email\": \"{EMAIL}\", \"Name\": \"{}\"", CANARIES[1]);
    for unreadable in [broken, format!("Email={}", EMAIL.replace('@', "%40"))] {
        let answer = house.send(&post(&lead_path(), &unreadable)).unwrap();
        assert_eq!(answer.status, 400, "{}", answer.body);
    }
    let other = lead_body("friend@other.example");
    give(
        house,
        &other.replace("I would like", &format!("{EMAIL} told me, I would like")),
    );
}

/// Every file of the state directory, with what is in it.
fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            found.push((path, bytes));
        }
    }
    found
}

/// The ways a text may stand in a file.
fn spellings(text: &str) -> Vec<Vec<u8>> {
    let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    vec![
        text.as_bytes().to_vec(),
        text.to_lowercase().into_bytes(),
        text.to_uppercase().into_bytes(),
        text.replace('@', "%40").into_bytes(),
        text.replace('@', "\\u0040").into_bytes(),
        wide(u16::to_le_bytes),
        wide(u16::to_be_bytes),
    ]
}

/// Canaries in the state directory: file and canary.
fn hits(house: &House) -> Vec<(PathBuf, &'static str)> {
    let mut hits = Vec::new();
    for (path, bytes) in files(&house.path("state")) {
        let folded = bytes.to_ascii_lowercase();
        for canary in CANARIES {
            let is_there = |needle: Vec<u8>| {
                let needle = needle.to_ascii_lowercase();
                folded.windows(needle.len()).any(|window| window == needle)
            };
            if spellings(canary).into_iter().any(is_there) {
                hits.push((path.clone(), canary));
            }
        }
    }
    hits
}

fn forget(house: &House) -> Value {
    house.ask(&["forget", "ZEYNEP.canary@FORGOTTEN.example", "--yes"])
}

#[test]
fn nothing_of_a_person_is_left_beside_a_daemon_under_load() {
    let destination = Destination::open();
    let house = house_with(&destination);
    let mut daemon = Daemon::start(&house);
    leave_traces(&house);
    house.await_quiet();
    assert!(!hits(&house).is_empty(), "there is something to forget");

    let load = Load::begin(&house, 4);
    eventually("some load", || (load.ledger.count() > 200).then_some(()));
    let gone = forget(&house);
    assert_eq!(hits(&house), [], "{gone}");
    let ledger = load.end();
    assert_eq!(gone["leads"].as_array().unwrap().len(), 1, "{gone}");
    assert_eq!(gone["leads"][0]["copies"][0]["held"], "yes", "{gone}");
    assert_eq!(
        (&gone["refused"], &gone["swept"]),
        (&json!(2), &json!(true)),
        "{gone}"
    );
    assert!(gone["mentions"].as_u64().unwrap() >= 1, "{gone}");

    house.await_quiet();
    assert_eq!(
        house.misses(&ledger),
        Vec::<String>::new(),
        "nobody else went with them"
    );
    let id = gone["leads"][0]["id"].as_str().unwrap();
    assert_eq!(house.ask(&["show", id])["fate"], "suppressed: forgotten");
    assert_eq!(house.ask(&["forget", "--history"])[0]["leads"], 1);
    let friend = &house.stored()["friend@other.example"];
    let story = friend["lead"]["touches"][0]["description"].as_str().unwrap();
    assert!(story.starts_with("[erased] told me"), "{story}");
    daemon.stop();
    assert_eq!(hits(&house), []);
}

#[test]
fn nothing_of_a_person_is_left_when_no_daemon_runs() {
    let destination = Destination::open();
    destination
        .webhook
        .answer_always(Some(Answer::status(422).body(format!("no {EMAIL} here"))));
    let house = house_with(&destination);
    let mut daemon = Daemon::start(&house);
    leave_traces(&house);
    eventually("dead letters", || {
        let dead = house.ask(&["status"])["deliveries"]["dead"].as_u64();
        (dead >= Some(2)).then_some(())
    });
    daemon.kill();
    let looked = house.ask(&["forget", EMAIL, "--dry-run"]);
    assert_eq!(looked["leads"].as_array().unwrap().len(), 1, "{looked}");
    assert!(!hits(&house).is_empty(), "a look changes nothing");

    let gone = forget(&house);
    assert_eq!(hits(&house), [], "{gone}");
    assert_eq!(
        house.ask(&["status"])["deliveries"]["dead"],
        1,
        "the friend's dead letter stays"
    );
    assert_eq!(
        forget(&house)["leads"],
        json!([]),
        "there is nothing more to forget"
    );
}

#[test]
fn a_late_duplicate_of_a_forgotten_person_stays_out_and_leaves_no_byte() {
    let destination = Destination::open();
    let house = house_with(&destination);
    let mut daemon = Daemon::start(&house);
    give(&house, &body_of(EMAIL, "offer"));
    house.await_quiet();
    forget(&house);
    let before = destination.webhook.leads().len();

    give(&house, &body_of(EMAIL, "offer"));
    eventually("a late duplicate that is known", || {
        (house.ask(&["status"])["forgotten"] == 1).then_some(())
    });
    assert_eq!(house.ask(&["status"])["leads"], 1);
    eventually("a log without them", || hits(&house).is_empty().then_some(()));
    assert_eq!(destination.webhook.leads().len(), before, "nothing was delivered");

    // Somebody who asks for something else comes back on purpose.
    give(&house, &body_of(EMAIL, "another"));
    eventually("a new lead", || {
        (house.ask(&["status"])["leads"] == 2).then_some(())
    });
    house.await_quiet();
    assert_eq!(house.stored()[EMAIL]["fate"], "delivered");
    daemon.stop();
}

#[test]
fn who_forbade_contact_and_was_forgotten_stays_uncontacted_also_when_all_is_read_again() {
    let destination = Destination::open();
    let house = house_with(&destination);
    let mut daemon = Daemon::start(&house);
    give(&house, &body_of(EMAIL, "offer").replace("INS", "DNC"));
    house.await_quiet();
    forget(&house);
    give(&house, &body_of(EMAIL, "another"));
    eventually("a new lead", || {
        (house.ask(&["status"])["leads"] == 2).then_some(())
    });
    house.await_quiet();
    let read_again = house.ask(&["reprocess", "--all"]);
    assert_eq!(read_again["changed"], json!([]), "{read_again}");
    assert_eq!(house.stored()[EMAIL]["fate"], "suppressed: do not contact");
    assert_eq!(destination.webhook.count(), 0, "nobody heard of them");
    daemon.stop();
}

#[test]
fn what_waits_for_a_person_is_withdrawn_before_it_goes() {
    let destination = Destination::open();
    destination.webhook.answer_always(Some(Answer::status(503)));
    let house = house_with(&destination);
    let mut daemon = Daemon::start(&house);
    give(&house, &body_of(EMAIL, "offer"));
    eventually("a delivery that waits", || {
        (house.ask(&["status"])["deliveries"]["pending"] == 1).then_some(())
    });
    let gone = forget(&house);
    assert_eq!(gone["leads"].as_array().unwrap().len(), 1, "{gone}");
    destination.webhook.answer_always(None);
    give(&house, &lead_body("friend@other.example"));
    house.await_quiet();
    assert_eq!(
        destination.records(),
        BTreeMap::from([("friend@other.example".into(), 1)])
    );
    daemon.stop();
}

#[test]
fn forgetting_while_the_daemon_comes_and_goes_leaves_the_store_whole() {
    let destination = Destination::open();
    let house = house_with(&destination);
    let mut daemon = Daemon::start(&house);
    leave_traces(&house);
    house.await_quiet();
    for round in 0..6 {
        std::thread::scope(|scope| {
            let forgetting = scope.spawn(|| {
                for _ in 0..5 {
                    let output = house.run(&["forget", EMAIL, "--yes"]);
                    assert!(matches!(output.status.code(), Some(0 | 4)), "{output:?}");
                }
            });
            daemon.stop();
            daemon = Daemon::start(&house);
            for number in 0..20 {
                give(&house, &lead_body(&format!("{number}@{round}.example")));
            }
            forgetting.join().unwrap();
        });
    }
    house.await_quiet();
    daemon.stop();
    let store = rusqlite::Connection::open(house.database()).unwrap();
    let finding: String = store
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(finding, "ok");
    assert_eq!(
        house.ask(&["status"])["leads"],
        122,
        "the person, the friend, and all who came"
    );
}

#[test]
fn an_address_is_read_from_standard_input_and_what_others_still_hold_is_named() {
    let destination = Destination::open();
    let house = house_with(&destination);
    let mut daemon = Daemon::start(&house);
    leave_traces(&house);
    house.await_quiet();
    daemon.stop();
    let friend = house.stored()["friend@other.example"]["id"].clone();
    let left = house.path("state/.leadsync-backup-x");
    std::fs::write(&left, b"half a store").unwrap();
    let typed = house.path("typed");
    std::fs::write(&typed, format!("{EMAIL}\n")).unwrap();
    let mut command = house.command();
    command.args(["--json", "forget", "-", "--yes"]);
    let output = command
        .stdin(std::fs::File::open(&typed).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains(".leadsync-backup-x"), "{complaint}");
    let gone: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(gone["leads"].as_array().unwrap().len(), 1, "{gone}");
    let held = json!([{ "lead": friend, "destinations": ["crm"] }]);
    assert_eq!(gone["mentioned_by"], held, "{gone}");
}

#[test]
fn nobody_is_forgotten_by_accident() {
    let destination = Destination::open();
    let house = house_with(&destination);
    house.work_off();
    for (arguments, code) in [
        (vec!["forget"], 2),
        (vec!["forget", "not an address", "--yes"], 2),
        (vec!["forget", EMAIL], 2),
        (vec!["forget", EMAIL, "--account", "defualt", "--yes"], 66),
        (
            vec!["forget", "--lead", "0123456789abcdef0123456789abcdef", "--yes"],
            66,
        ),
    ] {
        let output = house.run(&arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?} {output:?}");
    }
    assert_eq!(house.ask(&["forget", "--history"]), json!([]));
}
