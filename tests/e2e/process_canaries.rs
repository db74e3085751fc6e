//! G13, I16, T2, T12, T13: a whole day at the loudest, in which nobody and nothing secret is named.
//!
//! Every word of a person that may not be seen holds `nightingale`, or the digits of one telephone.

mod city;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use connector_kit::clock::{Clock, SystemClock};
use leadsync_sim::partner_center::NewReferral;
use serde_json::{Map, Value, json};

use crate::process::desk::{ADA, sign_in};
use crate::process::{Circuit, Daemon, House, Journal, SECRET, eventually, lead_path, post};
use city::City;

/// What no line may hold, in small letters.
const UNSEEN: [&str; 8] = [
    "nightingale",
    "90182077",
    "9018-2077",
    "y2fuyxj5",
    "canary-secret",
    "canary-client",
    "canary-vault",
    "canary-key",
];
/// Whatever a system may answer with.
const REFUSALS: [u16; 10] = [400, 401, 403, 404, 409, 412, 422, 429, 500, 503];

fn person(number: usize) -> Value {
    json!({
        "FirstName": "Nightingalefirst", "LastName": format!("Nightingalelast{number}"),
        "Email": format!("nightingale.mail.{number}@nightingalehost.example"), "Phone": "+49 30 90182077",
        "Country": "Nightingaleland", "Company": format!("Nightingale & Sons {number}"), "Title": "Nightingale in chief",
    })
}

fn lead(number: usize) -> Value {
    json!({
        "userDetails": person(number), "LeadSource": "AzureMarketplace-INS|nightingalepublisher.nightingaleoffer",
        "ActionCode": "INS", "OfferTitle": "Nightingale Engine", "Description": "nightingale wants to know more",
        "CustomerNotes": { "nightingale": "nightingale" },
    })
}

#[test]
fn whatever_systems_answer_no_person_and_no_secret_is_told_of() {
    let city = City::build();
    let house = &city.house;
    for name in ["force", "mark", "dyna"] {
        let made = house.run(&["provision", name, "--apply", "--wait", "1m"]);
        assert!(
            made.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&made.stderr)
        );
    }
    let mut said = Said::default();
    let mut daemon = Daemon::start(house);
    said.hear(house, &lead(0).to_string());
    city.await_quiet();
    said.knock_wrongly(house);
    city.table.put(
        "MarketplaceLeads",
        "nightingale",
        "nightingale-row",
        row(1000),
        now(),
    );
    city.table.put(
        "MarketplaceLeads",
        "nightingale",
        "nightingale-broken",
        Map::from_iter([("CustomerInfo".to_owned(), json!("{nightingale"))]),
        now(),
    );

    for (turn, status) in REFUSALS.into_iter().enumerate() {
        city.try_with(&mut said, turn + 1, |parrot| parrot.repeat_persons_with(status));
    }
    for (turn, status) in [401, 500].into_iter().enumerate() {
        city.try_with(&mut said, turn + 100, |parrot| parrot.repeat_with(status));
    }
    for (parrot, name) in city
        .parrots
        .iter()
        .zip(["hooks", "force", "mark", "login", "data", "rows"])
    {
        assert!(parrot.repeated() > 0, "{name} has repeated nothing");
    }
    city.await_quiet();
    said.look(house);
    daemon.stop();
    let mut daemon = Daemon::start(house);
    daemon.kill();

    let log = house.log();
    for event in [
        "\"DEBUG\"",
        "dead_letter",
        "destination_parked",
        "destination_held",
        "route_failed",
        "polled",
    ] {
        assert!(log.contains(event), "{event} is told of");
    }
    said.words.push(log);
    said.assert_discreet();
}

