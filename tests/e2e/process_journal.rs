//! The journal as an operator finds it: a real journald, a real `journalctl`, and the guide's own filters.

use std::collections::BTreeMap;
use std::process::Command;

use leadsync_sim::webhook::Answer;
use serde_json::Value;

use crate::process::{Daemon, Destination, House, Journal, Plan, eventually, lead_body, lead_path, post};

const GUIDE: &str = include_str!("../../docs/logs.md");
/// The lead and the destination the guide speaks of.
const LEAD: &str = "01a1fbe9167b784283be35ffea72b840";
const DESTINATION: &str = "contoso-sales";

fn house(destination: &Destination) -> House {
    House::build(&Plan {
        connectors: BTreeMap::from([(DESTINATION, destination.connector_with(""))]),
        ..Plan::default()
    })
}

fn tell(house: &House, email: &str) {
    let answer = house.send(&post(&lead_path(), &lead_body(email))).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// One lead is delivered, one is refused for good, and one meets a destination that wants another password.
fn a_bad_day(house: &House, destination: &Destination) -> Journal {
    let mut journal = Journal::open(house);
    journal.start_daemon();
    eventually("a ready daemon", || Daemon::is_ready(house).then_some(()));
    tell(house, "ada@engines.example");
    journal.await_event("delivered");
    destination.webhook.answer_next([Answer::status(422)]);
    tell(house, "bob@engines.example");
    journal.await_event("dead_letter");
    destination.webhook.answer_next([Answer::status(401)]);
    tell(house, "eve@engines.example");
    journal.await_event("destination_parked");
    assert_eq!(journal.cell.stop_daemon(), "0");
    journal.await_event("stopping");
    journal
}

/// What the guide has the table say of an event: its levels and its id.
fn row(event: &str) -> (String, String) {
    let begin = format!("| `{event}` |");
    let line = GUIDE.lines().find(|line| line.starts_with(&begin));
    let cells: Vec<&str> = line.unwrap_or_default().split('|').map(str::trim).collect();
    (cells[2].to_owned(), cells[3].trim_matches('`').to_owned())
}

/// Lines of the guide's `sh` blocks that read the journal.
fn filters() -> Vec<&'static str> {
    let blocks = GUIDE.split("```sh\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    blocks
        .flat_map(str::lines)
        .filter(|line| line.contains("journalctl"))
        .collect()
}

#[test]
fn every_filter_of_the_guide_finds_what_the_daemon_wrote() {
    let destination = Destination::open();
    let house = house(&destination);
    let journal = a_bad_day(&house, &destination);
    let delivered = journal.await_event("delivered");
    let lead = delivered["LEAD_ID"].as_str().unwrap();
    let mut tried = 0;
    for filter in filters() {
        let mut command = Command::new("sh");
        journal.adopt(&house, &mut command);
        let output = command
            .args(["-c", &filter.replace(LEAD, lead)])
            .output()
            .unwrap();
        let found = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && complaint.is_empty(),
            "{filter}: {complaint}"
        );
        assert!(
            !found.trim().is_empty() && found.trim() != "0",
            "{filter} finds nothing"
        );
        tried += 1;
    }
    assert!(tried >= 10, "the filters were not found");
}

#[test]
fn an_entry_has_the_fields_and_the_id_the_guide_names() {
    let destination = Destination::open();
    let house = house(&destination);
    let journal = a_bad_day(&house, &destination);
    let priority = |level: &str| match level {
        "error" => "3",
        "warn" => "4",
        _ => "6",
    };
    let entries = journal.entries(&[]);
    for event in [
        "ready",
        "lead_new",
        "delivered",
        "dead_letter",
        "destination_parked",
        "stopping",
    ] {
        let (level, id) = row(event);
        let of_it: Vec<&Value> = entries.iter().filter(|entry| entry["EVENT"] == event).collect();
        assert!(!of_it.is_empty(), "{event}: {entries:?}");
        for entry in of_it {
            assert_eq!(
                (
                    &entry["MESSAGE_ID"],
                    &entry["PRIORITY"],
                    &entry["SYSLOG_IDENTIFIER"]
                ),
                (&id.as_str().into(), &priority(&level).into(), &"leadsync".into()),
                "{event}"
            );
            assert!(!entry["MESSAGE"].as_str().unwrap().is_empty());
            assert!(!entry["CODE_FILE"].as_str().unwrap().is_empty());
        }
    }
    let dead = journal.await_event("dead_letter");
    assert_eq!(
        (&dead["DESTINATION"], &dead["REVISION"], &dead["KIND"]),
        (&DESTINATION.into(), &"1".into(), &"rejected".into())
    );
    assert_eq!(dead["LEAD_ID"].as_str().unwrap().len(), 32);
    let parked = journal.await_event("destination_parked");
    assert!(
        parked["HINT"].as_str().unwrap().contains("credentials"),
        "{parked}"
    );
    assert_eq!(
        journal.entries(&["-p", "err"]).len(),
        1,
        "one line needs a person"
    );
}

#[test]
fn the_journal_explains_an_event_and_says_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("usr/lib/systemd/catalog");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("leadsync.catalog"),
        include_str!("../../systemd/leadsync.catalog"),
    )
    .unwrap();
    let ask = |arguments: &[&str]| {
        let place = format!("--root={}", root.path().display());
        let output = Command::new("journalctl")
            .arg(place)
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    ask(&["--update-catalog"]);
    let explained = ask(&["--dump-catalog", &row("destination_parked").1]);
    assert!(
        explained.contains("Subject: leadsync: destination_parked"),
        "{explained}"
    );
    assert!(explained.contains("leadsync release"), "{explained}");
}

/// F77.
#[test]
fn a_journal_that_is_gone_costs_lines_and_no_lead_and_is_told_of_when_it_is_back() {
    let destination = Destination::open();
    let house = house(&destination);
    let mut journal = Journal::open(&house);
    journal.start_daemon();
    eventually("a ready daemon", || Daemon::is_ready(&house).then_some(()));
    journal.end();
    tell(&house, "ada@engines.example");
    house.await_quiet();
    eventually("lines that are counted as lost", || {
        let numbers = house.admin("/metrics")?.body;
        let line = numbers
            .lines()
            .find(|line| line.starts_with("leadsync_log_lines_dropped_total "));
        (!line?.ends_with(" 0")).then_some(())
    });
    journal.start();
    let told = journal.await_event("log_lines_dropped");
    assert_eq!(told["PRIORITY"], "4");
    assert!(
        told["LINES"].as_str().unwrap().parse::<u64>().unwrap() >= 2,
        "{told}"
    );
    assert_eq!(
        journal.entries(&["EVENT=lead_new"]),
        Vec::<Value>::new(),
        "it was lost"
    );
    tell(&house, "bob@engines.example");
    journal.await_event("lead_new");
    assert_eq!(journal.cell.stop_daemon(), "0");
    assert_eq!(destination.records().len(), 2);
}
