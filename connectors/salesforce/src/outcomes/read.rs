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
    lead_amount_field: Option<String>,
    lead_currency_field: Option<String>,
    lead_close_field: Option<String>,
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
    value: Option<DealValue>,
    closes_on: Option<NaiveDate>,
    owned: bool,
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
            lead_amount_field: settings.lead_amount_field.clone(),
            lead_currency_field: settings.lead_currency_field.clone(),
            lead_close_field: settings.lead_close_field.clone(),
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

    /// The fields of Lead the operator named.
    pub(super) fn lead_fields(&self) -> impl Iterator<Item = &str> {
        let named = [
            &self.lead_reason_field,
            &self.lead_amount_field,
            &self.lead_currency_field,
            &self.lead_close_field,
        ];
        named.into_iter().flatten().map(String::as_str)
    }

    /// Reads a row; `us` is the user leadsync signs in as.
    pub(super) fn lead(&self, members: &Members, key_field: &str, us: Option<&str>) -> Option<WatchedLead> {
        let told = |field: &Option<String>| text(members, field.as_deref()?);
        let amount = |field: &String| decimal(members.get(field)?.get());
        let value = self.lead_amount_field.as_ref().and_then(amount);
        let value = value.map(|amount| DealValue {
            amount,
            currency: told(&self.lead_currency_field).or_else(|| self.currency.clone()),
        });
        Some(WatchedLead {
            id: text(members, "Id")?,
            lead: text(members, key_field).and_then(|key| key.parse().ok()),
            is_deleted: flag(members, "IsDeleted"),
            master: text(members, "MasterRecordId"),
            changed_at: moment(&text(members, "SystemModstamp")?)?,
            status: text(members, "Status").unwrap_or_default(),
            is_converted: flag(members, "IsConverted"),
            reason: told(&self.lead_reason_field),
            value,
            closes_on: told(&self.lead_close_field).and_then(|day| day.parse().ok()),
            owned: is_owned(members, us),
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
            value: watched.value.clone(),
            closes_on: watched.closes_on,
            reason: watched.reason.clone(),
            owned: watched.owned,
            changed_at: watched.changed_at,
        }
    }

    /// How the opportunity stands that the lead became. Stage names are the organisation's own and
    /// decide nothing.
    pub(super) fn deal(
        &self,
        opportunity: &Members,
        id: &str,
        lead: LeadId,
        us: Option<&str>,
    ) -> Option<Outcome> {
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
            owned: is_owned(opportunity, us),
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

/// Whether a person owns the record: a user (`005`), neither a queue (`00G`) nor we; where nobody told who we
/// are, whoever made the record counts as we (contract salesforce 10.1).
fn is_owned(members: &Members, us: Option<&str>) -> bool {
    let made_by = text(members, "CreatedById");
    let Some(owner) = text(members, "OwnerId").filter(|owner| owner.starts_with("005")) else {
        return false;
    };
    us.or(made_by.as_deref())
        .is_some_and(|us| short(us) != short(&owner))
}

/// The part of an id that tells records apart; the rest only guards the case of its letters.
pub(super) fn short(id: &str) -> &str {
    id.get(..15).unwrap_or(id)
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
