//! An instance on a real socket, the connector in front of it, and a clock turned by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use connector_kit::clock::{Clock, ManualClock};
use connector_kit::dice::Dice;
use connector_kit::http::ReqwestFactory;
use connector_kit::secret::SecretReader;
use connector_kit::{
    CallBook, ConfigError, Connector, ConnectorContext, ConnectorError, ConnectorSettings, Destination,
    LeadDelivery, OutcomeSource, Receipt, Role,
};
use leadsync_sim::marketo::Marketo;
use leadsync_sim::serve::{Server, serve};
use serde_json::{Map, Value};

/// Everything a test of this connector touches.
pub(crate) struct World {
    pub(crate) marketo: Marketo,
    pub(crate) clock: ManualClock,
    pub(crate) calls: CallBook,
    pub(crate) settings: ConnectorSettings,
    /// Stops when it is dropped.
    _server: Server,
}

/// The fields `provision` makes.
pub(crate) const OURS: [&str; 7] = [
    "msLeadId",
    "msActionCode",
    "msOfferTitle",
    "msOfferId",
    "msLeadSource",
    "msReceivedAt",
    "msReferralId",
];

pub(crate) type Fate = Result<Receipt, ConnectorError>;

impl World {
    /// An instance that is ready for leads.
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// The same with these settings; `more` is TOML, and wins.
    pub(crate) async fn with(more: &str) -> Self {
        let world = Self::bare(more).await;
        for name in OURS {
            let data_type = if name == "msReceivedAt" {
                "datetime"
            } else {
                "string"
            };
            world.marketo.add_field(name, data_type);
        }
        world
    }

    /// An instance without any field of ours.
    pub(crate) async fn bare(more: &str) -> Self {
        let clock = ManualClock::new("2026-11-20T12:00:00Z".parse().unwrap());
        let hand = clock.clone();
        let marketo = Marketo::new(
            "client",
            "canary-secret",
            Arc::new(move || hand.now().timestamp_millis()),
        );
        let server = serve(marketo.router()).await.unwrap();
        let mut table: toml::Table = toml::toml! {
            client_id = { env = "CLIENT" }
            client_secret = { env = "SECRET" }
            allow_plain_http = true
            allow_private_targets = ["127.0.0.0/8"]
            timeout = "2s"
        };
        table.insert("base_url".into(), format!("http://{}/rest", server.addr).into());
        table.insert("allowed_ports".into(), vec![i64::from(server.addr.port())].into());
        table.extend(more.parse::<toml::Table>().unwrap());
        let settings = ConnectorSettings {
            roles: vec![Role::Destination, Role::OutcomeSource],
            settings: table,
            ..ConnectorSettings::default()
        };
        Self {
            marketo,
            clock,
            calls: CallBook::default(),
            settings,
            _server: server,
        }
    }

    /// A process starts: nothing is remembered.
    pub(crate) fn connector(&self) -> Connector {
        self.try_connector().unwrap()
    }

    pub(crate) fn try_connector(&self) -> Result<Connector, ConfigError> {
        let env = [
            ("CLIENT", "client"),
            ("SECRET", "canary-secret"),
            ("WRONG", "canary-wrong"),
        ];
        let context = ConnectorContext {
            name: "marketo".into(),
            clock: Arc::new(self.clock.clone()),
            dice: Dice::seeded(7),
            secrets: SecretReader {
                credentials_dir: None,
                env: env
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into_iter()
                    .collect::<BTreeMap<_, _>>(),
            },
            transports: Arc::new(ReqwestFactory::new("leadsync/test")),
            calls: self.calls.clone(),
            state_dir: None,
        };
        connector_marketo::build(&self.settings, &context)
    }

    pub(crate) fn destination(&self) -> Arc<dyn Destination> {
        self.connector().destination.unwrap()
    }

    pub(crate) fn outcome_source(&self) -> Arc<dyn OutcomeSource> {
        self.connector().outcome_source.unwrap()
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// The person with this address, when there is exactly one.
    pub(crate) fn person(&self, email: &str) -> Map<String, Value> {
        let mut found = self.people(email);
        assert_eq!(found.len(), 1, "{email}");
        found.remove(0)
    }

    pub(crate) fn people(&self, email: &str) -> Vec<Map<String, Value>> {
        let same = |person: &Map<String, Value>| {
            let held = person.get("email").and_then(Value::as_str);
            held.is_some_and(|held| held.eq_ignore_ascii_case(email))
        };
        self.marketo.leads().into_iter().filter(same).collect()
    }

    /// Paths of the calls so far, with the code of those that were refused.
    pub(crate) fn paths(&self) -> Vec<String> {
        let calls = self.marketo.calls().into_iter();
        calls
            .map(|call| match call.code {
                Some(code) => format!("{} {} {code}", call.method, call.path),
                None => format!("{} {}", call.method, call.path),
            })
            .collect()
    }
}

/// Delivers one.
pub(crate) async fn deliver(destination: &Arc<dyn Destination>, delivery: &LeadDelivery) -> Fate {
    destination.upsert(std::slice::from_ref(delivery)).await.remove(0)
}

/// The address of lead `number` of the kit.
pub(crate) fn email(number: u32) -> String {
    format!("canary{number}@example.com")
}
