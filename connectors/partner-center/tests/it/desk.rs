//! Referrals one by one: read, written, made, with every answer that may come instead.

use connector_kit::referral::Member;
use connector_kit::{ErrorKind, ReferralChange, ReferralMove};
use leadsync_sim::faults::Fault;
use leadsync_sim::partner_center::{Kind, NewReferral, over_bandwidth};
use serde_json::{Value, json};

use crate::world::{ADMIN, World, seen};

fn accept() -> ReferralChange {
    ReferralChange {
        step: Some(ReferralMove::Accept),
        name: Some("Fabrikam - M365 rollout".into()),
        value: "25000.50".parse().ok(),
        currency: Some("USD".into()),
        closes_on: "2027-01-31".parse().ok(),
        notes: Some("By phone.".into()),
        external_reference: Some("crm-lead-77".into()),
        campaign: Some("autumn".into()),
        team: vec![Member {
            first_name: "Jane".into(),
            last_name: "Doe".into(),
            email: "jane.doe@contoso.example".into(),
            phone: "0000000001".into(),
        }],
        ..ReferralChange::default()
    }
}

fn note(text: &str) -> ReferralChange {
    ReferralChange {
        notes: Some(text.into()),
        ..ReferralChange::default()
    }
}

fn fixture(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/referrals");
    serde_json::from_slice(&std::fs::read(format!("{folder}/{name}.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn a_referral_is_accepted_changed_and_won_each_in_one_request() {
    let mut world = World::new().await;
    let id = world.lead(1);
    let desk = world.desk();
    let new = seen(desk.as_ref(), &id).await;
    let accepted = desk.write(&new, &accept()).await.unwrap();
    assert_eq!(accepted.referral.state.to_string(), "Active/Accepted");
    assert!(
        accepted
            .referral
            .deal
            .value
            .as_ref()
            .unwrap()
            .is_same(&"25000.50".parse().unwrap())
    );
    assert_eq!(
        accepted.referral.deal.closes_on().unwrap().to_string(),
        "2027-01-31"
    );
    assert_eq!(accepted.referral.team.len(), 2);
    let noted = desk
        .write(&accepted.referral, &note("Second call."))
        .await
        .unwrap();
    let won = ReferralChange {
        step: Some(ReferralMove::Win),
        ..ReferralChange::default()
    };
    let won = desk.write(&noted.referral, &won).await.unwrap();
    assert_eq!(won.referral.state.to_string(), "Closed/Won");
    assert_eq!(world.center.count(Kind::Patch), 3);
    assert_eq!(world.center.count(Kind::Get), 1);
    assert!(world.center.violations().is_empty() && world.center.complaints().is_empty());
    let writes = world.center.writes();
    assert_eq!(writes[0].if_match.as_deref(), Some(new.etag.as_str()));
    assert_eq!(
        writes[0].sets("/details/closingDateTime"),
        Some(&json!("2027-01-31T00:00:00Z"))
    );
}

#[tokio::test]
async fn what_a_write_gives_is_what_a_read_gives() {
    let mut world = World::new().await;
    let id = world.lead(1);
    let desk = world.desk();
    let new = seen(desk.as_ref(), &id).await;
    let written = desk.write(&new, &accept()).await.unwrap();
    assert_eq!(desk.read(&id).await.unwrap().unwrap(), written);
}

#[tokio::test]
async fn a_success_without_a_body_is_read_once() {
    let mut world = World::new().await;
    let id = world.lead(1);
    let desk = world.desk();
    let new = seen(desk.as_ref(), &id).await;
    // Somebody between takes the representation away: done, but not told.
    world.center.edit(id.as_str(), &[("/name", json!("changed"))]);
    world.center.referral_faults.next(Fault::status(204));
    let told = desk.write(&new, &note("x")).await.unwrap();
    assert_eq!(told.referral.name, "changed");
    assert_eq!(world.center.count(Kind::Get), 2);
    world.center.referral_faults.next(Fault::status(204));
    world.center.referral_faults.next(Fault::status(503));
    let error = desk.write(&told.referral, &note("y")).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Unreachable,
        "it may have been written: {error}"
    );
}

#[tokio::test]
async fn a_stale_view_is_a_conflict_by_412_and_by_409_and_changes_nothing() {
    for status in [412, 409] {
        let mut world = World::new().await;
        world.center.set(|settings| settings.stale_status = status);
        let id = world.lead(1);
        let desk = world.desk();
        let stale = seen(desk.as_ref(), &id).await;
        world.center.edit(id.as_str(), &[("/favorite", json!(true))]);
        let etag = world.member(&id, "/eTag");
        let error = desk.write(&stale, &accept()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{status}: {error}");
        assert_eq!(world.member(&id, "/eTag"), etag);
        assert_eq!(world.center.count(Kind::Patch), 1, "never repeated");
    }
}

#[tokio::test]
async fn somebody_quicker_by_a_moment_is_a_conflict() {
    let mut world = World::new().await;
    let id = world.lead(1);
    let desk = world.desk();
    let new = seen(desk.as_ref(), &id).await;
    world.center.interfere_next(1, "/details/notes", &json!("mine"));
    assert_eq!(
        desk.write(&new, &accept()).await.unwrap_err().kind(),
        ErrorKind::Conflict
    );
    assert_eq!(world.member(&id, "/details/notes"), json!("mine"));
}

#[tokio::test]
async fn nothing_illegal_leaves_whatever_is_asked_for() {
    let mut world = World::new().await;
    let id = world.lead(1);
    let desk = world.desk();
    let new = seen(desk.as_ref(), &id).await;
    let step = |step| ReferralChange {
        step: Some(step),
        ..ReferralChange::default()
    };
    let mut closed = new.clone();
    closed.state = "Closed/Expired".to_owned().into();
    let before = world.sent.count();
    for (seen, change) in [
        (&new, step(ReferralMove::Win)),
        (&new, step(ReferralMove::Lose)),
        (&closed, step(ReferralMove::Accept)),
        (&closed, note("late")),
    ] {
        assert_eq!(
            desk.write(seen, &change).await.unwrap_err().kind(),
            ErrorKind::Rejected
        );
    }
    assert_eq!(world.sent.count(), before);
}

#[tokio::test]
async fn what_the_service_refuses_is_rejected_with_its_code() {
    let mut world = World::new().await;
    let id = world.lead(1);
    let desk = world.desk();
    let mut new = seen(desk.as_ref(), &id).await;
    world.center.expire(id.as_str());
    // As if the eTag had come along: a closed referral is refused for what is asked.
    new.etag = world.member(&id, "/eTag").as_str().unwrap().to_owned();
    let error = desk.write(&new, &accept()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(
        error
            .to_string()
            .starts_with("write a referral: 400 invalidRequest"),
        "{error}"
    );
    assert!(error.answer_text().unwrap().contains("request-id "));
}

#[tokio::test]
async fn an_event_may_come_before_its_referral_can_be_read() {
    let mut world = World::new().await;
    world
        .center
        .set(|settings| settings.readable_after = chrono::TimeDelta::seconds(30));
    let id = world.lead(1);
    let desk = world.desk();
    assert_eq!(desk.read(&id).await.unwrap(), None);
    world.pass(30);
    assert!(desk.read(&id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_referral_of_somebody_else_is_none_and_no_role_at_all_is_an_error() {
    let mut world = World::new().await;
    let own = world
        .center
        .create(NewReferral::sales_qualified("x@y.example").set("/team/0/email", ADMIN));
    let other = world.lead(2);
    world.entra.set_roles(ADMIN, &["Referrals user"]);
    let desk = world.desk();
    assert!(desk.read(&own.parse().unwrap()).await.unwrap().is_some());
    assert_eq!(desk.read(&other).await.unwrap(), None);
    world
        .center
        .referral_faults
        .on_request(world.center.referral_faults.requests() + 2, Fault::status(503));
    let error = desk.read(&other).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Throttled,
        "a bad moment is not a missing role"
    );
    world.entra.set_roles(ADMIN, &[]);
    let error = desk.read(&other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.hint_text().unwrap().contains("Referrals admin"));
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_also_on_a_write() {
    let mut world = World::new().await;
    let id = world.lead(1);
    let desk = world.desk();
    let new = seen(desk.as_ref(), &id).await;
    world.entra.revoke_all();
    let accepted = desk.write(&new, &accept()).await.unwrap();
    assert_eq!(accepted.referral.state.to_string(), "Active/Accepted");
    assert_eq!(world.center.writes().len(), 1, "what is not let in is not done");
    for _ in 0..2 {
        world.center.referral_faults.next(Fault::status(401));
    }
    let error = desk.write(&accepted.referral, &note("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn an_unanswered_write_is_told_as_such_and_never_repeated() {
    for (fault, applied) in [
        (Fault::CutBefore, false),
        (Fault::CutAfter, true),
        (Fault::CutDuring, true),
        (Fault::status(500), false),
        (Fault::status(504), false),
        (over_bandwidth(), false),
    ] {
        let mut world = World::new().await;
        let id = world.lead(1);
        let desk = world.desk();
        let new = seen(desk.as_ref(), &id).await;
        let before = world.sent.count();
        world.center.referral_faults.next(fault.clone());
        let error = desk.write(&new, &accept()).await.unwrap_err();
        let kinds = [ErrorKind::Unreachable, ErrorKind::Broken, ErrorKind::Throttled];
        assert!(kinds.contains(&error.kind()), "{fault:?}: {error}");
        assert_eq!(world.sent.count(), before + 1, "{fault:?}");
        let now = seen(desk.as_ref(), &id).await;
        assert_eq!(now.state.to_string() == "Active/Accepted", applied, "{fault:?}");
    }
}

#[tokio::test]
async fn nothing_to_write_is_read_and_still_a_conflict_when_somebody_wrote() {
    let mut world = World::new().await;
    let id = world.lead(1);
    let desk = world.desk();
    let new = seen(desk.as_ref(), &id).await;
    assert_eq!(
        desk.write(&new, &ReferralChange::default())
            .await
            .unwrap()
            .referral,
        new
    );
    world.center.edit(id.as_str(), &[("/favorite", json!(true))]);
    let error = desk.write(&new, &ReferralChange::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(world.center.count(Kind::Patch), 0);
}

#[tokio::test]
async fn a_shared_deal_is_made_by_two_calls() {
    let mut world = World::new().await;
    let desk = world.desk();
    let own = fixture("create_request_cosell_own_side").to_string();
    let own = desk.create(own.into()).await.unwrap().referral;
    assert_eq!(own.external_reference, "crm-opp-1002");
    let mut theirs = fixture("create_request_cosell_microsoft_side");
    theirs["engagementId"] = json!(own.engagement);
    let theirs = desk.create(theirs.to_string().into()).await.unwrap().referral;
    assert_eq!(theirs.engagement, own.engagement);
    assert_ne!(theirs.id, own.id);
}

#[tokio::test]
async fn an_incomplete_referral_never_leaves() {
    let mut world = World::new().await;
    let desk = world.desk();
    let mut body = fixture("create_request_private");
    body["customerProfile"]["address"]["country"] = json!("USA");
    let error = desk.create(body.to_string().into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(world.center.count(Kind::Create), 0);
}

#[tokio::test]
async fn an_unanswered_create_is_looked_up_before_anything_is_said() {
    for (fault, arrives) in [
        (Fault::CutAfter, true),
        (Fault::CutDuring, true),
        (Fault::CutBefore, false),
        (Fault::status(500), false),
        (Fault::status(503), false),
        (Fault::HtmlPage(200), false),
    ] {
        let mut world = World::new().await;
        (0..5).for_each(|number| drop(world.lead(number)));
        let desk = world.desk();
        let body = fixture("create_request_private").to_string();
        let older = desk.create(body.clone().into()).await.unwrap().referral;
        world.pass(3600);
        world.center.referral_faults.next(fault.clone());
        match desk.create(body.into()).await {
            Ok(made) => {
                assert!(arrives, "{fault:?}");
                assert_eq!(made.referral.external_reference, "crm-opp-1001");
                assert_ne!(made.referral.id, older.id, "not the one of an hour ago");
            }
            Err(error) => {
                assert!(!arrives, "{fault:?}: {error}");
                assert!(
                    matches!(
                        error.kind(),
                        ErrorKind::Unreachable | ErrorKind::Broken | ErrorKind::Throttled
                    ),
                    "{error}"
                );
                assert!(error.hint_text().unwrap().contains("it may have been made"));
            }
        }
        let made = world.center.referrals().len();
        assert_eq!(made, 6 + usize::from(arrives), "{fault:?}: never twice");
    }
}

#[tokio::test]
async fn a_referral_that_shows_up_a_moment_after_its_unanswered_create_is_found() {
    let mut world = World::new().await;
    world
        .center
        .set(|settings| settings.readable_after = chrono::TimeDelta::seconds(4));
    let desk = world.desk();
    world.center.referral_faults.next(Fault::CutAfter);
    let body = fixture("create_request_private").to_string();
    let made = desk.create(body.into()).await.unwrap();
    assert_eq!(made.referral.external_reference, "crm-opp-1001");
    assert_eq!(
        (world.center.count(Kind::Create), world.center.count(Kind::List)),
        (1, 2)
    );
}

#[tokio::test]
async fn what_may_be_read_and_not_changed_is_rejected_for_itself() {
    let mut world = World::new().await;
    let id = world.lead(1);
    let desk = world.desk();
    let new = seen(desk.as_ref(), &id).await;
    let denied = json!({ "error": { "code": "accessDenied", "message": "not on the team" } });
    world.center.referral_faults.next(Fault::json(403, &denied));
    let error = desk.write(&new, &accept()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.hint_text().unwrap().contains("team"));
    world.entra.set_roles(ADMIN, &[]);
    let error = desk.write(&new, &accept()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
}