#[test]
fn a_referral_on_its_way_to_and_fro_names_nobody_in_the_journal() {
    let circuit = Circuit::with_events();
    let house = &circuit.house;
    house.speak_up();
    let mut journal = Journal::open(house);
    journal.start_daemon();
    eventually("a ready daemon", || Daemon::is_ready(house).then_some(()));
    let mut said = Said::default();
    let customer = NewReferral::marketplace_lead("nightingale.mail@nightingalehost.example")
        .person("Nightingalefirst", "Nightingalelast")
        .phone("+49 30 90182077")
        .company("Nightingale & Sons")
        .named("Nightingale deal")
        .notes("nightingale would like to know more")
        .on_team("nightingale.seller@contoso.example");
    let referral = circuit.center.create(customer);
    let told = circuit.untold().pop().unwrap();
    let forged = String::from_utf8_lossy(&told.body).replace(&referral, "nightingale");
    let answer = circuit.post(&told.headers(), forged.as_bytes());
    assert_eq!(answer.status, 401);
    said.words.push(answer.head + &answer.body);
    assert_eq!(circuit.post(&told.headers(), &told.body).status, 200);
    let record = circuit.arrived(&referral);
    circuit.await_rest();

    circuit.entra.revoke_user(ADA);
    circuit.entra.revoke_all();
    let opportunity = circuit.qualify(&record);
    journal.await_event("sink_parked");
    sign_in(house, &circuit.entra);
    house.ask(&["release", "desk"]);
    circuit.await_stage(&referral, "Active/Accepted");
    circuit.win(&opportunity);
    circuit.await_stage(&referral, "Closed/Won");
    circuit.await_rest();
    said.look(house);
    assert_eq!(journal.cell.stop_daemon(), "0");

    let entries = journal.entries(&[&format!("REFERRAL_ID={referral}")]);
    let events: BTreeSet<&str> = entries
        .iter()
        .filter_map(|entry| entry["EVENT"].as_str())
        .collect();
    for event in ["followed", "referral_new", "referral_reported"] {
        assert!(events.contains(event), "{event}: {events:?}");
    }
    assert!(!journal.entries(&["PRIORITY=7"]).is_empty(), "it is loud");
    said.words.push(journal.everything());
    said.assert_discreet();
}

fn now() -> DateTime<Utc> {
    SystemClock.now()
}

/// A row as Microsoft writes it.
fn row(number: usize) -> Map<String, Value> {
    let row = json!({
        "CustomerInfo": person(number).to_string(), "LeadSource": "AzureMarketplace-INS|nightingalepublisher.nightingaleoffer",
        "ActionCode": "INS", "OfferTitle": "Nightingale Engine", "Description": "nightingale", "CreatedTime": "2026-11-27T12:00:00Z",
    });
    row.as_object().unwrap().clone()
}

/// All that may be read by anybody without a key.
#[derive(Default)]
struct Said {
    words: Vec<String>,
}

impl Said {
    fn hear(&mut self, house: &House, body: &str) {
        let answer = house.send(&post(&lead_path(), body)).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.words.push(answer.body);
    }

    /// Bodies and paths that are refused.
    fn knock_wrongly(&mut self, house: &House) {
        let right = lead(1).to_string();
        let encoded = json!(right).to_string();
        for body in [
            &right[..right.len() - 3],
            "{\"userDetails\": {\"Email\": nightingale}}",
            "[\"nightingale\"]",
            "nightingale=nightingale&userDetails={\"Email\":\"nightingale\"}",
            &encoded,
            &right.replace("userDetails", "USERDETAILS"),
            &right.replace(
                "\"nightingale wants to know more\"",
                "{\"nightingale\": [\"nightingale\"]}",
            ),
            &format!("{{\"LeadSource\": \"nightingale{}\"}}", "|".repeat(5000)),
        ] {
            let answer = house.send(&post(&lead_path(), body)).unwrap();
            self.words.push(answer.head + &answer.body);
        }
        for path in [
            format!("/v1/leads/web/{SECRET}-more"),
            format!("/v1/leads/nightingale-source/{SECRET}"),
            format!("{}?nightingale=nightingale", lead_path()),
            "/v1/nightingale/events".to_owned(),
        ] {
            let answer = house.send(&post(&path, &right)).unwrap();
            self.words.push(answer.head + &answer.body);
        }
    }

    /// What the daemon says of itself.
    fn look(&mut self, house: &House) {
        for path in ["/healthz", "/readyz", "/metrics", "/v1/upkeep"] {
            self.words.push(house.admin(path).unwrap().body);
        }
    }

    #[track_caller]
    fn assert_discreet(&self) {
        let mut found: Vec<String> = Vec::new();
        for line in self.words.iter().flat_map(|words| words.lines()) {
            let small = line.to_lowercase();
            if UNSEEN.iter().any(|word| small.contains(word)) {
                found.push(line.chars().take(600).collect());
            }
        }
        found.dedup();
        assert!(
            found.is_empty(),
            "{} lines tell too much:\n{}",
            found.len(),
            found.join("\n")
        );
    }
}
