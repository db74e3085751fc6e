//! A receiver on a real socket, the connector in front of it, and a clock turned by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use connector_kit::clock::{Clock, ManualClock};
use connector_kit::conformance::leads;
use connector_kit::dice::Dice;
use connector_kit::http::ReqwestFactory;
use connector_kit::secret::SecretReader;
use connector_kit::{
    CallBook, ConfigError, Connector, ConnectorContext, ConnectorError, ConnectorSettings, Destination,
    LeadDelivery, Receipt, Role,
};
use leadsync_sim::serve::{Server, serve};
use leadsync_sim::webhook::strict::Form;
use leadsync_sim::webhook::{Rules, TokenEndpoint, UnixClock, Webhook};

pub(crate) const SECRET: &str = "whsec_bGVhZHN5bmMtdGVzdC1zZWNyZXQtMzItYnl0ZXMtMDE=";
pub(crate) const OLD_SECRET: &str = "whsec_bGVhZHN5bmMtdGVzdC1zZWNyZXQtMzItYnl0ZXMtMDI=";

/// Everything a test of this connector touches.
pub(crate) struct World {
    pub(crate) hook: Webhook,
    pub(crate) server: Server,
    pub(crate) clock: ManualClock,
    pub(crate) destination: Arc<dyn Destination>,
    pub(crate) connector: Connector,
    pub(crate) calls: CallBook,
}

pub(crate) fn clock() -> ManualClock {
    ManualClock::new("2026-11-20T12:00:00Z".parse().unwrap())
}

/// The receiver looks at the same clock.
pub(crate) fn unix(clock: &ManualClock) -> UnixClock {
    let clock = clock.clone();
    Arc::new(move || clock.now().timestamp())
}

pub(crate) fn context(clock: &ManualClock) -> ConnectorContext {
    let env = [
        ("SECRET", SECRET),
        ("OLD_SECRET", OLD_SECRET),
        ("TOKEN", "canary-token"),
        ("PASSWORD", "open sesame"),
    ];
    ConnectorContext {
        name: "webhook".into(),
        clock: Arc::new(clock.clone()),
        dice: Dice::seeded(7),
        secrets: SecretReader {
            credentials_dir: None,
            env: env
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
        },
        transports: Arc::new(ReqwestFactory::new("leadsync/test")),
        calls: CallBook::default(),
        state_dir: None,
    }
}

/// Settings for a receiver on this machine; `more` is TOML, and wins.
pub(crate) fn settings(server: &Server, more: &str) -> ConnectorSettings {
    settings_at(
        &format!("http://{}/leads?sig=canary-sig", server.addr),
        &[server.addr.port()],
        more,
    )
}

pub(crate) fn settings_at(url: &str, ports: &[u16], more: &str) -> ConnectorSettings {
    let mut table: toml::Table = toml::toml! {
        allow_plain_http = true
        allow_private_targets = ["127.0.0.0/8"]
        signing_secrets = [{ env = "SECRET" }]
        timeout = "400ms"
        connect_timeout = "200ms"
    };
    table.insert("url".into(), url.into());
    table.insert(
        "allowed_ports".into(),
        ports
            .iter()
            .map(|port| i64::from(*port))
            .collect::<Vec<_>>()
            .into(),
    );
    table.extend(more.parse::<toml::Table>().unwrap());
    ConnectorSettings {
        roles: vec![Role::Destination, Role::Alerts],
        settings: table,
        ..ConnectorSettings::default()
    }
}

/// Builds from TOML; for tests of the config alone.
pub(crate) fn build(settings: &ConnectorSettings) -> Result<Connector, ConfigError> {
    connector_https_endpoint::build(settings, &context(&clock()))
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Form::Standard, "").await
    }

    pub(crate) async fn with(form: Form, more: &str) -> Self {
        let clock = clock();
        let rules = Rules {
            secrets: vec![SECRET.into()],
            form,
        };
        let hook = Webhook::new(rules, unix(&clock));
        Self::of(hook, clock, more).await
    }

    /// A receiver that takes only tokens of this endpoint.
    pub(crate) async fn guarded(tokens: &TokenEndpoint, token_server: &Server, clock: ManualClock) -> Self {
        let rules = Rules {
            secrets: vec![SECRET.into()],
            form: Form::Standard,
        };
        let hook = Webhook::new(rules, unix(&clock)).guarded_by(tokens.clone());
        let server = serve(hook.router()).await.unwrap();
        let mut settings = settings(&server, "");
        let ports = vec![i64::from(server.addr.port()), i64::from(token_server.addr.port())];
        settings.settings.insert("allowed_ports".into(), ports.into());
        let auth: toml::Table = format!(
            "kind = 'oauth2'\ntoken_url = 'http://{}/token'\nclient_id = 'leadsync'\nclient_secret = {{ env = 'PASSWORD' }}",
            token_server.addr
        )
        .parse()
        .unwrap();
        settings.settings.insert("auth".into(), auth.into());
        Self::built(hook, server, clock, &settings)
    }

    async fn of(hook: Webhook, clock: ManualClock, more: &str) -> Self {
        let server = serve(hook.router()).await.unwrap();
        let settings = settings(&server, more);
        Self::built(hook, server, clock, &settings)
    }

    pub(crate) fn built(
        hook: Webhook,
        server: Server,
        clock: ManualClock,
        settings: &ConnectorSettings,
    ) -> Self {
        let context = context(&clock);
        let connector = connector_https_endpoint::build(settings, &context).unwrap();
        let destination = connector.destination.clone().unwrap();
        Self {
            hook,
            server,
            clock,
            destination,
            connector,
            calls: context.calls,
        }
    }

    pub(crate) async fn deliver(&self, delivery: &LeadDelivery) -> Result<Receipt, ConnectorError> {
        self.destination
            .upsert(std::slice::from_ref(delivery))
            .await
            .remove(0)
    }

    /// Delivers lead 1.
    pub(crate) async fn deliver_one(&self) -> Result<Receipt, ConnectorError> {
        self.deliver(&leads::delivery(1)).await
    }

    pub(crate) fn assert_no_complaints(&self) {
        assert_eq!(self.hook.complaints(), Vec::<String>::new());
    }
}
