//! `connectors.d/NAME.toml` as the bench writes it: the shipped file, with the addresses and secrets of
//! a sink on loopback.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use toml::{Table, Value};

use crate::numbers::figure;

/// The client every simulated system knows.
pub(crate) const CLIENT_ID: &str = "11111111-1111-1111-1111-111111111111";
/// The file it stands in, for those who want it as a secret.
pub(super) const CLIENT_ID_FILE: &str = "client-id.secret";
/// Its secret; it protects nothing here.
pub(crate) const CLIENT_SECRET: &str = "bench-client-secret";

/// The directory it is registered in.
pub(crate) const TENANT: &str = "contoso.onmicrosoft.com";

/// The published development account of Azurite, and of the simulator.
pub(crate) const AZURE_ACCOUNT: &str = "devstoreaccount1";
/// Its published key.
pub(crate) const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// The table of the shipped file.
pub(crate) const AZURE_TABLE: &str = "Leads";

/// Calls a second where a file says nothing (`rate` in `config/connectors.d/webhook.toml`).
const USUAL_PER_SECOND: u64 = 5;

/// Marketo's connector paces itself, whatever the daemon allows.
const MARKETO_UNLIMITED: &str = "calls_per_20s = 10000\ndaily_calls = 10000000\ndaily_quota = 10000000";

/// Which connector the daemon delivers through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SinkKind {
    /// The generic HTTPS endpoint, batches of 100.
    Https,
    /// Azure Table storage.
    AzureTable,
    /// Dataverse.
    Dynamics365,
    /// Salesforce.
    Salesforce,
    /// Marketo.
    Marketo,
}

/// How often the daemon may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pacing {
    /// As the shipped file says.
    Shipped,
    /// As often as it can.
    Unlimited,
}

impl SinkKind {
    /// `Retry-After` while a queue fills: nothing leaves before the opening. A pause Dataverse asks
    /// for is kept by the connector itself, too, and no release shortens it.
    pub(crate) fn held_s(self) -> u32 {
        match self {
            Self::Dynamics365 => 1,
            _ => 3600,
        }
    }

    /// Its name in tables and JSON, and of its file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::AzureTable => "azure-table",
            Self::Dynamics365 => "dynamics365",
            Self::Salesforce => "salesforce",
            Self::Marketo => "marketo",
        }
    }

    /// The most leads one call carries.
    pub(crate) fn batch_max(self) -> u64 {
        match self {
            Self::Https | Self::AzureTable => 100,
            Self::Dynamics365 => 1000,
            Self::Salesforce => 200,
            Self::Marketo => 300,
        }
    }

    /// How often it is called when nothing else is asked for: the CRMs as the shipped files say; the
    /// others have no quota of calls.
    pub(crate) fn usual_pacing(self) -> Pacing {
        match self {
            Self::Https | Self::AzureTable => Pacing::Unlimited,
            Self::Dynamics365 | Self::Salesforce | Self::Marketo => Pacing::Shipped,
        }
    }

    /// Calls in 20 seconds the shipped file allows in the long run.
    pub(crate) fn calls_per_20s(self) -> f64 {
        let shipped: Table = self.shipped().parse().unwrap_or_default();
        let of = |table: &str, key: &str| shipped.get(table)?.get(key)?.as_integer();
        let whole = of("settings", "calls_per_20s").or_else(|| Some(20 * of("rate", "per_second")?));
        figure(
            whole
                .and_then(|calls| u64::try_from(calls).ok())
                .unwrap_or(20 * USUAL_PER_SECOND),
        )
    }

    /// Stands in what it answers about a record it was told to refuse.
    pub(crate) fn refusal(self) -> &'static str {
        match self {
            Self::Https | Self::AzureTable => "",
            Self::Dynamics365 => "This lead is refused by the plug-in of the bench.",
            Self::Salesforce => "This lead is refused by the validation rule of the bench.",
            Self::Marketo => "1003",
        }
    }

    /// The file it is shipped with.
    fn shipped(self) -> &'static str {
        match self {
            Self::Https => include_str!("../../../../config/connectors.d/webhook.toml"),
            Self::AzureTable => include_str!("../../../../config/connectors.d/azure-table.toml"),
            Self::Dynamics365 => include_str!("../../../../config/connectors.d/dynamics365.toml"),
            Self::Salesforce => include_str!("../../../../config/connectors.d/salesforce.toml"),
            Self::Marketo => include_str!("../../../../config/connectors.d/marketo.toml"),
        }
    }
}

/// Everything a file of `connectors.d` needs to know of a sink.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SinkText {
    /// Which connector.
    pub(crate) kind: SinkKind,
    /// The sink's door.
    pub(crate) address: SocketAddr,
    /// How often it may be called.
    pub(crate) pacing: Pacing,
    /// Azurite stands behind the door: it wants the account in the path.
    pub(crate) azurite: bool,
}

