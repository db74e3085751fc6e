//! Microsoft's Python SDK, dynamics-web-api and both MSAL libraries against the simulated Dataverse and Entra
//! (contract dynamics365 20).

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use leadsync_sim::authority::Authority;
use leadsync_sim::dataverse::Dataverse;
use leadsync_sim::entra::Entra;
use leadsync_sim::faults::Fault;
use leadsync_sim::serve::{Server, serve_tls};
use leadsync_sim::webhook::UnixClock;
use serde_json::{Value, json};

use crate::client::{Steps, program, root, run};

const TENANT: &str = "72f988bf-0000-0000-0000-2d7cd011db47";
const APP: &str = "11111111-1111-1111-1111-111111111111";
const PRIVATE_KEY: &str = include_str!("../../../fixtures/keys/rsa-pkcs8.pem");
const CERTIFICATE: &str = include_str!("../../../fixtures/keys/rsa-certificate.pem");
const KEY: &str = "lsync_marketplaceleadid";

/// An environment and its authority, each behind TLS of an authority only these clients trust.
struct World {
    crm: Dataverse,
    entra: Entra,
    bundle: PathBuf,
    _servers: [Server; 2],
}

impl World {
    async fn new(name: &str) -> Self {
        let clock = clock();
        let entra = Entra::new(TENANT, "contoso.onmicrosoft.com", Arc::clone(&clock));
        entra.add_secret(APP, "s3cr3t~value", None);
        entra.add_certificate(APP, CERTIFICATE);
        let crm = Dataverse::new(&entra, clock);
        let authority = Authority::new().unwrap();
        let tls = authority.server("127.0.0.1").unwrap();
        let servers = [
            serve_tls(entra.router(), Arc::clone(&tls)).await.unwrap(),
            serve_tls(crm.router(), tls).await.unwrap(),
        ];
        entra.at(&format!("https://{}", servers[0].addr));
        crm.at(&format!("https://{}", servers[1].addr));
        let bundle = root().join(format!("target/likeness-{name}-{}.pem", std::process::id()));
        fs::create_dir_all(root().join("target")).unwrap();
        fs::write(&bundle, authority.pem()).unwrap();
        Self {
            crm,
            entra,
            bundle,
            _servers: servers,
        }
    }

    /// The one question about users is one too many.
    fn throttle_questions_about_users(&self) {
        let message = "Number of requests exceeded the limit of 6000 over time window of 300 seconds.";
        let body = json!({ "error": { "code": "0x80072322", "message": message } });
        let fault = Fault::Answer {
            status: 429,
            headers: vec![
                ("retry-after", "7".to_owned()),
                (
                    "content-type",
                    "application/json; odata.metadata=minimal".to_owned(),
                ),
            ],
            body: body.to_string(),
        };
        self.crm.faults.when("/systemusers", 1, fault);
    }

    async fn drive(&self, program: &str, script: &str) -> Steps {
        let (here, authority) = (self.crm.origin(), self.entra.origin());
        let bundle = self.bundle.to_str().unwrap();
        let environment = [
            ("LIKENESS_URL", here.as_str()),
            ("LIKENESS_AUTHORITY", authority.as_str()),
            ("LIKENESS_TENANT", TENANT),
            ("LIKENESS_APP", APP),
            ("LIKENESS_SECRET", "s3cr3t~value"),
            ("LIKENESS_KEY", PRIVATE_KEY),
            ("LIKENESS_CERTIFICATE", CERTIFICATE),
            ("REQUESTS_CA_BUNDLE", bundle),
            ("NODE_EXTRA_CA_CERTS", bundle),
        ];
        run(program.as_ref(), &[script], &environment).await
    }

    /// The keys of the leads and what their subjects say.
    fn subjects(&self) -> Vec<(String, String)> {
        let leads = self.crm.leads_by(KEY).into_iter();
        let subject = |lead: &Value| lead.as_str().unwrap_or_default().to_owned();
        leads
            .map(|(key, lead)| (key, subject(&lead["subject"])))
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.bundle);
    }
}

/// The clients sign with the time of this machine, so the authority needs the same.
#[expect(
    clippy::disallowed_methods,
    reason = "the clients tell the time by the machine"
)]
fn clock() -> UnixClock {
    Arc::new(|| {
        let passed = SystemTime::now().duration_since(UNIX_EPOCH);
        passed.map_or(0, |passed| i64::try_from(passed.as_secs()).unwrap_or(i64::MAX))
    })
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(key, subject): &(&str, &str)| ((*key).to_owned(), (*subject).to_owned());
    pairs.iter().map(owned).collect()
}

