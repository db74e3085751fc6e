//! Users who sign in: by a browser, on another device, and by what they were given last time.

use std::sync::atomic::AtomicI64;

use super::*;
use crate::entra::Rotation;

const PARTNER: &str = "https://api.partner.microsoft.com";
const CENTER: &str = "https://api.partnercenter.microsoft.com";
const ADA: &str = "ada@contoso.example";
const LOCAL: &str = "22222222-2222-2222-2222-222222222222";
const DAY: i64 = 86_400;
const RFC_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const RFC_CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const V1: &str = "/common/oauth2/token";
const V2: &str = "/organizations/oauth2/v2.0/token";

/// A daemon on a person's machine, allowed to act for Ada towards both hosts.
fn world() -> (Entra, Arc<AtomicI64>) {
    let (entra, now) = entra();
    entra.add_public_client(LOCAL, &["http://localhost"]);
    entra.add_user(ADA, &["Referrals admin"]);
    for resource in [PARTNER, CENTER] {
        entra.add_resource(resource);
        entra.consent(LOCAL, resource);
        entra.consent(APP, resource);
    }
    entra.browse_as(Some(ADA));
    (entra, now)
}

/// Where `authorize` sends the browser, by name.
async fn browse(entra: &Entra, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let scope = format!("{PARTNER}/.default offline_access openid");
    let mut query = vec![
        ("client_id", LOCAL),
        ("response_type", "code"),
        ("redirect_uri", "http://localhost:50123"),
        ("scope", &scope),
        ("state", "x y"),
        ("code_challenge", RFC_CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    query.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    query.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    let uri = format!("/{TENANT}/oauth2/v2.0/authorize?{}", encoded(&query));
    let request = Request::get(uri).body(Body::empty()).unwrap();
    let response = entra.router().oneshot(request).await.unwrap();
    if response.status() != 302 {
        return vec![("status".to_owned(), response.status().as_str().to_owned())];
    }
    let location = response.headers()["location"].to_str().unwrap();
    let (base, query) = location.split_once('?').unwrap();
    assert!(base.starts_with("http://localhost:50123"), "{base}");
    crate::entra::read_form(query)
}

async fn code(entra: &Entra) -> String {
    let sent = browse(entra, &[]).await;
    let code = sent.iter().find(|(name, _)| name == "code");
    code.unwrap_or_else(|| panic!("{sent:?}")).1.clone()
}

async fn redeem(entra: &Entra, code: &str, verifier: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", LOCAL),
        ("code", code),
        ("redirect_uri", "http://localhost:50123"),
        ("code_verifier", verifier),
        ("client_info", "1"),
    ];
    post(entra, V2, &form).await
}

/// Renews at the older endpoint, which names a resource.
async fn renew(entra: &Entra, refresh: &str, resource: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", LOCAL),
        ("refresh_token", refresh),
        ("resource", resource),
    ];
    post(entra, V1, &form).await
}

fn refusal(answer: &(u16, Value)) -> (u16, &str, u64) {
    let error = answer.1["error"].as_str().unwrap_or_default();
    (
        answer.0,
        error,
        answer.1["error_codes"][0].as_u64().unwrap_or_default(),
    )
}

#[tokio::test]
async fn a_browser_brings_a_code_that_is_good_once_for_whoever_holds_the_verifier() {
    let (entra, now) = world();
    let sent = browse(&entra, &[]).await;
    assert!(sent.contains(&("state".to_owned(), "x y".to_owned())));
    let first = code(&entra).await;
    assert_eq!(
        refusal(&redeem(&entra, &first, "other").await),
        (400, "invalid_grant", 501_481)
    );
    let (status, body) = redeem(&entra, &first, RFC_VERIFIER).await;
    assert_eq!((status, &body["expires_in"]), (200, &json!(3599)));
    let bearer = entra
        .bearer(body["access_token"].as_str().unwrap(), PARTNER)
        .unwrap();
    assert_eq!((bearer.user.as_deref(), bearer.is_app_only()), (Some(ADA), false));
    assert!(bearer.has("referrals admin"));
    assert_eq!(entra.bearer(body["access_token"].as_str().unwrap(), CENTER), None);
    assert!(body["refresh_token"].is_string() && body["client_info"].is_string());
    assert_eq!(body["id_token"].as_str().unwrap().split('.').count(), 3);
    assert_eq!(
        refusal(&redeem(&entra, &first, RFC_VERIFIER).await),
        (400, "invalid_grant", 54_005)
    );
    let late = code(&entra).await;
    now.store(NOW + 600, Ordering::SeqCst);
    assert_eq!(
        refusal(&redeem(&entra, &late, RFC_VERIFIER).await),
        (400, "invalid_grant", 70_008)
    );
}

