//! Assertions as an endpoint sees them that checks every letter and the signature.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use super::keys::{certificate, key, pem};
use super::*;
use crate::dice::Dice;

/// Takes one kind of assertion only, and each assertion once.
struct Strict {
    algorithm: Algorithm,
    /// The form's fields beside the assertion.
    fields: BTreeMap<&'static str, &'static str>,
    assertion_field: &'static str,
    header: Value,
    claims: Value,
    seen: StdMutex<BTreeSet<String>>,
    assertions: StdMutex<Vec<String>>,
}

impl Strict {
    fn new(algorithm: Algorithm, assertion_field: &'static str, header: Value, claims: Value) -> Self {
        Self {
            algorithm,
            fields: BTreeMap::new(),
            assertion_field,
            header,
            claims,
            seen: StdMutex::default(),
            assertions: StdMutex::default(),
        }
    }

    fn with_fields(mut self, fields: &[(&'static str, &'static str)]) -> Arc<Self> {
        self.fields = fields.iter().copied().collect();
        Arc::new(self)
    }

    fn check(&self, request: &Request) -> Result<(), String> {
        let expect = |right: bool, what: String| if right { Ok(()) } else { Err(what) };
        expect(request.method() == "POST", "not a POST".into())?;
        expect(
            request.uri() == "https://login.example/token",
            "another URL".into(),
        )?;
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        expect(
            header("content-type") == Some("application/x-www-form-urlencoded"),
            "not a form".into(),
        )?;
        expect(
            header("accept") == Some("application/json"),
            "accepts no JSON".into(),
        )?;
        expect(header("authorization").is_none(), "two proofs".into())?;
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(request.body()).into_owned().collect();
        let mut form: BTreeMap<&str, &str> = pairs.iter().map(|(k, v)| (&**k, &**v)).collect();
        expect(form.len() == pairs.len(), "a field twice".into())?;
        let assertion = form.remove(self.assertion_field).ok_or("no assertion")?;
        expect(form == self.fields, format!("form {form:?}"))?;
        self.assertions.lock().unwrap().push(assertion.to_owned());
        self.check_assertion(assertion)
    }

    fn check_assertion(&self, assertion: &str) -> Result<(), String> {
        let public = DecodingKey::from_rsa_pem(pem("rsa-public.pem").expose().as_bytes()).unwrap();
        let mut validation = Validation::new(self.algorithm);
        (validation.validate_exp, validation.validate_aud) = (false, false);
        let read = jsonwebtoken::decode::<Value>(assertion, &public, &validation)
            .map_err(|error| error.to_string())?;
        let header = serde_json::to_value(&read.header).unwrap();
        let mut claims = read.claims;
        if let Some(id) = claims.as_object_mut().unwrap().remove("jti") {
            let id = id.as_str().ok_or("jti is no text")?.to_owned();
            if !self.seen.lock().unwrap().insert(id) {
                return Err("replayed".into());
            }
        }
        if header != self.header || claims != self.claims {
            return Err(format!("{header} {claims}"));
        }
        Ok(())
    }
}

#[async_trait]
impl Transport for Strict {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let (status, body) = match self.check(&request) {
            Ok(()) => (
                200,
                json!({
                    "access_token": "00Dx!AQcanary", "token_type": "Bearer", "scope": "api",
                    "instance_url": "https://acme.my.salesforce.com", "id_token": "canary"
                }),
            ),
            Err(text) => (
                400,
                json!({ "error": "invalid_grant", "error_description": text }),
            ),
        };
        Ok(http::Response::builder()
            .status(status)
            .body(Bytes::from(body.to_string()))
            .unwrap())
    }
}

/// 2026-11-20T12:00:00Z
const NOON: i64 = 1_795_176_000;

fn jwt_bearer(key_name: &str) -> JwtBearer {
    JwtBearer {
        token_url: "https://login.example/token".parse().unwrap(),
        issuer: "3MVG9app".into(),
        subject: "leads@acme.example".into(),
        audience: "https://audience.example".into(),
        key: key(key_name),
    }
}

fn strict_about_bearer_grants() -> Arc<Strict> {
    Strict::new(
        Algorithm::RS256,
        "assertion",
        json!({ "alg": "RS256", "typ": "JWT" }),
        json!({
            "iss": "3MVG9app", "sub": "leads@acme.example", "aud": "https://audience.example",
            "exp": NOON + 180
        }),
    )
    .with_fields(&[("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")])
}

fn certificate_credentials(signing: Signing, with_chain: bool) -> CertificateCredentials {
    CertificateCredentials {
        token_url: "https://login.example/token".parse().unwrap(),
        client_id: "11111111-1111-1111-1111-111111111111".into(),
        certificate: certificate(),
        signing,
        with_chain,
        scopes: vec!["https://contoso.crm.dynamics.com/.default".into()],
        extra: BTreeMap::new(),
        dice: Dice::seeded(7),
    }
}

fn strict_about_certificates(algorithm: Algorithm, header: Value) -> Arc<Strict> {
    let client = "11111111-1111-1111-1111-111111111111";
    Strict::new(
        algorithm,
        "client_assertion",
        header,
        json!({
            "aud": "https://login.example/token", "iss": client, "sub": client,
            "iat": NOON, "nbf": NOON, "exp": NOON + 600
        }),
    )
    .with_fields(&[
        ("grant_type", "client_credentials"),
        ("client_id", client),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("scope", "https://contoso.crm.dynamics.com/.default"),
    ])
}

