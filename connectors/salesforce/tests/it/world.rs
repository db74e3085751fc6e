//! An org, a connector in front of it, and the clock of both.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::{Clock, ManualClock};
use connector_kit::dice::Dice;
use connector_kit::http::{
    Fault as Broken, Request, ReqwestFactory, Response, Transport, TransportError, TransportFactory,
    TransportSettings,
};
use connector_kit::secret::SecretReader;
use connector_kit::{
    CallBook, ConfigError, Connector, ConnectorContext, ConnectorError, ConnectorSettings, Destination,
    EventKind, LeadDelivery, OutcomeSource, Receipt, RecordRef, Role,
};
use leadsync_sim::salesforce::{Salesforce, Seen};
use leadsync_sim::serve::{Server, serve};
use serde_json::{Map, Value, json};
use tower::ServiceExt;

pub(crate) const KEY: &str = "Marketplace_Lead_Id__c";
const PRIVATE_KEY: &str = include_str!("../../../../tests/fixtures/keys/rsa-pkcs8.pem");
const INSTANCE: &str = "https://acme.my.salesforce.com";
const LOGIN: &str =
    r#"auth = { kind = "client_credentials", client_id = "CK", client_secret = { env = "SECRET" } }"#;

/// Everything a test of this connector touches.
pub(crate) struct World {
    pub(crate) crm: Salesforce,
    pub(crate) clock: ManualClock,
    pub(crate) calls: CallBook,
    pub(crate) connector: Connector,
    settings: ConnectorSettings,
    transports: Arc<dyn TransportFactory>,
    _server: Option<Server>,
}

/// Friday, 20 November 2026, noon.
pub(crate) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).unwrap()
}

/// A stock org that lets us in and knows our key.
pub(crate) fn org(clock: &ManualClock) -> Salesforce {
    let theirs = clock.clone();
    let crm = Salesforce::new(Arc::new(move || theirs.now().timestamp()));
    crm.add_app("CK", "CS");
    crm.set_instance_url(INSTANCE);
    crm
}

/// What the tooling API gets for the key.
pub(crate) fn key_field() -> Value {
    json!({ "label": "Marketplace Lead Id", "type": "Text", "length": 80, "required": false,
        "externalId": true, "unique": true, "caseSensitive": true })
}

/// An org that was provisioned for the shipped mapping.
fn provisioned(clock: &ManualClock) -> Salesforce {
    let crm = org(clock);
    crm.add_field(&format!("Lead.{KEY}"), &key_field());
    for name in ["Id", "Status", "Substatus", "Kind", "Currency", "Help", "Crm_Id"] {
        add_referral_field(&crm, name, &json!({ "type": "Text", "length": 255 }));
    }
    let long = json!({ "type": "LongTextArea", "length": 32_768, "visibleLines": 5 });
    for (name, metadata) in [
        ("Value", json!({ "type": "Number", "precision": 18, "scale": 2 })),
        ("Close_Date", json!({ "type": "Date" })),
        ("Answer_Due", json!({ "type": "DateTime" })),
        ("Visible", json!({ "type": "Checkbox", "defaultValue": "false" })),
        ("Solutions", long.clone()),
        ("Notes", long),
    ] {
        add_referral_field(&crm, name, &metadata);
    }
    crm
}

