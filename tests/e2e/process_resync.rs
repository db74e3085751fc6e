//! What the ledger says is delivered is delivered again, and a newcomer gets what it missed, by the real program.

use serde_json::json;

use crate::process::{Daemon, Destination, House, lead_body, lead_path, post};

const PEOPLE: [&str; 3] = ["ada@engines.example", "bo@engines.example", "cy@engines.example"];

fn house(receiver: &Destination) -> House {
    let house = House::new();
    house.add_connector("crm", &receiver.connector());
    let mut daemon = Daemon::start(&house);
    for email in PEOPLE {
        let mut body = lead_body(email);
        if email == PEOPLE[1] {
            body = body.replace("contoso.engine", "contoso.other");
        }
        let answer = house.send(&post(&lead_path(), &body)).unwrap();
        assert_eq!(answer.status, 200);
    }
    house.await_quiet();
    daemon.stop();
    house
}

#[test]
fn a_running_daemon_delivers_again_what_is_ordered_and_the_receiver_can_tell_it_from_a_repeat() {
    let receiver = Destination::open();
    let house = house(&receiver);
    let dry = house.ask(&["resync", "crm", "--all", "--dry-run"]);
    assert_eq!(
        (&dry["ordered"], &dry["again"], &dry["new"], &dry["after"]),
        (&json!(false), &json!(3), &json!(0), &json!(null)),
        "{dry}"
    );
    let mut daemon = Daemon::start(&house);
    let done = house.ask(&["resync", "crm", "--all"]);
    assert_eq!(
        (&done["again"], &done["before"]["delivered"]),
        (&json!(3), &json!(3)),
        "{done}"
    );
    house.await_quiet();
    daemon.stop();
    let sent = receiver.webhook.requests();
    let again = sent
        .iter()
        .filter(|request| request.json().to_string().contains("-again-"));
    assert_ne!(again.count(), 0, "other events than before");
    assert_eq!(receiver.records().len(), PEOPLE.len(), "of the same leads");
    let screen = house.run(&["resync", "crm", "--since", "1h", "--dry-run"]);
    let screen = String::from_utf8_lossy(&screen.stdout).into_owned();
    assert!(screen.contains("      3  would be due again"), "{screen}");
}

#[test]
fn a_newcomer_gets_what_its_route_sends_there_and_nobody_else() {
    let receiver = Destination::open();
    let house = house(&receiver);
    let newcomer = Destination::open();
    house.add_connector("newcomer", &newcomer.connector());
    let config = house.path("leadsync.toml");
    let routes =
        "[[route]]\nto = [\"crm\"]\n[[route]]\nto = [\"newcomer\"]\nwhen = \"offer != 'contoso.other'\"\n";
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n{routes}")).unwrap();
    let done = house.ask(&["resync", "newcomer", "--all"]);
    assert_eq!(
        (&done["again"], &done["new"], &done["left"]),
        (&json!(0), &json!(2), &json!(0)),
        "{done}"
    );
    house.work_off();
    let people: Vec<String> = newcomer.records().into_keys().collect();
    assert_eq!(people, [PEOPLE[0], PEOPLE[2]]);
    let again = house.ask(&["resync", "newcomer", "--all", "--dry-run"]);
    assert_eq!(
        (&again["again"], &again["new"]),
        (&json!(2), &json!(0)),
        "{again}"
    );
}

#[test]
fn a_lead_that_retention_has_emptied_is_left_as_it_is() {
    let receiver = Destination::open();
    let house = house(&receiver);
    let store = rusqlite::Connection::open(house.database()).unwrap();
    let emptied = "UPDATE leads SET body = CAST(json_set(CAST(body AS TEXT), '$.person', json('{}')) AS BLOB)
       WHERE id = 1";
    assert_eq!(store.execute(emptied, []).unwrap(), 1);
    drop(store);
    for more in [&["--dry-run"][..], &[]] {
        let told = house.ask(&[&["resync", "crm", "--all"], more].concat());
        assert_eq!((&told["again"], &told["left"]), (&json!(2), &json!(1)), "{told}");
    }
}

#[test]
fn what_cannot_be_ordered_says_why() {
    let receiver = Destination::open();
    let house = house(&receiver);
    for (arguments, code, words) in [
        (vec!["resync", "crm"], 2, "--all"),
        (vec!["resync", "crn", "--all"], 66, "crm"),
        (
            vec!["resync", "crm", "--lead", "00000000000000000000000000000000"],
            66,
            "store",
        ),
        (vec!["resync", "crm", "--since", "soon"], 2, "2026-11-01"),
        (vec!["resync", "crm", "--since", "7d", "--all"], 2, "--all"),
    ] {
        let output = house.run(&arguments);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {complaint}");
        assert!(complaint.contains(words), "{arguments:?}: {complaint}");
    }
}
