//! A pretended Partner Center: five customers are referred, and the daemon is told of every change.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use connector_kit::Authorizer;
use connector_kit::clock::Clock;
use leadsync_sim::entra::Entra;
use leadsync_sim::partner_center::{PartnerCenter, Stage};
use leadsync_sim::serve::{Server, serve_tls};

use super::customers::{ALL, Customer, Fate};
use super::patience::LOOK_EVERY;
use super::sellers::{DEAL, REASONS};
use super::site::{HOST, Site};
use super::{DemoError, Sender};

/// The connector's name, by its file.
pub const NAME: &str = "partner-center";
/// The application that acts for the administrator.
const APP: &str = "leadsync-demo-partner";
/// Who signs in.
const ADMIN: &str = "ada@contoso.example";
/// Whom tokens are for, whatever the address (contract partner-center 2.2).
const AUDIENCES: [&str; 2] = [
    "https://api.partner.microsoft.com",
    "https://api.partnercenter.microsoft.com",
];

/// Partner Center; it stops when this is dropped.
pub struct Center {
    service: PartnerCenter,
    login: Entra,
    clock: Arc<dyn Clock>,
    referred: Mutex<Vec<Referred>>,
    /// Where it listens.
    pub doors: CenterDoors,
    _servers: [Server; 3],
}

/// Ports of Partner Center; all speak HTTPS.
#[derive(Clone, Copy, Debug)]
pub struct CenterDoors {
    /// Referrals.
    pub referrals: u16,
    /// Who is told of events.
    pub registration: u16,
    /// The certificate events are signed with.
    pub certificate: u16,
}

/// A customer and the referral about them.
#[derive(Clone, Debug)]
struct Referred {
    customer: &'static Customer,
    id: String,
}

/// What became of the referrals, as Partner Center holds them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standings {
    /// Nobody has replied.
    pub new: u64,
    /// Somebody works on them.
    pub active: u64,
    /// Sold.
    pub won: u64,
    /// Not sold.
    pub lost: u64,
    /// Not worth a call.
    pub declined: u64,
    /// Nobody replied in time.
    pub expired: u64,
}

impl Center {
    /// Opens it without referrals. Its people sign in where those of the CRMs do.
    pub async fn open(site: &Site, clock: &Arc<dyn Clock>, login: &Entra) -> Result<Self, DemoError> {
        login.add_public_client(APP, &["http://localhost"]);
        login.add_user(ADMIN, &["Referrals admin"]);
        let time = Arc::clone(clock);
        let service = PartnerCenter::new(login, Arc::new(move || time.now()));
        for audience in AUDIENCES {
            login.consent(APP, audience);
        }
        let serving = |router| async move {
            let tls = site
                .authority
                .server(HOST)
                .map_err(DemoError::while_doing("make a certificate"))?;
            serve_tls(router, tls)
                .await
                .map_err(DemoError::while_doing("open its Partner Center"))
        };
        let servers = [
            serving(service.referrals_router()).await?,
            serving(service.webhooks_router()).await?,
            serving(service.certificates_router()).await?,
        ];
        let [referrals, registration, certificate] = [0, 1, 2].map(|n| servers[n].addr.port());
        service.referrals_at(&format!("https://{HOST}:{referrals}"));
        service.center_at(&format!("https://{HOST}:{registration}"));
        service.certificates_at(&format!("https://{HOST}:{certificate}"));
        Ok(Self {
            service,
            login: login.clone(),
            clock: Arc::clone(clock),
            referred: Mutex::default(),
            doors: CenterDoors {
                referrals,
                registration,
                certificate,
            },
            _servers: servers,
        })
    }

    /// The authority behind the certificate of events, as PEM.
    pub fn event_authority() -> String {
        PartnerCenter::trusted_authority()
    }

    /// The administrator signs in for the connector, on another device.
    pub async fn sign_in(&self, authorizer: &dyn Authorizer) -> Result<(), DemoError> {
        let failed = "sign in to its Partner Center";
        authorizer
            .prepare()
            .await
            .map_err(DemoError::while_doing(failed))?;
        let mut request = authorizer
            .device_request()
            .await
            .map_err(DemoError::while_doing(failed))?;
        self.login.sign_in_on_device(&request.user_code, ADMIN);
        let kept = authorizer
            .device_poll(&mut request)
            .await
            .map_err(DemoError::while_doing(failed))?;
        kept.map(drop)
            .ok_or_else(|| DemoError::while_doing(failed)("nobody typed the code".to_owned()))
    }

