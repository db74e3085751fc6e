//! What is to become of a referral in one write.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Member, Referral, ReferralMove};
use crate::outcome::Amount;

/// One write: a step, new values, or both. What is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReferralChange {
    /// The step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<ReferralMove>,
    /// Why it is lost or declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The deal's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Amount>,
    /// ISO 4217.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The day it closes; written as midnight UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closes_on: Option<NaiveDate>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// The id of our record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_reference: Option<String>,
    /// A marketing campaign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// People to add; those on it, by address, stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub team: Vec<Member>,
}

impl ReferralChange {
    /// Nothing would be written.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same without what the referral says already.
    #[must_use]
    pub fn beyond(mut self, referral: &Referral) -> Self {
        let deal = &referral.deal;
        self.step = self.step.filter(|step| step.target() != referral.state);
        self.value = self
            .value
            .filter(|value| !deal.value.as_ref().is_some_and(|held| held.is_same(value)));
        self.closes_on = self.closes_on.filter(|day| deal.closes_on() != Some(*day));
        let other = |text: Option<String>, held: &str| text.filter(|text| text.trim() != held.trim());
        self.reason = other(self.reason, &referral.reason);
        self.name = other(self.name, &referral.name);
        self.currency = other(self.currency, deal.currency.as_deref().unwrap_or_default());
        self.notes = other(self.notes, &deal.notes);
        self.external_reference = other(self.external_reference, &referral.external_reference);
        self.campaign = other(self.campaign, &referral.campaign);
        let is_on_it = |member: &Member| {
            let mut team = referral.team.iter();
            team.any(|held| held.email.eq_ignore_ascii_case(&member.email))
        };
        self.team.retain(|member| !is_on_it(member));
        self
    }

    /// The names of what it writes, for plans and logs; never the values.
    pub fn fields(&self) -> Vec<&'static str> {
        [
            ("status", self.step.is_some()),
            ("reason", self.reason.is_some()),
            ("name", self.name.is_some()),
            ("value", self.value.is_some()),
            ("currency", self.currency.is_some()),
            ("closes-on", self.closes_on.is_some()),
            ("notes", self.notes.is_some()),
            ("crm-id", self.external_reference.is_some()),
            ("campaign", self.campaign.is_some()),
            ("team", !self.team.is_empty()),
        ]
        .into_iter()
        .filter(|(_, written)| *written)
        .map(|(name, _)| name)
        .collect()
    }
}
