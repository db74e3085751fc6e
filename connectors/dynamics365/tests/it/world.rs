//! An environment and its authority on real sockets, the connector in front, one clock for all.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::{Clock, ManualClock};
use connector_kit::conformance::leads;
use connector_kit::dice::Dice;
use connector_kit::http::{
    Request, ReqwestFactory, Response, Transport, TransportError, TransportFactory, TransportSettings,
};
use connector_kit::secret::SecretReader;
use connector_kit::{
    CallBook, Checkpoint, ConfigError, Connector, ConnectorContext, ConnectorError, ConnectorSettings,
    Destination, LeadDelivery, Outcome, OutcomeSource, Receipt, Role,
};
use leadsync_sim::dataverse::Dataverse;
use leadsync_sim::entra::Entra;
use leadsync_sim::serve::{Server, serve};
use serde_json::{Map, Value};

pub(crate) const TENANT: &str = "72f988bf-0000-0000-0000-2d7cd011db47";
pub(crate) const APP: &str = "11111111-1111-1111-1111-111111111111";
pub(crate) const SECRET: &str = "canary-s3cr3t";
pub(crate) const KEY_COLUMN: &str = "lsync_marketplaceleadid";

pub(crate) type Fate = Result<Receipt, ConnectorError>;

/// Everything a test of this connector touches.
pub(crate) struct World {
    pub(crate) crm: Dataverse,
    pub(crate) entra: Entra,
    pub(crate) clock: ManualClock,
    pub(crate) settings: ConnectorSettings,
    pub(crate) calls: CallBook,
    pub(crate) sent: Sent,
    servers: [Server; 2],
    seed: u64,
}

/// Everything that was sent, as it was sent.
#[derive(Clone, Default)]
pub(crate) struct Sent(Arc<Mutex<Vec<Request>>>);

impl Sent {
    /// Requests to Dataverse, without those for tokens.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let all = self.0.lock().unwrap();
        all.iter()
            .filter(|request| request.uri().path().starts_with("/api/data/"))
            .cloned()
            .collect()
    }

    /// The bodies of requests whose path ends so.
    pub(crate) fn bodies(&self, end: &str) -> Vec<String> {
        let requests = self
            .requests()
            .into_iter()
            .filter(|request| request.uri().path().ends_with(end));
        requests
            .map(|request| String::from_utf8(request.body().to_vec()).unwrap())
            .collect()
    }
}

/// Keeps a copy of each request on its way to the network.
struct Spies {
    network: ReqwestFactory,
    sent: Sent,
}

struct Spy {
    network: Arc<dyn Transport>,
    sent: Sent,
}

impl TransportFactory for Spies {
    fn transport(&self, settings: &TransportSettings) -> Result<Arc<dyn Transport>, ConfigError> {
        Ok(Arc::new(Spy {
            network: self.network.transport(settings)?,
            sent: self.sent.clone(),
        }))
    }
}

#[async_trait]
impl Transport for Spy {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.sent.0.lock().unwrap().push(request.clone());
        self.network.send(request).await
    }
}

pub(crate) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).unwrap()
}

impl World {
    /// Provisioned for the shipped mapping, with change tracking on.
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// The same; `more` is TOML of `[settings]`, and wins.
    pub(crate) async fn with(more: &str) -> Self {
        let world = Self::before_referrals(more).await;
        for (name, most) in [
            ("lsync_ReferralId", 100),
            ("lsync_ReferralStatus", 50),
            ("lsync_ReferralSubstatus", 50),
            ("lsync_ReferralKind", 50),
            ("lsync_ReferralCurrency", 10),
            ("lsync_ReferralHelp", 100),
            ("lsync_ReferralCrmId", 100),
            ("lsync_ReferralSolutions", 2000),
            ("lsync_ReferralNotes", 2000),
        ] {
            world.crm.add_text_column("lead", name, most);
        }
        world.crm.add_decimal_column("lead", "lsync_ReferralValue");
        world.crm.add_moment_column("lead", "lsync_ReferralAnswerDue");
        world.crm.add_flag_column("lead", "lsync_ReferralVisible");
        world
    }

    /// Provisioned when the shipped mapping had no referrals yet.
    pub(crate) async fn before_referrals(more: &str) -> Self {
        let world = Self::bare(more).await;
        for (name, most) in [
            ("lsync_MarketplaceLeadId", 100),
            ("lsync_LeadSource", 500),
            ("lsync_ActionCode", 30),
            ("lsync_Publisher", 200),
            ("lsync_Offer", 200),
        ] {
            world.crm.add_text_column("lead", name, most);
        }
        world.crm.add_moment_column("lead", "lsync_ReceivedAt");
        world
            .crm
            .add_key("lead", "lsync_MarketplaceLeadKey", &[KEY_COLUMN]);
        world.crm.track("lead", true);
        world.crm.track("opportunity", true);
        world
    }

