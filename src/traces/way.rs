//! The way to the collector: our own client, so that there is one TLS, one policy and one set of time-outs.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::ConfigError;
use connector_kit::clock::Clock;
use connector_kit::http::{Transport, TransportSettings};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;
use tracing::warn;
use url::Url;

use crate::app::Outside;

/// A collector that does not answer in this time does without.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same complaint is not made again within this time.
const SILENCE: TimeDelta = TimeDelta::minutes(10);

/// Collectors live in private networks or on this machine, which has to be named of itself.
const AT_HOME: [&str; 4] = ["0.0.0.0/0", "::/0", "127.0.0.0/8", "::1"];

/// Sends spans; complains now and then when nobody takes them.
pub(super) struct Way {
    transport: Arc<dyn Transport>,
    back: Handle,
    clock: Arc<dyn Clock>,
    complained: Mutex<Option<DateTime<Utc>>>,
}

impl Way {
    pub(super) fn open(endpoint: &Url, outside: &Outside, back: Handle) -> Result<Self, ConfigError> {
        let settings = TransportSettings {
            total_timeout: PATIENCE,
            allow_plain_http: endpoint.scheme() == "http",
            allow_private_targets: AT_HOME.map(str::to_owned).to_vec(),
            allowed_ports: endpoint.port_or_known_default().into_iter().collect(),
            idle_connections: 1,
            ..TransportSettings::default()
        };
        Ok(Self {
            transport: outside.transports.transport(&settings)?,
            back,
            clock: Arc::clone(&outside.clock),
            complained: Mutex::default(),
        })
    }

    fn complain(&self, reason: &str) {
        let now = self.clock.now();
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if complained.is_some_and(|last| now - last < SILENCE) {
            return;
        }
        *complained = Some(now);
        warn!(
            event = "traces_not_taken",
            reason, "traces are lost: the collector does not take them"
        );
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Way")
    }
}

#[async_trait]
impl HttpClient for Way {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let transport = Arc::clone(&self.transport);
        // Whoever asks has a thread of its own without the network's runtime.
        let sending = self.back.spawn(async move { transport.send(request).await });
        let answer = sending.await?;
        match &answer {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => self.complain(answer.status().as_str()),
            Err(error) => self.complain(&error.to_string()),
        }
        Ok(answer?)
    }
}
