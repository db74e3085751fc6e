//! T2, T8, T13: no secret, no person and no raw control character in logs, numbers and answers.

use tracing::Level;

use crate::intake_house::{House, SECRET, ask, lead_path, post};
use crate::log::Log;

const PERSON: &str = "canary.person@example.com";

#[tokio::test]
async fn no_canary_is_found_in_logs_numbers_or_answers() {
    let log = Log::listen(Level::TRACE);
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(&dir.path().join("leads.db"));

    let path = lead_path();
    let person = format!("{{\"UserDetails\":{{\"Email\":\"{PERSON}\"}}}}");
    let requests = [
        post(&path, &person),
        post(&path, &format!("{person},")),
        post(&path, &format!("{PERSON}\u{1b}[31m\u{202e}\r\nX")),
        post(&format!("{path}/more?{PERSON}"), &person),
        post(&format!("/v1/leads/{PERSON}/{SECRET}"), &person),
        format!("GET {path} HTTP/1.1\r\nHost: {PERSON}\r\nUser-Agent: {PERSON}\r\nConnection: close\r\n\r\n"),
        format!("POST {path} HTTP/9.9\r\n\r\n"),
        format!("{PERSON}{SECRET}\r\n\r\n"),
    ];
    let mut said = String::new();
    for request in &requests {
        said.push_str(&ask(house.address, request).await);
    }
    let logs = log.text();
    assert!(
        logs.contains("/v1/leads/{source}/{secret}"),
        "something was logged: {logs}"
    );
    said.push_str(&logs);
    said.push_str(&house.metrics.text().unwrap());
    for canary in [PERSON, SECRET, "canary", "\u{1b}", "\u{202e}"] {
        assert!(!said.contains(canary), "{canary:?} in {said}");
    }
}
