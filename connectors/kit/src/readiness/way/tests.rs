//! Every fault on the way, and clocks that are wrong by how much.

use async_trait::async_trait;

use super::*;
use crate::clock::ManualClock;
use crate::http::Request;
use crate::readiness::{Health, any_ill};

/// Answers each request alike.
struct There(Result<HeaderMap, Fault>);

#[async_trait]
impl Transport for There {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        assert_eq!(request.method(), "GET");
        assert!(request.headers().is_empty(), "no credential is shown");
        match &self.0 {
            Ok(headers) => {
                let mut answer = http::Response::new(Bytes::new());
                *answer.status_mut() = http::StatusCode::METHOD_NOT_ALLOWED;
                *answer.headers_mut() = headers.clone();
                Ok(answer)
            }
            Err(fault) => Err(TransportError::new(*fault, "login.example: broken")),
        }
    }
}

async fn look(there: There, signs: bool) -> Vec<Check> {
    let clock = ManualClock::new("2026-11-20T12:00:00Z".parse().unwrap());
    let way = Way::new(&there, &clock);
    let way = if signs { way.for_assertions() } else { way };
    way.look(&"https://login.example/token?tenant=secret".parse().unwrap())
        .await
}

fn at(date: &str) -> There {
    There(Ok(HeaderMap::from_iter([(DATE, date.parse().unwrap())])))
}

#[tokio::test]
async fn a_refusal_in_time_is_a_way_that_is_well() {
    let checks = look(at("Fri, 20 Nov 2026 12:00:00 GMT"), true).await;
    let names: Vec<_> = checks.iter().map(|check| (check.name, check.health)).collect();
    let well = |name| (name, Health::Well);
    assert_eq!(
        names,
        [well("dns"), well("connection"), well("tls"), well("clock")]
    );
    assert!(!format!("{checks:?}").contains("secret"), "{checks:?}");
}

#[tokio::test]
async fn every_fault_is_one_illness_with_a_remedy_and_nothing_after_it_is_judged() {
    for (fault, ill, remedy) in [
        (Fault::Dns, "dns", "name resolution"),
        (Fault::Connect, "connection", "firewall"),
        (Fault::Forbidden, "connection", "allow_private_targets"),
        (Fault::Timeout, "connection", "try again"),
        (Fault::Cut, "connection", "try again"),
        (Fault::TooLarge, "connection", "correct the URL"),
        (Fault::Invalid, "connection", "correct the URL"),
        (Fault::Certificate, "tls", "ca_file"),
        (Fault::Identity, "tls", "client certificate"),
    ] {
        let checks = look(There(Err(fault)), false).await;
        assert_eq!(
            checks.iter().map(|check| check.name).collect::<Vec<_>>(),
            ["dns", "connection", "tls", "clock"]
        );
        let place = checks
            .iter()
            .position(|check| check.health == Health::Ill)
            .unwrap();
        assert_eq!(checks[place].name, ill, "{fault:?}");
        assert!(checks[place].remedy.contains(remedy), "{:?}", checks[place]);
        assert!(checks[..place].iter().all(|check| check.health == Health::Well));
        assert!(
            checks[place + 1..]
                .iter()
                .all(|check| check.health == Health::Unknown)
        );
    }
}

#[tokio::test]
async fn a_wrong_clock_is_told_by_how_much_and_keeps_only_those_out_who_sign() {
    for (date, plain, signing, told) in [
        (
            "Fri, 20 Nov 2026 12:01:59 GMT",
            Health::Well,
            Health::Well,
            "agrees",
        ),
        (
            "Fri, 20 Nov 2026 12:04:00 GMT",
            Health::Well,
            Health::Ailing,
            "4 minutes behind",
        ),
        (
            "Fri, 20 Nov 2026 12:06:00 GMT",
            Health::Ailing,
            Health::Ill,
            "6 minutes behind",
        ),
        (
            "Fri, 20 Nov 2026 11:49:59 GMT",
            Health::Ailing,
            Health::Ill,
            "10 minutes ahead",
        ),
        (
            "Fri, 20 Nov 2026 09:00:00 GMT",
            Health::Ailing,
            Health::Ill,
            "2 hours ahead",
        ),
        (
            "Sat, 20 Nov 2027 12:00:00 GMT",
            Health::Ailing,
            Health::Ill,
            "365 days behind",
        ),
    ] {
        let without = look(at(date), false).await.pop().unwrap();
        assert_eq!(without.health, plain, "{date} {without}");
        let with = look(at(date), true).await.pop().unwrap();
        assert_eq!(with.health, signing, "{date} {with}");
        assert!(with.found.contains(told), "{date} {with}");
        assert_eq!(with.health == Health::Well, with.remedy.is_empty());
    }
}

#[tokio::test]
async fn an_answer_out_of_a_cache_and_one_without_a_date_accuse_nobody() {
    let mut cached = HeaderMap::from_iter([(DATE, "Fri, 20 Nov 2026 11:00:00 GMT".parse().unwrap())]);
    cached.insert(AGE, "3600".parse().unwrap());
    let aged = look(There(Ok(cached)), true).await.pop().unwrap();
    assert_eq!(aged.health, Health::Well, "{aged}");
    for headers in [
        HeaderMap::new(),
        HeaderMap::from_iter([(DATE, "soon".parse().unwrap())]),
    ] {
        let checks = look(There(Ok(headers)), true).await;
        assert_eq!(checks.last().unwrap().health, Health::Unknown);
        assert!(!any_ill(&checks));
    }
}

#[tokio::test]
async fn an_address_over_plain_http_is_not_said_to_be_proved() {
    let clock = ManualClock::new(DateTime::UNIX_EPOCH);
    let there = There(Ok(HeaderMap::new()));
    let checks = Way::new(&there, &clock)
        .look(&"http://10.1.2.3:8080/".parse().unwrap())
        .await;
    let told: Vec<_> = checks.iter().map(|check| check.health).collect();
    assert_eq!(
        told,
        [Health::Unknown, Health::Well, Health::Unknown, Health::Unknown]
    );
    assert!(checks[1].found.ends_with("port 8080"), "{checks:?}");
}
