//! Who is let in: secrets, paths, methods, addresses, rates.

use std::num::NonZeroU32;
use std::time::Duration;

use bytes::Bytes;
use connector_kit::dice::Dice;
use http::Request;
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;

use super::house::{House, PATH, Plan, SECRET, post, post_to, sources};
use crate::intake::{DoorRules, IntakeLimits, Proxies, Rate};

fn rate(per_second: u32, burst: u32) -> Rate {
    Rate {
        per_second: NonZeroU32::new(per_second).unwrap(),
        burst: NonZeroU32::new(burst).unwrap(),
    }
}

/// Status and body of a request made in process.
async fn knock(house: &House, path: &str, forwarded: Option<&str>) -> (u16, Bytes) {
    let mut request = Request::post(path);
    if let Some(address) = forwarded {
        request = request.header("x-forwarded-for", address);
    }
    let request = request.body(Full::new(Bytes::from_static(b"{}"))).unwrap();
    let caller = house.door.caller("127.0.0.1".parse().unwrap());
    let response = caller.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    (status, response.into_body().collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn of_many_thousand_guessed_secrets_none_opens() {
    let house = House::usual();
    let dice = Dice::seeded(1);
    for round in 0..20_000_u32 {
        let mut bytes = [0; 16];
        dice.fill(&mut bytes);
        let guess = u128::from_be_bytes(bytes);
        let path = match round % 4 {
            0 => format!("/v1/leads/web/{guess:032x}"),
            1 => format!("/v1/leads/web/{SECRET}{guess:x}"),
            2 => format!(
                "/v1/leads/web/{}",
                &SECRET[..usize::from(bytes[0]) % SECRET.len()]
            ),
            _ => format!("/v1/leads/{guess:x}/{SECRET}"),
        };
        assert_eq!(knock(&house, &path, None).await.0, 404, "{path}");
    }
    assert!(house.shelf.kept().is_empty());
    assert_eq!(knock(&house, PATH, None).await.0, 200);
}

#[tokio::test]
async fn a_wrong_secret_is_answered_exactly_like_a_path_that_is_not_there() {
    let house = House::usual();
    let mut answers = Vec::new();
    for path in [
        "/",
        "/v1/leads",
        "/v1/leads/web/wrong",
        "/v1/leads/nobody/wrong",
        "/admin",
    ] {
        let mut wire = house.connect().await;
        wire.send(&post_to(path, "{}")).await;
        let mut answer = wire.answer().await.unwrap();
        let date = answer.header("date").unwrap().to_owned();
        answer.head = answer.head.replace(&date, "");
        answers.push(answer);
    }
    assert_eq!(answers[0].status, 404);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[tokio::test]
async fn both_secrets_work_during_rotation_and_the_old_one_ends_with_a_reload() {
    let house = House::usual();
    let next = "/v1/leads/web/next-secret-of-the-same-source";
    assert_eq!(knock(&house, PATH, None).await.0, 200);
    assert_eq!(knock(&house, next, None).await.0, 200);

    let mut rotated = sources(None);
    rotated[0].secrets.remove(0);
    house
        .door
        .reload(DoorRules::new(IntakeLimits::default(), rotated));
    assert_eq!(knock(&house, PATH, None).await.0, 404);
    assert_eq!(knock(&house, next, None).await.0, 200);
}

#[tokio::test]
async fn who_was_too_fast_still_is_after_a_reload_that_leaves_the_rate_as_it_was() {
    let limits = |burst| IntakeLimits {
        rate_per_address: Some(rate(1, burst)),
        ..IntakeLimits::default()
    };
    let house = House::open(Plan {
        limits: limits(4),
        source_rate: Some(rate(1, 2)),
        ..Plan::default()
    });
    let other = "/v1/leads/other/secret-of-the-other-source";
    for expected in [200, 200, 429] {
        assert_eq!(knock(&house, PATH, None).await.0, expected);
    }
    house
        .door
        .reload(DoorRules::new(limits(4), sources(Some(rate(1, 2)))));
    assert_eq!(
        knock(&house, PATH, None).await.0,
        429,
        "the source's pace goes on"
    );
    assert_eq!(knock(&house, other, None).await.0, 429, "and that of the address");

    house
        .door
        .reload(DoorRules::new(limits(5), sources(Some(rate(1, 3)))));
    assert_eq!(knock(&house, PATH, None).await.0, 200, "another rate begins anew");
}

#[tokio::test]
async fn another_method_is_told_which_one_is_allowed_but_only_to_who_knows_the_secret() {
    let house = House::usual();
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let mut wire = house.connect().await;
        wire.send(format!("{method} {PATH} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
            .await;
        // The answer to HEAD tells the length of a body it does not carry.
        wire.hang_up().await;
        let head = wire.head().await.unwrap();
        assert_eq!(head.status, 405, "{method}");
        assert_eq!(head.header("allow"), Some("POST"), "{method}");
    }
}

#[tokio::test]
async fn a_source_that_is_too_fast_waits_and_others_do_not() {
    let house = House::open(Plan {
        source_rate: Some(rate(1, 2)),
        ..Plan::default()
    });
    assert_eq!(knock(&house, PATH, None).await.0, 200);
    assert_eq!(knock(&house, PATH, None).await.0, 200);
    let mut wire = house.connect().await;
    wire.send(&post("{}")).await;
    let answer = wire.answer().await.unwrap();
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("retry-after"), Some("1"));

    let other = "/v1/leads/other/secret-of-the-other-source";
    assert_eq!(knock(&house, other, None).await.0, 200);
    house.crank.advance(Duration::from_secs(1));
    assert_eq!(knock(&house, PATH, None).await.0, 200);
}

#[tokio::test]
async fn a_sender_that_is_too_fast_waits_whatever_it_asks_for() {
    let house = House::open(Plan {
        limits: IntakeLimits {
            rate_per_address: Some(rate(1, 3)),
            ..IntakeLimits::default()
        },
        ..Plan::default()
    });
    for path in [PATH, "/nothing", "/v1/leads/web/wrong"] {
        assert_ne!(knock(&house, path, None).await.0, 429);
    }
    for path in [PATH, "/nothing", "/v1/leads/web/wrong"] {
        assert_eq!(knock(&house, path, None).await.0, 429, "{path}");
    }
    // The source whose leads are held back is known by its secret alone.
    let page = house.metrics.text().unwrap();
    for (source, refused) in [("web", 1), ("", 2)] {
        let line =
            format!("leadsync_intake_requests_total{{source=\"{source}\",status=\"429\"}} {refused}\n");
        assert!(page.contains(&line), "{line}{page}");
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_sender_has_its_own_pace() {
    let limits = |proxies: &[&str]| IntakeLimits {
        rate_per_address: Some(rate(1, 1)),
        trusted_proxies: Proxies::new(proxies.iter().map(|text| text.parse().unwrap()).collect()),
        ..IntakeLimits::default()
    };
    let house = House::open(Plan {
        limits: limits(&["127.0.0.0/8"]),
        ..Plan::default()
    });
    assert_eq!(knock(&house, PATH, Some("192.0.2.1")).await.0, 200);
    assert_eq!(knock(&house, PATH, Some("192.0.2.2")).await.0, 200);
    assert_eq!(knock(&house, PATH, Some("192.0.2.1")).await.0, 429);

    // The same words from somebody we do not trust are just words.
    house
        .door
        .reload(DoorRules::new(limits(&["10.0.0.0/8"]), sources(None)));
    assert_eq!(knock(&house, PATH, Some("192.0.2.3")).await.0, 200);
    assert_eq!(knock(&house, PATH, Some("192.0.2.4")).await.0, 429);
}
