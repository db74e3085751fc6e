//! By browser and on another device.

use std::time::Duration;

use super::*;

fn redirect() -> Url {
    Url::parse(REDIRECT).unwrap()
}

#[tokio::test]
async fn a_person_signs_in_by_browser_and_tokens_for_both_audiences_follow() {
    for style in [Style::V1, Style::V2] {
        let world = World::open(style).await;
        let authorizer = world.authorizer();
        authorizer.prepare().await.unwrap();
        let request = authorizer.code_request(&redirect());
        let query = world.browse(&request).await;
        let Brought { code, state } = request.brought(&query).unwrap().unwrap();
        let redeemed = authorizer.redeem(&request, &code, state.expose()).await;
        let kept = redeemed.unwrap();

        assert_eq!(kept.user.as_deref(), Some(ADA));
        assert!(kept.standing.signed_in);
        assert_eq!(kept.standing, world.standing());
        for audience in [PARTNER, CENTER] {
            let token = world.fetch(audience).await.unwrap();
            assert!(world.is_good(&token, audience), "{style:?} {audience}");
        }
    }
}

#[tokio::test]
async fn the_browser_is_sent_with_a_challenge_a_state_and_no_secret() {
    let world = World::open(Style::V2).await;
    let app = Delegated {
        client_secret: Some(Secret::new("canary")),
        ..world.app()
    };
    let clock = Arc::new(world.clock.clone());
    let authorizer =
        world
            .sign_in_of(app)
            .authorizer(PARTNER, world.transport.clone(), clock, Dice::seeded(3));
    let (one, two) = (
        authorizer.code_request(&redirect()),
        authorizer.code_request(&redirect()),
    );
    let query = one.url.query().unwrap();
    assert_eq!(member(query, "code_challenge_method"), "S256");
    assert_eq!(
        member(query, "scope"),
        format!("{PARTNER}/.default offline_access openid profile")
    );
    assert_eq!(member(query, "redirect_uri"), REDIRECT);
    for name in ["state", "code_challenge"] {
        let value = member(query, name);
        assert_eq!(value.len(), 43, "{name}");
        assert_ne!(value, member(two.url.query().unwrap(), name));
    }
    assert!(!one.url.as_str().contains("canary"));
    assert!(!one.url.as_str().contains(one.verifier.expose()));
}

#[tokio::test]
async fn an_answer_to_another_sign_in_is_refused_and_nobody_is_asked() {
    let world = World::open(Style::V2).await;
    let authorizer = world.authorizer();
    let (ours, other) = (
        authorizer.code_request(&redirect()),
        authorizer.code_request(&redirect()),
    );
    let query = world.browse(&other).await;
    assert!(ours.brought(&query).is_none());
    let before = world.entra.fetches();
    let code = Secret::new(member(&query, "code"));
    for state in ["", "x", member(&query, "state").as_str()] {
        let refused = authorizer.redeem(&ours, &code, state).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unauthorized);
    }
    assert_eq!(world.entra.fetches(), before);
    assert_eq!(world.standing(), Standing::default());
}

#[tokio::test]
async fn a_code_that_was_asked_for_by_somebody_else_is_worth_nothing() {
    let world = World::open(Style::V2).await;
    let authorizer = world.authorizer();
    let (ours, theirs) = (
        authorizer.code_request(&redirect()),
        authorizer.code_request(&redirect()),
    );
    // Somebody puts their code into an answer that bears our state.
    let code = Secret::new(member(&world.browse(&theirs).await, "code"));
    let state = member(ours.url.query().unwrap(), "state");
    let refused = authorizer.redeem(&ours, &code, &state).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthorized);
    assert_eq!(
        refused.to_string(),
        "fetch a token from 127.0.0.1: 400 invalid_grant (AADSTS501481)"
    );
    assert_eq!(world.standing(), Standing::default());
}

#[tokio::test]
async fn whoever_presses_cancel_is_told_how_to_go_on() {
    let world = World::open(Style::V2).await;
    world.entra.cancel_next(1);
    let request = world.authorizer().code_request(&redirect());
    let query = world.browse(&request).await;
    let refused = request.brought(&query).unwrap().unwrap_err();
    assert_eq!(refused.to_string(), "sign in: access_denied");
    assert!(refused.hint_text().unwrap().contains("accept"));
    assert!(
        request.brought("code=x").is_none(),
        "without a state it is not ours"
    );
}

