//! A pretended Partner Center with a house that looks after its referrals; somebody has signed in.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;

use connector_kit::clock::{Clock, SystemClock};
use leadsync_sim::entra::Entra;
use leadsync_sim::partner_center::{NewReferral, PartnerCenter};
use leadsync_sim::serve::{Server, serve};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::crm::nearby;
use super::{Daemon, House, eventually};

pub(crate) const APP: &str = "22222222-2222-2222-2222-222222222222";
pub(crate) const ADA: &str = "ada@contoso.example";

/// The service, its authority, and the house.
pub(crate) struct Desk {
    pub(crate) center: PartnerCenter,
    pub(crate) house: House,
    _servers: [Server; 3],
    _runtime: Runtime,
}

impl Desk {
    /// Without referrals.
    pub(crate) fn open() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let entra = Entra::new(
            "contoso-id",
            "contoso.example",
            Arc::new(|| SystemClock.now().timestamp()),
        );
        entra.poll_every(1);
        entra.add_public_client(APP, &["http://localhost"]);
        entra.add_user(ADA, &["Referrals admin"]);
        let center = PartnerCenter::new(&entra, Arc::new(|| SystemClock.now()));
        for audience in [
            "https://api.partner.microsoft.com",
            "https://api.partnercenter.microsoft.com",
        ] {
            entra.consent(APP, audience);
        }
        let servers = runtime.block_on(async {
            [
                serve(entra.router()).await.unwrap(),
                serve(center.referrals_router()).await.unwrap(),
                serve(center.webhooks_router()).await.unwrap(),
            ]
        });
        let [authority, referrals, registrations] = &servers;
        entra.at(&format!("http://{}", authority.addr));
        center.referrals_at(&format!("http://{}", referrals.addr));
        center.center_at(&format!("http://{}", registrations.addr));
        let house = House::new();
        house.write_secret("vault.key", "canary-vault-key-0123456789abcdef");
        let connector = format!(
            "kind = \"partner-center\"\nroles = [\"source\", \"outcome-sink\"]\n[settings]\ntenant = \"contoso.example\"\n\
             client_id = \"{APP}\"\nvault_key = {{ file = \"{}\" }}\nauthority = \"http://{}\"\n\
             referrals_url = \"http://{}/v1.0/engagements\"\npartner_center_url = \"http://{}\"\n{}",
            house.path("vault.key").display(),
            authority.addr,
            referrals.addr,
            registrations.addr,
            nearby(&servers.each_ref().map(|server| server.addr))
        );
        house.add_connector("desk", &connector);
        sign_in(&house, &entra);
        Self {
            center,
            house,
            _servers: servers,
            _runtime: runtime,
        }
    }

    /// A referral arrives, of a person with this address; its id. Nobody has seen it yet.
    pub(crate) fn refer(&self, email: &str) -> String {
        let new = NewReferral::marketplace_lead(email).set("/details/dealValue", Value::Null);
        self.center.create(new)
    }

    /// Lets a daemon see what is there.
    pub(crate) fn see(&self, referrals: usize) {
        let mut daemon = Daemon::start(&self.house);
        eventually("referrals that are understood", || {
            let seen = self.house.ask(&["referrals", "-n", "0"]);
            (seen.as_array()?.len() == referrals).then_some(())
        });
        daemon.stop();
    }

    /// How it stands, by the service's own book.
    pub(crate) fn stage(&self, id: &str) -> String {
        self.center.stage(id).unwrap().to_string()
    }

    /// Nothing was sent that may not be sent.
    #[track_caller]
    pub(crate) fn assert_orderly(&self) {
        assert_eq!(self.center.violations(), Vec::<String>::new());
    }
}

/// The administrator types the code on another device.
pub(crate) fn sign_in(house: &House, entra: &Entra) {
    let mut command = house.command();
    let mut child = command
        .args(["--json", "authorize", "desk", "--device"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    assert!(
        entra.sign_in_on_device(told["user_code"].as_str().unwrap(), ADA),
        "{told}"
    );
    assert!(child.wait().unwrap().success());
}
