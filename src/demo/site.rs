//! A temporary directory with the config, secrets and certificates of a daemon that lives once.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use connector_kit::dice::Dice;
use leadsync_sim::authority::Authority;
use tempfile::TempDir;

use super::DemoError;
use super::crms::CrmDoors;
use super::partner_center::{Center, CenterDoors, NAME};
use super::receivers::Doors;

/// The address everything listens on; a literal, so that nobody has to resolve a name.
pub const HOST: &str = "127.0.0.1";
/// The name of the pretend storage account.
pub const ACCOUNT: &str = "demoaccount";

/// Where the demo lives; removed with everything in it when dropped.
pub struct Site {
    directory: TempDir,
    /// Signs the certificates of this demo.
    pub authority: Authority,
    /// What only the two ends of each way know.
    pub secrets: Secrets,
}

/// What only the two ends of each way know.
pub struct Secrets {
    /// The last part of the intake URL.
    pub intake: String,
    /// `whsec_..`, which signs what the webhook gets.
    pub webhook: String,
    /// The storage account's key.
    pub table_key: String,
    /// What the app of both CRMs proves itself by.
    pub crm: String,
    /// What seals the sign-in for Partner Center on disk.
    pub vault: String,
}

impl Secrets {
    fn thrown(dice: &Dice) -> Self {
        let throw = || {
            let mut bytes = [0_u8; 32];
            dice.fill(&mut bytes);
            bytes
        };
        Self {
            intake: URL_SAFE_NO_PAD.encode(throw()),
            webhook: format!("whsec_{}", STANDARD.encode(throw())),
            table_key: STANDARD.encode(throw()),
            crm: URL_SAFE_NO_PAD.encode(throw()),
            vault: STANDARD.encode(throw()),
        }
    }
}

impl Site {
    /// Makes the directory, the certificates and the secrets.
    pub fn prepare(dice: &Dice) -> Result<Self, DemoError> {
        let failed = "make a directory for itself";
        let directory = tempfile::Builder::new()
            .prefix("leadsync-demo-")
            .tempdir()
            .map_err(DemoError::while_doing(failed))?;
        std::fs::create_dir(directory.path().join("secrets")).map_err(DemoError::while_doing(failed))?;
        std::fs::create_dir(directory.path().join("connectors.d")).map_err(DemoError::while_doing(failed))?;
        let site = Self {
            directory,
            authority: Authority::new().map_err(DemoError::while_doing("make a certificate"))?,
            secrets: Secrets::thrown(dice),
        };
        let shown = site
            .authority
            .issue_server(HOST)
            .map_err(DemoError::while_doing("make a certificate"))?;
        site.write("ca.pem", &site.authority.pem())?;
        site.write("intake.pem", &shown.certificate)?;
        site.write("secrets/intake-key.pem", &shown.key)?;
        site.write("secrets/marketplace", &site.secrets.intake)?;
        site.write("secrets/webhook", &site.secrets.webhook)?;
        site.write("secrets/crm", &site.secrets.crm)?;
        site.write("secrets/vault", &site.secrets.vault)?;
        site.write("events-ca.pem", &Center::event_authority())?;
        Ok(site)
    }

    /// Writes the config: one file per system, and the daemon's own.
    ///
    /// The numbers may be read at `metrics`, where that is given.
    pub fn configure(
        &self,
        doors: Doors,
        crms: CrmDoors,
        center: CenterDoors,
        metrics: Option<SocketAddr>,
    ) -> Result<(), DemoError> {
        let connection = format!(
            "AccountName={ACCOUNT};AccountKey={};TableEndpoint=http://{HOST}:{}/",
            self.secrets.table_key, doors.table
        );
        self.write("secrets/leads-table", &connection)?;
        let metrics = metrics.map_or(String::new(), |address| format!("metrics = \"{address}\""));
        let main = include_str!("site/leadsync.toml").replace("{METRICS}", &metrics);
        self.write("leadsync.toml", &self.filled(&main, 0))?;
        for (name, template, port) in [
            ("webhook", include_str!("site/webhook.toml"), doors.webhook),
            ("leads-table", include_str!("site/leads-table.toml"), doors.table),
            ("leads-file", include_str!("site/leads-file.toml"), 0),
            (
                "salesforce",
                include_str!("site/salesforce.toml"),
                crms.salesforce,
            ),
            (
                "dynamics365",
                include_str!("site/dynamics365.toml"),
                crms.dynamics,
            ),
            (NAME, include_str!("site/partner-center.toml"), center.referrals),
        ] {
            let template = template
                .replace("{LOGIN_PORT}", &crms.login.to_string())
                .replace("{REGISTRATION_PORT}", &center.registration.to_string())
                .replace("{CERTIFICATE_PORT}", &center.certificate.to_string());
            self.write(
                &format!("connectors.d/{name}.toml"),
                &self.filled(&template, port),
            )?;
        }
        Ok(())
    }

    /// The directory, which is also what `--config` takes.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The certificate whoever posts here must trust.
    pub fn ca_file(&self) -> PathBuf {
        self.directory().join("ca.pem")
    }

    /// What the file connector writes.
    pub fn leads_file(&self) -> PathBuf {
        self.directory().join("leads.jsonl")
    }

    /// Where leads are posted to.
    pub fn intake_url(&self, port: u16) -> String {
        format!(
            "https://{HOST}:{port}/v1/leads/marketplace/{}",
            self.secrets.intake
        )
    }

    /// Where Partner Center tells of changes.
    pub fn events_url(port: u16) -> String {
        format!("https://{HOST}:{port}/v1/{NAME}/events")
    }

    fn filled(&self, template: &str, port: u16) -> String {
        // A path may hold what ends a string in TOML.
        let path = self.directory().to_string_lossy();
        let path = path.replace('\\', r"\\").replace('"', "\\\"");
        template
            .replace("{DIR}", &path)
            .replace("{PORT}", &port.to_string())
    }

    fn write(&self, name: &str, text: &str) -> Result<(), DemoError> {
        // The directory itself is closed to everybody else.
        std::fs::write(self.directory().join(name), text).map_err(DemoError::while_doing("write its config"))
    }
}