    /// From now on every change is told to this address.
    pub fn tell(&self, url: &str) {
        self.service.register(url, true);
    }

    /// Tells of changes as they happen, and lets referrals expire; does not end.
    pub async fn tell_of_changes(&self, sender: &Sender) -> Infallible {
        loop {
            self.service.deliver_once(|event| sender.tell(event)).await;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Five customers are referred.
    pub fn refer(&self) {
        let now = self.clock.now();
        let refer = |customer: &'static Customer| Referred {
            customer,
            id: self.service.create(customer.referral(now)),
        };
        *self.referred.lock().unwrap_or_else(PoisonError::into_inner) = ALL.iter().map(refer).collect();
    }

    /// Whether somebody works on the one that will be won.
    pub fn has_begun(&self) -> bool {
        let mut referred = self.referred().into_iter();
        referred.any(|one| one.customer.fate == Fate::Won && self.stage(&one).status == "Active")
    }

    /// How all of them stand.
    pub fn standings(&self) -> Standings {
        let mut standings = Standings::default();
        for one in self.referred() {
            let Stage { status, substatus } = self.stage(&one);
            let counted = match (status.as_str(), substatus.as_str()) {
                ("New", _) => &mut standings.new,
                ("Active", _) => &mut standings.active,
                (_, "Won") => &mut standings.won,
                (_, "Lost") => &mut standings.lost,
                (_, "Declined") => &mut standings.declined,
                (_, "Expired") => &mut standings.expired,
                _ => continue,
            };
            *counted += 1;
        }
        standings
    }

    /// What is not as it must be in the end.
    pub fn faults(&self) -> Vec<String> {
        let referred = self.referred();
        let mut faults: Vec<String> = referred.iter().flat_map(|one| self.faults_of(one)).collect();
        let wrong = self.service.violations().into_iter();
        faults.extend(wrong.map(|what| format!("{NAME} was asked for what must not be: {what}")));
        let odd = self.service.complaints().into_iter();
        faults.extend(odd.map(|what| format!("{NAME} complained: {what}")));
        let lost = self.service.offline_events().into_iter();
        faults.extend(lost.map(|event| format!("{NAME} could not tell of {}", event.name)));
        if self.service.delivered_events().is_empty() {
            faults.push(format!("{NAME} could not tell of anything"));
        }
        faults
    }

    fn faults_of(&self, one: &Referred) -> Vec<String> {
        let fate = one.customer.fate;
        let (status, substatus) = fate.stands();
        let referral = self.service.referral(&one.id).unwrap_or_default();
        let text = |pointer: &str| {
            let held = referral.pointer(pointer).cloned().unwrap_or_default();
            held.as_str().map_or_else(|| held.to_string(), str::to_owned)
        };
        let mut checks = vec![
            ("status", text("/status"), status),
            ("substatus", text("/substatus"), substatus),
        ];
        if fate == Fate::Won {
            checks.push(("value", text("/details/dealValue"), DEAL.0));
            checks.push(("currency", text("/details/currency"), DEAL.1));
        }
        let reason = REASONS.iter().find(|(of, _)| *of == fate);
        checks.extend(reason.map(|(_, why)| ("reason", text("/statusReason"), *why)));
        let wrong = checks.into_iter().filter(|(_, is, should)| is != should);
        let mut faults: Vec<String> = wrong
            .map(|(what, is, should)| {
                format!("{NAME}: the {what} of {} is {is} and should be {should}", one.id)
            })
            .collect();
        let writes = self.service.writes_of(&one.id);
        let accepted = writes
            .iter()
            .filter(|write| write.applied() && write.accepts())
            .count();
        if accepted != fate.acceptances() {
            faults.push(format!("{NAME}: {} was accepted {accepted} times", one.id));
        }
        faults
    }

    fn stage(&self, one: &Referred) -> Stage {
        let gone = || Stage::new("", "");
        self.service.stage(&one.id).unwrap_or_else(gone)
    }

    fn referred(&self) -> Vec<Referred> {
        let referred = self.referred.lock();
        referred.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Fate {
    /// How the referral must stand in the end.
    fn stands(self) -> (&'static str, &'static str) {
        match self {
            Self::Won => ("Closed", "Won"),
            Self::Lost => ("Closed", "Lost"),
            Self::Declined => ("Closed", "Declined"),
            Self::Refused => ("New", "Pending"),
            Self::Expired => ("Closed", "Expired"),
        }
    }

    /// How often it must have been accepted.
    fn acceptances(self) -> usize {
        usize::from(matches!(self, Self::Won | Self::Lost))
    }
}

#[cfg(test)]
mod tests;
