//! What the authority grants and refuses.

mod delegated;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::Entra;

const TENANT: &str = "72f988bf-0000-0000-0000-2d7cd011db47";
const APP: &str = "11111111-1111-1111-1111-111111111111";
const CRM: &str = "https://contoso.crm.dynamics.com";
const CERTIFICATE: &str = include_str!("../../../fixtures/keys/rsa-certificate.pem");
const KEY: &str = include_str!("../../../fixtures/keys/rsa-pkcs8.pem");
const NOW: i64 = 1_735_689_600;

fn entra() -> (Entra, Arc<AtomicI64>) {
    let now = Arc::new(AtomicI64::new(NOW));
    let hand = Arc::clone(&now);
    let entra = Entra::new(
        TENANT,
        "contoso.onmicrosoft.com",
        Arc::new(move || hand.load(Ordering::SeqCst)),
    );
    entra.add_secret(APP, "s3cr3t", Some(NOW + 1000));
    entra.add_certificate(APP, CERTIFICATE);
    entra.add_resource(CRM);
    (entra, now)
}

fn encoded(form: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs = form
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

async fn ask(entra: &Entra, tenant: &str, form: &[(&str, &str)]) -> (u16, Value) {
    post(entra, &format!("/{tenant}/oauth2/v2.0/token"), form).await
}

async fn post(entra: &Entra, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let request = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded;charset=utf-8")
        .body(Body::from(encoded(form)))
        .unwrap();
    send(entra, request).await
}

async fn send(entra: &Entra, request: Request) -> (u16, Value) {
    let response = entra.router().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn secret<'a>(app: &'a str, secret: &'a str, scope: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("grant_type", "client_credentials"),
        ("client_id", app),
        ("client_secret", secret),
        ("scope", scope),
    ]
}

const SCOPE: &str = "https://contoso.crm.dynamics.com/.default";

#[tokio::test]
async fn a_secret_buys_a_token_for_one_resource_until_it_expires_or_is_revoked() {
    let (entra, now) = entra();
    for tenant in [TENANT, "contoso.onmicrosoft.com"] {
        let (status, body) = ask(&entra, tenant, &secret(APP, "s3cr3t", SCOPE)).await;
        assert_eq!((status, &body["expires_in"]), (200, &json!(3599)));
        let token = body["access_token"].as_str().unwrap();
        assert_eq!(entra.holder(token, CRM).as_deref(), Some(APP));
        assert_eq!(entra.holder(token, "https://other.crm.dynamics.com"), None);
        now.store(NOW + 3599, Ordering::SeqCst);
        assert_eq!(entra.holder(token, CRM), None);
        now.store(NOW, Ordering::SeqCst);
        entra.revoke_all();
        assert_eq!(entra.holder(token, CRM), None);
    }
    assert_eq!(entra.fetches(), 2);
    assert_eq!(entra.requests()[0].member("scope"), Some(SCOPE));
}

#[tokio::test]
async fn recorded_requests_of_both_libraries_are_granted() {
    let (entra, _) = entra();
    let tenant = "00000000-aaaa-bbbb-cccc-000000000001";
    let recorded = include_str!("../../../fixtures/dynamics365/recorded/msal-client-credentials.jsonl");
    let recorded = recorded
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut granted = Vec::new();
    for request in recorded {
        let target = request["target"].as_str().unwrap().replace(tenant, TENANT);
        if request["method"] == "GET" {
            let (status, _) = send(&entra, Request::get(target).body(Body::empty()).unwrap()).await;
            assert_eq!(status, 200);
            continue;
        }
        let mut form = request["form"].as_object().unwrap().clone();
        if let Some(secret) = form.get("client_secret") {
            entra.add_secret(APP, secret.as_str().unwrap(), None);
        } else {
            // The recording leaves the signed part out; everything else goes as it was sent.
            let pss = request["client_assertion"]["header"]["alg"] == "PS256";
            form.insert("client_assertion".to_owned(), assertion(pss, |_, _| {}).into());
        }
        let form: Vec<(&str, &str)> = form
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let request = Request::post(target)
            .header("content-type", request["content_type"].as_str().unwrap())
            .body(Body::from(encoded(&form)))
            .unwrap();
        let (status, body) = send(&entra, request).await;
        granted.push((status, body["token_type"].clone()));
    }
    assert_eq!(granted, vec![(200, json!("Bearer")); 7]);
}

#[tokio::test]
async fn lifetimes_are_as_told() {
    let (entra, _) = entra();
    entra.live_for(60);
    let (_, body) = ask(&entra, TENANT, &secret(APP, "s3cr3t", SCOPE)).await;
    assert_eq!(body["expires_in"], 60);
    entra.say_expires_in(json!("3599"));
    let (_, body) = ask(&entra, TENANT, &secret(APP, "s3cr3t", SCOPE)).await;
    assert_eq!(body["expires_in"], "3599");
}

