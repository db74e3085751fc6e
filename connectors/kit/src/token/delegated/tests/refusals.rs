//! Only a person can help: each refusal says so, and says how.

use super::*;

/// Fetches once, in vain.
async fn refused(world: &World) -> ConnectorError {
    world.fetch(PARTNER).await.unwrap_err()
}

#[tokio::test]
async fn whoever_may_no_longer_is_sent_to_sign_in_again() {
    type Change = fn(&World);
    let changes: [(Change, &str, &str); 4] = [
        (
            |world| world.entra.revoke_user(ADA),
            "invalid_grant (AADSTS50173)",
            AGAIN,
        ),
        (
            |world| world.clock.advance(TimeDelta::days(90)),
            "invalid_grant (AADSTS700082)",
            AGAIN,
        ),
        (
            |world| world.entra.demand_second_factor(ADA, true),
            "(AADSTS50076)",
            AGAIN,
        ),
        (
            |world| world.entra.disable(ADA, true),
            "invalid_grant (AADSTS50057)",
            "enable the person's account again, run leadsync authorize desk, then release",
        ),
    ];
    for style in [Style::V1, Style::V2] {
        for (change, words, hint) in changes {
            let world = World::signed_in(style).await;
            change(&world);
            let error = refused(&world).await;
            assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error:?}");
            let told = error.to_string();
            assert!(told.starts_with("fetch a token from 127.0.0.1: 400 "), "{told}");
            assert!(told.ends_with(words), "{told}");
            assert_eq!(error.hint_text(), Some(hint));
            assert_eq!(error.strikes_needed(), 1, "parked at once");
            assert_eq!(error.answer_text(), None, "it may name the person");
            let standing = world.standing();
            assert!(!standing.signed_in);
            assert_eq!(standing.refused_at, Some(world.clock.now()));
            assert_eq!(standing.warning(world.clock.now()), Some(0));
        }
    }
}

#[tokio::test]
async fn what_an_administrator_gives_back_works_again_by_itself() {
    let world = World::signed_in(Style::V2).await;
    world.entra.demand_second_factor(ADA, true);
    refused(&world).await;
    world.entra.demand_second_factor(ADA, false);
    world.fetch(PARTNER).await.unwrap();
    assert!(world.standing().signed_in);
}

#[tokio::test]
async fn missing_consent_for_one_audience_ends_nothing_for_the_other() {
    for style in [Style::V1, Style::V2] {
        let world = World::signed_in(style).await;
        world.entra.withdraw_consent(APP, CENTER);
        let error = world.fetch(CENTER).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error:?}");
        assert_eq!(
            error.hint_text(),
            Some(
                "let an administrator consent to what the app may do, run leadsync authorize desk, then release"
            )
        );
        assert_eq!(world.entra.fetches(), 1, "another refresh token would not help");
        assert!(world.standing().signed_in, "the sign-in itself is good");
        world.fetch(PARTNER).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_signed_in_yet() {
    let world = World::open(Style::V2).await;
    let error = refused(&world).await;
    assert_eq!(
        error.to_string(),
        "use the sign-in of desk: nobody has signed in yet"
    );
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(error.hint_text(), Some(AGAIN));
    assert_eq!(world.transport.sent.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_sign_in_of_another_app_or_authority_is_shown_to_nobody() {
    let world = World::signed_in(Style::V2).await;
    let other_app = Delegated {
        client_id: "44444444".to_owned(),
        ..world.app()
    };
    let other_authority = Delegated {
        token_url: Url::parse("http://127.0.0.2:1/common/oauth2/v2.0/token").unwrap(),
        ..world.app()
    };
    for (app, words) in [
        (
            other_app,
            format!("it was made for the app {APP}, the config names 44444444"),
        ),
        (
            other_authority,
            "it was made at 127.0.0.1, the config names 127.0.0.2".to_owned(),
        ),
    ] {
        let sign_in = world.sign_in_of(app);
        let error = world.tokens(&sign_in, PARTNER).bearer().await.unwrap_err();
        assert_eq!(error.to_string(), format!("use the sign-in of desk: {words}"));
        assert_eq!(error.hint_text(), Some(AGAIN));
        let standing = sign_in.standing(world.clock.now()).unwrap();
        assert!(!standing.signed_in);
    }
    assert_eq!(world.transport.sent.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_wrong_secret_or_app_is_the_configs_fault_and_nobody_has_to_sign_in() {
    let world = World::signed_in(Style::V2).await;
    let public_with_secret = Delegated {
        client_secret: Some(Secret::new("s3cret")),
        ..world.app()
    };
    let sign_in = world.sign_in_of(public_with_secret);
    let error = world.tokens(&sign_in, PARTNER).bearer().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert_eq!(
        error.hint_text(),
        Some("leave out client_secret: the app is registered as a public client, then release")
    );
    assert!(world.standing().signed_in);
}
