//! Their record -> how the lead stands (contract salesforce 11). Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use connector_kit::{Amount, DealValue, LeadId, Outcome, RecordRef, Stage, Subject};
use serde_json::value::RawValue;

use crate::config;
use crate::soql::moment;

/// What the stock statuses, and those many organisations use, say.
const SHIPPED: [(&str, Stage); 13] = [
    ("Open - Not Contacted", Stage::Open),
    ("Open", Stage::Open),
    ("New", Stage::Open),
    ("Working - Contacted", Stage::Accepted),
    ("Working", Stage::Accepted),
    ("Contacted", Stage::Accepted),
    ("Nurturing", Stage::Accepted),
    ("Qualified", Stage::Accepted),
    ("Closed - Converted", Stage::Accepted),
    ("Closed - Not Converted", Stage::Declined),
    ("Unqualified", Stage::Declined),
    ("Disqualified", Stage::Declined),
    ("Not Interested", Stage::Declined),
];

/// Members by name, as text: an amount must not pass through floating point.
pub(super) type Members = BTreeMap<String, Box<RawValue>>;

/// What the operator's words mean.
pub(super) struct Meaning {
    statuses: BTreeMap<String, Stage>,
    other: Stage,
    currency: Option<String>,
    amount_field: String,
    reason_field: Option<String>,
    lead_reason_field: Option<String>,
}

/// A lead as far as it is watched.
pub(super) struct WatchedLead {
    pub id: String,
    pub lead: Option<LeadId>,
    pub is_deleted: bool,
    pub master: Option<String>,
    pub changed_at: DateTime<Utc>,
    status: String,
    is_converted: bool,
    reason: Option<String>,
}

impl Meaning {
    pub(super) fn new(settings: &config::Outcomes) -> Self {
        let shipped = SHIPPED.map(|(status, stage)| (status.to_lowercase(), stage));
        let own = settings
            .statuses
            .iter()
            .map(|(status, stage)| (status.to_lowercase(), *stage));
        Self {
            statuses: shipped.into_iter().chain(own).collect(),
            other: settings.other_status,
            currency: settings.currency.clone(),
            amount_field: settings.amount_field.clone(),
            reason_field: settings.reason_field.clone(),
            lead_reason_field: settings.lead_reason_field.clone(),
        }
    }

    /// Whether somebody has said what this status means.
    pub(super) fn knows(&self, status: &str) -> bool {
        self.statuses.contains_key(&status.to_lowercase())
    }

    fn stage(&self, status: &str) -> Stage {
        self.statuses
            .get(&status.to_lowercase())
            .copied()
            .unwrap_or(self.other)
    }

    pub(super) fn lead(&self, members: &Members, key_field: &str) -> Option<WatchedLead> {
        Some(WatchedLead {
            id: text(members, "Id")?,
            lead: text(members, key_field).and_then(|key| key.parse().ok()),
            is_deleted: flag(members, "IsDeleted"),
            master: text(members, "MasterRecordId"),
            changed_at: moment(&text(members, "SystemModstamp")?)?,
            status: text(members, "Status").unwrap_or_default(),
            is_converted: flag(members, "IsConverted"),
            reason: self
                .lead_reason_field
                .as_ref()
                .and_then(|field| text(members, field)),
        })
    }

    /// How the record stands for this lead.
    pub(super) fn outcome(&self, watched: &WatchedLead, lead: LeadId) -> Outcome {
        let (stage, words) = match (watched.is_deleted, &watched.master, watched.is_converted) {
            (true, Some(_), _) => (Stage::Gone, "merged".to_owned()),
            (true, None, _) => (Stage::Gone, "deleted".to_owned()),
            // A person took it up, whatever the status is called.
            (false, _, true) => (Stage::Accepted, watched.status.clone()),
            (false, _, false) => (self.stage(&watched.status), watched.status.clone()),
        };
        Outcome {
            lead: Some(lead),
            record: RecordRef(watched.id.clone()),
            subject: Subject::Lead,
            stage,
            state: words,
            value: None,
            closes_on: None,
            reason: watched.reason.clone(),
            owned: false,
            changed_at: watched.changed_at,
        }
    }

    /// How the opportunity stands that the lead became. Stage names are the organisation's own and
    /// decide nothing.
    pub(super) fn deal(&self, opportunity: &Members, id: &str, lead: LeadId) -> Option<Outcome> {
        let stage = match (flag(opportunity, "IsClosed"), flag(opportunity, "IsWon")) {
            (false, _) => Stage::Accepted,
            (true, true) => Stage::Won,
            (true, false) => Stage::Lost,
        };
        let amount = opportunity
            .get(&self.amount_field)
            .and_then(|raw| decimal(raw.get()));
        let currency = text(opportunity, "CurrencyIsoCode").or_else(|| self.currency.clone());
        Some(Outcome {
            lead: Some(lead),
            record: RecordRef(id.to_owned()),
            subject: Subject::Deal,
            stage,
            state: text(opportunity, "StageName").unwrap_or_default(),
            value: amount.map(|amount| DealValue { amount, currency }),
            closes_on: text(opportunity, "CloseDate").and_then(|day| day.parse::<NaiveDate>().ok()),
            reason: self
                .reason_field
                .as_ref()
                .and_then(|field| text(opportunity, field)),
            owned: false,
            changed_at: moment(&text(opportunity, "SystemModstamp")?)?,
        })
    }
}

/// An opportunity that was deleted; which lead it grew from, the record no longer tells.
pub(super) fn deleted_deal(members: &Members) -> Option<Outcome> {
    Some(Outcome {
        lead: None,
        record: RecordRef(text(members, "Id")?),
        subject: Subject::Deal,
        stage: Stage::Gone,
        state: "deleted".to_owned(),
        value: None,
        closes_on: None,
        reason: None,
        owned: false,
        changed_at: moment(&text(members, "SystemModstamp")?)?,
    })
}

pub(super) fn text(members: &Members, name: &str) -> Option<String> {
    serde_json::from_str::<String>(members.get(name)?.get())
        .ok()
        .filter(|text| !text.is_empty())
}

/// The members of a parent record; none when there is no parent.
pub(super) fn parent(members: &Members, name: &str) -> Option<Members> {
    serde_json::from_str::<Option<Members>>(members.get(name)?.get()).ok()?
}

fn flag(members: &Members, name: &str) -> bool {
    members.get(name).is_some_and(|raw| raw.get() == "true")
}

/// A number as Salesforce prints it, `12000.0` or `1.2E7`, without its exponent; digits stay digits.
fn decimal(text: &str) -> Option<Amount> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent
        .parse()
        .ok()
        .filter(|exponent: &i32| exponent.abs() <= 30)?;
    if exponent == 0 {
        return mantissa.parse().ok();
    }
    let (sign, digits) = mantissa
        .strip_prefix('-')
        .map_or(("", mantissa), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let padding = usize::try_from((-point).max(0) + 1).ok()?;
    let mut all = format!("{}{whole}{fraction}", "0".repeat(padding));
    let point = usize::try_from(point + i32::try_from(padding).ok()?).ok()?;
    while all.len() < point {
        all.push('0');
    }
    let (whole, fraction) = all.split_at(point);
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}").parse().ok()
}

#[cfg(test)]
mod tests;
