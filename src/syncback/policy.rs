//! What the operator decided about reports.

use chrono::TimeDelta;
use connector_kit::referral::Member;
use serde::Deserialize;

/// Who wins a field that both sides changed since they last agreed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "kebab-case")]
pub enum Winner {
    /// The CRM.
    #[default]
    Crm,
    /// The side the referral came from.
    PartnerCenter,
    /// Whoever changed it last, by each side's own clock.
    Newest,
}

/// Who wins which field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldRules {
    /// What the deal is worth, currency included: one is nothing without the other.
    pub value: Winner,
    /// The day it closes.
    pub closes_on: Winner,
}

/// Everything a plan needs beside what both sides say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Who wins which field.
    pub fields: FieldRules,
    /// ISO 4217; for values of a CRM that names no currency.
    pub currency: Option<String>,
    /// Written with the acceptance, when the referral has none.
    pub notes: Option<String>,
    /// Written with the acceptance, when the referral has none.
    pub campaign: Option<String>,
    /// Added with the acceptance.
    pub team: Vec<Member>,
    /// Accepts as soon as a person owns the record in the CRM and every field is there.
    pub auto_accept: bool,
    /// A co-sell deal is not won sooner after it was made, or its registration may be refused (contract
    /// partner-center 6.2).
    pub co_sell_won_after: TimeDelta,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            fields: FieldRules::default(),
            currency: None,
            notes: None,
            campaign: None,
            team: Vec::new(),
            auto_accept: false,
            co_sell_won_after: TimeDelta::hours(72),
        }
    }
}
