//! Who has to change, for every refusal the contracts publish.

use super::*;

fn samples(path: &str) -> Value {
    let path = format!("{}/../../tests/fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

async fn refused(status: u16, body: Value) -> ConnectorError {
    let endpoint = Endpoint::answering([(status, body)]);
    source(&endpoint, &clock()).bearer().await.unwrap_err()
}

#[tokio::test]
async fn every_published_refusal_in_words_says_what_a_person_should_do() {
    use ErrorKind::{Misconfigured, Unauthorized};
    let expected = [
        ("authentication failure", Unauthorized, "exists, is active"),
        (
            "expired access/refresh token",
            Unauthorized,
            "approve this user again",
        ),
        (
            "user hasn't approved this consumer",
            Unauthorized,
            "pre-authorise",
        ),
        ("invalid assertion", Unauthorized, "belongs to private_key"),
        ("Audience validation failed", Misconfigured, "correct audience"),
        (
            "request not supported on this domain",
            Misconfigured,
            "own domain",
        ),
        ("no client credentials user enabled", Unauthorized, "run-as user"),
        ("no valid scopes defined", Unauthorized, "scope for the API"),
        ("client identifier invalid", Misconfigured, "client_id"),
        ("invalid client credentials", Unauthorized, "client secret"),
        ("grant type not supported", Misconfigured, "token_url"),
    ];
    let bodies = samples("salesforce/errors/oauth-errors.json");
    let bodies = bodies["bodies"].as_array().unwrap();
    assert_eq!(bodies.len(), expected.len());
    for (sample, (words, kind, hint)) in bodies.iter().zip(expected) {
        assert_eq!(sample["body"]["error_description"], words);
        let refused = refused(400, sample["body"].clone()).await;
        assert_eq!(refused.kind(), kind, "{words}");
        assert!(
            refused.hint_text().unwrap().contains(hint),
            "{words}: {refused:?}"
        );
        assert!(refused.answer_text().unwrap().contains(words), "{refused:?}");
    }
}

#[tokio::test]
async fn every_published_refusal_by_number_says_what_a_person_should_do() {
    use ErrorKind::{Misconfigured, Unauthorized};
    let expected = [
        (7_000_215, Unauthorized, "not its id"),
        (7_000_222, Unauthorized, "expired"),
        (700_027, Unauthorized, "upload the configured certificate"),
        (700_016, Unauthorized, "check client_id and tenant"),
        (90_002, Misconfigured, "correct tenant"),
        (500_011, Misconfigured, "environment's address"),
    ];
    let exchanges = samples("dynamics365/auth_errors.json");
    for (exchange, (number, kind, hint)) in exchanges["exchanges"].as_array().unwrap().iter().zip(expected) {
        let answer = &exchange["response"];
        let status = u16::try_from(answer["status"].as_u64().unwrap()).unwrap();
        assert_eq!(answer["body"]["error_codes"][0], number);
        let mut without_codes = answer["body"].clone();
        without_codes.as_object_mut().unwrap().remove("error_codes");
        for body in [answer["body"].clone(), without_codes] {
            let refused = refused(status, body).await;
            assert_eq!(refused.kind(), kind, "{number}");
            assert!(
                refused.hint_text().unwrap().contains(hint),
                "{number}: {refused:?}"
            );
            assert!(
                refused.to_string().contains(&format!("(AADSTS{number})")),
                "{refused}"
            );
        }
    }
}

#[tokio::test]
async fn too_many_logins_rest_the_destination_instead_of_parking_it() {
    let body = json!({ "error": "invalid_grant", "error_description": "login rate exceeded" });
    assert_eq!(refused(400, body).await.kind(), ErrorKind::Throttled);
}

#[tokio::test]
async fn an_endpoint_in_trouble_blames_nobody_whatever_it_says() {
    let body = json!({ "error": "invalid_grant", "error_description": "invalid assertion" });
    assert_eq!(refused(503, body.clone()).await.kind(), ErrorKind::Throttled);
    assert_eq!(refused(500, body).await.kind(), ErrorKind::Unreachable);
}

#[tokio::test]
async fn a_new_app_that_is_not_known_yet_gets_a_second_and_a_third_try() {
    let body = json!({ "error": "invalid_client_id", "error_description": "client identifier invalid" });
    let refused = refused(400, body).await;
    assert_eq!(
        (refused.kind(), refused.strikes_needed()),
        (ErrorKind::Misconfigured, 3)
    );
}

#[tokio::test]
async fn free_words_of_a_refusal_stay_out_of_the_line_and_are_kept_with_the_attempt() {
    let body = json!({ "error": "invalid_grant", "error_description": "no such person: ada@example.com" });
    let refused = refused(400, body).await;
    assert!(!refused.to_string().contains("ada"), "{refused}");
    assert!(refused.answer_text().unwrap().contains("ada"));
}

#[tokio::test]
async fn a_token_bound_to_a_key_is_refused_in_plain_words() {
    let body = json!({ "access_token": "canary", "token_type": "DPoP", "expires_in": 3599 });
    let refused = refused(200, body).await;
    assert_eq!(refused.kind(), ErrorKind::Misconfigured);
    assert!(
        refused.to_string().ends_with("the token is of type dpop"),
        "{refused}"
    );
    assert!(!format!("{refused:?}").contains("canary"));
}
