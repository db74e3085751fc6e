//! A whole installation in good health: every kind of system beside it, everything ready, somebody signed in.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use connector_kit::clock::{Clock, SystemClock};
use leadsync_sim::authority::Authority;
use leadsync_sim::azure_table::AzureTable;
use leadsync_sim::dataverse::Dataverse;
use leadsync_sim::entra::Entra;
use leadsync_sim::marketo::Marketo;
use leadsync_sim::partner_center::{PartnerCenter, Settings};
use leadsync_sim::salesforce::Salesforce;
use leadsync_sim::webhook::{Rules, Webhook};
use serde_json::Value;

use super::desk::{ADA, APP, sign_in};
use super::{House, Town};

/// Where everything is.
const HOST: &str = "127.0.0.1";
const SECRET: &str = "canary-secret-of-every-system-0123";
const TENANT: &str = "72f988bf-0000-0000-0000-2d7cd011db47";
const DOMAIN: &str = "contoso.example";
const CRM_APP: &str = "11111111-1111-1111-1111-111111111111";
/// Base64 of an account's key.
const KEY: &str = "Y2FuYXJ5LWtleS1vZi10aGUtYWNjb3VudC0wMTIzNDU2Nzg5";

/// The systems beside it.
pub(crate) struct Systems {
    pub(crate) salesforce: Salesforce,
    pub(crate) entra: Entra,
    pub(crate) dataverse: Dataverse,
    pub(crate) marketo: Marketo,
    pub(crate) center: PartnerCenter,
    /// Whose time may differ from ours: that of Salesforce.
    pub(crate) town: Town,
    addresses: BTreeMap<&'static str, SocketAddr>,
    _nearby: Town,
}

/// The installation.
pub(crate) struct Clinic {
    pub(crate) house: House,
    pub(crate) systems: Systems,
    pub(crate) authority: Authority,
    files: BTreeMap<String, String>,
}

impl Systems {
    fn open(authority: &Authority) -> Self {
        let (mut town, mut nearby) = (Town::new(), Town::new());
        let salesforce = Salesforce::new(town.seconds());
        salesforce.add_app("3MVG9app", SECRET);
        salesforce.behind_tls();
        let entra = Entra::new(TENANT, DOMAIN, nearby.seconds());
        let dataverse = Dataverse::new(&entra, nearby.seconds());
        let marketo = Marketo::new("client", SECRET, nearby.millis());
        let center = PartnerCenter::new(&entra, Arc::new(|| SystemClock.now()));
        let table = AzureTable::new("contosoleads", KEY, SystemClock.now());
        table.create_table("Leads");
        // Signatures are not looked at, so the time does not matter.
        let hook = Webhook::new(Rules::default(), Arc::new(|| 0));
        let tls = || authority.server(HOST).unwrap();
        let addresses = BTreeMap::from([
            ("sales", town.open_tls(salesforce.router(), tls())),
            ("login", nearby.open_tls(entra.router(), tls())),
            ("crm", nearby.open_tls(dataverse.router(), tls())),
            ("nurture", nearby.open_tls(marketo.router(), tls())),
            ("referrals", nearby.open_tls(center.referrals_router(), tls())),
            ("center", nearby.open_tls(center.webhooks_router(), tls())),
            (
                "certificates",
                nearby.open_tls(center.certificates_router(), tls()),
            ),
            ("rows", nearby.open_tls(table.router(), tls())),
            ("hook", nearby.open_tls(hook.router(), tls())),
            (
                "ended",
                nearby.open_tls(hook.router(), authority.expired_server(HOST).unwrap()),
            ),
        ]);
        let systems = Self {
            salesforce,
            entra,
            dataverse,
            marketo,
            center,
            town,
            addresses,
            _nearby: nearby,
        };
        systems.furnish();
        systems
    }

    fn furnish(&self) {
        self.entra.at(&self.origin("login"));
        self.entra.poll_every(1);
        self.entra.add_secret(CRM_APP, SECRET, None);
        self.entra.add_public_client(APP, &["http://localhost"]);
        self.entra.add_user(ADA, &["Referrals admin"]);
        let audiences = Settings::default();
        self.entra.consent(APP, &audiences.referrals_audience);
        self.entra.consent(APP, &audiences.center_audience);
        self.dataverse.at(&self.origin("crm"));
        self.dataverse.keys_take(1);
        // The doctor comes more often than an instance would bear.
        self.marketo.set_limits(|limits| limits.in_window = 10_000);
        self.center.referrals_at(&self.origin("referrals"));
        self.center.center_at(&self.origin("center"));
        self.center.certificates_at(&self.origin("certificates"));
    }

    /// Where a system is.
    pub(crate) fn origin(&self, name: &str) -> String {
        format!("https://{}", self.addresses[name])
    }

    /// As they were.
    pub(crate) fn heal(&self) {
        self.town.clock().run_ahead(0);
        self.entra.remove_secret(SECRET);
        self.entra.add_secret(CRM_APP, SECRET, None);
    }

