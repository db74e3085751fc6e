//! A referral: somebody else's record of a customer, with a life of its own (contract partner-center 5, 6).
//!
//! Its customer makes or joins a [`crate::Lead`]; what becomes of that lead is reported to the side
//! that owns the referral. Read it in this order: how it stands ([`state`]), what it says
//! ([`Referral`]), what may be changed ([`change`]), and the bytes it comes in ([`read`]).

pub mod change;
mod plain;
pub mod read;
pub mod state;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use change::ReferralChange;
pub use read::{Customer, ReferralDocument};
pub use state::{Phase, ReferralMove, ReferralState};

use crate::outcome::Amount;
use crate::raw::RawLead;

/// The id the other side gave; the same for as long as the referral exists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReferralId(String);

/// The text is not an id.
#[derive(Debug, thiserror::Error)]
#[error("a referral id has 1 to 64 letters, digits and hyphens")]
pub struct InvalidReferralId;

impl ReferralId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReferralId {
    type Err = InvalidReferralId;

    /// Lower case, so that one referral has one id: it becomes part of URLs and file names.
    fn from_str(text: &str) -> Result<Self, InvalidReferralId> {
        let text = text.trim();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidReferralId)
        }
    }
}

impl TryFrom<String> for ReferralId {
    type Error = InvalidReferralId;

    fn try_from(text: String) -> Result<Self, InvalidReferralId> {
        text.parse()
    }
}

impl From<ReferralId> for String {
    fn from(id: ReferralId) -> Self {
        id.0
    }
}

impl fmt::Display for ReferralId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The storefront of a touch that is a referral.
pub const STOREFRONT: &str = "PartnerCenter";

/// One version of a referral.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReferralVersion {
    /// The referral.
    pub id: ReferralId,
    /// When it was changed to stand like this.
    pub updated_at: DateTime<Utc>,
}

/// Who began it (contract partner-center 5.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferralKind {
    /// The customer asked.
    CustomerInquiry,
    /// Microsoft's marketing thinks the customer is interested.
    MarketingQualified,
    /// A Microsoft seller thinks the customer will buy.
    SalesQualified,
    /// Two or more partners sell together; by us, another partner, or a Microsoft seller.
    CoSell,
    /// A combination no document names; the qualification as written.
    Other(String),
}

impl ReferralKind {
    /// The word in mappings, commands and logs.
    pub fn as_str(&self) -> &str {
        match self {
            Self::CustomerInquiry => "customer-inquiry",
            Self::MarketingQualified => "marketing-qualified",
            Self::SalesQualified => "sales-qualified",
            Self::CoSell => "co-sell",
            Self::Other(text) => text,
        }
    }
}

/// What the customer agreed to. None where the referral does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Consent {
    /// May be contacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<bool>,
    /// May be told to others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_with_others: Option<bool>,
    /// Microsoft's sellers may see it. Cannot be taken back (contract partner-center 9.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_with_sellers: Option<bool>,
}

/// The money side of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deal {
    /// What it is worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Amount>,
    /// ISO 4217, upper case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// When it closes, as written: often a local midnight in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<DateTime<Utc>>,
    /// Free text of either side.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub notes: String,
}

impl Deal {
    /// The day meant by `closes_at`: the midnight nearest to it, because local midnights of any zone
    /// come written in UTC (contract partner-center 5.3).
    pub fn closes_on(&self) -> Option<NaiveDate> {
        self.closes_at
            .and_then(|at| at.checked_add_signed(TimeDelta::hours(12)))
            .map(|at| at.date_naive())
    }
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_true(value: &bool) -> bool {
    *value
}

/// Somebody on the partner's side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Member {
    /// Given name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub first_name: String,
    /// Family name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_name: String,
    /// Address; what tells members apart, without regard to case.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// Phone as written.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub phone: String,
}

/// A referral as it stood at `updated_at`, without its customer.
///
/// Everything of it a mapping, a report or an operator may ask for; the bytes in the inbox keep the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the other side keeps them as independent flags"
)]
pub struct Referral {
    /// Its id.
    pub id: ReferralId,
    /// Shared by all referrals of one deal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub engagement: String,
    /// How it stands.
    pub state: ReferralState,
    /// Why it was lost or declined.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The deal's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Who began it.
    pub kind: ReferralKind,
    /// It is for us to answer. False for Microsoft's own side of a deal, which may be seen beside ours.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub ours: bool,
    /// It came to us; false for one we sent.
    pub incoming: bool,
    /// Opaque, with its own quotes: goes into `If-Match` as it is (contract partner-center 0.5).
    pub etag: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed, by whomever; 100 ns precise.
    pub updated_at: DateTime<Utc>,
    /// When it expires unanswered, as the other side says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// The money side.
    #[serde(default)]
    pub deal: Deal,
    /// The id of our record it carries.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub external_reference: String,
    /// A marketing campaign.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub campaign: String,
    /// Somebody marked it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub favourite: bool,
    /// The customer asked to be contacted directly.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wants_contact: bool,
    /// What the customer agreed to.
    #[serde(default)]
    pub consent: Consent,
    /// The partner's people on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub team: Vec<Member>,
    /// What help is asked of Microsoft, in its code.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
    /// Microsoft's own CRM id of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub msx_id: String,
    /// Ids of the solutions it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub solutions: Vec<String>,
}

impl Referral {
    /// The one of two views of the same referral that is newer. When both say the same moment, the eTag
    /// decides and then the text, so that everybody who compares them agrees.
    #[must_use]
    pub fn newer(self, other: Self) -> Self {
        let text = |view: &Self| serde_json::to_string(view).unwrap_or_default();
        let mine = (self.updated_at, self.etag.as_str());
        let is_newer = (other.updated_at, other.etag.as_str())
            .cmp(&mine)
            .then_with(|| text(&other).cmp(&text(&self)))
            .is_gt();
        if is_newer { other } else { self }
    }

    /// Somebody waits for us: it came to us, is ours to answer, and is not closed.
    pub fn is_open_to_us(&self) -> bool {
        self.ours && self.incoming && !self.state.is_terminal()
    }

    /// Which version this view is.
    pub fn version(&self) -> ReferralVersion {
        ReferralVersion {
            id: self.id.clone(),
            updated_at: self.updated_at,
        }
    }

    /// When it expires unanswered: as it says, else fourteen days after the day it was made, at
    /// midnight UTC (contract partner-center 6.3).
    pub fn answer_due(&self) -> DateTime<Utc> {
        self.expires_at.unwrap_or_else(|| {
            let made = self.created_at.date_naive();
            let day = made.checked_add_signed(TimeDelta::days(14)).unwrap_or(made);
            day.and_time(chrono::NaiveTime::MIN).and_utc()
        })
    }
}

/// A referral as it was read, and the bytes for the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedReferral {
    /// Its reference is the id and the eTag, so that the same version is kept once.
    pub raw: RawLead,
    /// What it says.
    pub referral: Referral,
}

#[cfg(test)]
mod tests;
