//! The promises of the roles, checked the same way for every connector.
//!
//! A connector's `tests/conformance.rs` brings a harness - the connector over an empty system, and a
//! way to look into that system - and calls [`destination`], [`census`], [`source`], [`outcomes`], [`referrals`] or
//! [`withdrawal`].
//! A broken promise panics with its name, as a test does.

mod census;
mod destination;
pub mod leads;
mod outcomes;
mod referrals;
mod source;
mod withdrawal;

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;

pub use census::census;
pub use destination::destination;
pub use outcomes::outcomes;
pub use referrals::referrals;
pub use source::source;
pub use withdrawal::withdrawal;

use crate::census::Census;
use crate::delivery::LeadDelivery;
use crate::ids::LeadId;
use crate::referral::ReferralId;
use crate::roles::{Destination, OutcomeSource, ReferralDesk, Source};

/// What a system holds of one lead, as seen from its own side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRecord {
    /// The lead's id, as the system knows it.
    pub key: String,
    /// The revision it holds, where the system can tell.
    pub revision: Option<u32>,
    /// Everything it holds, as text.
    pub text: String,
}

/// The other side of a destination.
#[async_trait]
pub trait System: Send + Sync {
    /// Every record, one per key.
    async fn records(&self) -> Vec<HeldRecord>;
}

/// Brings a destination over an empty system, as often as asked.
#[async_trait]
pub trait DestinationHarness: Send + Sync {
    /// A destination and the system behind it.
    async fn fresh(&self) -> (Arc<dyn Destination>, Arc<dyn System>);

    /// A delivery this system refuses for its own sake, when there can be such a thing.
    fn unacceptable(&self) -> Option<LeadDelivery>;
}

/// Brings a destination over an empty system, and what counts in it.
#[async_trait]
pub trait CensusHarness: Send + Sync {
    /// A destination, a census of the same system, and whatever keeps that alive.
    async fn fresh(&self) -> (Arc<dyn Destination>, Arc<dyn Census>, Box<dyn Any + Send>);
}

/// Brings a source over a system that holds some leads.
#[async_trait]
pub trait SourceHarness: Send + Sync {
    /// A source whose system holds exactly `count` leads.
    async fn holding(&self, count: usize) -> Arc<dyn Source>;
}

/// Brings an outcome source over a system that holds some of our leads.
#[async_trait]
pub trait OutcomeHarness: Send + Sync {
    /// A system that holds one untouched record for each of these leads and no other, and the
    /// people at work in it.
    async fn holding(&self, leads: &[LeadId]) -> (Arc<dyn OutcomeSource>, Arc<dyn Sales>);
}

/// What people do in a CRM. Each deed happens at a later moment than the one before.
#[async_trait]
pub trait Sales: Send + Sync {
    /// Somebody works on the lead.
    async fn accept(&self, lead: LeadId);
    /// Somebody decides that nobody will.
    async fn decline(&self, lead: LeadId);
    /// It is sold, for so much; false where the system knows no such thing, and then nothing is done.
    async fn win(&self, lead: LeadId, amount: &str) -> bool;
    /// It is not sold; false where the system knows no such thing, and then nothing is done.
    async fn lose(&self, lead: LeadId) -> bool;
    /// Somebody deletes the lead's record.
    async fn delete(&self, lead: LeadId);
    /// Somebody makes and works on a record that is none of ours.
    async fn make_stranger(&self);
    /// The system forgets every checkpoint it gave, where it can.
    async fn forget_checkpoints(&self);
}

/// Brings a referral desk over a system that holds a referral nobody has answered.
#[async_trait]
pub trait DeskHarness: Send + Sync {
    /// The desk, those who work at the other side, and the referral.
    async fn with_new_referral(&self) -> (Arc<dyn ReferralDesk>, Arc<dyn OtherSide>, ReferralId);
}

/// What happens at the other side of a referral desk. Each deed happens at a later moment than the one before.
#[async_trait]
pub trait OtherSide: Send + Sync {
    /// Somebody else changes something of it, though not how it stands.
    async fn touch(&self, id: &ReferralId);
    /// It expires unanswered.
    async fn expire(&self, id: &ReferralId);
    /// The next request ends without an answer: done, or before anybody looked at it.
    async fn cut_next(&self, applied: bool);
    /// How many requests to change a referral came so far, refused ones included.
    async fn writes(&self) -> usize;
}
