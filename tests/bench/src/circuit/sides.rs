//! The pretended Partner Center, its authority and the pretended CRM on loopback, and what people do there.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use chrono::DateTime;
use leadsync_sim::dataverse::Dataverse;
use leadsync_sim::entra::Entra;
use leadsync_sim::partner_center::{NewReferral, PartnerCenter, Settings};
use leadsync_sim::serve::{Server, serve};
use leadsync_sim::webhook::UnixClock;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use crate::clock;
use crate::subject::{CLIENT_ID, CLIENT_SECRET, TENANT};

/// The tenant's id; the daemon knows it by its domain.
const TENANT_ID: &str = "72f988bf-0000-0000-0000-2d7cd011db47";
/// The application that acts for whoever signed in.
pub(super) const PUBLIC_CLIENT: &str = "22222222-2222-2222-2222-222222222222";
/// Who signs in.
pub(super) const ADMINISTRATOR: &str = "ada@contoso.example";
/// The address Microsoft was told; the bench posts to the daemon's own.
const ADDRESS: &str = "https://leads.contoso.example/v1/partner-center/events";

/// Everything on the other side of the daemon; it ends with this value.
pub(super) struct Sides {
    pub(super) center: PartnerCenter,
    pub(super) entra: Entra,
    pub(super) crm: Dataverse,
    servers: Vec<Server>,
    _runtime: Runtime,
}

impl Sides {
    /// Without referrals and without leads, the CRM's published limits on. Events go to the daemon.
    pub(super) fn open() -> anyhow::Result<Self> {
        let seconds: UnixClock = Arc::new(|| clock::unix_millis() / 1000);
        let entra = Entra::new(TENANT_ID, TENANT, Arc::clone(&seconds));
        let moment = || DateTime::from_timestamp_millis(clock::unix_millis()).unwrap_or_default();
        let center = PartnerCenter::new(&entra, Arc::new(moment));
        let crm = Dataverse::new(&entra, seconds);
        entra.poll_every(1);
        entra.add_secret(CLIENT_ID, CLIENT_SECRET, None);
        entra.add_public_client(PUBLIC_CLIENT, &["http://localhost"]);
        entra.add_user(ADMINISTRATOR, &["Referrals admin"]);
        let audiences = Settings::default();
        entra.consent(PUBLIC_CLIENT, &audiences.referrals_audience);
        entra.consent(PUBLIC_CLIENT, &audiences.center_audience);
        crm.keys_take(0);
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let mut servers = Vec::new();
        for router in [
            entra.router(),
            center.referrals_router(),
            center.webhooks_router(),
            center.certificates_router(),
            crm.router(),
        ] {
            servers.push(
                runtime
                    .block_on(serve(router))
                    .context("no free port on loopback")?,
            );
        }
        let sides = Self {
            center,
            entra,
            crm,
            servers,
            _runtime: runtime,
        };
        sides.entra.at(&sides.origin(0));
        sides.center.referrals_at(&sides.origin(1));
        sides.center.center_at(&sides.origin(2));
        sides.center.certificates_at(&sides.origin(3));
        sides.crm.at(&sides.origin(4));
        sides.center.register(ADDRESS, true);
        Ok(sides)
    }

    fn origin(&self, server: usize) -> String {
        let address = self.servers.get(server).map(|server| server.addr);
        address.map_or_else(String::new, |address| format!("http://{address}"))
    }

    /// What the file of the CRM says of them.
    pub(super) fn crm_settings(&self, secret: &str) -> String {
        format!(
            "environment = \"{}\"\nauthority = \"{}\"\ntenant = \"{TENANT}\"\nclient_id = \"{CLIENT_ID}\"\n\
             auth = {{ secret = {{ file = \"{secret}\" }} }}\n{}",
            self.crm.origin(),
            self.entra.origin(),
            self.nearby(),
        )
    }

    /// What the file of Partner Center says of them.
    pub(super) fn desk_settings(&self, vault_key: &str, roots: &str) -> String {
        let certificate = self.center.certificate_url();
        let host = certificate.split('/').nth(2).unwrap_or_default();
        format!(
            "tenant = \"{TENANT}\"\nclient_id = \"{PUBLIC_CLIENT}\"\nvault_key = {{ file = \"{vault_key}\" }}\n\
             authority = \"{}\"\nreferrals_url = \"{}/v1.0/engagements\"\npartner_center_url = \"{}\"\n\
             partner_center_audience = \"https://api.partnercenter.microsoft.com\"\n{}\
             webhook = {{ url = \"{ADDRESS}\", certificate_hosts = [\"{host}\"], roots_file = \"{roots}\", \
             certificate_url = \"{certificate}\" }}\n",
            self.entra.origin(),
            self.origin(1),
            self.origin(2),
            self.nearby(),
        )
    }

    fn nearby(&self) -> String {
        let ports: Vec<u16> = self.servers.iter().map(|server| server.addr.port()).collect();
        format!(
            "allow_plain_http = true\nallow_private_targets = [\"127.0.0.0/8\"]\nallowed_ports = {ports:?}\n"
        )
    }

    /// A customer asks for contact; the id of the referral.
    pub(super) fn refer(&self, number: u64) -> String {
        let email = format!("person-{number}@company-{number}.example");
        let company = format!("Company {number}");
        self.center
            .create(NewReferral::marketplace_lead(&email).company(&company))
    }

    /// The id of the record the CRM has of a referral.
    pub(super) fn record(&self, referral: &str) -> Option<String> {
        let mut records = self.crm.leads_by("lsync_referralid");
        let record = records.remove(referral)?;
        Some(record.get("leadid")?.as_str()?.to_owned())
    }

    /// Sales says what the deal may be worth and qualifies the lead; its opportunity.
    pub(super) fn qualify(&self, record: &str) -> String {
        let estimate = json!({ "estimatedamount": 25_000, "estimatedclosedate": "2027-03-31" });
        self.crm.change("lead", record, &estimate);
        self.crm.qualify(record)
    }

    /// Sales wins it.
    pub(super) fn win(&self, opportunity: &str) {
        self.crm.win(opportunity, 31_500.0, None);
    }

    /// Whether the referral stands so, by the service's own book.
    pub(super) fn stands(&self, referral: &str, stage: &str) -> Option<()> {
        let stands = self.center.stage(referral)?.to_string();
        (stands == stage).then_some(())
    }

    /// Requests about referrals that came so far.
    pub(super) fn calls(&self) -> u64 {
        self.center.counts().values().sum()
    }

    /// Records that are one too many, and acceptances that came again.
    pub(super) fn doubled(&self, expected: u64) -> u64 {
        let records = u64::try_from(self.crm.count("lead")).unwrap_or(u64::MAX);
        let mut accepted: BTreeMap<String, u64> = BTreeMap::new();
        for write in self.center.writes() {
            if write.accepts() && write.applied() {
                *accepted.entry(write.referral).or_default() += 1;
            }
        }
        let again: u64 = accepted.values().map(|times| times.saturating_sub(1)).sum();
        records.saturating_sub(expected) + again
    }
}
