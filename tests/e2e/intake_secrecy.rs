//! T2, T8, T13: no secret, no person and no raw control character in logs, numbers and answers.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use crate::intake_house::{House, SECRET, ask, lead_path, post};

#[derive(Clone, Default)]
struct Pages(Arc<Mutex<Vec<u8>>>);

impl Write for Pages {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Pages {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

const PERSON: &str = "canary.person@example.com";

#[tokio::test]
async fn no_canary_is_found_in_logs_numbers_or_answers() {
    let pages = Pages::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(pages.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
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
    let logs = String::from_utf8(pages.0.lock().unwrap().clone()).unwrap();
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