    /// The client secret of the CRM's application has ended.
    pub(crate) fn end_secret(&self) {
        self.entra.remove_secret(SECRET);
        self.entra.add_secret(CRM_APP, SECRET, Some(0));
    }

    /// The application is no user of the CRM.
    pub(crate) fn forget_user(&self) {
        self.dataverse.forget_user(CRM_APP);
    }
}

impl Clinic {
    /// Opens everything, makes it ready, and lets somebody sign in.
    pub(crate) fn open() -> Self {
        let authority = Authority::new().unwrap();
        let systems = Systems::open(&authority);
        let mut clinic = Self {
            house: House::new(),
            systems,
            authority,
            files: BTreeMap::new(),
        };
        clinic.files = clinic.plan();
        clinic.restore();
        std::fs::create_dir(clinic.house.path("archive")).unwrap();
        std::fs::create_dir(clinic.house.path("db")).unwrap();
        sign_in(&clinic.house, &clinic.systems.entra);
        for connector in ["sales", "crm", "nurture", "desk"] {
            let output = clinic
                .house
                .run(&["provision", connector, "--apply", "--wait", "1m"]);
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                output.status.success(),
                "{said}{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        clinic
    }

    /// Every file of it, by name.
    fn plan(&self) -> BTreeMap<String, String> {
        let listener = self.authority.issue_server(&self.host()).unwrap();
        let mut files = BTreeMap::from([
            ("leadsync.toml".to_owned(), self.main()),
            ("ca.pem".to_owned(), self.authority.pem()),
            ("roots.pem".to_owned(), PartnerCenter::trusted_authority()),
            ("chain.pem".to_owned(), listener.certificate),
            (
                "units/leadsync.service".to_owned(),
                include_str!("../../../systemd/leadsync.service").to_owned(),
            ),
        ]);
        let table = format!(
            "AccountName=contosoleads;AccountKey={KEY};TableEndpoint={}",
            self.systems.origin("rows")
        );
        let credentials = [
            ("web.secret", SECRET),
            ("tls.key", &listener.key),
            ("sales", SECRET),
            ("crm", SECRET),
            ("nurture-id", "client"),
            ("nurture", SECRET),
            ("table", &table),
            ("desk-key", SECRET),
            ("hook", SECRET),
        ];
        let mut drop_in = "[Service]\n".to_owned();
        for (name, secret) in credentials {
            let file = format!("credentials/{name}");
            let place = self.house.path(&file).display().to_string();
            drop_in.extend(["LoadCredential=", name, ":", &place, "\n"]);
            files.insert(file, secret.to_owned());
        }
        files.insert("units/leadsync.service.d/credentials.conf".to_owned(), drop_in);
        for (name, text) in self.connectors() {
            files.insert(format!("connectors.d/{name}.toml"), text);
        }
        files
    }

    fn main(&self) -> String {
        let here = self.house.path("");
        let here = here.display().to_string();
        let here = here.trim_end_matches('/');
        let public = self.house.public;
        format!(
            "state_dir = \"{here}/state\"\n[listen]\npublic = \"{public}\"\npublic_url = \"https://{public}\"\n\
             admin = \"unix:{here}/admin.sock\"\n[listen.tls]\ncertificate = \"{here}/chain.pem\"\n\
             key = {{ credential = \"tls.key\" }}\n[sources.web]\nsecrets = [{{ credential = \"web.secret\" }}]\n\
             [store]\npath = \"{here}/db/leadsync.db\"\n"
        )
    }

    fn connectors(&self) -> BTreeMap<&'static str, String> {
        let systems = &self.systems;
        let at = |name: &str| systems.origin(name);
        let crm = "roles = [\"destination\", \"outcome-source\"]\n[settings]\n";
        let certificate = systems.center.certificate_url();
        let ports: Vec<u16> = systems.addresses.values().map(SocketAddr::port).collect();
        let ca = self.house.path("ca.pem").display().to_string();
        let rows = format!("ca_file = \"{ca}\"\nallow_private_targets = [\"127.0.0.0/8\"]\n");
        let nearby = format!("{rows}allowed_ports = {ports:?}\n");
        BTreeMap::from([
            (
                "archive",
                format!(
                    "kind = \"file\"\nroles = [\"destination\"]\n[settings]\npath = \"{}\"\n",
                    self.house.path("archive/leads.jsonl").display(),
                ),
            ),
            (
                "sales",
                format!(
                    "kind = \"salesforce\"\n{crm}instance_url = \"{}\"\nauth = {{ kind = \"client_credentials\", \
                 client_id = \"3MVG9app\", client_secret = {{ credential = \"sales\" }} }}\n{nearby}",
                    at("sales"),
                ),
            ),
            (
                "crm",
                format!(
                    "kind = \"dynamics365\"\n{crm}environment = \"{}\"\ntenant = \"{TENANT}\"\nclient_id = \"{CRM_APP}\"\n\
                 authority = \"{}\"\nauth = {{ secret = {{ credential = \"crm\" }} }}\n{nearby}",
                    at("crm"),
                    at("login"),
                ),
            ),
            (
                "nurture",
                format!(
                    "kind = \"marketo\"\n{crm}base_url = \"{}/rest\"\nclient_id = {{ credential = \"nurture-id\" }}\n\
                 client_secret = {{ credential = \"nurture\" }}\n{nearby}",
                    at("nurture"),
                ),
            ),
            (
                "rows",
                format!(
                    "kind = \"azure-table\"\nroles = [\"destination\"]\n[settings]\nconnection_string = {{ credential = \"table\" }}\n\
                 table = \"Leads\"\n{rows}",
                ),
            ),
            (
                "hook",
                format!(
                    "kind = \"https-endpoint\"\nroles = [\"destination\"]\n[settings]\nurl = \"{}/leads\"\n\
                 auth = {{ kind = \"bearer\", token = {{ credential = \"hook\" }} }}\n{nearby}",
                    at("hook"),
                ),
            ),
            (
                "desk",
                format!(
                    "kind = \"partner-center\"\nroles = [\"source\", \"outcome-sink\"]\n[settings]\ntenant = \"{DOMAIN}\"\n\
                 client_id = \"{APP}\"\nvault_key = {{ credential = \"desk-key\" }}\nauthority = \"{}\"\n\
                 referrals_url = \"{}/v1.0/engagements\"\npartner_center_url = \"{}\"\n\
                 partner_center_audience = \"https://api.partnercenter.microsoft.com\"\n{nearby}\
                 [settings.webhook]\nurl = \"https://leads.contoso.example/v1/desk/events\"\n\
                 certificate_hosts = [\"{}\"]\nroots_file = \"{}\"\ncertificate_url = \"{certificate}\"\n",
                    at("login"),
                    at("referrals"),
                    at("center"),
                    certificate.split('/').nth(2).unwrap(),
                    self.house.path("roots.pem").display(),
                ),
            ),
        ])
    }

