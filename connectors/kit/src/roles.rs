//! The roles a connector may play. An absent role is one it cannot play.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use url::Url;

use crate::alert::AlertSink;
use crate::canary::Withdraw;
use crate::census::Census;
use crate::delivery::{LeadDelivery, Receipt};
use crate::error::{ConnectorError, ErrorKind};
use crate::event::EventVerifier;
use crate::outcome::Outcome;
use crate::preview::Rendered;
use crate::raw::{Batch, Checkpoint, RawLead};
use crate::readiness::{Check, Health, Plan, Step};
use crate::referral::{FetchedReferral, Referral, ReferralChange, ReferralId};
use crate::secret::Secret;
use crate::token::{Authorized, CodeRequest, DeviceRequest, Standing};

/// Somewhere leads come from that has to be asked.
#[async_trait]
pub trait Source: Send + Sync {
    /// What is new after the checkpoint, about `limit` items, oldest first where possible.
    ///
    /// Every item carries a `reference`, and polling again from an older checkpoint gives the same
    /// references: the daemon stores each once. A checkpoint taken while `more` is true is only
    /// ever handed back to the instance that made it or to a later process, and must be safe in both.
    async fn poll(&self, after: Option<&Checkpoint>, limit: usize) -> Result<Batch<RawLead>, ConnectorError>;

    /// A checkpoint from which a poll gives at least everything that came or changed since then, for those
    /// who count; none: only the beginning will do.
    fn since(&self, at: DateTime<Utc>) -> Option<Checkpoint> {
        let _ = at;
        None
    }
}

/// Another way for many leads at once.
///
/// Such a call may take up to half an hour: so long nobody else is given its deliveries. It carries
/// no lead that somebody waits for, and sometimes fewer than `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bulk {
    /// Worth it from so many waiting deliveries on.
    pub from: usize,
    /// No more than this in one call.
    pub most: usize,
}

/// Somewhere leads go.
#[async_trait]
pub trait Destination: Send + Sync {
    /// How many deliveries one call may carry (Salesforce 200, Dataverse 1000, Azure Table 100, ...).
    fn batch_limit(&self) -> usize;

    /// How much more one call may carry when much waits (a bulk job); none where there is no such thing.
    fn bulk(&self) -> Option<Bulk> {
        None
    }

    /// Makes the system hold these leads; one result per delivery, in the same order.
    ///
    /// Safe to call again with the same keys. A bad record never fails its neighbours. A delivery
    /// whose gate is [`crate::Gate::DoNotContact`] never leaves a contactable record behind.
    async fn upsert(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Receipt, ConnectorError>>;

    /// What [`Self::upsert`] would write for each of these, made by the same code; in the same order.
    /// Nothing is sent and nobody is asked: what only the other side knows is named as such, and a
    /// refusal of its own making is not foreseen.
    fn preview(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Rendered, ConnectorError>>;
}

/// Somewhere that knows what became of leads.
#[async_trait]
pub trait OutcomeSource: Send + Sync {
    /// How records stand that changed after the checkpoint, about `limit` of them, oldest change
    /// first where possible. Without a checkpoint: from the beginning, or from now where the system
    /// has no memory.
    ///
    /// A checkpoint is stored in the commit that stores the outcomes before it. Asking again from an
    /// older one gives what changed since, perhaps twice: outcomes tell how a record stands, so
    /// twice is harmless. A checkpoint the system has forgotten is not an error: the connector
    /// begins anew and says so in the log.
    async fn outcomes(
        &self,
        after: Option<&Checkpoint>,
        limit: usize,
    ) -> Result<Batch<Outcome>, ConnectorError>;
}

/// Where referrals are kept, one by one: for those who follow a pointer, and for reports.
#[async_trait]
pub trait ReferralDesk: Send + Sync {
    /// The referral as it stands now. None when it is not to be had (yet): it may be younger than the
    /// other side's memory, or not ours.
    async fn read(&self, id: &ReferralId) -> Result<Option<FetchedReferral>, ConnectorError>;

    /// Writes `change`, all or nothing, if the referral still is as `seen`; gives what it became.
    ///
    /// Changed meanwhile: [`ErrorKind::Conflict`]. Refused for what it says: [`ErrorKind::Rejected`].
    /// After [`ErrorKind::Unreachable`] and [`ErrorKind::Broken`] it may have been written: read
    /// before trying again. Never repeated within one call, once it may have arrived.
    async fn write(
        &self,
        seen: &Referral,
        change: &ReferralChange,
    ) -> Result<FetchedReferral, ConnectorError>;

    /// Makes a referral of our own from the other side's JSON. There is no key that would make it safe
    /// to repeat: whether an unanswered one arrived is looked up by its `externalReferenceId`.
    async fn create(&self, body: Bytes) -> Result<FetchedReferral, ConnectorError>;
}

/// Looks after what wears out while nobody looks: credentials that expire, registrations others take.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// One entry per thing looked at; asked about once an hour. May call the other side a few times.
    async fn tend(&self) -> Vec<Check>;
}

/// Makes the other side ready for leads: keys, columns, rights, picklist values.
#[async_trait]
pub trait Provisioner: Send + Sync {
    /// How everything stands now. Changes nothing.
    async fn plan(&self) -> Result<Plan, ConnectorError>;

