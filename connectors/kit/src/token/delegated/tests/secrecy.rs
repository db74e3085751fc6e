//! A canary in everything that is secret, and a look at everything that may be shown.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::*;

/// Answers by script, whatever is asked.
struct Script(Mutex<VecDeque<(u16, Value)>>);

#[async_trait]
impl Transport for Script {
    async fn send(&self, _: Request) -> Result<Response, TransportError> {
        let (status, body) = self.0.lock().unwrap().pop_front().expect("one more answer");
        let answer = http::Response::builder().status(status);
        Ok(answer.body(body.to_string().into()).unwrap())
    }
}

const CANARY: &str = "canary";

fn echo(error: &str) -> Value {
    json!({
        "error": error,
        "error_description": "AADSTS50034: The user canary@x.example does not exist. refresh_token=canary-refresh",
        "suberror": "canary",
    })
}

fn answers() -> Vec<(u16, Value)> {
    let mut answers = vec![
        (
            200,
            json!({ "access_token": "canary-access", "refresh_token": 7 }),
        ),
        (
            200,
            json!({ "access_token": "canary-access", "token_type": "canary_kind" }),
        ),
        (
            200,
            json!({ "access_token": "canary-access", "token_type": "Bearer", "expires_in": "x" }),
        ),
        (200, json!(["canary"])),
        (500, json!("canary")),
    ];
    for error in [
        "invalid_grant",
        "interaction_required",
        "invalid_client",
        "invalid_request",
        "access_denied",
        "temporarily_unavailable",
    ] {
        answers.push((400, echo(error)));
    }
    answers
}

fn assert_silent(shown: &dyn Debug) {
    let words = format!("{shown:?}").replace("canary_kind", "");
    assert!(!words.contains(CANARY), "{words}");
}

#[tokio::test]
async fn no_token_code_or_name_shows_in_what_is_printed() {
    for answer in answers() {
        let world = World::open(Style::V2).await;
        world.keep("canary-refresh").await;
        let app = Delegated {
            client_secret: Some(Secret::new("canary-secret")),
            ..world.app()
        };
        let sign_in = world.sign_in_of(app);
        let script = || Arc::new(Script(Mutex::new([answer.clone(), answer.clone()].into())));
        let clock = Arc::new(world.clock.clone());
        let authorizer = sign_in.authorizer(PARTNER, script(), clock.clone(), Dice::seeded(3));
        let request = authorizer.code_request(&Url::parse(REDIRECT).unwrap());
        let state = member(request.url.query().unwrap(), "state");
        let mut device = DeviceRequest::read(
            br#"{"user_code":"canary-user","device_code":"canary-device","verification_uri":"u","expires_in":900}"#,
            world.clock.now(),
        )
        .unwrap();
        assert_silent(&device);
        assert_silent(&sign_in);
        assert_silent(&world.kept());
        let words = format!("{request:?}");
        for secret in [request.verifier.expose(), &state] {
            assert!(!words.contains(secret), "{words}");
        }

        let tokens = sign_in.tokens(PARTNER, script(), clock);
        if let Err(error) = tokens.granted().await {
            assert_silent(&error);
            assert!(
                !error.to_string().replace("canary_kind", "").contains(CANARY),
                "{error}"
            );
        }
        let code = Secret::new("canary-code");
        assert_silent(&authorizer.redeem(&request, &code, &state).await.unwrap_err());
        assert_silent(&authorizer.device_poll(&mut device).await.unwrap_err());
    }
}

#[tokio::test]
async fn who_signed_in_is_for_the_screen_and_not_for_the_log() {
    let world = World::signed_in(Style::V2).await;
    let authorized = Authorized {
        user: Some("canary@x.example".to_owned()),
        standing: world.standing(),
    };
    assert_silent(&authorized);
}