    /// The name in the address Microsoft knows.
    pub(crate) fn host(&self) -> String {
        self.house.public.ip().to_string()
    }

    /// Every file as it was, for its owner alone; every system as it was.
    pub(crate) fn restore(&self) {
        for (name, text) in &self.files {
            let path = self.house.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let _ = std::fs::remove_file(&path);
            std::fs::write(&path, text).unwrap();
            self.mode(name, 0o600);
        }
        for folder in ["state", "credentials"] {
            self.mode(folder, 0o700);
        }
        let _ = std::fs::remove_file(self.house.path("db/leadsync.db"));
        self.systems.heal();
    }

    /// Who may do what with a file.
    pub(crate) fn mode(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.house.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Something else in place of something in a file.
    #[track_caller]
    pub(crate) fn change(&self, file: &str, from: &str, to: &str) {
        let text = &self.files[file];
        assert!(text.contains(from), "{file} does not say {from}");
        std::fs::write(self.house.path(file), text.replacen(from, to, 1)).unwrap();
    }

    /// Another text for a file.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.house.path(file);
        std::fs::write(path, text).unwrap();
        self.mode(file, 0o600);
    }

    /// A file that is no more.
    pub(crate) fn lose(&self, file: &str) -> PathBuf {
        let path = self.house.path(file);
        std::fs::remove_file(&path).unwrap();
        path
    }

    /// A command with this installation's unit and authorities.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.house.command();
        self.equip(&mut command);
        command
    }

    /// Lets a command find this installation's unit and authorities.
    pub(crate) fn equip(&self, command: &mut Command) {
        command
            .env("SYSTEMD_UNIT_PATH", self.house.path("units"))
            .env("SSL_CERT_FILE", self.house.path("ca.pem"));
    }

    /// What is not as it should be, as the doctor tells it: whose, which check, and the check itself.
    #[track_caller]
    pub(crate) fn ailments(command: &mut Command) -> Vec<(String, String, Value)> {
        let output = command.output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        for canary in ["canary", "Bearer", "PRIVATE KEY", "eyJ", KEY] {
            assert!(
                !printed.contains(canary) && !complaint.contains(canary),
                "{canary}: {printed}{complaint}"
            );
        }
        let told: Value = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{printed}{complaint}"));
        let mut ailments = Vec::new();
        let connectors = told["connectors"].as_array().unwrap().iter();
        let sections = connectors.map(|one| (one["name"].as_str().unwrap(), &one["checks"]));
        for (whose, checks) in std::iter::once(("this machine", &told["machine"]["checks"])).chain(sections) {
            let checks = checks.as_array().unwrap();
            assert!(!checks.is_empty(), "{whose}");
            for check in checks
                .iter()
                .filter(|check| check["state"] == "failed" || check["state"] == "warning")
            {
                ailments.push((
                    whose.to_owned(),
                    check["check"].as_str().unwrap().to_owned(),
                    check.clone(),
                ));
            }
        }
        let expected = ailments.iter().any(|(_, _, check)| check["state"] == "failed");
        assert_eq!(output.status.success(), !expected, "{printed}{complaint}");
        ailments
    }
}