    /// As Microsoft ships it.
    pub(crate) async fn bare(more: &str) -> Self {
        let clock = ManualClock::new(noon());
        let hand = clock.clone();
        let unix: leadsync_sim::webhook::UnixClock = Arc::new(move || hand.now().timestamp());
        let entra = Entra::new(TENANT, "contoso.onmicrosoft.com", Arc::clone(&unix));
        entra.add_secret(APP, SECRET, None);
        let crm = Dataverse::new(&entra, unix);
        let servers = [
            serve(crm.router()).await.unwrap(),
            serve(entra.router()).await.unwrap(),
        ];
        let [here, login] = [0, 1].map(|at: usize| format!("http://{}", servers[at].addr));
        crm.at(&here);
        entra.at(&login);
        let ports: Vec<u16> = servers.iter().map(|server| server.addr.port()).collect();
        let mut settings: toml::Table = format!(
            "environment = '{here}'\nauthority = '{login}'\ntenant = '{TENANT}'\nclient_id = '{APP}'\n\
             auth = {{ secret = {{ env = 'SECRET' }} }}\nallow_plain_http = true\n\
             allow_private_targets = ['127.0.0.0/8']\nallowed_ports = {ports:?}\n"
        )
        .parse()
        .unwrap();
        settings.extend(more.parse::<toml::Table>().unwrap());
        Self {
            crm,
            entra,
            clock,
            settings: ConnectorSettings {
                roles: vec![Role::Destination, Role::OutcomeSource],
                settings,
                ..ConnectorSettings::default()
            },
            calls: CallBook::default(),
            sent: Sent::default(),
            servers,
            seed: 0,
        }
    }

    /// `[mapping]` instead of the shipped one.
    pub(crate) fn map(mut self, mapping: &str) -> Self {
        self.settings.mapping = toml::from_str(mapping).unwrap();
        self
    }

    /// A process starts: other dice, nothing remembered.
    pub(crate) fn connector(&mut self) -> Connector {
        self.seed += 1;
        self.calls = CallBook::default();
        connector_dynamics365::build(&self.settings, &self.context()).unwrap()
    }

    pub(crate) fn context(&self) -> ConnectorContext {
        let env = [("SECRET".to_owned(), SECRET.to_owned())];
        ConnectorContext {
            name: "dynamics".into(),
            clock: Arc::new(self.clock.clone()),
            dice: Dice::seeded(self.seed),
            secrets: SecretReader {
                credentials_dir: None,
                env: env.into_iter().collect(),
            },
            transports: Arc::new(Spies {
                network: ReqwestFactory::new("leadsync/test"),
                sent: self.sent.clone(),
            }),
            calls: self.calls.clone(),
            state_dir: None,
        }
    }

    pub(crate) fn destination(&mut self) -> Arc<dyn Destination> {
        self.connector().destination.unwrap()
    }

    pub(crate) fn outcomes(&mut self) -> Arc<dyn OutcomeSource> {
        self.connector().outcome_source.unwrap()
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.servers[0].addr)
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// The record of a delivery, as it stands.
    pub(crate) fn record(&self, delivery: &LeadDelivery) -> Option<Map<String, Value>> {
        self.crm.row("lead", &delivery.lead.id.to_string())
    }

    /// Requests Dataverse saw: method, path and status.
    pub(crate) fn seen(&self) -> Vec<String> {
        let line = |request: &leadsync_sim::dataverse::Recorded| {
            let resource = request
                .path
                .rsplit_once("/v9.2/")
                .map_or(request.path.as_str(), |(_, rest)| rest);
            format!("{} {resource} {}", request.method, request.status)
        };
        self.crm.requests().iter().map(line).collect()
    }
}

pub(crate) fn deliveries(count: u32) -> Vec<LeadDelivery> {
    (0..count).map(leads::delivery).collect()
}

/// The same delivery after the destination has answered.
pub(crate) fn answered(delivery: &LeadDelivery, fate: &Fate) -> LeadDelivery {
    LeadDelivery {
        record: fate.as_ref().unwrap().record.clone(),
        ..delivery.clone()
    }
}

/// Reads outcomes to the end.
pub(crate) async fn read_all(
    source: &dyn OutcomeSource,
    mut after: Option<Checkpoint>,
) -> (Vec<Outcome>, Option<Checkpoint>) {
    let mut all = Vec::new();
    loop {
        let page = source.outcomes(after.as_ref(), 100).await.unwrap();
        all.extend(page.items);
        after = page.next.or(after);
        if !page.more {
            return (all, after);
        }
    }
}
