//! MSAL for Python, requests and cryptography against the simulated Entra and Partner Center (contract partner-center 13).

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use http::Uri;
use leadsync_sim::authority::Authority;
use leadsync_sim::entra::{Entra, Rotation};
use leadsync_sim::partner_center::{NewReferral, PartnerCenter, Stage};
use leadsync_sim::serve::{Server, serve_tls};
use serde_json::{Value, json};

use crate::client::{Steps, program, root, run};

const TENANT: &str = "72f988bf-0000-0000-0000-2d7cd011db47";
const APP: &str = "22222222-2222-2222-2222-222222222222";
const ADA: &str = "ada@contoso.example";
const PARTNER: &str = "https://api.partner.microsoft.com";
const CENTER: &str = "https://api.partnercenter.microsoft.com";

/// All hosts, each behind TLS of an authority only this client trusts.
struct World {
    center: PartnerCenter,
    origins: Vec<String>,
    bundle: PathBuf,
    _servers: Vec<Server>,
}

/// Whom the user's own deeds happen to.
#[derive(Clone)]
struct Browser {
    entra: Entra,
    center: PartnerCenter,
}

impl World {
    async fn new() -> Self {
        let entra = Entra::new(TENANT, "contoso.onmicrosoft.com", Arc::new(|| now().timestamp()));
        let center = PartnerCenter::new(&entra, Arc::new(now));
        entra.add_public_client(APP, &["http://localhost"]);
        entra.add_user(ADA, &["Referrals admin"]);
        entra.browse_as(Some(ADA));
        entra.consent(APP, PARTNER);
        entra.consent(APP, CENTER);
        let authority = Authority::new().unwrap();
        let tls = authority.server("127.0.0.1").unwrap();
        let browser = Browser {
            entra: entra.clone(),
            center: center.clone(),
        };
        let mut servers = Vec::new();
        for router in [
            entra.router(),
            center.referrals_router(),
            center.webhooks_router(),
            center.certificates_router(),
            Router::new().fallback(deed).with_state(browser),
        ] {
            servers.push(serve_tls(router, Arc::clone(&tls)).await.unwrap());
        }
        let origins: Vec<String> = servers
            .iter()
            .map(|server| format!("https://{}", server.addr))
            .collect();
        entra.at(&origins[0]);
        center.referrals_at(&origins[1]);
        center.center_at(&origins[2]);
        center.certificates_at(&origins[3]);
        let bundle = root().join(format!("target/likeness-partner-{}.pem", std::process::id()));
        fs::create_dir_all(root().join("target")).unwrap();
        fs::write(&bundle, authority.pem()).unwrap();
        Self {
            center,
            origins,
            bundle,
            _servers: servers,
        }
    }

    async fn drive(&self) -> Steps {
        let python = program("target/likeness-venv/partner-center/bin/python");
        let trusted = PartnerCenter::trusted_authority();
        let environment = [
            ("LIKENESS_AUTHORITY", self.origins[0].as_str()),
            ("LIKENESS_REFERRALS", &self.origins[1]),
            ("LIKENESS_CENTER", &self.origins[2]),
            ("LIKENESS_BROWSER", &self.origins[4]),
            ("LIKENESS_TENANT", TENANT),
            ("LIKENESS_APP", APP),
            ("LIKENESS_TRUSTED", &trusted),
            ("REQUESTS_CA_BUNDLE", self.bundle.to_str().unwrap()),
        ];
        run(
            &python,
            &["tests/likeness/partner-center/client.py"],
            &environment,
        )
        .await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.bundle);
    }
}

