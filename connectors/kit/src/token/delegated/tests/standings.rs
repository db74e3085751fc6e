//! How a sign-in stands, and when somebody should hear of it.

use super::*;
use crate::readiness::{Health, sign_in};

#[tokio::test]
async fn warnings_get_more_urgent_as_the_end_comes_nearer() {
    let world = World::signed_in(Style::V2).await;
    for (days_used_ago, warning) in [
        (0, None),
        (59, None),
        (60, Some(30)),
        (75, Some(30)),
        (76, Some(14)),
        (82, Some(14)),
        (83, Some(7)),
        (88, Some(7)),
        (89, Some(1)),
        (90, Some(0)),
        (400, Some(0)),
    ] {
        let now = world.clock.now() + TimeDelta::days(days_used_ago);
        let standing = world.sign_in().standing(now).unwrap();
        assert_eq!(standing.warning(now), warning, "{days_used_ago}");
        assert_eq!(standing.signed_in, warning != Some(0), "{days_used_ago}");
    }
}

#[tokio::test]
async fn a_doctor_tells_how_it_stands_in_a_sentence_and_what_to_do() {
    let world = World::open(Style::V2).await;
    let look = |world: &World| sign_in(&world.standing(), "desk", world.clock.now());
    let seen = |check: crate::Check| (check.health, check.found, check.remedy);
    let again = || "run leadsync authorize desk".to_owned();
    assert_eq!(
        seen(look(&world)),
        (Health::Ill, "nobody has signed in yet".to_owned(), again())
    );

    let token = world.entra.refresh_token(APP, ADA, PARTNER);
    world.keep(&token).await;
    let lasts = "somebody is signed in until 2027-02-18, longer if it is used before";
    assert_eq!(
        seen(look(&world)),
        (Health::Well, lasts.to_owned(), String::new())
    );

    world.clock.advance(TimeDelta::days(80));
    assert_eq!(
        seen(look(&world)),
        (Health::Ailing, format!("{lasts}; 10 days are left"), again())
    );

    world.clock.advance(TimeDelta::days(10));
    let ended = "the sign-in was not used and ended on 2027-02-18";
    assert_eq!(seen(look(&world)), (Health::Ill, ended.to_owned(), again()));

    world.fetch(PARTNER).await.unwrap_err();
    let refused = "what was given for the sign-in is refused since 2027-02-18";
    assert_eq!(seen(look(&world)), (Health::Ill, refused.to_owned(), again()));
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_opened_is_an_error_and_not_an_absence() {
    let world = World::signed_in(Style::V2).await;
    std::fs::write(world.dir.path().join("sign-in.sealed"), "damaged").unwrap();
    let error = world.sign_in().standing(world.clock.now()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.hint_text().unwrap().ends_with(AGAIN), "{error:?}");
}

#[test]
fn a_person_is_named_by_the_claim_operators_know_best() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let answer = |claims: &str| {
        let token = format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims));
        serde_json::json!({ "id_token": token }).to_string()
    };
    for (body, named) in [
        (
            answer(r#"{"name":"Ada","preferred_username":"ada@x.example"}"#),
            Some("ada@x.example"),
        ),
        (
            answer(r#"{"upn":"ada@y.example","preferred_username":""}"#),
            Some("ada@y.example"),
        ),
        (answer(r#"{"name":7}"#), None),
        (answer("no json"), None),
        (r#"{"id_token":"nonsense"}"#.to_owned(), None),
        ("{}".to_owned(), None),
    ] {
        let found = person::of_answer(body.as_bytes());
        assert_eq!(found.as_ref().map(Secret::expose), named, "{body}");
    }
}
