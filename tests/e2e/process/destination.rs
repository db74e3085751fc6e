//! A receiver of leads outside, which remembers every lead it was told of.

use std::collections::BTreeMap;

use leadsync_sim::serve::{Server, serve};
use leadsync_sim::webhook::{Rules, Webhook};
use tokio::runtime::{Builder, Runtime};

/// The pretend receiver on a port of its own.
pub(crate) struct Destination {
    pub(crate) webhook: Webhook,
    server: Server,
    _runtime: Runtime,
}

impl Destination {
    pub(crate) fn open() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        // Signatures are not looked at, so the time does not matter.
        let webhook = Webhook::new(Rules::default(), std::sync::Arc::new(|| 0));
        let server = runtime.block_on(serve(webhook.router())).unwrap();
        Self {
            webhook,
            server,
            _runtime: runtime,
        }
    }

    /// `connectors.d/<name>.toml`: as fast as it goes, many leads in one call.
    pub(crate) fn connector(&self) -> String {
        self.connector_with("batch_max = 100\n")
    }

    /// The same with other settings.
    pub(crate) fn connector_with(&self, settings: &str) -> String {
        let address = self.server.addr;
        format!(
            "kind = \"https-endpoint\"\nroles = [\"destination\"]\n\
             rate = {{ per_second = 1000, burst = 1000 }}\nretry = {{ schedule = [\"1s\", \"1s\", \"1s\"] }}\n\
             hold = {{ first = \"1s\", max = \"1s\" }}\n\n\
             [settings]\nurl = \"http://{address}/leads\"\nallow_plain_http = true\n\
             allow_private_targets = [\"127.0.0.0/8\"]\nallowed_ports = [{}]\n{settings}",
            address.port()
        )
    }

    /// How many records it has of each person.
    pub(crate) fn records(&self) -> BTreeMap<String, usize> {
        let mut records = BTreeMap::new();
        for held in self.webhook.leads() {
            let email = held.data["email"].as_str().unwrap_or_default();
            *records.entry(email.to_owned()).or_default() += 1;
        }
        records
    }
}