fn tokens(grant: impl Grant + 'static, endpoint: &Arc<Strict>) -> TokenSource {
    TokenSource::with_grant(Box::new(grant), endpoint.clone(), Arc::new(clock()))
}

#[tokio::test]
async fn an_app_speaks_for_a_user_by_a_key_in_either_form_of_pem() {
    for key_name in ["rsa-pkcs1.pem", "rsa-pkcs8.pem"] {
        let endpoint = strict_about_bearer_grants();
        let granted = tokens(jwt_bearer(key_name), &endpoint).granted().await.unwrap();
        assert_eq!(granted.secret.expose(), "00Dx!AQcanary", "{key_name}");
        assert_eq!(granted.members["instance_url"], "https://acme.my.salesforce.com");
        assert!(!format!("{granted:?}").contains("canary"), "{granted:?}");
    }
}

#[tokio::test]
async fn a_certificate_is_named_by_the_digest_that_goes_with_its_signature() {
    // The digests were made by OpenSSL of the certificate's DER.
    for (signing, algorithm, header) in [
        (
            Signing::Ps256,
            Algorithm::PS256,
            json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": "0DYS2pY_nN_OD_C4F-gd5jRHkXqI6i1nN2jVLqs576Y" }),
        ),
        (
            Signing::Rs256,
            Algorithm::RS256,
            json!({ "alg": "RS256", "typ": "JWT", "x5t": "Xo9MdBhZq9LNtYUVjuH2Cqw9ZQg" }),
        ),
    ] {
        let endpoint = strict_about_certificates(algorithm, header);
        let tokens = tokens(certificate_credentials(signing, false), &endpoint);
        assert_eq!(tokens.bearer().await.unwrap().expose(), "00Dx!AQcanary");
    }
}

#[tokio::test]
async fn the_certificates_travel_along_when_an_authority_trusts_their_issuer() {
    let lines = pem("rsa-certificate.pem");
    let body: String = lines
        .expose()
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let header = json!({
        "alg": "PS256", "typ": "JWT", "x5c": [body],
        "x5t#S256": "0DYS2pY_nN_OD_C4F-gd5jRHkXqI6i1nN2jVLqs576Y"
    });
    let endpoint = strict_about_certificates(Algorithm::PS256, header);
    let tokens = tokens(certificate_credentials(Signing::Ps256, true), &endpoint);
    tokens.bearer().await.unwrap();
}

#[tokio::test]
async fn every_assertion_is_another_one() {
    let header =
        json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": "0DYS2pY_nN_OD_C4F-gd5jRHkXqI6i1nN2jVLqs576Y" });
    let endpoint = strict_about_certificates(Algorithm::PS256, header);
    let tokens = tokens(certificate_credentials(Signing::Ps256, false), &endpoint);
    for _ in 0..3 {
        let token = tokens.bearer().await.unwrap();
        tokens.invalidate(&token).await;
    }
    assert_eq!(endpoint.seen.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn neither_the_assertion_nor_the_key_shows_in_a_refusal_that_quotes_it() {
    struct Echo;
    #[async_trait]
    impl Transport for Echo {
        async fn send(&self, request: Request) -> Result<Response, TransportError> {
            let form: BTreeMap<String, String> =
                url::form_urlencoded::parse(request.body()).into_owned().collect();
            let body = json!({ "error": "invalid_grant", "error_description": form["assertion"] });
            let body = Bytes::from(body.to_string());
            Ok(http::Response::builder().status(400).body(body).unwrap())
        }
    }
    let grant = jwt_bearer("rsa-pkcs8.pem");
    let refused = grant.fetch(&Echo, DateTime::UNIX_EPOCH).await.unwrap_err();
    let shown = format!("{refused:?} {refused}");
    assert!(shown.contains("***"), "{shown}");
    assert!(!shown.contains("eyJ"), "{shown}");
    assert!(!format!("{grant:?}").contains("PRIVATE"), "{grant:?}");
}

#[tokio::test]
async fn fifty_who_ask_at_once_sign_one_assertion() {
    let endpoint = strict_about_bearer_grants();
    let tokens = tokens(jwt_bearer("rsa-pkcs8.pem"), &endpoint);
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let tokens = tokens.clone();
        asking.spawn(async move { tokens.bearer().await.is_ok() });
    }
    assert!(asking.join_all().await.into_iter().all(|had| had));
    assert_eq!(endpoint.assertions.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_doctor_sees_a_grant_and_a_refusal_with_its_remedy() {
    let endpoint = strict_about_bearer_grants();
    let (check, granted) = crate::readiness::token(&tokens(jwt_bearer("rsa-pkcs8.pem"), &endpoint)).await;
    assert_eq!(check.to_string(), "token: granted for 5 minutes");
    assert!(granted.unwrap().members.contains_key("instance_url"));

    let stranger = JwtBearer {
        subject: "nobody@acme.example".into(),
        ..jwt_bearer("rsa-pkcs8.pem")
    };
    let (check, granted) = crate::readiness::token(&tokens(stranger, &endpoint)).await;
    assert_eq!(check.health, crate::Health::Ill);
    assert_eq!(
        check.found,
        "could not fetch a token from login.example: 400 invalid_grant"
    );
    assert!(
        check
            .remedy
            .starts_with("renew the client secret, the certificate"),
        "{check}"
    );
    assert!(granted.is_none());
}
