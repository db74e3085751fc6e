//! A partner with one administrator who has signed in, the connector in front, one clock for all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::{Clock, ManualClock};
use connector_kit::dice::Dice;
use connector_kit::http::{
    Request, ReqwestFactory, Response, Transport, TransportError, TransportFactory, TransportSettings,
};
use connector_kit::secret::SecretReader;
use connector_kit::{
    CallBook, Checkpoint, ConfigError, Connector, ConnectorContext, ConnectorSettings, EventVerifier,
    RawLead, Referral, ReferralDesk, ReferralId, Role, Source,
};
use http::{HeaderMap, HeaderName};
use leadsync_sim::entra::Entra;
use leadsync_sim::partner_center::{Delivery, NewReferral, PartnerCenter};
use leadsync_sim::serve::{Server, serve};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const TENANT: &str = "72f988bf-0000-0000-0000-2d7cd011db47";
pub(crate) const APP: &str = "11111111-1111-1111-1111-111111111111";
pub(crate) const VAULT_KEY: &str = "canary-vault-key-canary-vault-key-canary";
pub(crate) const ADMIN: &str = "ada@contoso.example";
pub(crate) const PARTNER: &str = "https://api.partner.microsoft.com";
pub(crate) const ADDRESS: &str = "https://leads.contoso.example/v1/partner/events";
pub(crate) const CENTER: &str = "https://api.partnercenter.microsoft.com";

/// Everything a test of this connector touches.
pub(crate) struct World {
    pub(crate) center: PartnerCenter,
    pub(crate) entra: Entra,
    pub(crate) clock: ManualClock,
    pub(crate) settings: ConnectorSettings,
    pub(crate) calls: CallBook,
    pub(crate) sent: Sent,
    pub(crate) state: TempDir,
    servers: [Server; 4],
    seed: u64,
}

/// Everything that was sent, as it was sent; and what hosts that are nowhere answer.
#[derive(Clone, Default)]
pub(crate) struct Sent(Arc<Mutex<Vec<Request>>>, Arc<Mutex<BTreeMap<String, u16>>>);

impl Sent {
    /// A host of this name answers with this status from now on.
    pub(crate) fn pretend(&self, host: &str, status: u16) {
        self.1.lock().unwrap().insert(host.to_owned(), status);
    }

    fn pretended(&self, request: &Request) -> Option<Response> {
        let status = *self.1.lock().unwrap().get(request.uri().host()?)?;
        http::Response::builder().status(status).body(Bytes::new()).ok()
    }

    /// Requests whose path has this part.
    pub(crate) fn with(&self, part: &str) -> Vec<Request> {
        let all = self.0.lock().unwrap();
        let found = all.iter().filter(|request| request.uri().path().contains(part));
        found.cloned().collect()
    }

    /// How many requests went out, to whomever.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
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
        match self.sent.pretended(&request) {
            Some(answer) => Ok(answer),
            None => self.network.send(request).await,
        }
    }
}

pub(crate) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).unwrap()
}

impl World {
    /// An account without referrals; somebody has signed in.
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// The same; `more` is TOML of `[settings]`, and wins.
    pub(crate) async fn with(more: &str) -> Self {
        let mut world = Self::bare(more).await;
        world.sign_in().await;
        world
    }

    /// With events: the simulator's authority is trusted, and its certificate's host allowed. `more` is TOML
    /// of `[settings.webhook]`, and wins.
    pub(crate) async fn hearing(more: &str) -> Self {
        let mut world = Self::bare("").await;
        let roots = world.state.path().join("roots.pem");
        std::fs::write(&roots, PartnerCenter::trusted_authority()).unwrap();
        let place = world.servers[2].addr;
        let mut webhook: toml::Table = format!(
            "url = '{ADDRESS}'\ncertificate_hosts = ['{place}']\nroots_file = '{}'\ncertificate_url = '{}'\n",
            roots.display(),
            world.center.certificate_url(),
        )
        .parse()
        .unwrap();
        webhook.extend(more.parse::<toml::Table>().unwrap());
        world.settings.settings.insert("webhook".into(), webhook.into());
        world.sign_in().await;
        world
    }

