//! Who hears of changes: registered when nobody is, never taken without being told to, and passed on.

use connector_kit::{Check, ErrorKind, Health, Provisioner, Step, StepState};
use http::{HeaderName, Method};
use leadsync_sim::faults::Fault;
use leadsync_sim::partner_center::{Casing, Kind};

use crate::world::{ADDRESS, ADMIN, CENTER, World};

const OTHER: &str = "https://prod-12.westeurope.logic.example/workflows/canary-path?sig=canary-sig";

async fn step(provisioner: &dyn Provisioner) -> Step {
    let mut plan = provisioner.plan().await.unwrap();
    assert_eq!(plan.steps.len(), 1);
    assert!(plan.role.iter().any(|line| line.contains("Referrals admin")));
    plan.steps.remove(0)
}

async fn registered(world: &mut World) -> Check {
    let upkeep = world.connector().upkeep.unwrap();
    let mut checks = upkeep.tend().await;
    checks.retain(|check| check.name == "webhook-registration");
    checks.remove(0)
}

#[tokio::test]
async fn where_nobody_is_registered_we_are_after_one_step() {
    let mut world = World::hearing("").await;
    let provisioner = world.connector().provisioner.unwrap();
    let missing = step(provisioner.as_ref()).await;
    assert_eq!(missing.state, StepState::Missing);
    provisioner.apply(&missing).await.unwrap();
    let told = world.center.registration().unwrap();
    assert_eq!(
        (told.url.as_str(), told.by_own_header, told.events.len()),
        (ADDRESS, true, 5)
    );
    assert_eq!(step(provisioner.as_ref()).await.state, StepState::Present);
    provisioner.apply(&missing).await.unwrap();
    assert_eq!(
        world.center.count(Kind::Reregister),
        1,
        "done again it is no error"
    );
    assert!(
        world.center.complaints().is_empty(),
        "{:?}",
        world.center.complaints()
    );
    assert_eq!(registered(&mut world).await.health, Health::Well);
}

#[tokio::test]
async fn a_registration_of_somebody_else_is_taken_only_when_told_to_and_their_address_is_kept_sealed() {
    let mut world = World::hearing("").await;
    world.center.register(OTHER, false);
    let provisioner = world.connector().provisioner.unwrap();
    let taken = step(provisioner.as_ref()).await;
    let StepState::Taken(holder) = &taken.state else {
        panic!("{taken:?}")
    };
    assert!(
        holder.starts_with("prod-12.westeurope.logic.example (subscriber "),
        "{holder}"
    );
    assert!(!holder.contains("canary"));
    let asked = Step {
        state: StepState::Missing,
        ..taken.clone()
    };
    let error = provisioner.apply(&asked).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    assert_eq!(world.center.registration().unwrap().url, OTHER);
    provisioner.apply(&taken).await.unwrap();
    assert_eq!(world.center.registration().unwrap().url, ADDRESS);
    let kept = world.state.path().join("former-webhook.sealed");
    let kept = std::fs::read(kept).unwrap();
    assert!(!kept.windows(6).any(|part| part == b"canary"));
}

#[tokio::test]
async fn a_registration_that_drifted_is_told_and_mended() {
    let mut world = World::hearing("").await;
    world.center.register(OTHER, true);
    let check = registered(&mut world).await;
    assert_eq!(check.health, Health::Ailing);
    assert!(
        check.found.contains("prod-12") && check.remedy.contains("--take-over"),
        "{check}"
    );
    assert!(!check.to_string().contains("canary"));
    world.center.unregister();
    let check = registered(&mut world).await;
    assert!(check.found.starts_with("nobody is registered"), "{check}");
    for casing in [Casing::Camel, Casing::Pascal] {
        let mut world = World::hearing("events = ['referral-updated']").await;
        world.center.set(|settings| settings.casing = casing);
        let provisioner = world.connector().provisioner.unwrap();
        provisioner
            .apply(&step(provisioner.as_ref()).await)
            .await
            .unwrap();
        assert_eq!(registered(&mut world).await.health, Health::Well);
        world.settings.settings["webhook"]["events"] =
            toml::Value::try_from(["referral-updated", "referral-created", "future-referral-event"]).unwrap();
        let check = registered(&mut world).await;
        assert_eq!(
            check.found,
            "events are sent to us, but it does not ask for referral-created"
        );
        let provisioner = world.connector().provisioner.unwrap();
        let lacking = step(provisioner.as_ref()).await;
        assert_eq!(lacking.state, StepState::Missing);
        provisioner.apply(&lacking).await.unwrap();
        assert_eq!(
            world.center.registration().unwrap().events.len(),
            2,
            "only what there is"
        );
    }
}

#[tokio::test]
async fn a_signature_that_comes_in_the_other_header_is_told_where_the_answer_tells_it() {
    let mut world = World::hearing("").await;
    world.center.register(ADDRESS, false);
    let told = serde_json::json!({
        "webhookUrl": ADDRESS,
        "webhookEvents": ["referral-created", "referral-updated", "related-referral-created", "related-referral-updated", "test-created"],
        "signatureTokenToMsSignatureHeader": false,
    });
    world.center.center_faults.next(Fault::json(200, &told));
    let check = registered(&mut world).await;
    assert_eq!(
        check.found,
        "events are sent to us, but the signature comes in the other header"
    );
}

