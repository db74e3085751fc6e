//! The ledger against two CRMs, a file and a receiver, and what is repaired afterwards, by the real program.

use std::net::SocketAddr;

use leadsync_sim::dataverse::Dataverse;
use leadsync_sim::entra::Entra;
use leadsync_sim::salesforce::Salesforce;
use serde_json::{Value, json};

use crate::process::crm::{CANARY, connect, house, make_ready, nearby, run};
use crate::process::{Daemon, Destination, House, Town, lead_body, lead_path, post};

const KEY: &str = "Marketplace_Lead_Id__c";
const APP: &str = "11111111-1111-1111-1111-111111111111";
const TENANT: &str = "72f988bf-0000-0000-0000-2d7cd011db47";

fn salesforce(town: &mut Town) -> (Salesforce, House) {
    let salesforce = Salesforce::new(town.seconds());
    salesforce.add_app("3MVG9app", CANARY);
    let address = town.open(salesforce.router());
    let house = house(&format!(
        "kind = \"salesforce\"\nroles = [\"destination\"]\n[settings]\ninstance_url = \"http://{address}\"\n\
         auth = {{ kind = \"client_credentials\", client_id = \"3MVG9app\", \
         client_secret = {{ file = \"{{house}}/crm.secret\" }} }}\n{}",
        nearby(&[address])
    ));
    (salesforce, house)
}

fn dynamics(town: &mut Town) -> (Dataverse, House) {
    let entra = Entra::new(TENANT, "contoso.onmicrosoft.com", town.seconds());
    let dataverse = Dataverse::new(&entra, town.seconds());
    let (login, data) = (town.open(entra.router()), town.open(dataverse.router()));
    entra.at(&format!("http://{login}"));
    dataverse.at(&format!("http://{data}"));
    entra.add_secret(APP, CANARY, None);
    let house = house(&format!(
        "kind = \"dynamics365\"\nroles = [\"destination\"]\n[settings]\nenvironment = \"http://{data}\"\n\
         tenant = \"{TENANT}\"\nclient_id = \"{APP}\"\nauthority = \"http://{login}\"\n\
         auth = {{ secret = {{ file = \"{{house}}/crm.secret\" }} }}\n{}",
        nearby(&[login, data])
    ));
    (dataverse, house)
}

