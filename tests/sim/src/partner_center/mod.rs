//! Partner Center as a connector sees it: the referrals of one partner, the registration of events, and the events
//! themselves (contract partner-center, part A and section 13).
//!
//! One state behind one lock, three doors: [`PartnerCenter::referrals_router`] for `api.partner.microsoft.com`,
//! [`PartnerCenter::webhooks_router`] for `api.partnercenter.microsoft.com`, and
//! [`PartnerCenter::certificates_router`] for the host of the certificate that events are signed with.

mod access;
mod answer;
mod builder;
mod control;
mod create;
mod dispatch;
mod door;
mod events;
mod filter;
mod gzip;
mod ids;
mod inspect;
mod lifecycle;
mod limits;
mod list;
mod moment;
mod pages;
mod patch;
mod registration;
mod schema;
mod script;
mod settings;
mod signer;
mod store;
mod write;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use chrono::{DateTime, Utc};

use crate::entra::Entra;
use crate::faults::Faults;

use store::Service;

pub use answer::Cause;
pub use builder::{NewReferral, OWN_ORGANIZATION};
pub use events::{Attempt, Delivery, Event};
pub use inspect::{Kind, Recorded, Write};
pub use lifecycle::Stage;
pub use registration::Registration;
pub use script::{over_bandwidth, throttled, unavailable};
pub use settings::{
    Casing, CertificateForm, Envelope, FilterTimes, Gzip, Limit, NextLink, RelatedEvent, Required, Settings,
    Transitions,
};

pub use signer::Signing;

/// Tells the service's time.
pub type MomentClock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The partner's account. Clones are the same account.
#[derive(Clone)]
pub struct PartnerCenter {
    clock: MomentClock,
    entra: Entra,
    state: Arc<Mutex<Service>>,
    /// What goes wrong with requests to the referrals host.
    pub referral_faults: Faults,
    /// What goes wrong with requests to the host of registrations and events.
    pub center_faults: Faults,
    /// What goes wrong with requests for the certificate.
    pub certificate_faults: Faults,
}

impl PartnerCenter {
    /// An account without referrals that trusts the tokens of `entra`; its two audiences are known there from now on.
    pub fn new(entra: &Entra, clock: MomentClock) -> Self {
        let settings = Settings::default();
        entra.add_resource(&settings.referrals_audience);
        entra.add_resource(&settings.center_audience);
        let service = Service::new(settings, clock());
        Self {
            clock,
            entra: entra.clone(),
            state: Arc::new(Mutex::new(service)),
            referral_faults: Faults::default(),
            center_faults: Faults::default(),
            certificate_faults: Faults::default(),
        }
    }

    /// The routes of `api.partner.microsoft.com`.
    pub fn referrals_router(&self) -> Router {
        self.referral_faults.wrap(door::referrals(self))
    }

    /// The routes of `api.partnercenter.microsoft.com`.
    pub fn webhooks_router(&self) -> Router {
        self.center_faults.wrap(door::center(self))
    }

    /// The service at the time of the clock, with everything done that was due.
    fn lock(&self) -> MutexGuard<'_, Service> {
        let now = (self.clock)();
        let mut service = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        service.turn(now);
        service
    }
}