#[tokio::test]
async fn a_browser_that_may_not_is_sent_back_with_the_reason() {
    let (entra, _) = world();
    let error = |sent: Vec<(String, String)>| sent[0].1.clone();
    assert_eq!(
        error(browse(&entra, &[("redirect_uri", "https://elsewhere.example")]).await),
        "400"
    );
    assert_eq!(
        error(browse(&entra, &[("redirect_uri", "http://localhost.elsewhere.example")]).await),
        "400"
    );
    let cases = [
        ("code_challenge_method", "plain", "invalid_request"),
        ("response_type", "token", "invalid_request"),
        ("scope", "https://other.example/.default", "invalid_resource"),
    ];
    for (name, value, expected) in cases {
        assert_eq!(error(browse(&entra, &[(name, value)]).await), expected, "{name}");
    }
    entra.cancel_next(1);
    assert_eq!(error(browse(&entra, &[]).await), "access_denied");
    entra.browse_as(None);
    assert_eq!(error(browse(&entra, &[]).await), "login_required");
    entra.browse_as(Some(ADA));
    entra.withdraw_consent(LOCAL, PARTNER);
    assert_eq!(error(browse(&entra, &[]).await), "invalid_grant");
}

#[tokio::test]
async fn a_public_client_needs_a_challenge_and_shows_no_secret() {
    let (entra, _) = world();
    let sent = browse(&entra, &[("code_challenge", ""), ("code_challenge_method", "")]).await;
    let form = |code: &str, secret: Option<&str>| {
        let mut form = vec![
            ("grant_type".to_owned(), "authorization_code".to_owned()),
            ("client_id".to_owned(), LOCAL.to_owned()),
            ("redirect_uri".to_owned(), "http://localhost:50123".to_owned()),
            ("code".to_owned(), code.to_owned()),
        ];
        form.extend(secret.map(|secret| ("client_secret".to_owned(), secret.to_owned())));
        form
    };
    for (secret, number) in [(None, 9_002_325), (Some("s3cr3t"), 700_025)] {
        let form = form(&sent[0].1, secret);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(post(&entra, V2, &form).await.1["error_codes"][0], number);
    }
}

#[tokio::test]
async fn a_confidential_client_shows_its_secret_for_a_user_too() {
    let (entra, _) = world();
    let refresh = entra.refresh_token(APP, ADA, PARTNER);
    let mut form = vec![
        ("grant_type", "refresh_token"),
        ("client_id", APP),
        ("refresh_token", refresh.as_str()),
        ("scope", "https://api.partner.microsoft.com/.default"),
    ];
    assert_eq!(post(&entra, V2, &form).await.1["error_codes"][0], 7_000_218);
    form.push(("client_secret", "s3cr3t"));
    let (status, body) = post(&entra, V2, &form).await;
    assert_eq!(status, 200);
    assert_eq!(body["expires_in"], 3599);
}

async fn device(entra: &Entra) -> (String, String) {
    let scope = format!("{PARTNER}/.default offline_access");
    let form = [("client_id", LOCAL), ("scope", &scope)];
    let (status, body) = post(entra, "/organizations/oauth2/v2.0/devicecode", &form).await;
    assert_eq!(
        (status, &body["interval"], &body["expires_in"]),
        (200, &json!(5), &json!(900))
    );
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    assert!(text("message").contains(&text("user_code")) && text("verification_uri").ends_with("/device"));
    (text("device_code"), text("user_code"))
}