#[tokio::test]
async fn the_python_sdk_of_dataverse_is_understood() {
    let world = World::new("python").await;
    world.throttle_questions_about_users();
    let python = program("target/likeness-venv/dataverse/bin/python");
    let steps = world
        .drive(python.to_str().unwrap(), "tests/likeness/dataverse/client.py")
        .await;
    for step in ["msal secret", "msal thumbprint", "msal certificate"] {
        assert_eq!(steps.told(step), 3599, "{step}");
    }
    assert_eq!(steps.told("msal wrong secret"), &json!([7_000_215]));
    assert_eq!(steps.told("identity certificate"), true);
    assert_eq!(steps.told("add column"), &json!(["lsync_MarketplaceLeadId"]));
    assert_eq!(steps.told("create key"), "lsync_MarketplaceLeadKey");
    let keys = json!([["lsync_MarketplaceLeadKey", [KEY], "Active"]]);
    assert_eq!(steps.told("keys"), &keys);
    assert_eq!(
        steps.told("get column"),
        &json!(["lsync_MarketplaceLeadId", "String"])
    );
    assert_eq!(steps.told("list columns"), true);
    assert_eq!(steps.told("create many"), 2);
    assert_eq!(steps.told("retrieve"), &json!(["Ünal 日本 😀", 2, 4]));
    assert_eq!(steps.told("pages"), &json!([3, 3, 1]));
    assert_eq!(steps.told("list"), &json!(["py-6", "py-7"]));
    assert_eq!(steps.told("gone"), true);
    let answers = json!([
        [204, null],
        [204, null],
        [204, null],
        [400, "0x80044331"],
        [200, null]
    ]);
    assert_eq!(steps.told("batch"), &answers);
    assert_eq!(steps.told("batch stopped"), &json!([[400, "0x80044331"]]));
    let refused = json!({ "status": 400, "code": "0x80044331", "transient": false, "retry_after": null });
    assert_eq!(steps.told("one bad row"), &refused);
    let throttled = json!({ "status": 429, "code": "0x80072322", "transient": true, "retry_after": 7 });
    assert_eq!(steps.told("throttled"), &throttled);

    let mut expected = pairs(&[("py-batch", "by batch"), ("py-o'brien", "quoted")]);
    expected.extend((1..8).map(|n| (format!("py-{n}"), "many".to_owned())));
    expected.sort();
    assert_eq!(world.subjects(), expected);
    assert_eq!(world.crm.most_creations(), 1);
    assert_eq!(
        world.crm.row("lead", "py-6").unwrap()["description"],
        "updated together"
    );
    let first = steps.told("create").as_str().unwrap();
    assert_eq!(world.crm.row("lead", first).unwrap()["statuscode"], 5);
    let mut subjects = world.crm.rows("lead").into_iter();
    assert!(subjects.any(|lead| lead["subject"] == "changed in its change set"));
}

#[tokio::test]
async fn dynamics_web_api_is_understood() {
    let world = World::new("node").await;
    world.throttle_questions_about_users();
    world.crm.add_text_column("lead", "lsync_MarketplaceLeadId", 100);
    world.crm.add_key("lead", "lsync_MarketplaceLeadKey", &[KEY]);
    program("tests/likeness/dataverse/node_modules/dynamics-web-api/package.json");
    program("tests/likeness/dataverse/node_modules/@azure/msal-node/package.json");
    let steps = world.drive("node", "tests/likeness/dataverse/client.mjs").await;
    for step in ["secret", "certificate", "certificate with chain"] {
        assert_eq!(steps.told(step), true, "{step}");
    }
    assert_eq!(steps.told("wrong secret"), "invalid_client");
    let identity = steps.told("who am i").as_array().unwrap();
    for member in ["BusinessUnitId", "OrganizationId", "UserId"] {
        assert!(identity.contains(&json!(member)), "{identity:?}");
    }
    assert_eq!(steps.told("table"), &json!(["leads", true]));
    assert_eq!(steps.told("choice"), &json!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
    assert_eq!(steps.told("column"), &json!([["lsync_fromjs", 100]]));
    assert_eq!(steps.told("upsert with data"), "two");
    assert_eq!(steps.told("create only"), &Value::Null);
    assert_eq!(steps.told("retrieve"), "two");
    assert_eq!(steps.told("stale"), false);
    assert_eq!(steps.told("pages"), &json!([2, 1]));
    assert_eq!(steps.told("all"), 3);
    assert_eq!(steps.told("count"), &json!([3, 6]));
    assert_eq!(steps.told("changes"), &json!([2, "deleted"]));
    assert_eq!(steps.told("no change"), &json!([0, "string"]));
    assert_eq!(steps.told("tracked filter"), 400);
    assert_eq!(steps.told("won"), &json!([25_000, "js-2"]));
    assert_eq!(steps.told("batch"), 3);
    assert_eq!(steps.told("batch without change set"), &json!(["string", 1]));
    assert_eq!(steps.told("bad key")["code"], "0x8006088a");
    assert_eq!(steps.told("too long")["code"], "0x80044331");
    let throttled = json!({ "status": 429, "code": "0x80072322", "retryAfter": "7" });
    assert_eq!(steps.told("throttled"), &throttled);
    assert_eq!(steps.told("made-up token"), 401);

    let expected = [
        ("js-1", "one again"),
        ("js-2", "two"),
        ("js-3", "many"),
        ("js-4", "many"),
        ("js-5", "many"),
        ("js-batch", "by batch"),
    ];
    assert_eq!(world.subjects(), pairs(&expected));
    assert_eq!(world.crm.most_creations(), 1);
    let first = steps.told("create").as_str().unwrap();
    assert!(world.crm.row("lead", first).is_none());
    let task = world.crm.rows("task")[0]["_regardingobjectid_value"].clone();
    let lead = world.crm.row("lead", task.as_str().unwrap()).unwrap();
    assert_eq!(lead["subject"], "in a change set");
}
