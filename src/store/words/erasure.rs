//! A person is forgotten: who is meant, what was found of them, and what is remembered.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use connector_kit::ids::AccountName;
use connector_kit::{DestinationName, Lead, LeadId, RecordRef, ReferralId, SourceName};

use super::{Arrival, Identity};

/// Why a lead is not written as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barred {
    /// It must not be contacted.
    DoNotContact,
    /// The person was forgotten.
    Forgotten,
}

/// What is remembered of somebody who was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// When the person behind the identity was forgotten last.
    pub person_at: Option<DateTime<Utc>>,
    /// When the person was forgotten last who had done exactly this.
    pub touch_at: Option<DateTime<Utc>>,
    /// Whether the person must not be contacted, whatever else is forgotten of them.
    pub barred: bool,
}

/// Whose an arrival is that nobody has understood yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// It tells of the person who is sought.
    Theirs,
    /// It tells of somebody else.
    Others,
    /// It cannot be read.
    Nobodys,
}

/// Knows who is sought, and finds them in what is kept.
pub trait Seeker: Send + Sync {
    /// Identities that are theirs for sure; they are remembered even where nothing is found.
    fn identities(&self) -> Vec<Identity>;

    /// The lead is theirs.
    fn is_theirs(&self, lead: &Lead) -> bool;

    /// Whose the arrival is.
    fn whose(&self, arrival: &Arrival) -> Whose;

    /// The bytes mention them.
    fn mentions(&self, account: &AccountName, bytes: &[u8]) -> bool;

    /// The text without them; none when it does not mention them.
    fn redact(&self, account: &AccountName, text: &str) -> Option<String>;
}

/// Whom to forget.
#[derive(Clone)]
pub struct ForgetOrder {
    /// Who is sought; none when only leads are named.
    pub seeker: Option<Arc<dyn Seeker>>,
    /// Leads that are theirs, whatever the seeker says.
    pub leads: Vec<LeadId>,
    /// Only of this publisher.
    pub account: Option<AccountName>,
    /// The key of the hashes, should there be none yet.
    pub new_key: [u8; 32],
    /// Only look.
    pub dry_run: bool,
}

impl fmt::Debug for ForgetOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForgetOrder")
            .field("leads", &self.leads)
            .field("account", &self.account)
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}

/// What was found of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// Their leads.
    pub leads: Vec<ForgottenLead>,
    /// Bodies of arrivals: their own, and those of others that mention them.
    pub arrivals: u64,
    /// Bodies that were refused at the door.
    pub refused: u64,
    /// Failed attempts, with what was answered.
    pub attempts: u64,
    /// What CRMs said of them.
    pub outcomes: u64,
    /// Events that waited to be followed or passed on.
    pub events: u64,
    /// Texts about others that mention them, from which they were taken out.
    pub mentions: u64,
    /// Leads of others among these texts, and the destinations that may hold the text as it was.
    pub mentioned_by: Vec<(LeadId, Vec<DestinationName>)>,
    /// Arrivals of others that mention them and are not understood yet: they have to be looked at again.
    pub waiting: u64,
    /// Nothing is left in the files of the database either. False when somebody kept it from being
    /// overwritten: repeat.
    pub is_swept: bool,
}

impl Traces {
    /// Nothing was found.
    pub fn is_empty(&self) -> bool {
        *self
            == Self {
                is_swept: self.is_swept,
                ..Self::default()
            }
    }
}

/// A lead that was forgotten, and where else the person still is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgottenLead {
    /// Its id, which is its key in every CRM.
    pub id: LeadId,
    /// The publisher it belonged to.
    pub account: AccountName,
    /// Where it went.
    pub copies: Vec<HeldCopy>,
    /// Referrals about it.
    pub referrals: Vec<(SourceName, ReferralId)>,
}

/// What a destination has of a forgotten lead; erasing it there is the operator's to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldCopy {
    /// The destination.
    pub destination: DestinationName,
    /// The record, where it named one.
    pub record: Option<RecordRef>,
    /// Whether it has one.
    pub held: Held,
}

/// Whether a destination has a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It confirmed one.
    Yes,
    /// A call was cut: it may have one.
    Maybe,
    /// It was being written at that moment.
    UnderWay,
    /// It never heard of the person.
    No,
}

impl Held {
    /// The word in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Maybe => "maybe",
            Self::UnderWay => "under way",
            Self::No => "no",
        }
    }
}

/// One time somebody was forgotten, without a word about who.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// When.
    pub at: DateTime<Utc>,
    /// How many leads went.
    pub leads: u64,
    /// How many bodies of arrivals, refused ones among them.
    pub bodies: u64,
    /// From how many texts about others they were taken out.
    pub mentions: u64,
}
