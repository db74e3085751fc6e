//! A pretended Partner Center and a pretended Dynamics 365 on TLS, and the house between them.

use std::sync::Arc;

use connector_kit::clock::{Clock, SystemClock};
use leadsync_sim::authority::Authority;
use leadsync_sim::dataverse::Dataverse;
use leadsync_sim::entra::Entra;
use leadsync_sim::partner_center::{Delivery, Kind, NewReferral, PartnerCenter, Settings};
use leadsync_sim::serve::{Server, serve_tls};
use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Runtime};

use super::crm::{CANARY, make_ready};
use super::desk::{ADA, APP, sign_in};
use super::{Answer, Daemon, House, TownClock, eventually};

/// The application that writes into the CRM.
const CRM_APP: &str = "11111111-1111-1111-1111-111111111111";
const DOMAIN: &str = "contoso.example";
const HOST: &str = "127.0.0.1";

/// What Microsoft was told; something before the house takes it to the daemon.
const ADDRESS: &str = "https://leads.contoso.example/v1/desk/events";

/// What the CRM says a deal is worth when it is won.
const VALUE: u32 = 31_500;

/// Both sides, their authority, and the house. Somebody has signed in, and the CRM is ready.
pub(crate) struct Circuit {
    pub(crate) center: PartnerCenter,
    pub(crate) entra: Entra,
    pub(crate) crm: Dataverse,
    pub(crate) house: House,
    /// Where a certificate is that nobody may ask for.
    elsewhere: String,
    /// The time at Partner Center.
    time: TownClock,
    servers: Vec<Server>,
    _runtime: Runtime,
}

impl Circuit {
    /// Changes come by events alone: nobody polls before the test is over.
    pub(crate) fn with_events() -> Self {
        Self::behind(0)
    }

    /// The same, and Microsoft's clock is so many hours behind: what it tells of is so old.
    pub(crate) fn behind(hours: i64) -> Self {
        let circuit = Self::open("1h", true, hours);
        let made = circuit.house.ask(&["provision", "desk", "--apply"]);
        assert!(circuit.center.registration().is_some(), "{made}");
        circuit
    }

    /// Nobody is told of anything.
    pub(crate) fn without_events() -> Self {
        Self::open("250ms", false, 0)
    }

    fn open(poll_every: &str, webhook: bool, behind: i64) -> Self {
        let seconds: Arc<dyn Fn() -> i64 + Send + Sync> = Arc::new(|| SystemClock.now().timestamp());
        let entra = Entra::new(
            "72f988bf-0000-0000-0000-2d7cd011db47",
            DOMAIN,
            Arc::clone(&seconds),
        );
        let time = TownClock::default();
        time.run_ahead(-60 * behind);
        let here = time.clone();
        let center = PartnerCenter::new(&entra, Arc::new(move || here.now()));
        let crm = Dataverse::new(&entra, seconds);
        let authority = Authority::new().unwrap();
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let serve = |router| {
            let tls = authority.server(HOST).unwrap();
            runtime.block_on(serve_tls(router, tls)).unwrap()
        };
        let servers: Vec<Server> = [
            entra.router(),
            center.referrals_router(),
            center.webhooks_router(),
            center.certificates_router(),
            crm.router(),
            center.certificates_router(),
        ]
        .into_iter()
        .map(serve)
        .collect();
        let at = |server: usize| format!("https://{}", servers[server].addr);
        entra.at(&at(0));
        center.referrals_at(&at(1));
        center.center_at(&at(2));
        center.certificates_at(&at(3));
        crm.at(&at(4));
        let circuit = Self {
            house: House::new(),
            elsewhere: at(5),
            time,
            center,
            entra,
            crm,
            servers,
            _runtime: runtime,
        };
        circuit.furnish(&authority.pem(), poll_every, webhook);
        circuit
    }