#[tokio::test]
async fn refusals_carry_their_number() {
    let (entra, now) = entra();
    let other = "22222222-2222-2222-2222-222222222222";
    let cases = [
        (
            TENANT,
            secret(APP, "wrong", SCOPE),
            401,
            "invalid_client",
            7_000_215,
        ),
        (
            TENANT,
            secret(other, "s3cr3t", SCOPE),
            400,
            "unauthorized_client",
            700_016,
        ),
        (
            "nowhere",
            secret(APP, "s3cr3t", SCOPE),
            400,
            "invalid_request",
            90_002,
        ),
        (
            TENANT,
            secret(APP, "s3cr3t", "https://other.example/.default"),
            400,
            "invalid_resource",
            500_011,
        ),
        (TENANT, secret(APP, "s3cr3t", CRM), 400, "invalid_scope", 70_011),
    ];
    for (tenant, form, status, error, number) in cases {
        let (got, body) = ask(&entra, tenant, &form).await;
        assert_eq!((got, body["error"].as_str()), (status, Some(error)));
        assert_eq!(body["error_codes"], json!([number]));
        let words = body["error_description"].as_str().unwrap();
        assert!(words.starts_with(&format!("AADSTS{number}: ")), "{words}");
    }
    now.store(NOW + 1000, Ordering::SeqCst);
    let (status, body) = ask(&entra, TENANT, &secret(APP, "s3cr3t", SCOPE)).await;
    assert_eq!((status, &body["error_codes"][0]), (401, &json!(7_000_222)));
}

/// An assertion signed with our key, after some change to its parts.
fn assertion(pss: bool, change: impl Fn(&mut Value, &mut Value)) -> String {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let sha1 = URL_SAFE_NO_PAD.encode(digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate));
    let sha256 = URL_SAFE_NO_PAD.encode(digest::digest(&SHA256, &certificate));
    let mut head = if pss {
        json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": sha256 })
    } else {
        // Python's client pads.
        json!({ "alg": "RS256", "typ": "JWT", "x5t": format!("{sha1}=") })
    };
    let mut claims = json!({
        "aud": format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"),
        "iss": APP, "sub": APP, "jti": "one", "iat": NOW, "nbf": NOW, "exp": 1_735_690_200.25,
    });
    change(&mut head, &mut claims);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&head), part(&claims));
    let key = PrivatePkcs8KeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    let scheme: &dyn RsaEncoding = if pss { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
    let signed = key.sign(scheme, &SystemRandom::new(), message.as_bytes(), &mut signature);
    signed.unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn present(entra: &Entra, assertion: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", assertion),
        ("scope", SCOPE),
    ];
    ask(entra, TENANT, &form).await
}

#[tokio::test]
async fn a_certificate_proves_itself_both_ways() {
    let (entra, _) = entra();
    for pss in [false, true] {
        let (status, body) = present(&entra, &assertion(pss, |_, _| {})).await;
        assert_eq!(status, 200, "{body}");
    }
}

#[tokio::test]
async fn an_assertion_that_proves_nothing_is_refused() {
    let (entra, _) = entra();
    let good = assertion(true, |_, _| {});
    let (message, signature) = good.rsplit_once('.').unwrap();
    let other = assertion(true, |_, claims| claims["jti"] = "two".into());
    let swapped = format!("{}.{signature}", other.rsplit_once('.').unwrap().0);
    let cases = [
        (swapped, 700_027),
        (
            assertion(true, |head, _| head["x5t#S256"] = "AAAA".into()),
            700_027,
        ),
        (assertion(true, |head, _| head["alg"] = "none".into()), 50_027),
        (assertion(false, |head, _| head["alg"] = "PS256".into()), 50_027),
        (
            assertion(true, |_, claims| claims["aud"] = "https://elsewhere".into()),
            700_023,
        ),
        (
            assertion(true, |_, claims| claims["sub"] = "somebody".into()),
            50_027,
        ),
        (assertion(true, |_, claims| claims["jti"] = Value::Null), 50_027),
        (
            assertion(true, |_, claims| claims["exp"] = (NOW - 301).into()),
            700_024,
        ),
        (
            assertion(true, |_, claims| claims["nbf"] = (NOW + 301).into()),
            700_024,
        ),
        (message.to_owned(), 50_027),
    ];
    for (assertion, number) in cases {
        let (status, body) = present(&entra, &assertion).await;
        assert_eq!((status, &body["error_codes"][0]), (401, &json!(number)));
    }
}

#[tokio::test]
async fn discovery_tells_where_tokens_are() {
    let (entra, _) = entra();
    entra.at("https://127.0.0.1:8443/");
    let get = |path: String| Request::get(path).body(Body::empty()).unwrap();
    let openid = get(format!("/{TENANT}/v2.0/.well-known/openid-configuration"));
    let (status, body) = send(&entra, openid).await;
    assert_eq!(status, 200);
    let endpoint = format!("https://127.0.0.1:8443/{TENANT}/oauth2/v2.0/token");
    assert_eq!(body["token_endpoint"], endpoint);
    let (status, _) = send(
        &entra,
        get("/nowhere/v2.0/.well-known/openid-configuration".to_owned()),
    )
    .await;
    assert_eq!(status, 400);
    let instance = format!(
        "/common/discovery/instance?api-version=1.1&authorization_endpoint=https%3A%2F%2F127.0.0.1%3A8443%2F{TENANT}\
         %2Foauth2%2Fv2.0%2Fauthorize"
    );
    let (status, body) = send(&entra, get(instance)).await;
    assert_eq!(
        (status, &body["metadata"][0]["aliases"][0]),
        (200, &json!("127.0.0.1:8443"))
    );
}