fn add_referral_field(crm: &Salesforce, name: &str, metadata: &Value) {
    let mut metadata = metadata.clone();
    metadata["label"] = name.into();
    crm.add_field(&format!("Lead.Referral_{name}__c"), &metadata);
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// With `[settings]` besides the login.
    pub(crate) fn with(settings: &str) -> Self {
        let clock = ManualClock::new(noon());
        Self::around(provisioned(&clock), clock, settings)
    }

    /// Provisioned when the shipped mapping had no referrals yet.
    pub(crate) fn before_referrals() -> Self {
        let clock = ManualClock::new(noon());
        let crm = org(&clock);
        crm.add_field(&format!("Lead.{KEY}"), &key_field());
        Self::around(crm, clock, "")
    }

    /// In front of this org, in process.
    pub(crate) fn around(crm: Salesforce, clock: ManualClock, settings: &str) -> Self {
        Self::signing_in(crm, clock, LOGIN, settings)
    }

    /// In front of this org, in process, with another way in.
    pub(crate) fn signing_in(crm: Salesforce, clock: ManualClock, login: &str, settings: &str) -> Self {
        let text = format!("instance_url = \"{INSTANCE}\"\n{login}\n{settings}");
        let transports = Arc::new(RouterFactory(crm.router()));
        Self::built(crm, clock, settings_of(&text), transports, None)
    }

    /// The same over a real socket, with time-outs.
    pub(crate) async fn over_tcp(settings: &str) -> Self {
        let clock = ManualClock::new(noon());
        let crm = provisioned(&clock);
        let server = serve(crm.router()).await.unwrap();
        let url = format!("http://{}", server.addr);
        crm.set_instance_url(&url);
        let text = format!(
            "instance_url = \"{url}\"\n{LOGIN}\nallow_plain_http = true\nallow_private_targets = [\"127.0.0.0/8\"]\n{settings}"
        );
        let transports = Arc::new(ReqwestFactory::new("leadsync/test"));
        Self::built(crm, clock, settings_of(&text), transports, Some(server))
    }

    fn built(
        crm: Salesforce,
        clock: ManualClock,
        settings: ConnectorSettings,
        transports: Arc<dyn TransportFactory>,
        server: Option<Server>,
    ) -> Self {
        let calls = CallBook::default();
        let connector = build(&settings, &clock, &transports, &calls).unwrap();
        Self {
            crm,
            clock,
            calls,
            connector,
            settings,
            transports,
            _server: server,
        }
    }

    /// A process dies and another starts: nothing is remembered.
    pub(crate) fn restart(&mut self) {
        self.connector = build(&self.settings, &self.clock, &self.transports, &self.calls).unwrap();
    }

    /// With this mapping from now on.
    pub(crate) fn map(&mut self, mapping: &str) {
        self.settings.mapping = toml::from_str(mapping).unwrap();
        self.restart();
    }

    pub(crate) fn destination(&self) -> Arc<dyn Destination> {
        self.connector.destination.clone().unwrap()
    }

    pub(crate) fn watch(&self) -> Arc<dyn OutcomeSource> {
        self.connector.outcome_source.clone().unwrap()
    }

    pub(crate) async fn deliver(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Receipt, ConnectorError>> {
        self.destination().upsert(deliveries).await
    }

    pub(crate) async fn deliver_one(&self, delivery: &LeadDelivery) -> Result<Receipt, ConnectorError> {
        self.deliver(std::slice::from_ref(delivery)).await.remove(0)
    }

    /// Delivers and expects receipts; their records, in order.
    pub(crate) async fn deliver_well(&self, deliveries: &[LeadDelivery]) -> Vec<String> {
        let results = self.deliver(deliveries).await;
        results
            .into_iter()
            .map(|result| result.unwrap().record.unwrap().0)
            .collect()
    }

    /// The live lead that holds this delivery's key.
    pub(crate) fn held(&self, delivery: &LeadDelivery) -> Map<String, Value> {
        self.crm
            .leads_by(KEY)
            .remove(&delivery.lead.id.to_string())
            .expect("the lead is held")
    }

    pub(crate) fn advance(&self, step: TimeDelta) {
        self.clock.advance(step);
    }

    /// The requests that write leads, in order.
    pub(crate) fn writes(&self) -> Vec<Seen> {
        let requests = self.crm.requests().into_iter();
        requests
            .filter(|seen| seen.target.contains("/composite/sobjects"))
            .collect()
    }

    /// Requests whose path and query contain this.
    pub(crate) fn seen(&self, part: &str) -> Vec<Seen> {
        let requests = self.crm.requests().into_iter();
        requests.filter(|seen| seen.target.contains(part)).collect()
    }
}

/// How many records a request carried.
pub(crate) fn records_in(seen: &Seen) -> usize {
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    body["records"].as_array().unwrap().len()
}

pub(crate) fn header<'s>(seen: &'s Seen, name: &str) -> &'s str {
    seen.headers
        .get(name)
        .map(|value| value.to_str().unwrap())
        .unwrap_or_default()
}

/// The next revision of a delivery whose record is known, as the daemon sends it.
pub(crate) fn next(delivery: &LeadDelivery, record: &str) -> LeadDelivery {
    let revised = connector_kit::conformance::leads::revised(delivery, delivery.revision + 1);
    LeadDelivery {
        record: Some(RecordRef(record.to_owned())),
        kind: EventKind::Updated,
        ..revised
    }
}

fn settings_of(text: &str) -> ConnectorSettings {
    ConnectorSettings {
        roles: vec![Role::Destination, Role::OutcomeSource],
        settings: text.parse().unwrap(),
        ..ConnectorSettings::default()
    }
}

fn build(
    settings: &ConnectorSettings,
    clock: &ManualClock,
    transports: &Arc<dyn TransportFactory>,
    calls: &CallBook,
) -> Result<Connector, ConfigError> {
    let context = ConnectorContext {
        name: "salesforce".to_owned(),
        clock: Arc::new(clock.clone()),
        dice: Dice::seeded(7),
        secrets: SecretReader {
            env: [("SECRET", "CS"), ("KEY", PRIVATE_KEY)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..SecretReader::default()
        },
        transports: Arc::clone(transports),
        calls: calls.clone(),
        state_dir: None,
    };
    connector_salesforce::build(settings, &context)
}

/// Calls a router in process instead of the network.
struct RouterFactory(Router);

struct RouterTransport(Router);

impl TransportFactory for RouterFactory {
    fn transport(&self, _: &TransportSettings) -> Result<Arc<dyn Transport>, ConfigError> {
        Ok(Arc::new(RouterTransport(self.0.clone())))
    }
}

#[async_trait]
impl Transport for RouterTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let answer = self.0.clone().oneshot(request.map(axum::body::Body::from)).await;
        let (parts, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await;
        let body = body.map_err(|_| TransportError::new(Broken::Cut, "the connection broke"))?;
        Ok(Response::from_parts(parts, body))
    }
}

/// Builds, for tests of the config alone.
pub(crate) fn try_build(settings: &ConnectorSettings) -> Result<Connector, ConfigError> {
    let transports: Arc<dyn TransportFactory> = Arc::new(RouterFactory(Router::new()));
    build(
        settings,
        &ManualClock::new(noon()),
        &transports,
        &CallBook::default(),
    )
}