    /// Everything an operator does once.
    fn furnish(&self, authority: &str, poll_every: &str, webhook: bool) {
        self.entra.poll_every(1);
        self.entra.add_public_client(APP, &["http://localhost"]);
        self.entra.add_user(ADA, &["Referrals admin"]);
        let settings = Settings::default();
        self.entra.consent(APP, &settings.referrals_audience);
        self.entra.consent(APP, &settings.center_audience);
        self.entra.add_secret(CRM_APP, CANARY, None);
        self.crm.keys_take(1);

        let house = &self.house;
        std::fs::write(house.path("ca.pem"), authority).unwrap();
        std::fs::write(house.path("roots.pem"), PartnerCenter::trusted_authority()).unwrap();
        house.write_secret("crm.secret", CANARY);
        house.write_secret("vault.key", "canary-vault-key-0123456789abcdef");
        house.add_connector("crm", &self.crm_text());
        make_ready(house);
        house.add_connector("desk", &self.desk_text(poll_every, webhook));
        sign_in(house, &self.entra);
    }

    fn crm_text(&self) -> String {
        format!(
            "kind = \"dynamics365\"\nroles = [\"destination\", \"outcome-source\"]\nwatch_every = \"200ms\"\n\
             rate = {{ per_second = 100, burst = 100 }}\n[settings]\nenvironment = \"{}\"\ntenant = \"{DOMAIN}\"\n\
             client_id = \"{CRM_APP}\"\nauthority = \"{}\"\nauth = {{ secret = {{ file = \"{}\" }} }}\n{}",
            self.crm.origin(),
            self.entra.origin(),
            self.house.path("crm.secret").display(),
            self.nearby(),
        )
    }

    fn desk_text(&self, poll_every: &str, webhook: bool) -> String {
        let certificate = self.center.certificate_url();
        let hears = format!(
            "[settings.webhook]\nurl = \"{ADDRESS}\"\ncertificate_hosts = [\"{}\"]\nroots_file = \"{}\"\n\
             certificate_url = \"{certificate}\"\n",
            certificate.split('/').nth(2).unwrap(),
            self.house.path("roots.pem").display(),
        );
        format!(
            "kind = \"partner-center\"\nroles = [\"source\", \"outcome-sink\"]\npoll_every = \"{poll_every}\"\n\
             rate = {{ per_second = 100, burst = 100 }}\n[settings]\ntenant = \"{DOMAIN}\"\nclient_id = \"{APP}\"\n\
             vault_key = {{ file = \"{}\" }}\nauthority = \"{}\"\nreferrals_url = \"{}/v1.0/engagements\"\n\
             partner_center_url = \"{}\"\npartner_center_audience = \"https://api.partnercenter.microsoft.com\"\n{}{}",
            self.house.path("vault.key").display(),
            self.entra.origin(),
            self.origin(1),
            self.origin(2),
            self.nearby(),
            if webhook { &hears } else { "" },
        )
    }

    /// The lines that let a connector reach systems of this machine.
    fn nearby(&self) -> String {
        let ports: Vec<u16> = self.servers.iter().map(|server| server.addr.port()).collect();
        format!(
            "ca_file = \"{}\"\nallow_private_targets = [\"127.0.0.0/8\"]\nallowed_ports = {ports:?}\n",
            self.house.path("ca.pem").display()
        )
    }

    fn origin(&self, server: usize) -> String {
        format!("https://{}", self.servers[server].addr)
    }

    /// Starts the daemon and waits until its first poll is over.
    pub(crate) fn start(&self) -> Daemon {
        let before = self.center.count(Kind::List);
        let daemon = Daemon::start(&self.house);
        // What nobody answered, what somebody works on, and what changed.
        eventually("a first poll", || {
            (self.center.count(Kind::List) >= before + 3).then_some(())
        });
        daemon
    }

    /// A customer asks for contact; the id of the referral.
    pub(crate) fn refer(&self, email: &str) -> String {
        self.center.create(NewReferral::marketplace_lead(email))
    }

    /// What Microsoft has to tell now.
    pub(crate) fn untold(&self) -> Vec<Delivery> {
        self.center.due_deliveries(self.time.now())
    }

