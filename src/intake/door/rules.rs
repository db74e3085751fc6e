//! What the door goes by: all of it is replaced at once, while it stays open.

use std::net::IpAddr;
use std::sync::Arc;

use http::request::Parts;

use super::events::{self, EventSource};
use super::leads::{self, BodyCheck, body_check};
use super::{DoorParts, Room};
use crate::admin::metrics::DoorMeter;
use crate::intake::limits::{IntakeLimits, IntakeSource};
use crate::intake::pace::AddressPace;
use crate::intake::refusal::Refusal;
use crate::normalize::BodyLimits;

/// What the operator decided about the door.
pub struct DoorRules {
    limits: IntakeLimits,
    check: BodyCheck,
    sources: Vec<IntakeSource>,
    events: Vec<EventSource>,
}

impl DoorRules {
    /// Open for the leads of `sources`, of the usual shape; for nobody's events.
    pub fn new(limits: IntakeLimits, sources: Vec<IntakeSource>) -> Self {
        Self {
            limits,
            sources,
            check: body_check(BodyLimits::default()),
            events: Vec::new(),
        }
    }

    /// Bodies are looked at like this.
    #[must_use]
    pub fn checking(self, check: BodyCheck) -> Self {
        Self { check, ..self }
    }

    /// Open for the events of these, too.
    #[must_use]
    pub fn hearing(self, events: Vec<EventSource>) -> Self {
        Self { events, ..self }
    }
}

/// The same, at work.
pub(super) struct Rules {
    pub(super) limits: IntakeLimits,
    pub(super) check: BodyCheck,
    pub(super) addresses: Arc<AddressPace>,
    pub(super) leads: leads::Entrances,
    pub(super) events: events::Entrances,
    pub(super) strangers: DoorMeter,
}

impl Rules {
    pub(super) fn new(parts: &DoorParts, given: DoorRules, before: Option<&Self>) -> Self {
        let limits = given.limits;
        let kept = before.filter(|rules| rules.limits.rate_per_address == limits.rate_per_address);
        let addresses = kept.map_or_else(
            || Arc::new(AddressPace::new(limits.rate_per_address, &parts.ticks)),
            |rules| Arc::clone(&rules.addresses),
        );
        Self {
            addresses,
            leads: leads::Entrances::new(parts, given.sources, before.map(|rules| &rules.leads)),
            events: events::Entrances::new(&parts.metrics, given.events),
            strangers: parts.metrics.strangers(),
            check: given.check,
            limits,
        }
    }

    /// Whether the sender may ask now, whatever it asks for.
    pub(super) fn admit(&self, peer: IpAddr, head: &Parts) -> Result<(), Refusal> {
        let sender = self.limits.trusted_proxies.sender(peer, &head.headers);
        Ok(self.addresses.admit(sender)?)
    }

    /// The room a path leads to.
    pub(super) fn find(&self, path: &str) -> Option<Room> {
        let events = self.events.find(path).map(Room::Events);
        events.or_else(|| self.leads.find(path).map(Room::Leads))
    }
}
