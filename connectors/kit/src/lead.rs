//! A person who showed interest, in normal form.
//!
//! Every field is a register that remembers when it was said, so that merging two views of a lead
//! is commutative, associative and idempotent: the order of arrival never matters.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{AccountName, LeadId, SourceName};
use crate::referral::{Referral, ReferralVersion};

/// No text field is longer than this in normal form; the raw bytes keep the rest.
pub const FIELD_CAP_BYTES: usize = 4096;

/// How many touches a lead carries along; all of them stay in the store.
pub const TOUCHES_CARRIED: usize = 10;

/// How many referrals a lead carries along; all of them stay in the store.
pub const REFERRALS_CARRIED: usize = 5;

/// One value, when it was said, and how it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The normal form, or the raw text where no normal form exists. Never empty.
    #[serde(rename = "v")]
    pub value: String,
    /// The text as it came, where it differs from `value`.
    #[serde(rename = "raw", default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// False when the text could not be brought into normal form (a phone without a known country).
    #[serde(rename = "ok", default = "yes", skip_serializing_if = "is_true")]
    pub normal: bool,
    /// When it was said.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub at: DateTime<Utc>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_true(value: &bool) -> bool {
    *value
}

/// Who the lead is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// Given name, trimmed, NFC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<Said>,
    /// Family name, trimmed, NFC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<Said>,
    /// Lower case with an IDNA domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Said>,
    /// E.164 where the country allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Said>,
    /// ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<Said>,
    /// Company, trimmed, NFC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<Said>,
    /// Job title, trimmed, NFC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Said>,
}

/// How far the customer went. The furthest step wins a merge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// The action code is not in any published list.
    #[default]
    Unknown,
    /// `PLT`: pressed *Contact me*.
    ContactMe,
    /// `StartTestDrive` or a free trial.
    Trial,
    /// `INS`, `Create`: acquired the product.
    Acquired,
}

impl Intent {
    /// The word used in payloads and mappings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::ContactMe => "contact_me",
            Self::Trial => "trial",
            Self::Acquired => "acquired",
        }
    }
}

/// One occasion on which a person did something with an offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    /// When it happened; for a pushed lead, when it was received.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub at: DateTime<Utc>,
    /// The configured source it came through.
    pub source: SourceName,
    /// `AzureMarketplace`, `AzurePortal`, `AppSource`, `TestDrive`, or as written.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub storefront: String,
    /// Canonical action (`INS`, `PLT`, `DNC`, `Create`, `StartTestDrive`) or as written.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// `LeadSource` as written.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lead_source: String,
    /// `ActionCode` as written.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action_code: String,
    /// `publisher.offer`, or the offer's display name for leads that carry no id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub offer: String,
    /// The part before the first dot of the offer id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub publisher: String,
    /// Display name of the offer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub offer_title: String,
    /// The note that came with it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What the action means.
    #[serde(default)]
    pub intent: Intent,
    /// The action forbids contact.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dnc: bool,
    /// Members no published schema knows, as text. Never mapped unless a mapping names them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
    /// The referral it was, in the oldest version seen; none for what a marketplace told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<ReferralVersion>,
}

/// A lead in normal form: one person (and, if so configured, one offer) of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lead {
    /// The record key in every CRM.
    pub id: LeadId,
    /// The publisher it belongs to.
    pub account: AccountName,
    /// Who it is.
    pub person: Person,
    /// The furthest step taken.
    pub intent: Intent,
    /// Must not be contacted. Survives every merge until an operator lifts it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dnc: bool,
    /// First touch.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub first_at: DateTime<Utc>,
    /// Latest touch.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub last_at: DateTime<Utc>,
    /// The newest touches, newest first, at most [`TOUCHES_CARRIED`]. Never empty.
    pub touches: Vec<Touch>,
    /// The newest referrals about this person, the one made last first, at most [`REFERRALS_CARRIED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub referrals: Vec<Referral>,
}

impl Lead {
    /// The newest touch.
    pub fn latest(&self) -> Option<&Touch> {
        self.touches.first()
    }

    /// The referral made last, of those that are ours to answer if there are any.
    pub fn referral(&self) -> Option<&Referral> {
        let ours = self.referrals.iter().find(|referral| referral.ours);
        ours.or_else(|| self.referrals.first())
    }

    /// The customer asked for contact, or acquired: leased before others.
    pub fn is_hot(&self) -> bool {
        let asks = |referral: &Referral| referral.wants_contact && referral.is_open_to_us();
        self.intent == Intent::Acquired
            || self.touches.iter().any(|t| t.intent == Intent::ContactMe)
            || self.referrals.iter().any(asks)
    }
}