/// The client compares times with those of this machine, so the servers need the same.
#[expect(
    clippy::disallowed_methods,
    reason = "the client tells the time by the machine"
)]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// What the user does elsewhere, and what an event looks like that is due.
async fn deed(State(browser): State<Browser>, uri: Uri) -> Response {
    let Browser { entra, center } = browser;
    let path: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let body = match path.as_slice() {
        ["sign-in", code] => json!(entra.sign_in_on_device(code, ADA)),
        ["decline", code] => json!(entra.decline_on_device(code)),
        ["event"] => {
            let due = center.due_deliveries(now());
            let headers = due[0].headers();
            json!({ "headers": headers, "body": STANDARD.encode(&due[0].body) })
        }
        [other] => {
            match *other {
                "slow-down" => entra.slow_down_next(1),
                "cancel" => entra.cancel_next(1),
                "rotate-at-once" => entra.rotate(Rotation::AtOnce),
                "withdraw" => entra.withdraw_consent(APP, CENTER),
                "second-factor" => entra.demand_second_factor(ADA, true),
                "revoke" => entra.revoke_user(ADA),
                unknown => panic!("nobody does {unknown}"),
            }
            Value::Null
        }
        unknown => panic!("nobody does {unknown:?}"),
    };
    Response::new(body.to_string().into())
}

#[tokio::test]
async fn msal_signs_a_user_in_and_its_tokens_open_the_door_they_are_for() {
    let world = World::new().await;
    for n in 0..120 {
        let new = NewReferral::marketplace_lead("sue@fabrikam.example").named(&format!("deal {n}"));
        world.center.create(new);
    }
    let steps = world.drive().await;
    assert_eq!(steps.told("device flow"), &json!([5, true]));
    let waiting = json!(["authorization_pending", [70_016], null]);
    assert_eq!(steps.told("device pending"), &waiting);
    assert_eq!(
        steps.told("device too fast"),
        &json!(["slow_down", [70_016], null])
    );
    assert_eq!(steps.told("device"), 3599);
    assert_eq!(steps.told("device user"), ADA);
    assert_eq!(
        steps.told("device declined"),
        &json!(["authorization_declined", [70_011], null])
    );
    assert_eq!(
        steps.told("browser, wrong verifier"),
        &json!(["invalid_grant", [501_481], null])
    );
    assert_eq!(steps.told("browser"), 3599);
    assert_eq!(
        steps.told("code again"),
        &json!(["invalid_grant", [54_005], null])
    );
    assert_eq!(steps.told("browser cancelled"), "access_denied");
    assert_eq!(steps.told("account"), ADA);
    assert_eq!(steps.told("renewed"), &json!([4, true]));
    assert_eq!(steps.told("cached"), true);
    assert_eq!(steps.told("wrong host"), &json!([401, "unAuthorized"]));
    assert_eq!(steps.told("wrong host too"), 401);
    assert_eq!(steps.told("pages"), &json!([[100, 20], "gzip"]));
    assert_eq!(steps.told("accept"), &json!([204, ""]));
    assert_eq!(steps.told("accept again"), 412);
    assert_eq!(steps.told("won"), &json!([200, 25_000.5, true]));
    assert_eq!(steps.told("register"), &json!([200, 409]));
    assert_eq!(
        steps.told("event"),
        &json!(["Signature", "referral-updated", true])
    );
    assert_eq!(steps.told("other name"), false);
    assert_eq!(steps.told("followed"), &json!([200, true]));
    let no_consent = json!(["invalid_grant", [65_001], "consent_required"]);
    assert_eq!(steps.told("no consent"), &no_consent);
    let second_factor = json!(["interaction_required", [50_076], "basic_action"]);
    assert_eq!(steps.told("second factor"), &second_factor);
    assert_eq!(
        steps.told("revoked"),
        &json!(["invalid_grant", [50_173], "bad_token"])
    );

    let writes = world.center.writes();
    let won = writes
        .iter()
        .rfind(|write| write.sets("/substatus") == Some(&json!("Won")))
        .unwrap();
    assert_eq!(
        world.center.stage(&won.referral),
        Some(Stage::new("Closed", "Won"))
    );
    assert_eq!(world.center.violations(), Vec::<String>::new());
    let complaints = world.center.complaints();
    // The one request that goes to the wrong host on purpose names no id.
    assert_eq!(complaints, ["List: no client-request-id"]);
}
