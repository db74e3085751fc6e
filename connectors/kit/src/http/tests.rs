//! The vectors of contract https-endpoint: every line of every table.

use std::io;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::dns::{LookupError, lookup};
use super::policy::Refusal;
use super::*;

fn fixture(name: &str) -> Value {
    let path = format!("{}/../../tests/fixtures/https/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Answers each lookup with the next of its lists; the last one stays.
struct Script(Mutex<Vec<io::Result<Vec<&'static str>>>>);

impl Script {
    fn new(answers: Vec<io::Result<Vec<&'static str>>>) -> Self {
        Self(Mutex::new(answers.into_iter().rev().collect()))
    }
}

#[async_trait]
impl Resolve for Script {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let answer = self.0.lock().unwrap().pop().expect("one more answer");
        answer.map(|list| list.iter().map(|a| a.parse().unwrap()).collect())
    }
}

/// Knows the two names of the table that lead inside.
struct Outside;

#[async_trait]
impl Resolve for Outside {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let address = match host {
            "localhost" => "127.0.0.1",
            "metadata.google.internal" => "169.254.169.254",
            _ => "93.184.216.34",
        };
        Ok(vec![address.parse().unwrap()])
    }
}

/// Steps 1 to 4 of the policy, as they run before a connection is made.
async fn verdict(policy: &TargetPolicy, text: &str) -> &'static str {
    let Ok(url) = policy.check(text) else {
        return "block";
    };
    match url.host() {
        Some(url::Host::Domain(name)) if lookup(&Outside, policy, name).await.is_err() => "block",
        _ => "allow",
    }
}

#[tokio::test]
async fn every_url_of_the_bypass_list_gets_its_verdict() {
    let policy = TargetPolicy::default();
    let table = fixture("ssrf-cases.json");
    let cases = table["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 46);
    for case in cases {
        let text = case["url"].as_str().unwrap();
        assert_eq!(
            verdict(&policy, text).await,
            case["verdict"],
            "{text}: {}",
            case["reason"]
        );
    }
}

#[test]
fn every_retry_after_of_the_list_gets_its_wait() {
    let table = fixture("retry-after-cases.json");
    let cases = table["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 17);
    for case in cases {
        let now: DateTime<Utc> = case["now"].as_str().unwrap().parse().unwrap();
        let expected = match &case["expect_delay_seconds"] {
            Value::Null => None,
            Value::String(cap) if cap == "cap" => Some(retry_after::CAP),
            seconds => Some(Duration::from_secs(seconds.as_u64().unwrap())),
        };
        let header = case["header"].as_str().unwrap();
        let wait = retry_after::parse(header, None, now, retry_after::CAP);
        assert_eq!(wait, expected, "{header:?}: {}", case["note"]);
    }
}

#[test]
fn a_retry_after_date_counts_from_the_servers_own_date_when_that_is_sane() {
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    let until = "Fri, 20 Nov 2026 12:10:00 GMT";
    let wait = |date| {
        retry_after::parse(until, date, now, retry_after::CAP)
            .unwrap()
            .as_secs()
    };
    assert_eq!(wait(Some("Fri, 20 Nov 2026 12:09:00 GMT")), 60);
    assert_eq!(wait(Some("Wed, 18 Nov 2026 12:09:00 GMT")), 600);
    assert_eq!(wait(Some("yesterday")), 600);
    assert_eq!(wait(None), 600);
}

#[tokio::test]
async fn one_forbidden_address_among_public_ones_fails_the_whole_lookup() {
    let resolver = Script::new(vec![Ok(vec!["93.184.216.34", "10.0.0.1"])]);
    let found = lookup(&resolver, &TargetPolicy::default(), "both.example").await;
    assert!(matches!(found, Err(LookupError::Forbidden(_))));
}

#[tokio::test]
async fn a_name_that_turns_private_is_refused_at_its_next_lookup() {
    let resolver = Script::new(vec![Ok(vec!["93.184.216.34"]), Ok(vec!["169.254.169.254"])]);
    let policy = TargetPolicy::default();
    assert!(lookup(&resolver, &policy, "rebind.example").await.is_ok());
    let second = lookup(&resolver, &policy, "rebind.example").await;
    assert!(matches!(second, Err(LookupError::Forbidden(_))));
}

#[tokio::test]
async fn an_empty_or_failed_lookup_is_a_failure_and_not_a_refusal() {
    let resolver = Script::new(vec![Ok(vec![]), Err(io::Error::other("SERVFAIL"))]);
    for _ in 0..2 {
        let found = lookup(&resolver, &TargetPolicy::default(), "gone.example").await;
        assert!(matches!(found, Err(LookupError::Failed(_))));
    }
}

#[test]
fn the_fragment_is_dropped_and_the_parsed_host_is_what_counts() {
    let policy = TargetPolicy::default();
    let url = policy.check("https://exa%6dple.com/x?k=v#frag").unwrap();
    assert_eq!(url.as_str(), "https://example.com/x?k=v");
    assert_eq!(
        policy.check(&format!("https://a.example/{}", "x".repeat(2048))),
        Err(Refusal::TooLong)
    );
}

#[test]
fn plain_http_needs_a_named_network_and_then_only_opens_port_80() {
    let mut settings = TransportSettings {
        allow_plain_http: true,
        ..Default::default()
    };
    assert_eq!(
        TargetPolicy::new(&settings).unwrap_err().key,
        "settings.allow_plain_http"
    );
    settings.allow_private_targets = vec!["10.20.0.0/16".into()];
    let policy = TargetPolicy::new(&settings).unwrap();
    assert!(policy.check("http://10.20.1.1/x").is_ok());
    assert_eq!(policy.check("http://10.20.1.1:8080/x"), Err(Refusal::Port));
    assert_eq!(policy.check("http://127.0.0.1/x"), Err(Refusal::Address));
}