    /// Nobody has signed in yet.
    pub(crate) async fn bare(more: &str) -> Self {
        let clock = ManualClock::new(noon());
        let (hand, seconds) = (clock.clone(), clock.clone());
        let entra = Entra::new(
            TENANT,
            "contoso.onmicrosoft.com",
            Arc::new(move || seconds.now().timestamp()),
        );
        entra.add_public_client(APP, &["http://localhost"]);
        entra.add_user(ADMIN, &["Referrals admin"]);
        let center = PartnerCenter::new(&entra, Arc::new(move || hand.now()));
        entra.consent(APP, PARTNER);
        entra.consent(APP, CENTER);
        let servers = [
            serve(center.referrals_router()).await.unwrap(),
            serve(center.webhooks_router()).await.unwrap(),
            serve(center.certificates_router()).await.unwrap(),
            serve(entra.router()).await.unwrap(),
        ];
        let at = |index: usize| format!("http://{}", servers[index].addr);
        center.referrals_at(&at(0));
        center.center_at(&at(1));
        center.certificates_at(&at(2));
        entra.at(&at(3));
        let ports: Vec<u16> = servers.iter().map(|server| server.addr.port()).collect();
        let mut settings: toml::Table = format!(
            "tenant = '{TENANT}'\nclient_id = '{APP}'\n\
             vault_key = {{ env = 'KEY' }}\nauthority = '{}'\nreferrals_url = '{}/v1.0/engagements'\n\
             partner_center_url = '{}'\npartner_center_audience = '{CENTER}'\nallow_plain_http = true\n\
             allow_private_targets = ['127.0.0.0/8']\nallowed_ports = {ports:?}\n",
            at(3),
            at(0),
            at(1),
        )
        .parse()
        .unwrap();
        settings.extend(more.parse::<toml::Table>().unwrap());
        Self {
            center,
            entra,
            clock,
            settings: ConnectorSettings {
                roles: vec![Role::Source, Role::OutcomeSink],
                settings,
                ..ConnectorSettings::default()
            },
            calls: CallBook::default(),
            sent: Sent::default(),
            state: TempDir::new().unwrap(),
            servers,
            seed: 0,
        }
    }

    /// The administrator signs in on another device.
    pub(crate) async fn sign_in(&mut self) {
        let authorizer = self.connector().authorizer.unwrap();
        let mut request = authorizer.device_request().await.unwrap();
        assert!(self.entra.sign_in_on_device(&request.user_code, ADMIN));
        assert!(authorizer.device_poll(&mut request).await.unwrap().is_some());
    }

    /// A process starts: other dice, nothing remembered but what is on disk.
    pub(crate) fn connector(&mut self) -> Connector {
        self.try_connector().unwrap()
    }

    pub(crate) fn try_connector(&mut self) -> Result<Connector, ConfigError> {
        self.seed += 1;
        self.calls = CallBook::default();
        connector_partner_center::build(&self.settings, &self.context())
    }

    pub(crate) fn context(&self) -> ConnectorContext {
        let env = [("KEY", VAULT_KEY)];
        ConnectorContext {
            name: "partner".into(),
            clock: Arc::new(self.clock.clone()),
            dice: Dice::seeded(self.seed),
            secrets: SecretReader {
                credentials_dir: None,
                env: env
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
            },
            transports: Arc::new(Spies {
                network: ReqwestFactory::new("leadsync/test"),
                sent: self.sent.clone(),
            }),
            calls: self.calls.clone(),
            state_dir: Some(self.state.path().to_owned()),
        }
    }

    pub(crate) fn source(&mut self) -> Arc<dyn Source> {
        self.connector().source.unwrap()
    }

    pub(crate) fn verifier(&mut self) -> Arc<dyn EventVerifier> {
        self.connector().events.unwrap()
    }

    /// A change at the service, as it is told: headers and body.
    pub(crate) fn event(&self) -> (HeaderMap, Bytes) {
        if self.center.registration().is_none() {
            self.center.register(ADDRESS, true);
        }
        self.lead(1);
        let told = self.center.due_deliveries(self.clock.now()).pop().unwrap();
        (headers(&told), told.body)
    }

    pub(crate) fn desk(&mut self) -> Arc<dyn ReferralDesk> {
        self.connector().referrals.unwrap()
    }

    /// Where one of the four servers is: referrals, registration, certificate, authority.
    pub(crate) fn origin(&self, server: usize) -> String {
        format!("http://{}", self.servers[server].addr)
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// A lead arrives; its id.
    pub(crate) fn lead(&self, number: usize) -> ReferralId {
        let email = format!("sue.{number}@fabrikam.example");
        let id = self.center.create(NewReferral::marketplace_lead(&email));
        id.parse().unwrap()
    }

    /// A referral as it stands, by the service's own book.
    pub(crate) fn member(&self, id: &ReferralId, pointer: &str) -> Value {
        let referral = self.center.referral(id.as_str()).unwrap();
        referral.pointer(pointer).cloned().unwrap_or_default()
    }
}

/// The headers a delivery comes with.
pub(crate) fn headers(told: &Delivery) -> HeaderMap {
    let all = told.headers();
    all.iter()
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
}

/// What the desk sees of it.
pub(crate) async fn seen(desk: &dyn ReferralDesk, id: &ReferralId) -> Referral {
    desk.read(id).await.unwrap().unwrap().referral
}

/// Polls to the end.
pub(crate) async fn read_all(
    source: &dyn Source,
    mut after: Option<Checkpoint>,
) -> (Vec<RawLead>, Option<Checkpoint>) {
    let mut all = Vec::new();
    for _ in 0..1000 {
        let page = source.poll(after.as_ref(), 1000).await.unwrap();
        all.extend(page.items);
        after = page.next.or(after);
        if !page.more {
            return (all, after);
        }
    }
    panic!("polling comes to an end");
}

/// The ids of these, without repetitions.
pub(crate) fn ids(leads: &[RawLead]) -> std::collections::BTreeSet<String> {
    let id = |lead: &RawLead| {
        lead.reference
            .as_deref()
            .unwrap()
            .split(' ')
            .next()
            .unwrap()
            .to_owned()
    };
    leads.iter().map(id).collect()
}
