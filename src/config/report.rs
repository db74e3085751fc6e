//! `[report]` of a connector file: what is told to where referrals came from.

use std::time::Duration;

use chrono::TimeDelta;
use connector_kit::ConfigError;
use connector_kit::referral::Member;
use serde::Deserialize;

use super::values::duration;
use crate::syncback::{FieldRules, Policy, Winner};

/// How outcomes are reported; only for a connector with the role `outcome-sink`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct Report {
    /// Who wins a field that both sides changed: `crm`, `partner-center` or `newest`.
    pub fields: ReportFields,
    /// ISO 4217; for values of a CRM that names no currency.
    pub currency: Option<String>,
    /// Written with an acceptance, when the referral has no notes.
    pub notes: Option<String>,
    /// Written with an acceptance, when the referral has no campaign.
    pub campaign: Option<String>,
    /// Added to the team with an acceptance.
    pub team: Vec<TeamMember>,
    /// Accept as soon as a person owns the record in the CRM and every field is there.
    pub auto_accept: bool,
    /// A co-sell deal is not reported as won sooner after it was made.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "connector_kit::schema::Span")]
    pub co_sell_won_after: Duration,
}

/// Who wins which field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct ReportFields {
    /// What the deal is worth, currency included.
    pub value: Winner,
    /// The day it closes.
    pub closes_on: Winner,
}

/// Somebody on our side.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub struct TeamMember {
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Address.
    pub email: String,
    /// Phone.
    #[serde(default)]
    pub phone: String,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            fields: ReportFields::default(),
            currency: None,
            notes: None,
            campaign: None,
            team: Vec::new(),
            auto_accept: false,
            co_sell_won_after: Duration::from_hours(72),
        }
    }
}

impl Report {
    /// As plans take it.
    pub fn policy(&self) -> Policy {
        let member = |member: &TeamMember| Member {
            first_name: member.first_name.clone(),
            last_name: member.last_name.clone(),
            email: member.email.clone(),
            phone: member.phone.clone(),
        };
        Policy {
            fields: FieldRules {
                value: self.fields.value,
                closes_on: self.fields.closes_on,
            },
            currency: self.currency.clone(),
            notes: self.notes.clone(),
            campaign: self.campaign.clone(),
            team: self.team.iter().map(member).collect(),
            auto_accept: self.auto_accept,
            co_sell_won_after: TimeDelta::from_std(self.co_sell_won_after).unwrap_or(TimeDelta::MAX / 2),
        }
    }

    /// What is wrong with it.
    pub(super) fn mistakes(&self) -> Vec<ConfigError> {
        let is_code = |code: &String| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        let mut mistakes = Vec::new();
        if !self.currency.as_ref().is_none_or(is_code) {
            let message = "expected a currency of ISO 4217, like \"EUR\"";
            mistakes.push(ConfigError::new("report.currency", message));
        }
        for (index, member) in self.team.iter().enumerate() {
            if !member.email.contains('@') {
                let message = "expected an address, like \"jane@contoso.example\"";
                mistakes.push(ConfigError::new(format!("report.team[{index}].email"), message));
            }
        }
        mistakes
    }
}