async fn poll(entra: &Entra, code: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", LOCAL),
        ("device_code", code),
    ];
    post(entra, V2, &form).await
}

#[tokio::test]
async fn a_device_waits_until_the_user_signed_in_elsewhere() {
    let (entra, now) = world();
    let (code, user_code) = device(&entra).await;
    assert_eq!(
        refusal(&poll(&entra, &code).await),
        (400, "authorization_pending", 70_016)
    );
    entra.slow_down_next(1);
    assert_eq!(refusal(&poll(&entra, &code).await).1, "slow_down");
    entra.watch_pace(true);
    now.fetch_add(9, Ordering::SeqCst);
    assert_eq!(
        refusal(&poll(&entra, &code).await).1,
        "slow_down",
        "10 seconds were told"
    );
    now.fetch_add(15, Ordering::SeqCst);
    assert_eq!(refusal(&poll(&entra, &code).await).1, "authorization_pending");
    assert_eq!(entra.user_code(), Some(user_code.clone()));
    assert!(entra.sign_in_on_device(&user_code, ADA));
    entra.watch_pace(false);
    let (status, body) = poll(&entra, &code).await;
    assert_eq!(status, 200, "{body}");
    assert!(body["refresh_token"].is_string());
    assert_eq!(
        refusal(&poll(&entra, &code).await),
        (400, "invalid_grant", 54_005)
    );
    assert!(!entra.sign_in_on_device(&user_code, ADA));
}

#[tokio::test]
async fn a_device_is_told_of_refusal_and_of_time_running_out() {
    let (entra, now) = world();
    let (code, user_code) = device(&entra).await;
    assert!(entra.decline_on_device(&user_code));
    assert_eq!(refusal(&poll(&entra, &code).await).1, "authorization_declined");
    assert_eq!(refusal(&poll(&entra, "made up").await).1, "bad_verification_code");
    let (code, user_code) = device(&entra).await;
    now.fetch_add(900, Ordering::SeqCst);
    assert_eq!(
        refusal(&poll(&entra, &code).await),
        (400, "expired_token", 70_020)
    );
    assert!(!entra.sign_in_on_device(&user_code, ADA));
    let form = [
        ("client_id", APP),
        ("scope", "https://api.partner.microsoft.com/.default"),
    ];
    let (status, _) = post(&entra, "/organizations/oauth2/v2.0/devicecode", &form).await;
    assert_eq!(status, 401, "a confidential client has no such flow");
}

#[tokio::test]
async fn the_older_endpoint_writes_numbers_as_text_and_names_the_resource() {
    let (entra, _) = world();
    let documented: Value = serde_json::from_str(include_str!(
        "../../../../fixtures/referrals/token_response_v1.json"
    ))
    .unwrap();
    let refresh = entra.refresh_token(LOCAL, ADA, PARTNER);
    let (status, body) = renew(&entra, &refresh, PARTNER).await;
    assert_eq!(status, 200);
    for (name, value) in documented.as_object().unwrap() {
        assert!(
            value.is_string() && body[name].is_string(),
            "{name}: {}",
            body[name]
        );
    }
    assert_eq!(
        (&body["resource"], &body["expires_on"]),
        (&json!(PARTNER), &json!((NOW + 3599).to_string()))
    );
}

#[tokio::test]
async fn one_refresh_token_serves_both_hosts_with_a_token_for_each() {
    let (entra, _) = world();
    let refresh = entra.refresh_token(LOCAL, ADA, PARTNER);
    for resource in [PARTNER, CENTER] {
        let (_, body) = renew(&entra, &refresh, resource).await;
        let token = body["access_token"].as_str().unwrap();
        let good_for = [PARTNER, CENTER].map(|host| entra.bearer(token, host).is_some());
        assert_eq!(good_for, [resource == PARTNER, resource == CENTER]);
    }
    entra.withdraw_consent(LOCAL, CENTER);
    let refused = renew(&entra, &refresh, CENTER).await;
    assert_eq!(refusal(&refused), (400, "interaction_required", 65_001));
    assert_eq!(renew(&entra, &refresh, PARTNER).await.0, 200);
}

