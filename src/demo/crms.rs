//! Two pretended CRMs, and the people who work in them.

use std::sync::Arc;

use connector_kit::clock::Clock;
use leadsync_sim::dataverse::Dataverse;
use leadsync_sim::entra::Entra;
use leadsync_sim::salesforce::Salesforce;
use leadsync_sim::serve::{Server, serve_tls};
use leadsync_sim::webhook::UnixClock;

use super::DemoError;
use super::receivers::{Holding, Shelf};
use super::site::{HOST, Site};

/// Who signs in to both of them.
const APP: &str = "leadsync-demo";
/// The field that holds our key, as the connectors ship it.
pub(super) const SALESFORCE_KEY: &str = "Marketplace_Lead_Id__c";
/// The column that holds our key, as the connectors ship it.
pub(super) const DYNAMICS_KEY: &str = "lsync_marketplaceleadid";
/// How a lead is disqualified: cannot be contacted.
pub(super) const CANNOT_CONTACT: i64 = 5;

/// The CRMs; they stop when this is dropped.
pub struct Crms {
    pub(super) salesforce: Salesforce,
    pub(super) dynamics: Dataverse,
    /// Who signs people and applications in.
    pub login: Entra,
    /// Where they listen.
    pub doors: CrmDoors,
    _servers: [Server; 3],
}

/// Ports of the CRMs; all speak HTTPS.
#[derive(Clone, Copy, Debug)]
pub struct CrmDoors {
    /// Salesforce, its token endpoint included.
    pub salesforce: u16,
    /// Dynamics 365.
    pub dynamics: u16,
    /// Where tokens for Dynamics 365 are asked for.
    pub login: u16,
}

impl Crms {
    /// Opens them, as empty as on the day they were bought.
    pub async fn open(site: &Site, clock: &Arc<dyn Clock>) -> Result<Self, DemoError> {
        let unix: UnixClock = {
            let clock = Arc::clone(clock);
            Arc::new(move || clock.now().timestamp())
        };
        let salesforce = Salesforce::new(Arc::clone(&unix));
        salesforce.add_app(APP, &site.secrets.crm);
        salesforce.behind_tls();
        let login = Entra::new(
            "00000000-0000-4000-8000-000000000001",
            "demo.example",
            Arc::clone(&unix),
        );
        login.add_secret(APP, &site.secrets.crm, None);
        let dynamics = Dataverse::new(&login, unix);
        let serving = |router| async move {
            let tls = site
                .authority
                .server(HOST)
                .map_err(DemoError::while_doing("make a certificate"))?;
            serve_tls(router, tls)
                .await
                .map_err(DemoError::while_doing("open its CRMs"))
        };
        let servers = [
            serving(salesforce.router()).await?,
            serving(dynamics.router()).await?,
            serving(login.router()).await?,
        ];
        let [salesforce_port, dynamics_port, login_port] = [0, 1, 2].map(|n| servers[n].addr.port());
        dynamics.at(&format!("https://{HOST}:{dynamics_port}"));
        login.at(&format!("https://{HOST}:{login_port}"));
        Ok(Self {
            salesforce,
            dynamics,
            login,
            doors: CrmDoors {
                salesforce: salesforce_port,
                dynamics: dynamics_port,
                login: login_port,
            },
            _servers: servers,
        })
    }

    /// What Salesforce holds: a record made twice counts as a double.
    pub fn salesforce_shelf(&self) -> Shelf {
        let made = self.salesforce.creations_by("Lead", SALESFORCE_KEY);
        let held = self.salesforce.leads_by(SALESFORCE_KEY).into_keys();
        held.map(|lead| {
            let times = made.get(&lead).copied().unwrap_or_default();
            (lead, Holding::made(times))
        })
        .collect()
    }

    /// What Dynamics 365 holds: a record made twice counts as a double.
    pub fn dynamics_shelf(&self) -> Shelf {
        let held = self.dynamics.leads_by(DYNAMICS_KEY).into_keys();
        held.map(|lead| {
            let times = self.dynamics.creations(&lead);
            (lead, Holding::made(times))
        })
        .collect()
    }

    /// Everything they hold, as one text to search.
    pub fn everything(&self) -> String {
        let rows = self
            .salesforce
            .records("Lead")
            .into_iter()
            .map(|row| format!("{row:?}"));
        let others = self
            .dynamics
            .rows("lead")
            .into_iter()
            .map(|row| format!("{row:?}"));
        rows.chain(others).collect()
    }

    /// People go through their leads: in Salesforce the oldest is sold and the next lost, in Dynamics 365
    /// the third is sold and the fourth is not worth a call.
    pub fn work(&self) -> Result<(), DemoError> {
        let stuck = |what: &str| DemoError::while_doing("work in its CRMs")(what.to_owned());
        let in_salesforce: Vec<String> = self.salesforce.leads_by(SALESFORCE_KEY).into_keys().collect();
        let in_dynamics: Vec<String> = self.dynamics.leads_by(DYNAMICS_KEY).into_keys().collect();
        let ([sold, lost, ..], [_, _, won, hopeless, ..]) = (&in_salesforce[..], &in_dynamics[..]) else {
            return Err(stuck("too few leads arrived"));
        };
        for (lead, is_won, amount) in [(sold, true, 48_000.0), (lost, false, 12_500.0)] {
            self.salesforce
                .convert(lead, true)
                .ok_or_else(|| stuck("a lead cannot be converted"))?;
            if !self
                .salesforce
                .close_opportunity(lead, is_won, amount, "2026-12-31")
            {
                return Err(stuck("an opportunity cannot be closed"));
            }
        }
        let opportunity = self.dynamics.qualify(won);
        self.dynamics.win(&opportunity, 23_900.0, None);
        self.dynamics.disqualify(hopeless, CANNOT_CONTACT);
        Ok(())
    }
}