/// Leads of these people, understood and delivered.
fn deliver(house: &House, people: &[&str]) -> Vec<String> {
    let mut daemon = Daemon::start(house);
    for email in people {
        let answer = house.send(&post(&lead_path(), &lead_body(email))).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    house.await_quiet();
    daemon.stop();
    let stored = house.stored();
    people
        .iter()
        .map(|email| stored[*email]["id"].as_str().unwrap().to_owned())
        .collect()
}

/// What the audit found, after it ended with this code.
#[track_caller]
fn audit(house: &House, more: &[&str], code: i32) -> Value {
    let all = [&["--json", "audit", "--since", "7d"], more].concat();
    let output = run(house, &all);
    let complaint = String::from_utf8_lossy(&output.stderr);
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{told}{complaint}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn system(report: &Value, name: &str, role: &str) -> Value {
    let all = report["systems"].as_array().unwrap().iter();
    let mut found = all.filter(|system| system["name"] == name && system["role"] == role);
    found.next().unwrap().clone()
}

fn counts(system: &Value) -> [u64; 6] {
    ["ledger", "there", "missing", "strangers", "older", "doubled"].map(|name| system[name].as_u64().unwrap())
}

#[track_caller]
fn resync(house: &House, lead: &str) {
    let told = house.ask(&["resync", "crm", "--lead", lead]);
    assert_eq!((&told["again"], &told["left"]), (&json!(1), &json!(0)), "{told}");
    house.work_off();
}

#[test]
fn what_was_deleted_in_salesforce_is_named_delivered_again_and_equal_afterwards() {
    let mut town = Town::new();
    let (salesforce, house) = salesforce(&mut town);
    make_ready(&house);
    let leads = deliver(
        &house,
        &["ada@engines.example", "bo@engines.example", "cy@engines.example"],
    );
    let report = audit(&house, &[], 0);
    assert_eq!(counts(&system(&report, "crm", "destination")), [3, 3, 0, 0, 0, 0]);
    assert_eq!(report["equal"], true);

    assert!(salesforce.delete("Lead", &leads[1]));
    let stranger = json!({ "LastName": "X", "Company": "Y", KEY: "0".repeat(32) });
    let stranger = salesforce.make("Lead", &stranger).unwrap();
    let report = audit(&house, &["crm"], 4);
    let crm = system(&report, "crm", "destination");
    assert_eq!(counts(&crm), [3, 2, 1, 1, 0, 0], "{crm}");
    let gone = &crm["differences"][0];
    assert_eq!(
        (&gone["what"], &gone["lead"]),
        (&json!("deleted"), &json!(leads[1]))
    );
    assert_eq!(gone["remedy"], format!("leadsync resync crm --lead {}", leads[1]));
    assert_eq!(crm["differences"][1]["record"], stranger);
    let screen = run(&house, &["audit", "--since", "7d"]);
    let screen = String::from_utf8_lossy(&screen.stdout).into_owned();
    for words in [
        "deleted   crm  lead ",
        "differs",
        "-> leadsync resync crm --lead",
        "Microsoft keeps no list",
    ] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    assert!(!screen.contains("engines.example"), "nobody is named: {screen}");

    resync(&house, &leads[1]);
    assert!(salesforce.delete("Lead", &stranger));
    assert_eq!(
        counts(&system(&audit(&house, &[], 0), "crm", "destination")),
        [3, 3, 0, 0, 0, 0]
    );
    let records = salesforce.leads_by(KEY);
    assert_eq!(records.len(), 3);
    assert_eq!(
        records[&leads[1]]["LeadSource"], "AzureMarketplace",
        "what only a new record gets"
    );
}

#[test]
fn what_was_deleted_in_dynamics_is_named_delivered_again_and_equal_afterwards() {
    let mut town = Town::new();
    let (dataverse, house) = dynamics(&mut town);
    make_ready(&house);
    let leads = deliver(&house, &["ada@engines.example", "bo@engines.example"]);
    assert_eq!(
        counts(&system(&audit(&house, &[], 0), "crm", "destination")),
        [2, 2, 0, 0, 0, 0]
    );

    dataverse.remove("lead", &leads[0]);
    dataverse.make(
        "lead",
        &json!({ "subject": "theirs", "lsync_marketplaceleadid": "mpl_not-ours" }),
    );
    let crm = system(&audit(&house, &["crm"], 4), "crm", "destination");
    assert_eq!(counts(&crm), [2, 1, 1, 1, 0, 0], "{crm}");
    assert_eq!(crm["differences"][0]["what"], "missing");
    assert!(
        crm["differences"][1]["words"]
            .as_str()
            .unwrap()
            .contains("mpl_not-ours")
    );

    resync(&house, &leads[0]);
    let crm = system(&audit(&house, &["crm"], 4), "crm", "destination");
    assert_eq!(counts(&crm), [2, 2, 0, 1, 0, 0], "{crm}");
}

#[test]
fn a_file_is_counted_and_what_cannot_be_counted_says_so() {
    let receiver = Destination::open();
    let house = House::new();
    house.add_connector("webhook", &receiver.connector());
    let lines = house.path("leads.jsonl");
    house.add_connector(
        "archive",
        &format!(
            "kind = \"file\"\nroles = [\"destination\"]\n[settings]\npath = \"{}\"\n",
            lines.display()
        ),
    );
    let leads = deliver(&house, &["ada@engines.example", "bo@engines.example"]);
    let report = audit(&house, &[], 0);
    assert_eq!(
        counts(&system(&report, "archive", "destination")),
        [2, 2, 0, 0, 0, 0]
    );
    let webhook = system(&report, "webhook", "destination");
    assert_eq!(
        (&webhook["counted"], webhook["why"].is_string()),
        (&json!(false), true)
    );
    let web = system(&report, "web", "source");
    assert!(
        web["why"].as_str().unwrap().contains("the inbox has 2 since"),
        "{web}"
    );

    let text = std::fs::read_to_string(&lines).unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| !line.contains(&leads[0])).collect();
    std::fs::write(
        &lines,
        format!("{}\n", kept[0].replace("\"revision\":1", "\"revision\":0")),
    )
    .unwrap();
    let archive = system(&audit(&house, &["archive"], 4), "archive", "destination");
    assert_eq!(counts(&archive), [2, 1, 1, 0, 1, 0], "{archive}");
    let told = house.ask(&["resync", "archive", "--all"]);
    assert_eq!(told["again"], 2, "{told}");
    house.work_off();
    audit(&house, &[], 0);
}

#[test]
fn who_does_not_answer_is_named_and_the_others_are_counted_all_the_same() {
    let house = House::new();
    let nobody: SocketAddr = "127.0.0.1:9".parse().unwrap();
    house.write_secret("crm.secret", CANARY);
    connect(
        &house,
        &format!(
            "kind = \"salesforce\"\nroles = [\"destination\"]\n[settings]\ninstance_url = \"http://{nobody}\"\n\
             auth = {{ kind = \"client_credentials\", client_id = \"3MVG9app\", \
             client_secret = {{ file = \"{{house}}/crm.secret\" }} }}\n{}",
            nearby(&[nobody])
        ),
    );
    let lines = house.path("leads.jsonl");
    house.add_connector(
        "archive",
        &format!(
            "kind = \"file\"\nroles = [\"destination\"]\n[settings]\npath = \"{}\"\n",
            lines.display()
        ),
    );
    let mut daemon = Daemon::start(&house);
    daemon.stop();
    let report = audit(&house, &[], 69);
    assert_eq!(report["equal"], false);
    assert!(system(&report, "crm", "destination")["unanswered"]["what"].is_string());
    assert_eq!(system(&report, "archive", "destination")["counted"], true);
    let output = house.run(&["audit", "--since", "yesterday"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("2026-11-01"));
    assert_eq!(
        house.run(&["audit", "--since", "1d", "archiv"]).status.code(),
        Some(66)
    );
}