#[tokio::test]
async fn each_use_brings_a_new_refresh_token_and_the_old_one_goes_as_told() {
    let (entra, now) = world();
    let first = entra.refresh_token(LOCAL, ADA, PARTNER);
    let (_, body) = renew(&entra, &first, PARTNER).await;
    let second = body["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(renew(&entra, &first, PARTNER).await.0, 200, "Entra lets it stay");
    entra.rotate(Rotation::Grace(60));
    now.fetch_add(60, Ordering::SeqCst);
    assert_eq!(renew(&entra, &first, PARTNER).await.0, 200);
    now.fetch_add(1, Ordering::SeqCst);
    assert_eq!(
        refusal(&renew(&entra, &first, PARTNER).await),
        (400, "invalid_grant", 70_000)
    );
    entra.rotate(Rotation::AtOnce);
    let (_, body) = renew(&entra, &second, PARTNER).await;
    assert_eq!(refusal(&renew(&entra, &second, PARTNER).await).1, "invalid_grant");
    assert_eq!(
        renew(&entra, body["refresh_token"].as_str().unwrap(), PARTNER)
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn what_happens_to_the_user_ends_the_refresh_token() {
    let (entra, now) = world();
    let refresh = entra.refresh_token(LOCAL, ADA, PARTNER);
    entra.demand_second_factor(ADA, true);
    assert_eq!(
        refusal(&renew(&entra, &refresh, PARTNER).await),
        (400, "interaction_required", 50_076)
    );
    entra.demand_second_factor(ADA, false);
    entra.disable(ADA, true);
    assert_eq!(
        refusal(&renew(&entra, &refresh, PARTNER).await),
        (400, "invalid_grant", 50_057)
    );
    entra.disable(ADA, false);
    assert_eq!(renew(&entra, &refresh, PARTNER).await.0, 200);
    entra.revoke_user(ADA);
    let refused = renew(&entra, &refresh, PARTNER).await;
    assert_eq!(refusal(&refused), (400, "invalid_grant", 50_173));
    let words = refused.1["error_description"].as_str().unwrap();
    assert!(words.starts_with("AADSTS50173: "), "{words}");

    let fresh = entra.refresh_token(LOCAL, ADA, PARTNER);
    now.fetch_add(90 * DAY - 1, Ordering::SeqCst);
    let (_, body) = renew(&entra, &fresh, PARTNER).await;
    now.fetch_add(1, Ordering::SeqCst);
    assert_eq!(
        refusal(&renew(&entra, &fresh, PARTNER).await),
        (400, "invalid_grant", 700_082)
    );
    assert_eq!(
        renew(&entra, body["refresh_token"].as_str().unwrap(), PARTNER)
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn a_password_is_not_enough_and_an_application_alone_is_known_as_such() {
    let (entra, _) = world();
    let form = [
        ("grant_type", "password"),
        ("resource", PARTNER),
        ("client_id", LOCAL),
        ("username", ADA),
        ("password", "correct horse"),
    ];
    assert_eq!(
        refusal(&post(&entra, V1, &form).await),
        (400, "interaction_required", 50_076)
    );
    let form = secret(APP, "s3cr3t", "https://api.partner.microsoft.com/.default");
    let (_, body) = ask(&entra, TENANT, &form).await;
    let bearer = entra
        .bearer(body["access_token"].as_str().unwrap(), PARTNER)
        .unwrap();
    assert!(bearer.is_app_only() && bearer.roles.is_empty());
    entra.set_roles(ADA, &[]);
    let refresh = entra.refresh_token(LOCAL, ADA, PARTNER);
    let (_, body) = renew(&entra, &refresh, PARTNER).await;
    let bearer = entra
        .bearer(body["access_token"].as_str().unwrap(), PARTNER)
        .unwrap();
    assert!(!bearer.is_app_only() && bearer.roles.is_empty());
}
