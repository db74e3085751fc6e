//! F22: an answer goes out after the lead it is about is on the disk, never before.

use std::collections::BTreeMap;

use rustix::process::{Pid, Signal, kill_process};

use crate::process::trace::{Call, calls, traced};
use crate::process::{Daemon, House, Load, eventually};

const ANSWERS: usize = 1000;

#[test]
fn every_answer_goes_out_after_the_flush_that_holds_its_own_lead() {
    let house = House::new();
    let mut tracer = Daemon::spawn_as(&house, &mut traced(&house));
    tracer.wait_until_ready(&house);
    let load = Load::begin(&house, 8);
    eventually("enough answers", || {
        (load.ledger.count() >= ANSWERS).then_some(())
    });
    let ledger = load.end();
    kill_process(daemon_of(&house), Signal::TERM).unwrap();
    assert_eq!(tracer.wait().code(), Some(0), "{}", house.log());

    let checked = check(&calls(&house));
    println!("{checked} answers checked");
    assert_eq!(checked, ledger.count(), "every answer was seen in the trace");
}

/// The daemon names itself in its lock.
fn daemon_of(house: &House) -> Pid {
    let lock = std::fs::read_to_string(house.path("state/leadsync.lock")).unwrap();
    let number = lock.trim().strip_prefix("process ").unwrap();
    Pid::from_raw(number.parse().unwrap()).unwrap()
}

/// Checks every answer; gives how many there were.
fn check(calls: &[Call]) -> usize {
    let mut in_log = BTreeMap::new();
    let mut flushes = Vec::new();
    for call in calls.iter().filter(|call| call.file.contains("leadsync.db-wal")) {
        match call.name.as_str() {
            "fsync" | "fdatasync" if call.result == 0 => flushes.push((call.began, call.ended)),
            "pwrite64" | "pwritev" => {
                for person in persons(&call.text) {
                    in_log.entry(person).or_insert(call.ended);
                }
            }
            _ => {}
        }
    }
    let mut waiting: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut answers = 0;
    for call in calls
        .iter()
        .filter(|call| call.file.contains("<socket:") || call.file.contains("<TCP:"))
    {
        if matches!(call.name.as_str(), "recvfrom" | "recvmsg" | "read" | "readv") && call.result > 0 {
            waiting.entry(&call.file).or_default().extend(persons(&call.text));
        } else if call.text.contains("\"HTTP/1.1 2") {
            let asked = waiting.get_mut(call.file.as_str());
            let Some(person) = asked.and_then(Vec::pop) else {
                continue; // the admin socket
            };
            let written = in_log
                .get(person)
                .unwrap_or_else(|| panic!("{person} was answered and never written"));
            let is_safe = flushes
                .iter()
                .any(|(began, ended)| began > written && *ended < call.began);
            assert!(is_safe, "{person} was answered before it was on the disk");
            answers += 1;
        }
    }
    answers
}

/// The persons a text speaks of.
fn persons(text: &str) -> Vec<&str> {
    let starts = text.match_indices("person-");
    starts
        .filter_map(|(at, _)| text[at..].split_once('@').map(|(person, _)| person))
        .filter(|person| person["person-".len()..].bytes().all(|b| b.is_ascii_digit()))
        .collect()
}