    /// Posts it, each once; the answers.
    pub(crate) fn tell(&self) -> Vec<u16> {
        let post = |told: Delivery| {
            let status = self.post(&told.headers(), &told.body).status;
            self.center.answered(told.id, Some(status));
            status
        };
        self.untold().into_iter().map(post).collect()
    }

    /// Posts to the daemon's door for events.
    pub(crate) fn post(&self, headers: &[(&'static str, String)], body: &[u8]) -> Answer {
        let lines: String = headers
            .iter()
            .map(|(name, value)| [*name, ": ", value, "\r\n"].concat())
            .collect();
        let request = format!(
            "POST /v1/desk/events HTTP/1.1\r\nHost: leads.contoso.example\r\n{lines}Content-Length: {}\r\n\r\n{}",
            body.len(),
            String::from_utf8_lossy(body),
        );
        self.house.send(&request).unwrap()
    }

    /// Where a certificate of the same name is, on a host that is not allowed.
    pub(crate) fn certificate_elsewhere(&self) -> String {
        let here = self.center.certificate_url();
        let path = here.splitn(4, '/').nth(3).unwrap();
        format!("{}/{path}", self.elsewhere)
    }

    /// The record of a referral, if the CRM has one.
    pub(crate) fn record(&self, referral: &str) -> Option<Map<String, Value>> {
        let mut records = self.crm.leads_by("lsync_referralid");
        records.remove(referral)
    }

    /// Waits for the record of a referral; its id.
    #[track_caller]
    pub(crate) fn arrived(&self, referral: &str) -> String {
        let record = eventually("a record in the CRM", || self.record(referral));
        record["leadid"].as_str().unwrap().to_owned()
    }

    /// Sales says what the deal may be worth and qualifies the lead; its opportunity.
    pub(crate) fn qualify(&self, record: &str) -> String {
        let estimate = json!({ "estimatedamount": 25_000, "estimatedclosedate": "2027-03-31" });
        self.crm.change("lead", record, &estimate);
        self.crm.qualify(record)
    }

    /// Sales wins it.
    pub(crate) fn win(&self, opportunity: &str) {
        self.crm.win(opportunity, VALUE.into(), Some("2027-02-28"));
    }

    /// How the referral stands, by the service's own book.
    pub(crate) fn stage(&self, referral: &str) -> String {
        self.center.stage(referral).unwrap().to_string()
    }

    /// Waits until it stands so.
    #[track_caller]
    pub(crate) fn await_stage(&self, referral: &str, stage: &str) {
        eventually(stage, || (self.stage(referral) == stage).then_some(()));
    }

    /// Waits until everything that was told is followed, understood and delivered.
    #[track_caller]
    pub(crate) fn await_rest(&self) {
        eventually("events that are all followed", || {
            let numbers = self.house.admin("/metrics")?.body;
            numbers.contains("leadsync_events_waiting 0").then_some(())
        });
        self.house.await_quiet();
    }

    /// It was accepted once and won once, with the value, and nothing was sent that may not be sent.
    #[track_caller]
    pub(crate) fn assert_won(&self, referral: &str) {
        assert_eq!(self.stage(referral), "Closed/Won");
        let deal = self.center.referral(referral).unwrap()["details"].clone();
        assert_eq!(deal["dealValue"].as_f64(), Some(VALUE.into()), "{deal}");
        assert_eq!(deal["currency"], "USD", "{deal}");
        let writes = self.center.writes_of(referral);
        let accepted = writes.iter().filter(|write| write.accepts() && write.applied());
        assert_eq!(accepted.count(), 1, "{writes:?}");
        assert_eq!(self.center.violations(), Vec::<String>::new());
        assert_eq!(self.center.complaints(), Vec::<String>::new());
    }

    /// Requests for referrals, whatever they wanted.
    pub(crate) fn looks(&self) -> u64 {
        let kinds = [Kind::Get, Kind::GetByEvent, Kind::List];
        kinds.map(|kind| self.center.count(kind)).iter().sum()
    }
}
