//! What implementers get wrong (contract partner-center 0), line by line, and the answers to what nobody
//! could confirm (12). Lines 3 and 11 to 13 are about leads that are posted, which come to other sources.

use bytes::Bytes;
use chrono::TimeDelta;
use connector_kit::{ErrorKind, Health, ReferralChange, ReferralMove};
use http::Method;
use leadsync_sim::faults::Fault;
use leadsync_sim::partner_center::{Kind, NewReferral, Transitions};
use serde_json::{Value, json};

use crate::webhook::judged;
use crate::world::{ADDRESS, CENTER, PARTNER, World, ids, read_all, seen};

fn step(step: ReferralMove) -> ReferralChange {
    ReferralChange {
        step: Some(step),
        ..ReferralChange::default()
    }
}

fn sample(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/referrals");
    serde_json::from_slice(&std::fs::read(format!("{folder}/{name}.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn trap_01_two_hosts_have_two_audiences_and_two_sets_of_headers() {
    let mut world = World::hearing("").await;
    let connector = world.connector();
    connector.source.unwrap().poll(None, 10).await.unwrap();
    connector.provisioner.unwrap().plan().await.unwrap();
    let referrals = world.sent.with("/v1.0/engagements/referrals");
    let center = world.sent.with("/webhooks/v1/registration");
    let token = |request: &http::Request<Bytes>| request.headers()["authorization"].clone();
    assert_ne!(token(&referrals[0]), token(&center[0]));
    assert!(referrals[0].headers().contains_key("client-request-id"));
    assert!(!referrals[0].headers().contains_key("ms-requestid"));
    for name in [
        "ms-requestid",
        "ms-correlationid",
        "ms-contract-version",
        "x-locale",
    ] {
        assert!(center[0].headers().contains_key(name), "{name}");
    }
    let scopes: Vec<String> = world
        .entra
        .requests()
        .iter()
        .filter_map(|asked| Some(asked.member("scope")?.to_owned()))
        .collect();
    for audience in [PARTNER, CENTER] {
        let scope = format!("{audience}/.default");
        assert!(scopes.iter().any(|asked| asked.starts_with(&scope)), "{scopes:?}");
    }
    assert!(world.center.complaints().is_empty());
}

#[tokio::test]
async fn trap_02_an_application_alone_gets_nowhere_and_is_not_tried() {
    let mut world = World::bare("").await;
    let error = world.source().poll(None, 10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(
        error.hint_text().unwrap().contains("leadsync authorize partner"),
        "{error:?}"
    );
    assert_eq!(world.sent.count(), 0);
    world.sign_in().await;
    assert!(world.source().poll(None, 10).await.is_ok());
    let grants = world.entra.requests();
    assert!(
        grants
            .iter()
            .all(|asked| asked.member("grant_type") != Some("client_credentials"))
    );
}

#[tokio::test]
async fn trap_04_whether_marketplace_leads_are_shown_is_found_out_at_run_time() {
    let mut world = World::new().await;
    world
        .center
        .create(NewReferral::marketing_qualified("x@y.example"));
    for (shown, health) in [(false, Health::Unknown), (true, Health::Well)] {
        if shown {
            world.lead(1);
        }
        let checks = world.connector().doctor.unwrap().examine().await;
        let check = checks
            .iter()
            .find(|check| check.name == "marketplace-leads")
            .unwrap();
        assert_eq!(check.health, health, "{check}");
    }
}

#[tokio::test]
async fn trap_05_the_etag_goes_back_with_its_own_quotes() {
    let mut world = World::new().await;
    let id = world.lead(1);
    let desk = world.desk();
    let new = seen(desk.as_ref(), &id).await;
    assert!(new.etag.starts_with('"') && new.etag.ends_with('"'));
    desk.write(&new, &step(ReferralMove::Acknowledge)).await.unwrap();
    let patch = &world.sent.with(id.as_str())[1];
    assert_eq!(patch.headers()["if-match"].to_str().unwrap(), new.etag);
}

#[tokio::test]
async fn trap_06_a_change_is_an_array_of_add_and_replace_as_plain_json_and_asks_for_what_it_became() {
    let mut world = World::new().await;
    let id = world.lead(1);
    let desk = world.desk();
    let new = seen(desk.as_ref(), &id).await;
    let change = ReferralChange {
        team: vec![connector_kit::referral::Member {
            email: "jane.doe@contoso.example".into(),
            ..Default::default()
        }],
        ..step(ReferralMove::Accept)
    };
    let written = desk.write(&new, &change).await.unwrap();
    assert_ne!(written.referral.etag, new.etag);
    let patch = &world.sent.with(id.as_str())[1];
    assert_eq!(patch.method(), Method::PATCH);
    assert_eq!(patch.headers()["content-type"], "application/json");
    assert_eq!(patch.headers()["prefer"], "return=representation");
    let operations: Vec<Value> = serde_json::from_slice(patch.body()).unwrap();
    let kinds: Vec<_> = operations.iter().map(|one| one["op"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["replace", "replace", "add"]);
}

#[tokio::test]
async fn trap_07_nothing_is_ever_put_so_no_links_either() {
    let mut world = World::new().await;
    let id = world.lead(1);
    let desk = world.desk();
    let mut now = seen(desk.as_ref(), &id).await;
    for one in [ReferralMove::Acknowledge, ReferralMove::Accept, ReferralMove::Win] {
        now = desk.write(&now, &step(one)).await.unwrap().referral;
    }
    assert_eq!(world.center.count(Kind::Replace), 0);
    assert!(
        world
            .center
            .writes()
            .iter()
            .all(|write| !write.body.to_string().contains("links"))
    );
}

#[tokio::test]
async fn trap_08_status_and_substatus_are_changed_together() {
    for (path, pair) in [
        (&[ReferralMove::Acknowledge][..], ("New", "Received")),
        (&[ReferralMove::Accept], ("Active", "Accepted")),
        (&[ReferralMove::Decline], ("Closed", "Declined")),
        (&[ReferralMove::Accept, ReferralMove::Win], ("Closed", "Won")),
        (&[ReferralMove::Accept, ReferralMove::Lose], ("Closed", "Lost")),
    ] {
        let mut world = World::new().await;
        let id = world.lead(1);
        let desk = world.desk();
        let mut now = seen(desk.as_ref(), &id).await;
        for one in path {
            now = desk.write(&now, &step(*one)).await.unwrap().referral;
        }
        let writes = world.center.writes();
        let last = writes.last().unwrap();
        assert_eq!(last.sets("/status"), Some(&json!(pair.0)));
        assert_eq!(last.sets("/substatus"), Some(&json!(pair.1)));
        assert!(world.center.violations().is_empty());
    }
}

#[tokio::test]
async fn trap_09_what_is_closed_is_closed_also_for_notes() {
    for name in ["won_registration_pending", "lost", "declined", "expired", "error"] {
        let mut world = World::new().await;
        world
            .center
            .set(|settings| settings.transitions = Transitions::Lenient);
        let id = world
            .center
            .place(sample(&format!("referral_closed_{name}")))
            .parse()
            .unwrap();
        let desk = world.desk();
        let closed = seen(desk.as_ref(), &id).await;
        let note = ReferralChange {
            notes: Some("x".into()),
            ..ReferralChange::default()
        };
        for change in [note, step(ReferralMove::Accept), step(ReferralMove::Win)] {
            let error = desk.write(&closed, &change).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Rejected, "{name}");
        }
        assert!(world.center.writes().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn trap_10_the_link_to_the_next_page_is_http_and_wrong_and_is_not_followed_as_it_is() {
    let mut world = World::new().await;
    world.center.set(|settings| settings.page_size = 2);
    (0..3).for_each(|number| drop(world.lead(number)));
    let source = world.source();
    let (leads, _) = read_all(source.as_ref(), None).await;
    assert_eq!(ids(&leads).len(), 3);
    let asked = world.sent.with("/referrals");
    assert!(
        asked
            .iter()
            .all(|request| request.uri().path() == "/v1.0/engagements/referrals")
    );
    assert!(
        asked
            .iter()
            .any(|request| request.uri().query().unwrap().starts_with("$skiptoken="))
    );
}

#[tokio::test]
async fn trap_14_a_valid_chain_of_microsoft_is_not_enough() {
    let mut world = World::hearing("").await;
    world.center.register(ADDRESS, true);
    let (mut headers, body) = world.event();
    let elsewhere = world.center.certificate_url().replace("127.0.0.1", "127.0.0.2");
    headers.insert("x-ms-certificate-url", elsewhere.parse().unwrap());
    let before = world.sent.count();
    let refused = judged(world.verifier().as_ref(), &headers, &body)
        .await
        .unwrap_err();
    assert_eq!(
        refused,
        "forged: the certificate is on a host that is not allowed"
    );
    assert_eq!(world.sent.count(), before);
    let mut world = World::hearing("subject = 'somebody-else.microsoft.com'").await;
    let (headers, body) = world.event();
    let refused = judged(world.verifier().as_ref(), &headers, &body)
        .await
        .unwrap_err();
    assert_eq!(refused, "forged: the certificate is for somebody else");
}

#[tokio::test]
async fn trap_15_times_have_up_to_seven_digits_and_none_is_lost() {
    let mut world = World::new().await;
    let mut later = sample("referral_new_pending_direct_lead");
    let times = [
        "2026-11-20T11:00:00Z",
        "2026-11-20T11:00:00.1Z",
        "2026-11-20T11:00:00.1234567Z",
    ];
    for (number, time) in times.iter().enumerate() {
        later["id"] = json!(format!("61c65492-0000-4000-8000-00000000000{number}"));
        later["updatedDateTime"] = json!(time);
        later["expirationDateTime"] = json!("2026-12-04T00:00:00Z");
        world.center.place(later.clone());
    }
    let source = world.source();
    let (leads, after) = read_all(source.as_ref(), None).await;
    let told: std::collections::BTreeSet<_> = leads.iter().map(|lead| lead.occurred_at.unwrap()).collect();
    let newest = *told.iter().next_back().unwrap();
    assert_eq!((told.len(), newest.timestamp_subsec_nanos()), (3, 123_456_700));
    assert!(after.unwrap().0.contains("11:00:00.123456700Z"));
}

#[tokio::test]
async fn question_02_engaged_is_like_accepted_and_an_unknown_pair_is_only_looked_at() {
    let mut world = World::new().await;
    let engaged = world
        .center
        .place(sample("referral_active_engaged"))
        .parse()
        .unwrap();
    let desk = world.desk();
    let now = seen(desk.as_ref(), &engaged).await;
    assert!(desk.write(&now, &step(ReferralMove::Win)).await.is_ok());
    let mut odd = sample("referral_active_engaged");
    odd["id"] = json!("61c65494-0000-4000-8000-00000000000d");
    odd["status"] = json!("Paused");
    let odd = world.center.place(odd).parse().unwrap();
    let now = seen(desk.as_ref(), &odd).await;
    let error = desk.write(&now, &step(ReferralMove::Accept)).await.unwrap_err();
    assert_eq!(
        (error.kind(), world.center.writes().len()),
        (ErrorKind::Rejected, 1)
    );
}

#[tokio::test]
async fn question_03_values_nobody_published_come_through_as_they_are() {
    let mut world = World::new().await;
    let mut odd = sample("referral_edge_unicode_unknown_values");
    odd["direction"] = json!("Incoming");
    odd["quality"] = json!("SomeFutureQuality");
    odd["details"]["customerAction"] = json!("SomeFutureAction");
    let id = world.center.place(odd);
    let source = world.source();
    let (leads, _) = read_all(source.as_ref(), None).await;
    assert!(ids(&leads).contains(&id));
    let body = String::from_utf8(leads[0].body.to_vec()).unwrap();
    assert!(body.contains("SomeFutureQuality") && body.contains("SomeFutureAction"));
}

#[tokio::test]
async fn question_04_a_create_may_be_answered_by_200_or_201() {
    let mut world = World::new().await;
    let desk = world.desk();
    let made = desk
        .create(sample("create_request_private").to_string().into())
        .await
        .unwrap();
    assert_eq!(made.referral.state.to_string(), "Active/Accepted");
    let other = sample("referral_outgoing_partner_led");
    world.center.referral_faults.next(Fault::json(200, &other));
    let made = desk
        .create(sample("create_request_private").to_string().into())
        .await
        .unwrap();
    assert_eq!(made.referral.id.as_str(), other["id"].as_str().unwrap());
}

#[tokio::test]
async fn numbers_in_quotes_of_the_older_token_endpoint_are_read() {
    let mut world = World::with("token_endpoint = 'v1'").await;
    world.lead(1);
    let source = world.source();
    assert_eq!(ids(&read_all(source.as_ref(), None).await.0).len(), 1);
    let fetched = world.entra.fetches();
    world.clock.advance(TimeDelta::minutes(50));
    assert!(source.poll(None, 10).await.is_ok());
    assert_eq!(world.entra.fetches(), fetched, "it lives as long as it says");
    world.clock.advance(TimeDelta::minutes(20));
    assert!(source.poll(None, 10).await.is_ok());
    assert_eq!(world.entra.fetches(), fetched + 1);
    assert!(
        world
            .entra
            .requests()
            .iter()
            .all(|asked| !asked.path.contains("v2.0"))
    );
}

#[tokio::test]
async fn an_answer_packed_though_nobody_asked_for_it_is_told_and_not_misread() {
    let mut world = World::new().await;
    world
        .center
        .set(|settings| settings.gzip = leadsync_sim::partner_center::Gzip::Always);
    let error = world.source().poll(None, 10).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Broken | ErrorKind::Unreachable),
        "{error}"
    );
    world
        .center
        .set(|settings| settings.gzip = leadsync_sim::partner_center::Gzip::WhenAccepted);
    assert!(world.source().poll(None, 10).await.is_ok());
}