impl SinkText {
    /// A sink that is called as often as the daemon can.
    pub(crate) fn unlimited(kind: SinkKind, address: SocketAddr) -> Self {
        Self {
            kind,
            address,
            pacing: Pacing::Unlimited,
            azurite: false,
        }
    }

    /// The file's text; secrets stand in `dir`.
    pub(super) fn connector_text(&self, dir: &Path) -> anyhow::Result<String> {
        let mut table: Table = self
            .kind
            .shipped()
            .parse()
            .context("a shipped file is not TOML")?;
        table.insert("roles".to_owned(), Value::Array(vec!["destination".into()]));
        if self.pacing == Pacing::Unlimited {
            let pace: Table = "rate = { per_second = 100000, burst = 100000 }\nconcurrency = 2".parse()?;
            table.extend(pace);
        }
        let own: Table = self.settings(dir).parse()?;
        let settings = table
            .entry("settings")
            .or_insert_with(|| Value::Table(Table::new()));
        let settings = settings.as_table_mut().context("settings is no table")?;
        settings.extend(own);
        if (self.kind, self.pacing) == (SinkKind::Marketo, Pacing::Unlimited) {
            settings.extend(MARKETO_UNLIMITED.parse::<Table>()?);
        }
        Ok(toml::to_string(&table)?)
    }

    /// What differs from the shipped `[settings]`.
    fn settings(&self, dir: &Path) -> String {
        let (host, port, secret) = (self.address, self.address.port(), self.secret_path(dir));
        let loopback = "allow_private_targets = [\"127.0.0.0/8\"]\n";
        let own = match self.kind {
            SinkKind::Https => format!(
                "url = \"http://{host}/leads\"\nbatch_max = 100\nallow_plain_http = true\nallowed_ports = [{port}]\n",
            ),
            SinkKind::AzureTable => format!("connection_string = {{ file = \"{secret}\" }}\n"),
            SinkKind::Dynamics365 => format!(
                "environment = \"http://{host}\"\nauthority = \"http://{host}\"\ntenant = \"{TENANT}\"\n\
                 client_id = \"{CLIENT_ID}\"\nauth = {{ secret = {{ file = \"{secret}\" }} }}\n\
                 allow_plain_http = true\nallowed_ports = [{port}]\n",
            ),
            SinkKind::Salesforce => format!(
                "instance_url = \"http://{host}\"\nallow_plain_http = true\n\
                 auth = {{ kind = \"client_credentials\", client_id = \"{CLIENT_ID}\", \
                 client_secret = {{ file = \"{secret}\" }} }}\n",
            ),
            SinkKind::Marketo => format!(
                "base_url = \"http://{host}\"\nclient_id = {{ file = \"{id}\" }}\n\
                 client_secret = {{ file = \"{secret}\" }}\n\
                 allow_plain_http = true\nallowed_ports = [{port}]\n",
                id = dir.join(CLIENT_ID_FILE).display(),
            ),
        };
        format!("{loopback}{own}")
    }

    fn secret_path(&self, dir: &Path) -> String {
        format!("{}/{}.secret", dir.display(), self.kind.name())
    }

    /// What stands in `NAME.secret`.
    pub(super) fn secret(&self) -> String {
        match self.kind {
            SinkKind::Https | SinkKind::Dynamics365 | SinkKind::Salesforce | SinkKind::Marketo => {
                CLIENT_SECRET.to_owned()
            }
            SinkKind::AzureTable => format!(
                "DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};\
                 TableEndpoint=http://{}/{};",
                self.address,
                if self.azurite { AZURE_ACCOUNT } else { "" }
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn what_is_written_is_the_shipped_file_with_the_sink_in_place() {
        let address = SocketAddr::from(([127, 0, 0, 1], 4711));
        for kind in SinkKind::value_variants() {
            for pacing in [Pacing::Shipped, Pacing::Unlimited] {
                let sink = SinkText {
                    kind: *kind,
                    address,
                    pacing,
                    azurite: false,
                };
                let text = sink.connector_text(Path::new("/somewhere")).unwrap();
                let written: Table = text.parse().unwrap();
                let shipped: Table = kind.shipped().parse().unwrap();
                assert_eq!(written["kind"], shipped["kind"]);
                assert_eq!(written.get("mapping"), shipped.get("mapping"));
                assert_eq!(written["roles"].as_array().map(Vec::len), Some(1));
                let told = format!("{text}{}", sink.secret());
                assert!(told.contains("127.0.0.1:4711"), "{told}");
                let as_shipped = written.get("rate") == shipped.get("rate");
                assert_eq!(as_shipped, pacing == Pacing::Shipped);
            }
        }
    }
}
