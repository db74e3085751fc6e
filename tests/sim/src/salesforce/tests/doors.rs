//! Tokens and sessions (contract salesforce 2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

use super::*;

const PRIVATE_KEY: &str = include_str!("../../../../fixtures/keys/rsa-pkcs8.pem");
const PUBLIC_KEY: &str = include_str!("../../../../fixtures/keys/rsa-public.pem");
const HOST: (&str, &str) = ("host", "acme.my.salesforce.example");

fn claims() -> Value {
    json!({ "iss": "CK", "sub": INTEGRATION_USER, "aud": "https://login.salesforce.com", "exp": NEW_YEAR + 180 })
}

fn form(claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(PRIVATE_KEY.as_bytes()).unwrap();
    let assertion = encode(&Header::new(Algorithm::RS256), claims, &key).unwrap();
    format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}")
}

async fn refusal(world: &World, form: &str) -> (u16, String) {
    let told = world.ask_token(form, &[HOST]).await;
    let body = told.json();
    (
        told.status,
        format!(
            "{}: {}",
            body["error"].as_str().unwrap_or("none"),
            body["error_description"].as_str().unwrap_or("none")
        ),
    )
}

#[tokio::test]
async fn both_styles_of_client_credentials_are_answered_as_on_record() {
    let world = World::new().await;
    for name in [
        "oauth-client-credentials-form.json",
        "oauth-client-credentials-basic.json",
    ] {
        let sample = fixture(name);
        let request = &sample["request"];
        let basic = request["headers"]["Authorization"]
            .as_str()
            .filter(|it| it.starts_with("Basic"));
        let headers = basic
            .map(|basic| vec![("authorization", basic)])
            .unwrap_or_default();
        let told = world.ask_token(request["body"].as_str().unwrap(), &headers).await;
        assert_eq!(told.status, 200, "{name}");
        let told = told.json();
        let names = |body: &Value| body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&told), names(&sample["response"]["body"]), "{name}");
        assert_eq!(told["issued_at"], "1767225600000");
        assert_eq!(told["id"], sample["response"]["body"]["id"]);
        assert!(told.get("expires_in").is_none());
    }
}

#[tokio::test]
async fn an_assertion_opens_the_door_and_its_answer_is_shorter() {
    let world = World::new().await;
    world.crm.add_jwt_app("CK", PUBLIC_KEY);
    let told = world.ask_token(&form(&claims()), &[HOST]).await;
    assert_eq!(told.status, 200, "{}", told.text);
    let names: Vec<_> = told.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        names,
        ["access_token", "id", "instance_url", "scope", "token_type"]
    );
}

#[tokio::test]
async fn every_claim_is_looked_at() {
    let world = World::new().await;
    world.crm.add_jwt_app("CK", PUBLIC_KEY);
    let changed = |claim: &str, value: Value| {
        let mut claims = claims();
        claims[claim] = value;
        form(&claims)
    };
    let cases = [
        (
            changed("iss", json!("other")),
            "invalid_client_id: client identifier invalid",
        ),
        (
            changed("sub", json!("nobody@acme.example")),
            "invalid_grant: user hasn't approved this consumer",
        ),
        (
            changed("aud", json!("https://elsewhere.example")),
            "invalid_grant: audience is invalid",
        ),
        (
            changed("exp", json!(NEW_YEAR - 3600)),
            "invalid_grant: invalid assertion",
        ),
        (changed("exp", Value::Null), "invalid_grant: invalid assertion"),
    ];
    for (form, expected) in cases {
        assert_eq!(refusal(&world, &form).await, (400, expected.to_owned()));
    }
    for good in [json!((NEW_YEAR + 60).to_string()), json!((NEW_YEAR + 300) * 1000)] {
        assert_eq!(
            world
                .ask_token(&changed("exp", good.clone()), &[HOST])
                .await
                .status,
            200,
            "{good}"
        );
    }
    world.crm.withdraw_approval("CK");
    assert_eq!(
        refusal(&world, &form(&claims())).await.1,
        "invalid_grant: user hasn't approved this consumer"
    );
}

#[tokio::test]
async fn a_signature_of_another_key_or_of_none_is_no_assertion() {
    let world = World::new().await;
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    world.crm.add_jwt_app("CK", &pair.public_key_pem());
    assert_eq!(
        refusal(&world, &form(&claims())).await.1,
        "invalid_grant: invalid assertion"
    );
    let key = EncodingKey::from_secret(PUBLIC_KEY.as_bytes());
    let symmetric = encode(&Header::new(Algorithm::HS256), &claims(), &key).unwrap();
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    assert_eq!(
        refusal(&world, &format!("{grant}{symmetric}")).await.1,
        "invalid_grant: invalid assertion"
    );
    assert_eq!(
        refusal(&world, &format!("{grant}a.b.c")).await.1,
        "invalid_grant: invalid assertion"
    );
}

