//! The configuration the bench writes for the daemon: the one place that knows its keys.

use std::net::SocketAddr;
use std::path::Path;

/// The secret in the intake's URL; it protects nothing here.
pub(super) const SECRET: &str = "bench-secret-of-32-characters-ok";

/// Path of the intake.
pub(super) fn intake_path() -> String {
    format!("/v1/leads/bench/{SECRET}")
}

/// Which connector the daemon delivers through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SinkKind {
    /// The generic HTTPS endpoint, batches of 100.
    Https,
    /// Azure Table storage, as Azurite plays it.
    AzureTable,
}

impl SinkKind {
    /// Its name in tables and JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::AzureTable => "azure-table",
        }
    }

    /// The most leads one call carries.
    pub(crate) fn batch_max(self) -> u64 {
        match self {
            Self::Https | Self::AzureTable => 100,
        }
    }
}

/// `leadsync.toml`.
pub(super) fn daemon_text(dir: &Path, public: SocketAddr) -> String {
    format!(
        r#"state_dir = "{dir}/state"

[listen]
public = "{public}"
admin = "unix:{dir}/admin.sock"

[sources.bench]
secrets = [{{ file = "{dir}/bench.secret" }}]

# All load comes from one address.
[intake]
rate_per_address = {{ per_second = 1000000, burst = 1000000 }}
max_connections_per_address = 1024
"#,
        dir = dir.display(),
    )
}

/// Everything `connectors.d/sink.toml` and the files beside it need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SinkText {
    /// Which connector.
    pub(crate) kind: SinkKind,
    /// The loopback sink, or the proxy before Azurite.
    pub(crate) address: SocketAddr,
}

impl SinkText {
    /// `connectors.d/sink.toml`.
    pub(super) fn connector_text(&self, dir: &Path) -> String {
        let (kind, settings) = match self.kind {
            SinkKind::Https => (
                "https-endpoint",
                format!(
                    "url = \"http://{}/leads\"\nbatch_max = {}\nallow_private_targets = [\"127.0.0.0/8\"]\n\
                     allow_plain_http = true\nallowed_ports = [{}]\n",
                    self.address,
                    self.kind.batch_max(),
                    self.address.port()
                ),
            ),
            SinkKind::AzureTable => (
                "azure-table",
                format!(
                    "connection_string = {{ file = \"{}/azure.secret\" }}\nallow_private_targets = [\"127.0.0.0/8\"]\n",
                    dir.display()
                ),
            ),
        };
        format!(
            "kind = \"{kind}\"\nroles = [\"destination\"]\n\
             rate = {{ per_second = 100000, burst = 100000 }}\nconcurrency = 2\n\n[settings]\n{settings}"
        )
    }

    /// The connection string of Azurite's published development account, through the proxy.
    pub(super) fn azure_secret(&self) -> String {
        format!(
            "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;\
             AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;\
             TableEndpoint=http://{}/devstoreaccount1;",
            self.address
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_for_the_daemon_is_toml() {
        let dir = Path::new("/somewhere");
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let main: toml::Table = daemon_text(dir, address).parse().unwrap();
        assert_eq!(main["listen"]["public"].as_str(), Some("127.0.0.1:80"));
        for kind in [SinkKind::Https, SinkKind::AzureTable] {
            let text = SinkText { kind, address }.connector_text(dir);
            let connector: toml::Table = text.parse().unwrap();
            assert_eq!(connector["roles"].as_array().map(Vec::len), Some(1));
            assert!(connector["settings"].is_table());
        }
    }
}
