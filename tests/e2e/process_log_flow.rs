//! F77: a log nobody reads harms no lead; and what is not told line by line is counted.

use std::io::pipe;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::process::{BINARY, Daemon, Destination, House, Load, Plan, eventually};

/// The number behind a name among the metrics.
fn number(house: &House, name: &str) -> Option<u64> {
    let numbers = house.admin("/metrics")?.body;
    let line = numbers.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().parse().ok()
}

#[test]
fn a_pipe_nobody_reads_stops_neither_leads_nor_the_end() {
    let house = House::build(&Plan {
        level: "debug",
        ..Plan::default()
    });
    let (reader, writer) = pipe().unwrap();
    let mut command = Command::new(BINARY);
    house.furnish(&mut command);
    command.stderr(Stdio::from(writer));
    let mut daemon = Daemon::spawn_mute(&mut command);
    daemon.wait_until_ready(&house);
    let load = Load::begin(&house, 8);
    let dropped = || number(&house, "leadsync_log_lines_dropped_total ");
    eventually("lines that are lost", || dropped().filter(|lost| *lost > 0));
    let before = load.ledger.count();
    eventually("leads that are kept all the same", || {
        (load.ledger.count() >= before + 100).then_some(())
    });
    let ledger = load.end();
    assert_eq!(ledger.flaws(), Vec::<String>::new());
    daemon.stop();
    drop(reader);
    house.work_off();
    assert_eq!(house.misses(&ledger), Vec::<String>::new());
}

#[test]
fn of_a_crowd_every_lead_is_told_of_or_counted() {
    let destination = Destination::open();
    let house = House::new();
    house.add_connector("crm", &destination.connector_with("batch_max = 1\n"));
    let mut daemon = Daemon::start(&house);
    let load = Load::begin(&house, 8);
    // A slow machine has no crowd; then every lead has a line of its own.
    eventually("lines that gave way, or many leads", || {
        let log = house.log();
        (log.contains("\"summed_up\"") || log.lines().count() > 600).then_some(())
    });
    let ledger = load.end();
    house.await_quiet();
    daemon.stop();
    let log = house.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: u64 = lines.iter().map(delivered).sum();
    assert_eq!(
        told,
        ledger.emails().len() as u64,
        "each delivered lead is told of once"
    );
    let sums = lines.iter().filter(|line| line["event"] == "summed_up").count();
    println!("{told} leads in {} lines, {sums} of them sums", lines.len());
}

/// How many delivered leads a line tells of.
fn delivered(line: &Value) -> u64 {
    let is_sum = line["event"] == "summed_up" && line["what"] == "delivered";
    match &line["event"] {
        _ if is_sum => line["leads"].as_u64().unwrap(),
        Value::String(event) if event == "delivered" => line["leads"].as_u64().unwrap_or(1),
        _ => 0,
    }
}
