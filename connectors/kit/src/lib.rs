//! The contract between leadsync and the systems it connects.
//!
//! Read it in this order: the words ([`lead`], [`raw`], [`delivery`]), the roles a connector may
//! play ([`roles`]), how it says that something went wrong ([`error`]), and what it is given to
//! work with ([`context`], [`http`]).

// 1. The words.
pub mod delivery;
pub mod ids;
pub mod lead;
pub mod outcome;
pub mod raw;
pub mod referral;

// 2. The roles, and how they fail.
pub mod alert;
pub mod canary;
pub mod census;
pub mod error;
pub mod event;
pub mod preview;
pub mod readiness;
pub mod roles;

// 3. What comes in from outside: time, dice, secrets.
pub mod calls;
pub mod clock;
pub mod context;
pub mod dice;
pub mod http;
pub mod secret;
pub mod token;
pub mod vault;

// 4. The shape of a lead where a system has none of its own.
pub mod record;

// 5. What the operator wrote.
pub mod mapping;
pub mod nearest;
pub mod schema;
pub mod settings;

// 6. What every connector has to show for its promises.
pub mod conformance;

pub use alert::{Alert, AlertSink, ClockAlert, SilenceAlert};
pub use calls::{CallBook, Quota};
pub use canary::{Canary, CanaryMark, Withdraw, Withdrawn};
pub use census::{Census, Held, HeldState, Sought};
pub use context::ConnectorContext;
pub use delivery::{EventKind, Gate, LeadDelivery, Receipt, RecordRef};
pub use error::{ConfigError, ConnectorError, ErrorKind};
pub use event::{EventVerifier, Notice, Refused};
pub use ids::{DestinationName, LeadId, SourceName};
pub use lead::Lead;
pub use outcome::{Amount, DealValue, Outcome, Stage, Subject};
pub use preview::{Rendered, RenderedField, RenderedValue};
pub use raw::{Batch, Checkpoint, RawFormat, RawLead};
pub use readiness::{Check, Health, Plan, Step, StepState};
pub use referral::{FetchedReferral, Referral, ReferralChange, ReferralId, ReferralMove, ReferralState};
pub use roles::{
    Authorizer, Bulk, Connector, Destination, Doctor, DoctorProbe, OutcomeSource, Probe, ProbeReport,
    Provisioner, ReferralDesk, Source, Upkeep,
};
pub use settings::{ConnectorSettings, Role};
