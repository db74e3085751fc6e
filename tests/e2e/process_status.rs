//! `leadsync status` answers at three in the morning: is it up, and what needs somebody?

use leadsync_sim::webhook::Answer;
use serde_json::json;

use crate::process::{Daemon, Destination, House, eventually, lead_body, lead_path, post};

/// The screen, and whether each line fits a terminal of 80 columns.
fn screen(house: &House) -> Vec<String> {
    let output = house.run(&["status"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn an_arrival_in_quarantine_needs_somebody_while_its_bytes_are_there() {
    let house = House::new();
    let mut daemon = Daemon::start(&house);
    let request = post(&lead_path(), &lead_body("ada@engines.example"));
    assert_eq!(house.send(&request).unwrap().status, 200);
    house.await_quiet();
    daemon.stop();
    let store = rusqlite::Connection::open(house.database()).unwrap();
    let quarantined = "UPDATE arrivals SET understood = 4, lead = NULL, reason = 'no lead';
       INSERT OR REPLACE INTO counters (scope, counter, value) VALUES (0, 9, 1)";
    store.execute_batch(quarantined).unwrap();
    let text = screen(&house).join("\n");
    assert!(text.contains("1 arrival in quarantine"), "{text}");
    assert!(
        text.contains("leadsync reprocess --quarantined --dry-run"),
        "{text}"
    );
    let looked = house.ask(&["reprocess", "--quarantined", "--dry-run"]);
    assert_eq!(looked["given_back"], 1, "what it says can be done");
    store.execute("UPDATE inbox SET body = x''", []).unwrap();
    let text = screen(&house).join("\n");
    assert!(!text.contains("quarantine"), "{text}");
}

#[test]
fn the_daemons_own_word_stands_first_then_what_is_urgent_and_all_fits_a_terminal() {
    let destination = Destination::open();
    let house = House::new();
    house.add_connector("crm", &destination.connector());
    let mut daemon = Daemon::start(&house);
    let lines = screen(&house);
    assert!(lines[0].starts_with(concat!(
        "leadsync ",
        env!("CARGO_PKG_VERSION"),
        " is ready, up for "
    )));
    assert_eq!(lines[1], "", "nothing needs anybody: {lines:?}");

    destination.webhook.answer_always(Some(Answer::status(401)));
    let request = post(&lead_path(), &lead_body("ada@engines.example"));
    assert_eq!(house.send(&request).unwrap().status, 200);
    eventually("a parked destination", || {
        (house.ask(&["status"])["destinations"][0]["gate"] == "parked").then_some(())
    });
    let lines = screen(&house);
    assert!(lines[1].starts_with("! crm is parked"), "{lines:?}");
    assert!(lines[2].contains("then: leadsync release crm"), "{lines:?}");
    let table = lines.iter().skip_while(|line| !line.starts_with("DESTINATION"));
    assert!(table.clone().count() >= 5, "{lines:?}");
    let wide: Vec<&String> = lines
        .iter()
        .skip(3)
        .filter(|line| line.chars().count() > 80)
        .collect();
    assert!(wide.is_empty(), "{wide:?}");
    assert!(lines.len() <= 24, "{lines:?}");
    let told = house.ask(&["status"]);
    assert_eq!(
        (&told["daemon"]["up"], &told["daemon"]["ready"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(told["sources"][0]["silence"], "learning");
    daemon.stop();

    let lines = screen(&house);
    assert!(lines[0].starts_with("leadsync is DOWN"), "{lines:?}");
    assert_eq!(house.ask(&["status"])["daemon"], json!({ "up": false }));
}
