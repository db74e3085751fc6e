//! A lease is packed for its way: read, gated, and numbered so that its answer finds it again.

use std::sync::Arc;

use connector_kit::{Lead, LeadDelivery, LeadId};

use super::gate::{Passage, Standing, pass};
use crate::store::{Barred, LeadKey, Lease};

/// A lease and what goes out for it.
pub(super) struct Parcel {
    pub(super) lease: Lease,
    pub(super) lead: Option<LeadId>,
    pub(super) cargo: Cargo,
}

/// What goes out.
pub(super) enum Cargo {
    /// This.
    Delivery(Box<LeadDelivery>),
    /// Nothing: the gate is closed, or the person was forgotten.
    Withheld,
    /// Nothing: the stored lead cannot be read.
    Unreadable,
    /// It is on its way.
    Sent,
}

impl Parcel {
    /// Packs a lease; `barred` are the leads that must not be contacted, or not be written at all, as of
    /// this moment.
    pub(super) fn pack(lease: Lease, barred: &[(LeadKey, Barred)]) -> Self {
        let Ok(lead) = serde_json::from_slice::<Lead>(&lease.body) else {
            return Self {
                lease,
                lead: None,
                cargo: Cargo::Unreadable,
            };
        };
        let id = lead.id;
        let bar = barred
            .iter()
            .find(|(key, _)| *key == lease.lead)
            .map(|(_, bar)| *bar);
        let dnc = lease.dnc || lead.dnc || bar == Some(Barred::DoNotContact);
        let standing = Standing {
            dnc,
            held: lease.held,
            uncertain: lease.uncertain,
        };
        let cargo = match pass(standing) {
            _ if bar == Some(Barred::Forgotten) => Cargo::Withheld,
            Passage::Withhold => Cargo::Withheld,
            Passage::Go(kind, gate) => Cargo::Delivery(Box::new(LeadDelivery {
                lead: Arc::new(lead),
                revision: lease.revision,
                kind,
                gate,
                revised_at: lease.revised_at,
                record: lease.record.clone(),
                attempt: lease.attempt,
                again: lease.again,
            })),
        };
        Self {
            lease,
            lead: Some(id),
            cargo,
        }
    }

    /// Takes the delivery out, once.
    pub(super) fn send(&mut self) -> Option<LeadDelivery> {
        match std::mem::replace(&mut self.cargo, Cargo::Sent) {
            Cargo::Delivery(delivery) => Some(*delivery),
            other => {
                self.cargo = other;
                None
            }
        }
    }
}
