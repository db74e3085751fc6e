//! Real connectors over simulated systems, called in process.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use connector_kit::clock::{Clock, ManualClock};
use connector_kit::dice::Dice;
use connector_kit::http::{
    Fault, Request, Response, Transport, TransportError, TransportFactory, TransportSettings,
};
use connector_kit::secret::SecretReader;
use connector_kit::{CallBook, ConfigError, Connector, ConnectorContext, ConnectorSettings, Role};
use leadsync_sim::serve::HangUp;
use leadsync_sim::webhook::UnixClock;
use tower::ServiceExt;

/// Whom a pretended system lets in.
pub(crate) const SYSTEM_CLIENT: &str = "leadsync-test";
/// What it takes for a secret.
pub(crate) const SYSTEM_SECRET: &str = "canary-secret-of-the-crm";

/// A system outside, and the kind of connector that speaks to it.
#[derive(Clone)]
pub(crate) struct Outside {
    /// The connector's kind, and its name.
    pub(crate) kind: &'static str,
    /// `[settings]`.
    pub(crate) settings: &'static str,
    /// Which router answers for which host.
    pub(crate) hosts: BTreeMap<&'static str, Router>,
}

impl Outside {
    /// The connector, as a new process builds it.
    pub(crate) fn connector(&self, clock: &ManualClock, calls: &CallBook) -> Connector {
        let env = [("CRM_CLIENT", SYSTEM_CLIENT), ("CRM_SECRET", SYSTEM_SECRET)];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let context = ConnectorContext {
            name: self.kind.to_owned(),
            clock: Arc::new(clock.clone()),
            dice: Dice::seeded(11),
            secrets: SecretReader {
                env: env.into(),
                ..SecretReader::default()
            },
            transports: Arc::new(InProcess(self.hosts.clone())),
            calls: calls.clone(),
            state_dir: None,
        };
        let settings = ConnectorSettings {
            roles: vec![Role::Destination, Role::OutcomeSource],
            settings: self.settings.parse().unwrap(),
            ..ConnectorSettings::default()
        };
        leadsync::registry::build(self.kind, &settings, &context).unwrap()
    }
}

/// The simulators look at the same clock.
pub(crate) fn unix(clock: &ManualClock) -> UnixClock {
    let clock = clock.clone();
    Arc::new(move || clock.now().timestamp())
}

/// Finds routers by host.
#[derive(Clone)]
pub(crate) struct InProcess(pub(crate) BTreeMap<&'static str, Router>);

impl TransportFactory for InProcess {
    fn transport(&self, _: &TransportSettings) -> Result<Arc<dyn Transport>, ConfigError> {
        Ok(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, mut request: Request) -> Result<Response, TransportError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let Some(router) = self.0.get(host.as_str()).cloned() else {
            return Err(TransportError::new(Fault::Dns, format!("no such host: {host}")));
        };
        // As on the wire: the host in its header, the path alone in the line.
        let path = request.uri().path_and_query().unwrap().as_str().parse().unwrap();
        request.headers_mut().insert("host", host.parse().unwrap());
        *request.uri_mut() = path;
        let answer = router.oneshot(request.map(axum::body::Body::from)).await;
        let (parts, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
        let cut = || TransportError::new(Fault::Cut, "the connection broke");
        if parts.extensions.get::<HangUp>().is_some() {
            return Err(cut());
        }
        let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| cut())?;
        Ok(Response::from_parts(parts, body))
    }
}