    /// Does one step of the plan. Doing a step that was done before is not an error.
    async fn apply(&self, step: &Step) -> Result<(), ConnectorError>;
}

/// Looks at everything that may be in a lead's way. Changes nothing.
#[async_trait]
pub trait Doctor: Send + Sync {
    /// One entry per thing looked at, in the order a lead meets them. What cannot be looked at
    /// because something before it failed is [`Health::Unknown`].
    async fn examine(&self) -> Vec<Check>;
}

/// Lets a person sign in, so that the connector may act for them from then on.
///
/// Whoever asks again replaces what was kept before; nobody has to be signed out.
#[async_trait]
pub trait Authorizer: Send + Sync {
    /// Makes sure that what is given for a sign-in could be kept: asked before a person is troubled.
    async fn prepare(&self) -> Result<(), ConnectorError>;

    /// Begins a sign-in in a browser, which comes back to `redirect` (`http://localhost:<port>/`).
    fn code_request(&self, redirect: &Url) -> CodeRequest;

    /// Ends it with the code the browser brought, and keeps what is given for it. An answer to
    /// another request than this one is refused and nobody is asked.
    async fn redeem(
        &self,
        request: &CodeRequest,
        code: &Secret,
        state: &str,
    ) -> Result<Authorized, ConnectorError>;

    /// Begins a sign-in on another device.
    async fn device_request(&self) -> Result<DeviceRequest, ConnectorError>;

    /// Looks whether the person has signed in there; none: not yet, ask again after
    /// [`DeviceRequest::interval`], which may have grown.
    async fn device_poll(&self, request: &mut DeviceRequest) -> Result<Option<Authorized>, ConnectorError>;

    /// How the kept sign-in stands, as far as can be known without asking anybody.
    fn standing(&self) -> Result<Standing, ConnectorError>;
}

/// What a probe found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeReport {
    /// One sentence per thing looked at.
    pub findings: Vec<String>,
}

/// A look at the other side that changes nothing.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Reaches the system, signs in, and looks whether what the config names is there.
    async fn probe(&self) -> Result<ProbeReport, ConnectorError>;
}

/// A doctor's look as a probe: the first illness is the error.
pub struct DoctorProbe(pub Arc<dyn Doctor>);

#[async_trait]
impl Probe for DoctorProbe {
    async fn probe(&self) -> Result<ProbeReport, ConnectorError> {
        let checks = self.0.examine().await;
        match checks.iter().find(|check| check.health == Health::Ill) {
            Some(ill) => Err(ConnectorError::new(
                ErrorKind::Misconfigured,
                format!("{}: {}", ill.name, ill.found),
            )
            .hint(ill.remedy.clone())),
            None => Ok(ProbeReport {
                findings: checks.iter().map(ToString::to_string).collect(),
            }),
        }
    }
}

/// One configured outside system and the roles it plays.
#[derive(Clone, Default)]
pub struct Connector {
    /// Leads come from it.
    pub source: Option<Arc<dyn Source>>,
    /// Leads go to it.
    pub destination: Option<Arc<dyn Destination>>,
    /// A canary can be taken away from it again.
    pub withdraw: Option<Arc<dyn Withdraw>>,
    /// What it holds of our leads can be counted.
    pub census: Option<Arc<dyn Census>>,
    /// It knows what became of leads.
    pub outcome_source: Option<Arc<dyn OutcomeSource>>,
    /// It keeps referrals.
    pub referrals: Option<Arc<dyn ReferralDesk>>,
    /// It tells of changes by itself.
    pub events: Option<Arc<dyn EventVerifier>>,
    /// It can be told that a clock runs out.
    pub alerts: Option<Arc<dyn AlertSink>>,
    /// It has something that wears out.
    pub upkeep: Option<Arc<dyn Upkeep>>,
    /// It can be looked at.
    pub probe: Option<Arc<dyn Probe>>,
    /// It can be looked at closely.
    pub doctor: Option<Arc<dyn Doctor>>,
    /// It can be made ready.
    pub provisioner: Option<Arc<dyn Provisioner>>,
    /// A person has to sign in for it.
    pub authorizer: Option<Arc<dyn Authorizer>>,
}