#[tokio::test]
async fn wrong_credentials_grants_scopes_and_hosts_are_told_apart() {
    let world = World::new().await;
    let id = "grant_type=client_credentials&client_id=CK&client_secret=";
    let cases = [
        (format!("{id}no"), "invalid_client: invalid client credentials"),
        (
            "grant_type=client_credentials&client_id=no&client_secret=CS".to_owned(),
            "invalid_client_id: client identifier invalid",
        ),
        (
            format!("{id}CS&scope=full"),
            "invalid_grant: no valid scopes defined",
        ),
        (
            "grant_type=password".to_owned(),
            "unsupported_grant_type: grant type not supported",
        ),
        (
            "grant_type=refresh_token&refresh_token=RT".to_owned(),
            "invalid_grant: expired access/refresh token",
        ),
    ];
    for (form, expected) in cases {
        assert_eq!(refusal(&world, &form).await, (400, expected.to_owned()));
    }
    let told = world
        .ask_token(&format!("{id}CS"), &[("host", "login.salesforce.example")])
        .await;
    assert_eq!(
        told.json()["error_description"],
        "request not supported on this domain"
    );
    assert_eq!(told.headers["cache-control"], "no-store");
    // A redirect that was followed turns the POST into a GET.
    assert_eq!(
        world.get("/services/oauth2/token").await.json()["error"],
        "unsupported_grant_type"
    );
}

#[tokio::test]
async fn basic_credentials_may_hold_a_colon() {
    let world = World::new().await;
    world.crm.add_app("id", "a:b");
    let basic = format!("Basic {}", STANDARD.encode("id:a:b"));
    assert_eq!(
        world
            .ask_token("grant_type=client_credentials", &[("authorization", &basic)])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn the_answer_leads_to_the_host_that_was_asked_or_where_the_test_says() {
    let world = World::new().await;
    let form = "grant_type=client_credentials&client_id=CK&client_secret=CS";
    assert_eq!(
        world.ask_token(form, &[HOST]).await.json()["instance_url"],
        "http://acme.my.salesforce.example"
    );
    world.crm.behind_tls();
    assert_eq!(
        world.ask_token(form, &[HOST]).await.json()["instance_url"],
        "https://acme.my.salesforce.example"
    );
    world.crm.set_instance_url("https://elsewhere.example");
    assert_eq!(
        world.ask_token(form, &[HOST]).await.json()["instance_url"],
        "https://elsewhere.example"
    );
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_or_ended_or_revoked() {
    let mut world = World::new().await;
    for _ in 0..3 {
        world.advance(7199);
        assert_eq!(world.get("/limits").await.status, 200, "use keeps it alive");
    }
    world.advance(7200);
    let told = world.get("/limits").await;
    assert_eq!((told.status, told.code().as_str()), (401, "INVALID_SESSION_ID"));
    world.sign_in().await;
    world.crm.expire_tokens();
    assert_eq!(world.get("/limits").await.status, 401);
    world.sign_in().await;
    let form = format!("token={}", world.token.replace('!', "%21"));
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let told = world
        .send(Method::POST, "/services/oauth2/revoke", &headers, form)
        .await;
    assert_eq!(told.status, 200);
    assert_eq!(world.get("/limits").await.status, 401);
}

#[tokio::test]
async fn who_am_i_answers_a_dead_token_with_a_text() {
    let world = World::new().await;
    let sample = fixture("userinfo-ok.json");
    let told = world.get("/services/oauth2/userinfo").await.json();
    for (name, value) in sample["response"]["body"].as_object().unwrap() {
        assert_eq!(&told[name], value, "{name}");
    }
    world.crm.expire_tokens();
    let told = world.get("/services/oauth2/userinfo").await;
    assert_eq!((told.status, told.text.as_str()), (403, "Bad_OAuth_Token"));
    assert_eq!(told.headers["content-type"], "text/plain");
}

#[tokio::test]
async fn a_malformed_header_is_another_fault_than_a_dead_token() {
    let world = World::new().await;
    let path = format!("{BASE}/limits");
    for (header, code) in [
        ("Token abc", "INVALID_AUTH_HEADER"),
        ("Bearer abc", "INVALID_SESSION_ID"),
    ] {
        let told = world
            .send(Method::GET, &path, &[("authorization", header)], String::new())
            .await;
        assert_eq!((told.status, told.code().as_str()), (401, code));
    }
    world.crm.revoke(Right::ApiEnabled);
    let told = world.get("/limits").await;
    assert_eq!((told.status, told.code().as_str()), (403, "API_DISABLED_FOR_ORG"));
}
