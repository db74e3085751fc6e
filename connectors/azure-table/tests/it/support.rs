//! Leads, connectors in front of the simulator, and the way between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use chrono::{DateTime, TimeDelta, Utc};
use connector_azure_table::build;
use connector_kit::clock::ManualClock;
use connector_kit::dice::Dice;
use connector_kit::http::{
    Fault, Request, Response, Transport, TransportError, TransportFactory, TransportSettings,
};
use connector_kit::ids::{AccountName, SourceName};
use connector_kit::lead::{Intent, Person, Said, Touch};
use connector_kit::secret::SecretReader;
use connector_kit::{
    CallBook, ConfigError, Connector, ConnectorContext, ConnectorSettings, Destination, EventKind, Gate,
    Lead, LeadDelivery, LeadId, Role, Source,
};
use leadsync_sim::azure_table::AzureTable;
use tower::ServiceExt;

pub(crate) const ACCOUNT: &str = "contosoleads";
pub(crate) const KEY: &str = "a2V5LWZvci10ZXN0cy1vbmx5LTAxMjM0NTY3ODlhYmM=";
pub(crate) const OTHER_KEY: &str = "YW5vdGhlci1rZXktZm9yLXRlc3RzLTAxMjM0NTY3ODk=";

/// Friday, 20 November 2026, noon.
pub(crate) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).expect("a moment")
}

/// The simulator, a connector in front of it, and the clock of both.
pub(crate) struct World {
    pub(crate) service: AzureTable,
    pub(crate) clock: ManualClock,
    pub(crate) settings: ConnectorSettings,
    pub(crate) seed: u64,
    /// What the newest connector noted.
    pub(crate) book: CallBook,
}

impl World {
    /// With `[settings]` besides the credentials.
    pub(crate) fn new(role: Role, settings: &str) -> Self {
        let text = format!("connection_string = {{ env = \"CONNECTION\" }}\n{settings}");
        Self {
            service: AzureTable::new(ACCOUNT, KEY, noon()),
            clock: ManualClock::new(noon()),
            settings: ConnectorSettings {
                roles: vec![role],
                settings: toml::from_str(&text).expect("settings"),
                ..ConnectorSettings::default()
            },
            seed: 1,
            book: CallBook::default(),
        }
    }

    /// Both clocks move.
    pub(crate) fn advance(&self, step: TimeDelta) {
        self.clock.advance(step);
        self.service.advance(step);
    }

    /// A process starts: other dice, nothing remembered.
    pub(crate) fn connector(&mut self) -> Connector {
        self.seed += 1;
        let context = context(
            &self.clock,
            self.seed,
            Arc::new(RouterFactory(self.service.router())),
        );
        self.book = context.calls.clone();
        build(&self.settings, &context).expect("a connector")
    }

    pub(crate) fn destination(&mut self) -> Arc<dyn Destination> {
        self.connector().destination.expect("a destination")
    }

    pub(crate) fn source(&mut self) -> Arc<dyn Source> {
        self.connector().source.expect("a source")
    }
}

/// A context with the secrets of the tests.
pub(crate) fn context(
    clock: &ManualClock,
    seed: u64,
    transports: Arc<dyn TransportFactory>,
) -> ConnectorContext {
    let connection = format!("AccountName={ACCOUNT};AccountKey={KEY}");
    let env = [
        ("CONNECTION", connection.as_str()),
        ("KEY", KEY),
        ("OTHER_KEY", OTHER_KEY),
    ];
    ConnectorContext {
        name: "table".to_owned(),
        clock: Arc::new(clock.clone()),
        dice: Dice::seeded(seed),
        secrets: SecretReader {
            env: env
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            ..SecretReader::default()
        },
        transports,
        calls: CallBook::default(),
        state_dir: None,
    }
}

/// Calls a router in process instead of the network.
pub(crate) struct RouterFactory(pub(crate) Router);

struct RouterTransport(Router);

impl TransportFactory for RouterFactory {
    fn transport(&self, _: &TransportSettings) -> Result<Arc<dyn Transport>, ConfigError> {
        Ok(Arc::new(RouterTransport(self.0.clone())))
    }
}

#[async_trait]
impl Transport for RouterTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let request = request.map(axum::body::Body::from);
        let answer = self
            .0
            .clone()
            .oneshot(request)
            .await
            .unwrap_or_else(|never| match never {});
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await;
        let body = body.map_err(|_| TransportError::new(Fault::Cut, "the connection broke"))?;
        Ok(Response::from_parts(parts, body))
    }
}

/// The n-th lead of noon.
pub(crate) fn lead(n: u64) -> Lead {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&n.to_be_bytes());
    let at = noon();
    let said = |value: String| {
        Some(Said {
            value,
            raw: None,
            normal: true,
            at,
        })
    };
    let millis = u64::try_from(at.timestamp_millis()).expect("after 1970");
    Lead {
        id: LeadId::new(millis + n, &random),
        account: AccountName::new("default"),
        person: Person {
            first_name: said("Ada".to_owned()),
            last_name: said(format!("O'Brien {n}")),
            email: said(format!("ada{n}@example.com")),
            phone: said("+16175550100".to_owned()),
            country: said("US".to_owned()),
            company: None,
            title: None,
        },
        intent: Intent::Acquired,
        dnc: false,
        first_at: at,
        last_at: at,
        touches: vec![Touch {
            at,
            source: SourceName::new("web"),
            storefront: "AzureMarketplace".to_owned(),
            action: "INS".to_owned(),
            lead_source: "AzureMarketplace-INS|contoso.analytics".to_owned(),
            action_code: "INS".to_owned(),
            offer: "contoso.analytics".to_owned(),
            publisher: "contoso".to_owned(),
            offer_title: "Analytics".to_owned(),
            description: "Call me – soon 😀".to_owned(),
            intent: Intent::Acquired,
            dnc: false,
            extra: BTreeMap::new(),
            referral: None,
        }],
        referrals: Vec::new(),
    }
}

/// Its first revision, on its way.
pub(crate) fn delivery(n: u64) -> LeadDelivery {
    LeadDelivery {
        lead: Arc::new(lead(n)),
        revision: 1,
        kind: EventKind::Created,
        gate: Gate::Open,
        revised_at: noon(),
        record: None,
        attempt: 0,
        again: None,
    }
}

/// The first so many leads.
pub(crate) fn deliveries(count: u64) -> Vec<LeadDelivery> {
    (0..count).map(delivery).collect()
}