#[tokio::test]
async fn signing_in_again_replaces_what_was_refused() {
    let world = World::signed_in(Style::V2).await;
    world.entra.revoke_user(ADA);
    world.fetch(PARTNER).await.unwrap_err();
    assert!(!world.standing().signed_in);
    // Of another app, and sealed by a key nobody has any more.
    std::fs::write(world.dir.path().join("sign-in.sealed"), "damaged").unwrap();
    let authorizer = world.authorizer();
    let request = authorizer.code_request(&redirect());
    let query = world.browse(&request).await;
    let Brought { code, state } = request.brought(&query).unwrap().unwrap();
    authorizer.redeem(&request, &code, state.expose()).await.unwrap();
    assert!(world.standing().signed_in);
    world.fetch(CENTER).await.unwrap();
}

#[tokio::test]
async fn a_person_signs_in_on_another_device() {
    for style in [Style::V1, Style::V2] {
        let world = World::open(style).await;
        world.entra.watch_pace(true);
        let authorizer = world.authorizer();
        let mut request = authorizer.device_request().await.unwrap();
        assert_eq!(request.interval, Duration::from_secs(5), "{style:?}");
        assert_eq!(request.expires_at, world.clock.now() + TimeDelta::minutes(15));
        assert!(request.message.contains(&request.user_code));
        for _ in 0..3 {
            assert!(authorizer.device_poll(&mut request).await.unwrap().is_none());
            world.clock.rest(request.interval).await;
        }
        assert!(world.entra.sign_in_on_device(&request.user_code, ADA));
        let kept = authorizer.device_poll(&mut request).await.unwrap().unwrap();
        assert!(kept.standing.signed_in);
        for audience in [PARTNER, CENTER] {
            let token = world.fetch(audience).await.unwrap();
            assert!(world.is_good(&token, audience), "{style:?}");
        }
    }
}

#[tokio::test]
async fn polls_that_come_too_fast_come_more_slowly_afterwards() {
    let world = World::open(Style::V2).await;
    world.entra.watch_pace(true);
    let authorizer = world.authorizer();
    let mut request = authorizer.device_request().await.unwrap();
    for seconds in [5, 10, 15] {
        let pending = authorizer.device_poll(&mut request).await.unwrap();
        assert!(pending.is_none());
        assert_eq!(request.interval, Duration::from_secs(seconds));
    }
    world.clock.rest(request.interval).await;
    assert!(authorizer.device_poll(&mut request).await.unwrap().is_none());
    assert_eq!(
        request.interval,
        Duration::from_secs(15),
        "this one was slow enough"
    );
}

#[tokio::test]
async fn a_person_who_declines_or_comes_too_late_is_told_apart() {
    let world = World::open(Style::V2).await;
    let authorizer = world.authorizer();
    let mut declined = authorizer.device_request().await.unwrap();
    assert!(world.entra.decline_on_device(&declined.user_code));
    let refused = authorizer.device_poll(&mut declined).await.unwrap_err();
    assert_eq!(refused.to_string(), "sign in for desk: the person declined");
    assert_eq!(refused.hint_text(), Some("run leadsync authorize desk again"));

    let mut late = authorizer.device_request().await.unwrap();
    // Their clock is ahead of ours: they say so before we do.
    late.expires_at += TimeDelta::minutes(5);
    world.clock.advance(TimeDelta::minutes(15));
    let theirs = authorizer.device_poll(&mut late).await.unwrap_err();
    world.clock.advance(TimeDelta::minutes(5));
    let before = world.entra.fetches();
    let ours = authorizer.device_poll(&mut late).await.unwrap_err();
    for refused in [theirs, ours] {
        assert_eq!(
            refused.to_string(),
            "sign in for desk: nobody typed the code in time"
        );
        assert_eq!(refused.kind(), ErrorKind::Unauthorized);
    }
    assert_eq!(world.entra.fetches(), before);
}

#[tokio::test]
async fn an_app_that_needs_a_secret_says_so_when_a_device_is_asked_for() {
    let world = World::open(Style::V2).await;
    world.entra.add_secret("confidential", "s3cret", None);
    let app = Delegated {
        client_id: "confidential".to_owned(),
        ..world.app()
    };
    let clock = Arc::new(world.clock.clone());
    let authorizer =
        world
            .sign_in_of(app)
            .authorizer(PARTNER, world.transport.clone(), clock, Dice::seeded(3));
    let refused = authorizer.device_request().await.unwrap_err();
    assert!(
        refused.hint_text().unwrap().contains("public client flows"),
        "{refused:?}"
    );
}