#[tokio::test]
async fn an_unanswered_registration_is_sent_again_under_the_same_id() {
    for (fault, ours) in [(Fault::CutAfter, 2), (Fault::CutBefore, 2)] {
        let mut world = World::hearing("").await;
        let provisioner = world.connector().provisioner.unwrap();
        let missing = step(provisioner.as_ref()).await;
        let before = world.sent.with("/webhooks/").len();
        // The registration and the events are read first.
        let requests = world.center.center_faults.requests();
        world.center.center_faults.on_request(requests + 3, fault);
        provisioner.apply(&missing).await.unwrap();
        let sent = world.sent.with("/webhooks/");
        let posted: Vec<_> = sent[before..]
            .iter()
            .filter(|request| request.method() == Method::POST)
            .collect();
        assert_eq!(posted.len(), ours);
        let id = |name: &'static str| posted.iter().map(move |request| request.headers()[name].clone());
        assert_eq!(
            id("ms-requestid")
                .collect::<std::collections::BTreeSet<_>>()
                .len(),
            1
        );
        assert_eq!(
            id("ms-correlationid")
                .collect::<std::collections::BTreeSet<_>>()
                .len(),
            2
        );
        assert_eq!(world.center.registration().unwrap().url, ADDRESS);
    }
}

#[tokio::test]
async fn somebody_who_registers_in_between_is_a_conflict_and_not_overwritten() {
    let mut world = World::hearing("").await;
    let provisioner = world.connector().provisioner.unwrap();
    let missing = step(provisioner.as_ref()).await;
    world.center.register(OTHER, true);
    // We read that nobody is registered, just before somebody is.
    world.center.center_faults.next(Fault::status(404));
    let error = provisioner.apply(&missing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(world.center.registration().unwrap().url, OTHER);
}

#[tokio::test]
async fn without_an_address_nothing_is_registered() {
    let mut world = World::new().await;
    let provisioner = world.connector().provisioner.unwrap();
    assert!(provisioner.plan().await.unwrap().steps.is_empty());
    let step = Step {
        id: "webhook registration".into(),
        what: String::new(),
        state: StepState::Missing,
    };
    assert_eq!(
        provisioner.apply(&step).await.unwrap_err().kind(),
        ErrorKind::Misconfigured
    );
    assert!(world.connector().events.is_none());
}

#[tokio::test]
async fn each_host_gets_the_token_of_its_own_audience() {
    let mut world = World::hearing("").await;
    let connector = world.connector();
    let _ = connector.provisioner.unwrap().plan().await.unwrap();
    assert!(connector.source.unwrap().poll(None, 10).await.is_ok());
    world.entra.withdraw_consent(crate::world::APP, CENTER);
    let error = world.connector().provisioner.unwrap().plan().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    world.entra.consent(crate::world::APP, CENTER);
    world
        .center
        .set(|settings| settings.registration_needs_admin = true);
    world.entra.set_roles(ADMIN, &["Referrals user"]);
    let error = world.connector().provisioner.unwrap().plan().await.unwrap_err();
    assert!(error.hint_text().unwrap().contains("Referrals admin"), "{error}");
}

#[tokio::test]
async fn verified_events_are_passed_on_to_whoever_was_registered_before_with_both_forms_of_the_proof() {
    let mut world = World::hearing("tee = true").await;
    let url = "https://former.example/hook?sig=canary-sig";
    world.sent.pretend("former.example", 202);
    world.center.register(url, true);
    let (headers, body) = world.event();
    let connector = world.connector();
    let tee = connector.events.unwrap().tee().unwrap();
    tee.pass_on(&headers, &body).await.unwrap();
    assert_eq!(world.sent.with("/hook").len(), 0, "nobody was before us yet");
    let provisioner = connector.provisioner.unwrap();
    provisioner
        .apply(&step(provisioner.as_ref()).await)
        .await
        .unwrap();
    tee.pass_on(&headers, &body).await.unwrap();
    let got = world.sent.with("/hook");
    assert_eq!(got.len(), 1);
    assert_eq!((got[0].uri().to_string().as_str(), got[0].body()), (url, &body));
    assert_eq!(
        got[0].headers()["x-ms-signature"],
        got[0].headers()["authorization"]
    );
    assert!(got[0].headers().contains_key("x-ms-certificate-url"));
    assert!(!format!("{:?}", got[0].headers()).contains("Bearer"));
    for (name, carried) in [
        ("x-ms-signature", true),
        ("content-type", true),
        ("cookie", false),
        ("host", false),
    ] {
        assert_eq!(tee.carries(&HeaderName::from_static(name)), carried, "{name}");
    }
    world.sent.pretend("former.example", 500);
    let error = tee.pass_on(&headers, &body).await.unwrap_err();
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
}
