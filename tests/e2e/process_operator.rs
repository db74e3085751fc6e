//! What the operator types and asks while the daemon runs, and what the program says for itself.

use std::collections::BTreeMap;
use std::process::Output;

use leadsync_sim::webhook::Answer;
use serde_json::json;

use crate::process::{Daemon, Destination, House, Plan, SECRET, eventually, lead_body, lead_path, post};

/// A house whose leads go to a receiver named `crm`.
fn house_with(destination: &Destination) -> House {
    House::build(&Plan {
        connectors: BTreeMap::from([("crm", destination.connector_with(""))]),
        ..Plan::default()
    })
}

fn give(house: &House, email: &str) {
    let answer = house.send(&post(&lead_path(), &lead_body(email))).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complained(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_lead_can_be_followed_from_the_door_to_the_destination() {
    let destination = Destination::open();
    let house = house_with(&destination);
    let mut daemon = Daemon::start(&house);
    give(&house, "ada@engines.example");
    house.await_quiet();

    let leads = house.ask(&["leads"]);
    let id = leads[0]["id"].as_str().unwrap();
    assert_eq!(leads[0]["fate"], "delivered");
    assert_eq!(
        destination.records(),
        BTreeMap::from([("ada@engines.example".into(), 1)])
    );
    assert_eq!(destination.webhook.leads()[0].id, id);
    assert_eq!(house.ask(&["show", id])["id"], id);
    assert_eq!(house.ask(&["status"])["destinations"][0]["delivered"], 1);
    assert_eq!(house.ask(&["leads", "--fate", "dead"]), json!([]));

    for (arguments, words) in [
        (
            vec!["leads"],
            vec![id, "delivered", "Ada Lovelace", "contoso.engine"],
        ),
        (
            vec!["show", id],
            vec!["ada@engines.example", "+4930901820", "crm", "AzureMarketplace"],
        ),
        (vec!["status"], vec!["1 accepted", "1 delivered", "crm", "open"]),
        (vec!["dead-letters", "list"], vec!["no dead letters"]),
        (
            vec!["check"],
            vec!["web", "crm", "https-endpoint", "the config is right"],
        ),
    ] {
        let output = house.run(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
        for word in words {
            assert!(said(&output).contains(word), "{arguments:?}: {}", said(&output));
        }
    }
    daemon.stop();
}

#[test]
fn check_is_silent_when_told_and_all_is_well() {
    let destination = Destination::open();
    let output = house_with(&destination).run(&["check", "--quiet"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        (said(&output), complained(&output)),
        (String::new(), String::new())
    );
    let probed = house_with(&destination).ask(&["check", "--probe"]);
    assert_eq!(probed["ok"], true, "{probed}");
}

#[test]
fn a_parked_destination_is_explained_and_goes_on_when_released() {
    let destination = Destination::open();
    destination.webhook.answer_always(Some(Answer::status(401)));
    let house = house_with(&destination);
    let mut daemon = Daemon::start(&house);
    give(&house, "ada@engines.example");
    let gate = || house.ask(&["status"])["destinations"][0]["gate"].clone();
    eventually("a parked destination", || (gate() == "parked").then_some(()));
    let screen = said(&house.run(&["status"]));
    assert!(screen.contains("leadsync release crm"), "{screen}");
    assert!(Daemon::is_ready(&house), "its leads are safe and wait");

    destination.webhook.answer_always(None);
    assert_eq!(house.ask(&["release", "crm"]), json!({ "released": "crm" }));
    house.await_quiet();
    assert_eq!(destination.records().len(), 1);
    assert_eq!(gate(), "open");
    daemon.stop();
}

#[test]
fn a_dead_letter_is_listed_explained_and_delivered_once_requeued() {
    let destination = Destination::open();
    let house = house_with(&destination);
    let mut daemon = Daemon::start(&house);
    destination
        .webhook
        .answer_always(Some(Answer::status(422).body("no such country")));
    give(&house, "ada@engines.example");
    let letters = eventually("a dead letter", || {
        let letters = house.ask(&["dead-letters", "list"]);
        letters[0]["lead"].is_string().then_some(letters)
    });
    assert_eq!(letters[0]["destination"], "crm");
    let id = letters[0]["lead"].as_str().unwrap();
    let story = said(&house.run(&["dead-letters", "show", id]));
    assert!(
        story.contains("no such country") && story.contains("remedy"),
        "{story}"
    );
    assert_eq!(house.ask(&["leads", "--fate", "dead"])[0]["id"], id);

    destination.webhook.answer_always(None);
    assert_eq!(
        house.ask(&["dead-letters", "requeue", id]),
        json!({ "requeued": 1 })
    );
    house.await_quiet();
    assert_eq!(destination.records().len(), 1);
    let again = house.run(&["dead-letters", "requeue", id]);
    assert_eq!(again.status.code(), Some(66), "{}", complained(&again));
    daemon.stop();
}

#[test]
fn send_test_knocks_like_the_marketplace_and_hides_the_secret() {
    let house = House::new();
    let url = format!("http://{}{}", house.public, lead_path());
    let nobody = house.run(&["send-test", &url]);
    assert_eq!(nobody.status.code(), Some(69), "{}", complained(&nobody));
    let mut daemon = Daemon::start(&house);
    let taken = house.run(&["send-test", &url]);
    assert_eq!(taken.status.code(), Some(0), "{}", complained(&taken));
    let wrong = house.run(&["send-test", &format!("{url}-canary")]);
    assert_eq!(wrong.status.code(), Some(1));
    for output in [nobody, taken, wrong] {
        let words = said(&output) + &complained(&output);
        assert!(!words.contains(SECRET) && words.contains("/***"), "{words}");
    }
    house.await_quiet();
    assert_eq!(house.ask(&["leads"])[0]["fate"], "suppressed: test lead");
    daemon.stop();
}

#[test]
fn the_admin_socket_tells_life_readiness_and_numbers() {
    let house = House::new();
    let mut daemon = Daemon::start(&house);
    give(&house, "ada@engines.example");
    let health = house.admin("/healthz").unwrap();
    assert_eq!((health.status, &health.json()["alive"]), (200, &json!(true)));
    let ready = house.admin("/readyz").unwrap();
    assert_eq!(
        (ready.status, ready.json()),
        (200, json!({ "ready": true, "reasons": [], "notes": [] }))
    );
    let metrics = house.admin("/metrics").unwrap();
    assert_eq!(metrics.status, 200);
    assert!(
        metrics
            .header("content-type")
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    let counted = metrics
        .body
        .lines()
        .find(|line| line.contains("accepted") && line.contains("web"));
    assert!(
        counted.is_some_and(|line| line.ends_with(" 1")),
        "{}",
        metrics.body
    );
    let public = house.send("GET /metrics HTTP/1.1\r\nHost: leads.example\r\n\r\n");
    assert_eq!(public.unwrap().status, 404, "the public listener tells nothing");
    daemon.stop();
    assert!(house.admin("/healthz").is_none());
}

#[test]
fn a_mistake_in_the_config_is_told_with_file_line_column_and_the_nearest_key() {
    let house = House::new();
    let file = house.path("leadsync.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let line = 1 + text
        .lines()
        .position(|line| line.starts_with("rate_per_address"))
        .unwrap();
    std::fs::write(&file, text.replace("rate_per_address", "  rate_per_adress")).unwrap();
    for command in ["run", "check", "status"] {
        let output = house.run(&[command]);
        assert_eq!(output.status.code(), Some(78));
        let place = format!("{}:{line}:3: intake.rate_per_adress", file.display());
        let words = complained(&output);
        assert!(words.contains(&place), "{words}");
        assert!(words.contains("did you mean `rate_per_address`?"), "{words}");
    }
    let output = house.run(&["--json", "check"]);
    let told: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(told["exit_code"], 78);
    assert_eq!(told["details"][0]["line"], line);
    assert_eq!(told["details"][0]["did_you_mean"], "rate_per_address");
}

#[test]
fn every_way_to_fail_has_its_exit_code() {
    let house = House::new();
    let nobody = "00000000000000000000000000000000";
    let code = |arguments: &[&str]| house.run(arguments).status.code();
    assert_eq!(code(&["frobnicate"]), Some(2));
    assert_eq!(code(&["show", "ada"]), Some(2));
    assert_eq!(code(&["status"]), Some(66), "no store yet");
    house.work_off();
    assert_eq!(code(&["show", nobody]), Some(66));
    assert_eq!(code(&["dead-letters", "show", nobody]), Some(66));
    assert_eq!(code(&["release", "nobody"]), Some(66));
    assert_eq!(code(&["status"]), Some(0));

    // A file where a directory should be stops even root.
    let unusable = house.path("web.secret").join("state");
    let output = house
        .command()
        .arg("run")
        .env("LEADSYNC_STATE_DIR", &unusable)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(73));
    assert!(
        complained(&output).contains(unusable.to_str().unwrap()),
        "{}",
        complained(&output)
    );

    std::fs::write(
        house.database(),
        "this is no database, and long enough to be taken for one",
    )
    .unwrap();
    let output = house.run(&["run"]);
    assert_eq!(output.status.code(), Some(74), "{}", complained(&output));
    let help = said(&house.run(&["--help"]));
    for code in ["66 ", "69 ", "73 ", "74 ", "75 ", "78 "] {
        assert!(help.contains(&format!("\n  {code}")), "{help}");
    }
}
